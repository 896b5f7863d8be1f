//! Names of metrics that documents mention must exist.

use std::io;
use std::path::{Path, PathBuf};

use super::{Documents, RUNBOOK};
use crate::series::Known;

const PREFIX: &str = "droplens_";

/// Names of metrics that do not exist, in documents that people search for them.
pub(super) fn faults(root: &Path, documents: &Documents) -> io::Result<Vec<String>> {
    let known = Known::read(root)?;
    let looked_at = documents.iter().filter(|(path, _)| is_looked_at(path));
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
    let others = ["README.md", "docs/causes.md", "docs/tutorial.md"].map(PathBuf::from);
    path.starts_with(RUNBOOK) || others.iter().any(|other| other == path)
}

/// The names of metrics in a line. A bare prefix stands for a search.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|char: char| !char.is_ascii_alphanumeric() && char != '_')
        .filter(|word| word.starts_with(PREFIX) && *word != PREFIX)
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
}
