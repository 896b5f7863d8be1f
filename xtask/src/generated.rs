//! Files that are made from the code and kept in the repository, so that people can read them
//! without building anything.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;

/// One generated file: its path in the repository and what it should hold.
struct Generated {
    path: &'static str,
    contents: fn(&Path) -> Result<String>,
}

/// Every generated file.
const FILES: &[Generated] = &[
    Generated {
        path: "docs/metrics.md",
        contents: metrics_reference,
    },
    Generated {
        path: "docs/ledger.md",
        contents: ledger_reference,
    },
    Generated {
        path: "docs/alerts.md",
        contents: alerts_document,
    },
    Generated {
        path: "deploy/prometheus/droplens.rules.yml",
        contents: alerting_rules,
    },
    Generated {
        path: "deploy/prometheus/droplens.rules.test.yml",
        contents: alerting_unit_tests,
    },
    Generated {
        path: "config.example.toml",
        contents: example_configuration,
    },
];

#[expect(clippy::unnecessary_wraps, reason = "other files can fail to be made")]
fn metrics_reference(_root: &Path) -> Result<String> {
    Ok(droplens_metrics::catalogue::reference())
}

#[expect(clippy::unnecessary_wraps, reason = "other files can fail to be made")]
fn ledger_reference(_root: &Path) -> Result<String> {
    Ok(crate::ledger::reference())
}

#[expect(clippy::unnecessary_wraps, reason = "other files can fail to be made")]
fn alerts_document(_root: &Path) -> Result<String> {
    Ok(crate::alerts::document())
}

#[expect(clippy::unnecessary_wraps, reason = "other files can fail to be made")]
fn alerting_rules(_root: &Path) -> Result<String> {
    Ok(crate::alerts::rules())
}

#[expect(clippy::unnecessary_wraps, reason = "other files can fail to be made")]
fn alerting_unit_tests(_root: &Path) -> Result<String> {
    Ok(crate::alerts::unit_tests())
}

/// What `droplens config` prints.
fn example_configuration(root: &Path) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // Built as the whole workspace is, so that nothing is compiled twice.
    command.args(["run", "--quiet", "--locked", "--bin", "droplens", "--"]);
    // Build scripts would take what cargo says of this package for a change of theirs.
    for (name, _) in std::env::vars_os() {
        let own = |prefix: &str| name.to_string_lossy().starts_with(prefix);
        if own("CARGO_PKG_") || own("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let output = command.arg("config").current_dir(root).output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}

/// Writes every file that is out of date.
pub(crate) fn write(root: &Path) -> Result<()> {
    for file in FILES {
        let wanted = (file.contents)(root)?;
        let path = root.join(file.path);
        if fs::read_to_string(&path).ok().as_ref() != Some(&wanted) {
            fs::write(&path, wanted)?;
            println!("wrote {}", file.path);
        }
    }
    Ok(())
}

/// The files that are out of date.
pub(crate) fn stale(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for file in FILES {
        let wanted = (file.contents)(root)?;
        if fs::read_to_string(root.join(file.path)).ok().as_ref() != Some(&wanted) {
            faults.push(format!(
                "{} is out of date: run `cargo xtask generate`",
                file.path
            ));
        }
    }
    Ok(faults)
}
