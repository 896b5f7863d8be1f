//! Chores of the repository.
//!
//! `cargo xtask check` fails if a rule of the repository is broken or a generated file is out of
//! date; `cargo xtask generate` writes the generated files, `cargo xtask dashboards` only those of Grafana.

mod alerts;
mod dashboards;
mod generated;
mod ledger;
mod metadata;
mod rules;
mod runbook;
mod series;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: cargo xtask check | generate | dashboards";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check"] => check(),
        ["generate"] => generated::write(&root()).and_then(|()| dashboards::write(&root())),
        ["dashboards"] => dashboards::write(&root()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Checks every rule and tells all that is wrong, not only the first.
fn check() -> Result<()> {
    let root = root();
    let metadata = metadata::Metadata::read(&root)?;
    let mut faults = rules::directions(&metadata);
    faults.extend(rules::rust_versions(&metadata));
    faults.extend(generated::stale(&root)?);
    faults.extend(runbook::faults(&root)?);
    faults.extend(dashboards::faults(&root)?);
    for fault in &faults {
        eprintln!("xtask: {fault}");
    }
    match faults.len() {
        0 => Ok(()),
        count => Err(format!("{count} rule(s) of the repository broken").into()),
    }
}
