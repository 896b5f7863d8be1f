//! Causes, rules, runbook and metrics must tell the same story: whoever is called at night follows
//! an id from an alert to a page and from the page to a counter, and must arrive each time.

mod index;
mod links;
mod names;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use droplens_diagnosis::rules::{Rule, rules};
use droplens_model::Cause;

use crate::Result;

/// Where the pages are.
const RUNBOOK: &str = "docs/runbook";

/// The documents for people, by their path in the repository.
type Documents = BTreeMap<PathBuf, String>;

/// Everything in which they disagree.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let documents = read(root)?;
    let document = |path: &str| documents.get(Path::new(path)).map_or("", String::as_str);
    let mut faults = Vec::new();
    for &cause in Cause::ALL {
        let path = page_of(cause);
        match (rule(cause), documents.get(Path::new(&path))) {
            (Ok(rule), Some(text)) => faults.extend(page::faults(rule, &path, text)),
            (Err(fault), _) => faults.push(fault),
            (_, None) => faults.push(format!("{path}: {cause} has no page")),
        }
    }
    faults.extend(strays(&documents));
    faults.extend(index::runbook(document("docs/runbook/README.md")));
    faults.extend(index::everyday_names(document("docs/causes.md")));
    faults.extend(links::faults(root, &documents));
    faults.extend(names::faults(root, &documents)?);
    Ok(faults)
}

fn page_of(cause: Cause) -> String {
    format!("{RUNBOOK}/{cause}.md")
}

/// The one rule of a cause.
fn rule(cause: Cause) -> std::result::Result<&'static Rule, String> {
    let mut rules = rules().filter(|rule| rule.cause == cause);
    match (rules.next(), rules.count()) {
        (Some(rule), 0) => Ok(rule),
        (None, _) => Err(format!("{cause} has no rule")),
        (Some(_), others) => Err(format!("{cause} has {} rules", others + 1)),
    }
}

/// Pages of causes that do not exist.
fn strays(documents: &Documents) -> impl Iterator<Item = String> {
    let pages = documents.keys().filter(|path| path.starts_with(RUNBOOK));
    pages.filter_map(|path| {
        let stem = path.file_stem()?.to_str()?;
        (stem != "README" && stem.parse::<Cause>().is_err())
            .then(|| format!("{}: there is no such cause", path.display()))
    })
}

/// Reads what people read: the top of the repository, `docs` and the runbook.
fn read(root: &Path) -> io::Result<Documents> {
    let mut documents = Documents::new();
    for directory in ["", "docs", RUNBOOK] {
        for entry in fs::read_dir(root.join(directory))? {
            let name = entry?.file_name();
            let path = Path::new(directory).join(name);
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(root.join(&path))?;
                documents.insert(path, text);
            }
        }
    }
    Ok(documents)
}

/// The lines of a document that are prose, with their numbers: what stands in a block of code is
/// for a shell.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        (!code && !fence).then_some((at + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_a_cause_is_found() {
        let documents = [
            "docs/runbook/no_route.md",
            "docs/runbook/no_rout.md",
            "docs/x.md",
        ]
        .map(|path| (path.into(), String::new()));
        let strays: Vec<_> = strays(&documents.into()).collect();
        assert_eq!(strays, ["docs/runbook/no_rout.md: there is no such cause"]);
    }

    #[test]
    fn code_is_no_prose() {
        let lines: Vec<_> = prose("a\n```sh\n# b\n```\nc").collect();
        assert_eq!(lines, [(1, "a"), (5, "c")]);
    }
}
