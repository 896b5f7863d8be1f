//! Names of metrics that documents mention must exist.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Documents, RUNBOOK};
use crate::series::{Known, RULES};

const PREFIX: &str = "droplens_";

/// Names of metrics that do not exist, in documents that people search for them and in rules.
pub(super) fn faults(root: &Path, documents: &Documents) -> io::Result<Vec<String>> {
    let known = Known::read(root)?;
    let rules = (PathBuf::from(RULES), fs::read_to_string(root.join(RULES))?);
    let looked_at = documents
        .iter()
        .filter(|(path, _)| is_looked_at(path))
        .chain([(&rules.0, &rules.1)]);
    let mut faults = Vec::new();
    for (path, text) in looked_at {
        for (at, line) in text.lines().enumerate() {
            let unknown = names(line).filter(|name| !known.contains(name));
            faults.extend(
                unknown.map(|name| {
                    format!("{}:{}: there is no metric {name}", path.display(), at + 1)
                }),
            );
        }
    }
    Ok(faults)
}

fn is_looked_at(path: &Path) -> bool {
    let others = [
        "README.md",
        "docs/alerts.md",
        "docs/causes.md",
        "docs/scale.md",
        "docs/tutorial.md",
    ];
    path.starts_with(RUNBOOK) || others.iter().any(|other| Path::new(other) == path)
}

/// The names of metrics in a line, recorded ones (`level:metric:operation`) included. A bare prefix
/// stands for a search.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|char: char| !char.is_ascii_alphanumeric() && char != '_' && char != ':')
        .map(|word| word.trim_matches(':'))
        .filter(|word| {
            let recorded = word.split(':').nth(1);
            let name = recorded.unwrap_or(word);
            name.starts_with(PREFIX) && name != PREFIX
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_code_and_prose() {
        let line = "`droplens_drops_total{cause=\"x\"}`, ^droplens_(a|b) droplens_link_carrier.";
        let found: Vec<_> = names(line).collect();
        assert_eq!(found, ["droplens_drops_total", "droplens_link_carrier"]);
    }

    #[test]
    fn recorded_names_are_found_whole() {
        let line = "expr: job:droplens_up:sum / droplens_link_up: a:b";
        let found: Vec<_> = names(line).collect();
        assert_eq!(found, ["job:droplens_up:sum", "droplens_link_up"]);
    }
}
