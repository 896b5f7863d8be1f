//! Links between documents of the repository must lead somewhere.

use std::path::{Component, Path, PathBuf};

use super::{Documents, prose};

/// Links that lead nowhere.
pub(super) fn faults(root: &Path, documents: &Documents) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in documents {
        let here = path.parent().unwrap_or(Path::new(""));
        for (number, line) in prose(text) {
            for target in targets(line) {
                if !root.join(resolve(here, target)).exists() {
                    faults.push(format!(
                        "{}:{number}: {target} is not there",
                        path.display()
                    ));
                }
            }
        }
    }
    faults
}

/// The targets in this repository of the links in a line, without what stands behind `#`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let behind = line.split("](").skip(1);
    behind.filter_map(|rest| {
        let target = rest.split(')').next()?;
        let file = target.split('#').next()?;
        (!target.contains("://") && !file.is_empty()).then_some(file)
    })
}

/// A path as seen from a directory, without `..` in it.
fn resolve(here: &Path, target: &str) -> PathBuf {
    let mut path = here.to_owned();
    for component in Path::new(target).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_into_the_repository_are_looked_at() {
        let line = "[a](b.md), [c](../d.md#e) and [f](https://example.com/) or [g](#h)";
        assert_eq!(targets(line).collect::<Vec<_>>(), ["b.md", "../d.md"]);
        assert_eq!(
            resolve(Path::new("docs/runbook"), "../d.md"),
            Path::new("docs/d.md")
        );
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = "```\n[x](not.there)\n```\n[a](Cargo.toml)\n[b](src/nothing.rs)";
        let documents = [("a.md".into(), text.to_owned())].into();
        assert_eq!(
            faults(root, &documents),
            ["a.md:5: src/nothing.rs is not there"]
        );
    }
}
