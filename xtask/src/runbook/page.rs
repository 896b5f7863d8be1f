//! One page: its headings, what it says about its cause, and whether it says "blind" where the
//! rule does.

use droplens_diagnosis::Needs;
use droplens_diagnosis::rules::Rule;
use droplens_model::{Cause, Domain};

use super::prose;

/// The headings behind the title, in this order.
const HEADINGS: &[&str] = &[
    "## What it means",
    "## How droplens knows",
    "## Confirm by hand",
    "## Fix",
    "## Do not",
    "## See also",
];

/// How a page says that its cause cannot be looked for yet.
const BLIND: &str = "reports this cause as blind until";

/// What is wrong with the page of the rule's cause.
pub(super) fn faults(rule: &Rule, path: &str, text: &str) -> Vec<String> {
    let faults = [
        headings(rule.cause, text),
        place(rule.cause, text),
        blindness(rule, text),
        account(rule.cause, text),
    ];
    let faults = faults.into_iter().flatten();
    faults.map(|fault| format!("{path}: {fault}")).collect()
}

fn headings(cause: Cause, text: &str) -> Option<String> {
    let title = format!("# {cause}");
    let wanted: Vec<&str> = std::iter::once(&*title)
        .chain(HEADINGS.iter().copied())
        .collect();
    let found: Vec<&str> = prose(text)
        .map(|(_, line)| line)
        .filter(|line| line.starts_with('#'))
        .collect();
    (found != wanted).then(|| format!("the headings are {found:?}, not {wanted:?}"))
}

/// The line with domain and effect.
fn place(cause: Cause, text: &str) -> Option<String> {
    let wanted = format!("`domain`: {}; {}", cause.domain(), effect(cause));
    let mut lines = prose(text).filter(|(_, line)| line.starts_with("`domain`"));
    match (lines.next(), lines.next()) {
        (Some((_, line)), None) if line == wanted => None,
        _ => Some(format!("exactly one line must say {wanted:?}")),
    }
}

/// What the cause does, in the word that pages and index use.
pub(super) const fn effect(cause: Cause) -> &'static str {
    if cause.is_loss() { "loss" } else { "pressure" }
}

fn blindness(rule: &Rule, text: &str) -> Option<String> {
    let said = text.contains(BLIND);
    match rule.needs {
        Needs::Later(why) if !said => Some(format!(
            "its rule says {why:?}, the page does not say that droplens \"{BLIND}\" something"
        )),
        Needs::Later(_) => None,
        _ => said.then(|| format!("it has a rule, but the page says that droplens \"{BLIND}\"")),
    }
}

/// A page may send people to the ledger's series only if there is one.
fn account(cause: Cause, text: &str) -> Option<String> {
    let counted = cause.is_loss() && !matches!(cause.domain(), Domain::Path | Domain::Service);
    let series = format!(
        "`droplens_drops_total{{domain=\"{}\",cause=\"{cause}\"}}`",
        cause.domain()
    );
    (text.contains(&series) && !counted).then(|| format!("there is no series {series}"))
}

#[cfg(test)]
mod tests {
    use droplens_diagnosis::rules::rule;

    use super::*;

    const GOOD: &str = "# no_route\n\n`domain`: ip; loss\n\n## What it means\n\n## How droplens knows\n\n\
        `droplens_drops_total{domain=\"ip\",cause=\"no_route\"}`\n\n## Confirm by hand\n\n```sh\n# a comment\n```\n\n\
        ## Fix\n\n## Do not\n\n## See also\n";

    fn faults_of(cause: Cause, text: &str) -> Vec<String> {
        faults(rule(cause).unwrap(), "page", text)
    }

    #[test]
    fn a_good_page_has_no_fault() {
        assert_eq!(faults_of(Cause::NoRoute, GOOD), [""; 0]);
    }

    #[test]
    fn each_fault_is_found() {
        for (from, to, told) in [
            ("# no_route", "# no_rout", "headings"),
            ("## Fix\n\n", "", "headings"),
            ("ip; loss", "ip; pressure", "`domain`: ip; loss"),
            ("ip; loss", "socket; loss", "`domain`: ip; loss"),
            (
                "## Do not",
                "## Do not\n\ndroplens reports this cause as blind until",
                "it has a rule",
            ),
        ] {
            let faults = faults_of(Cause::NoRoute, &GOOD.replacen(from, to, 1));
            assert_eq!(faults.len(), 1, "{from} -> {to}: {faults:?}");
            assert!(faults[0].contains(told), "{faults:?}");
        }
    }

    #[test]
    fn a_cause_without_a_source_must_be_called_blind() {
        let page = GOOD
            .replace("no_route", "nfqueue_drop")
            .replace("ip; loss", "netfilter; loss");
        let faults = faults_of(Cause::NfqueueDrop, &page);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("NFQUEUE"), "{faults:?}");
    }

    #[test]
    fn pressure_has_no_account() {
        let page = GOOD
            .replace("no_route", "udp_no_port")
            .replace("ip; loss", "socket; pressure")
            .replace("domain=\"ip\"", "domain=\"socket\"");
        let faults = faults_of(Cause::UdpNoPort, &page);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("there is no series"), "{faults:?}");
    }
}
