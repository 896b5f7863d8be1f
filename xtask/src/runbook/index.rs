//! The two lists of causes: the runbook's in packet order, and the one by everyday names.

use droplens_diagnosis::rules::rule;
use droplens_model::{Cause, Domain};

use super::page::effect;
use super::prose;

/// Everyday names mark in this way what only probes can tell.
const BY_PROBE: &str = " (by probe)";

/// The runbook's index lists every cause once, in packet order, with its effect, below its domain.
pub(super) fn runbook(text: &str) -> Vec<String> {
    let mut wanted = Vec::new();
    for domain in Domain::ALL {
        wanted.push(format!("## `{domain}`"));
        for cause in domain.causes() {
            wanted.push(format!("- [{cause}]({cause}.md) ({})", effect(*cause)));
        }
    }
    // What follows a colon is a description.
    let found = prose(text)
        .map(|(_, line)| line.split(':').next().unwrap_or(line))
        .filter(|line| line.starts_with("## `") || line.starts_with("- ["));
    let found: Vec<&str> = found.collect();
    let at = wanted
        .iter()
        .zip(&found)
        .take_while(|(wanted, found)| wanted == found)
        .count();
    match (wanted.get(at), found.get(at)) {
        (None, None) => Vec::new(),
        (wanted, found) => {
            let wanted = wanted.map_or("the end", String::as_str);
            let found = found.unwrap_or(&"the end");
            vec![format!(
                "docs/runbook/README.md: expected {wanted}, found {found}"
            )]
        }
    }
}

/// Every cause has an everyday name, and only what needs probes is marked so.
pub(super) fn everyday_names(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for &cause in Cause::ALL {
        let link = format!("[{cause}](runbook/{cause}.md)");
        let mut after = text.split(&link).skip(1).peekable();
        if after.peek().is_none() {
            faults.push(format!("docs/causes.md: {cause} is not in it"));
        }
        let probed = needs_probes(cause);
        if after.any(|rest| rest.starts_with(BY_PROBE) != probed) {
            let must = if probed { "must" } else { "must not" };
            faults.push(format!(
                "docs/causes.md: {cause} {must} be marked with{BY_PROBE} wherever it stands"
            ));
        }
    }
    faults
}

/// Whether nothing but a probe can find the cause.
fn needs_probes(cause: Cause) -> bool {
    matches!(cause.domain(), Domain::Path | Domain::Service)
        && rule(cause).is_some_and(|rule| rule.needs.is_by_probe())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> String {
        let domains = Domain::ALL.iter().map(|domain| {
            let causes = domain.causes().iter();
            let causes =
                causes.map(|cause| format!("- [{cause}]({cause}.md) ({}): x\n", effect(*cause)));
            format!("## `{domain}`: where\n\n{}", causes.collect::<String>())
        });
        format!(
            "# Runbook\n\n## How to read\n\n{}",
            domains.collect::<String>()
        )
    }

    #[test]
    fn an_index_in_order_is_good() {
        assert_eq!(runbook(&good()), [""; 0]);
    }

    #[test]
    fn order_omissions_and_surplus_are_found() {
        let lines = good();
        let mut swapped: Vec<&str> = lines.lines().collect();
        swapped.swap(6, 7);
        for bad in [
            swapped.join("\n"),
            good().replace("- [no_route](no_route.md) (loss): x\n", ""),
            good().replace("(pressure)", "(loss)"),
            good() + "- [no_route](no_route.md) (loss): x\n",
        ] {
            assert_eq!(runbook(&bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn everyday_names_are_complete_and_marked() {
        let row = |cause: &Cause| {
            let mark = if needs_probes(*cause) { BY_PROBE } else { "" };
            format!("| [{cause}](runbook/{cause}.md){mark}, |\n")
        };
        let good: String = Cause::ALL.iter().map(row).collect();
        assert_eq!(everyday_names(&good), [""; 0]);
        let missing = good.replace("(runbook/no_route.md)", "");
        assert_eq!(
            everyday_names(&missing),
            ["docs/causes.md: no_route is not in it"]
        );
        let marked = good.replace("no_route.md)", "no_route.md) (by probe)");
        assert_eq!(everyday_names(&marked).len(), 1);
        let unmarked = good.replace("dns_slow.md) (by probe)", "dns_slow.md)");
        assert_eq!(everyday_names(&unmarked).len(), 1);
    }
}
