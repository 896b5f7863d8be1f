//! The rules that the compiler does not check.

use crate::metadata::{Metadata, Package};

/// Which crates of this repository each crate may depend on: data flows one way. The crates in
/// the middle know the model and never each other.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("droplens-model", &[]),
    ("droplens-kernel", MIDDLE),
    ("droplens-probe", MIDDLE),
    ("droplens-diagnosis", MIDDLE),
    ("droplens-capture", MIDDLE),
    ("droplens-metrics", MIDDLE),
    ("droplens", ANY),
    ("droplens-tests", ANY),
    ("xtask", ANY),
];

const MIDDLE: &[&str] = &["droplens-model"];
const ANY: &[&str] = &[
    "droplens-model",
    "droplens-kernel",
    "droplens-probe",
    "droplens-diagnosis",
    "droplens-capture",
    "droplens-metrics",
    "droplens",
];

/// Dependencies between crates that point the wrong way.
pub(crate) fn directions(metadata: &Metadata) -> Vec<String> {
    let names: Vec<&str> = metadata.members().map(|member| &*member.name).collect();
    let mut faults = Vec::new();
    for member in metadata.members() {
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(name, _)| *name == member.name) else {
            faults.push(format!(
                "{}: not in the table of dependency directions (xtask/src/rules.rs)",
                member.name
            ));
            continue;
        };
        for dependency in inner_dependencies(member, &names) {
            if !allowed.contains(&dependency) {
                faults.push(format!("{} must not depend on {dependency}", member.name));
            }
        }
    }
    faults
}

fn inner_dependencies<'a>(member: &'a Package, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
    member
        .dependencies
        .iter()
        .map(|dependency| &*dependency.name)
        .filter(|name| names.contains(name))
}

/// Packages that a user must compile and that need a newer Rust than the workspace promises.
pub(crate) fn rust_versions(metadata: &Metadata) -> Vec<String> {
    let Some(promised) = metadata
        .members()
        .filter_map(|member| version(member.rust_version.as_deref()?))
        .min()
    else {
        return vec!["no package of the workspace states a rust-version".to_owned()];
    };
    let shown = format!("{}.{}", promised.0, promised.1);
    metadata
        .packages
        .iter()
        .filter(|package| !metadata.workspace_members.contains(&package.id))
        .filter_map(|package| {
            let needed = package.rust_version.as_deref()?;
            (version(needed)? > promised).then(|| {
                format!(
                    "{} {} needs Rust {needed}, the workspace promises {shown}{}",
                    package.name,
                    package.version,
                    dependents(metadata, &package.name)
                )
            })
        })
        .collect()
}

fn dependents(metadata: &Metadata, name: &str) -> String {
    let direct: Vec<String> = metadata
        .members()
        .filter_map(|member| {
            let dependency = member.dependencies.iter().find(|d| d.name == name)?;
            let kind = dependency.kind.as_deref().unwrap_or("normal");
            Some(format!("{} ({kind})", member.name))
        })
        .collect();
    if direct.is_empty() {
        return String::new();
    }
    format!("; used by {}", direct.join(", "))
}

/// Major, minor and patch of `1.88` or `1.88.0`.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    let mut next = || parts.next().map_or(Some(0), Result::ok);
    Some((next()?, next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, rust_version: &str, dependencies: &[&str]) -> Package {
        Package {
            id: name.to_owned(),
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            rust_version: Some(rust_version.to_owned()),
            dependencies: dependencies
                .iter()
                .map(|&name| Dependency {
                    name: name.to_owned(),
                    kind: None,
                })
                .collect(),
        }
    }

    fn metadata(members: Vec<Package>, others: Vec<Package>) -> Metadata {
        Metadata {
            workspace_members: members.iter().map(|member| member.id.clone()).collect(),
            packages: members.into_iter().chain(others).collect(),
        }
    }

    #[test]
    fn the_middle_crates_know_the_model_only() {
        let model = package("droplens-model", "1.88", &["serde"]);
        let good = package("droplens-metrics", "1.88", &["droplens-model"]);
        let bad = package("droplens-kernel", "1.88", &["droplens-metrics"]);
        let faults = directions(&metadata(vec![model, good, bad], vec![]));
        assert_eq!(
            faults,
            ["droplens-kernel must not depend on droplens-metrics"]
        );
    }

    #[test]
    fn an_unknown_crate_has_to_be_placed() {
        let faults = directions(&metadata(
            vec![package("droplens-new", "1.88", &[])],
            vec![],
        ));
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains("droplens-new"));
    }

    #[test]
    fn a_dependency_may_not_need_a_newer_rust() {
        let member = package("droplens-model", "1.88", &["new"]);
        let others = vec![
            package("old", "1.56.1", &[]),
            package("same", "1.88.0", &[]),
            package("new", "1.88.1", &[]),
        ];
        let faults = rust_versions(&metadata(vec![member], others));
        assert_eq!(
            faults,
            [
                "new 1.0.0 needs Rust 1.88.1, the workspace promises 1.88; used by droplens-model (normal)"
            ]
        );
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(version("1.9") < version("1.88.0"));
        assert_eq!(version("1.88"), version("1.88.0"));
        assert_eq!(version("nightly"), None);
    }
}
