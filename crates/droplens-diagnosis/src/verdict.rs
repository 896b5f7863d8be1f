//! From findings to the verdict on one window.

use std::time::Duration;

use droplens_model::delta::Delta;
use droplens_model::{
    Cause, Domain, DomainReport, Finding, Moment, REPORT_SCHEMA, Report, Scope, Severity, Snapshot,
    SourceReport, State, Status, Timestamp,
};

use crate::ledger::Ledger;
use crate::probed;
use crate::rules::{rule, rules};
use crate::symptoms::symptoms;
use crate::thresholds::Thresholds;
use crate::view::{Edges, View};

/// Who is asking, and about what time.
#[derive(Clone, Debug)]
pub struct Context {
    /// The version of droplens.
    pub version: String,
    /// The host's name.
    pub host: String,
    /// When the window began.
    pub start: Timestamp,
    /// How long it was.
    pub length: Duration,
    /// Other network namespaces with processes in them.
    pub others_not_seen: u64,
}

/// The verdict on what happened between two snapshots.
pub fn judge(delta: Delta<'_>, context: &Context, thresholds: &Thresholds) -> Report {
    judge_between(delta, Edges::default(), context, thresholds)
}

/// The same where it is known what happened around them.
pub fn judge_between(
    delta: Delta<'_>,
    edges: Edges<'_>,
    context: &Context,
    thresholds: &Thresholds,
) -> Report {
    let ledger = Ledger::of(delta);
    let view = View::new(delta, &ledger, context.length, thresholds)
        .with_edges(edges)
        .ending(context.start.after(context.length));
    report(&view, context)
}

/// What the rules find in a window, in the order of the report.
pub fn findings(view: &View<'_>) -> Vec<Finding> {
    let sighted = rules().filter(|rule| rule.needs.sight(view.now()).is_ok());
    let mut findings: Vec<Finding> = sighted.flat_map(|rule| rule.findings(view)).collect();
    findings.sort_by_cached_key(Finding::order);
    findings
}

/// Whether a cause can be looked for; if not, why.
pub fn sight(cause: Cause, snapshot: &Snapshot) -> Result<(), String> {
    match rule(cause) {
        Some(rule) => rule.needs.sight(snapshot),
        None => Err("no rule knows it".to_owned()),
    }
}

fn report(view: &View<'_>, context: &Context) -> Report {
    let findings = findings(view);
    let domains: Vec<_> = Domain::ALL
        .iter()
        .map(|domain| domain_report(*domain, view, &findings))
        .collect();
    let status = domains
        .iter()
        .map(|domain| domain.status)
        .filter(|status| *status != Status::Blind)
        .max();
    let status = status.unwrap_or(Status::Blind);
    let (probes, probes_left_out) = probed::report::list(view);
    Report {
        schema: REPORT_SCHEMA.to_owned(),
        droplens: context.version.clone(),
        host: context.host.clone(),
        start: context.start,
        seconds: context.length.as_secs_f64(),
        status,
        headline: headline(status, &findings, context.length),
        findings,
        domains,
        scope: Scope {
            namespace: "self".to_owned(),
            others_not_seen: context.others_not_seen,
        },
        symptoms: symptoms(view),
        probes,
        probes_left_out,
        sources: sources(view.now()),
        events: Vec::new(),
        connections: None,
    }
}

fn domain_report(domain: Domain, view: &View<'_>, findings: &[Finding]) -> DomainReport {
    let mut blind_causes = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    for &cause in domain.causes() {
        if let Err(why) = sight(cause, view.now()) {
            blind_causes.push(cause);
            if !reasons.contains(&why) {
                reasons.push(why);
            }
        }
    }
    let of_domain = |finding: &&Finding| finding.domain == domain;
    let matters = |finding: &&Finding| finding.severity != Severity::Info;
    let worst = findings
        .iter()
        .filter(of_domain)
        .filter(matters)
        .map(|finding| finding.status)
        .max();
    let status = match worst {
        Some(status) => status,
        None if blind_causes.len() == domain.causes().len() => Status::Blind,
        None => Status::Clean,
    };
    let ledger: u64 = domain.causes().iter().map(|cause| view.lost(*cause)).sum();
    // Losses on the path are estimates and in no account.
    let packets = match domain {
        Domain::Path => findings
            .iter()
            .filter(of_domain)
            .map(|finding| finding.packets)
            .sum(),
        _ => ledger,
    };
    DomainReport {
        domain,
        status,
        packets,
        blind_causes,
        why: (!reasons.is_empty()).then(|| reasons.join("; ")),
    }
}

/// The verdict in one line.
pub fn headline(status: Status, findings: &[Finding], length: Duration) -> String {
    let window = seconds(length);
    let Some(first) = findings
        .iter()
        .find(|finding| finding.severity != Severity::Info)
    else {
        return match status {
            Status::Blind => "nothing could be looked at".to_owned(),
            _ => format!("no packet lost in {window}"),
        };
    };
    let packets = match first.packets {
        0 => String::new(),
        1 => ": 1 packet".to_owned(),
        packets => format!(
            ": {} packets ({}/s)",
            grouped(&packets.to_string()),
            rate(first.rate)
        ),
    };
    let others = findings
        .iter()
        .filter(|finding| finding.severity != Severity::Info && finding.status == first.status)
        .count()
        - 1;
    let more = match others {
        0 => String::new(),
        others => format!(", and {others} more"),
    };
    format!("{}{packets}{more}", first.summary)
}

fn seconds(length: Duration) -> String {
    let seconds = length.as_secs_f64();
    if seconds < 10.0 && seconds.fract() > 0.05 {
        format!("{seconds:.1} s")
    } else {
        format!("{seconds:.0} s")
    }
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

fn rate(rate: f64) -> String {
    if rate < 10.0 {
        format!("{rate:.1}")
    } else {
        grouped(&format!("{rate:.0}"))
    }
}

fn sources(snapshot: &Snapshot) -> Vec<SourceReport> {
    let now = crate::ledger::newest(snapshot);
    let age = |at: Moment| now.since(at).as_secs_f64();
    snapshot
        .states()
        .map(|(source, state)| SourceReport {
            source,
            state: state.id().to_owned(),
            age_seconds: match state {
                State::Ok { at, .. } => Some(age(at)),
                State::Failed { last, .. } => last.map(age),
                _ => None,
            },
            error: state.failure().map(ToString::to_string),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_shows_nothing_is_blind_and_not_clean() {
        let nothing = Snapshot::default();
        let context = Context {
            version: "0".into(),
            host: "test".into(),
            start: Timestamp(0),
            length: Duration::from_secs(10),
            others_not_seen: 0,
        };
        let report = judge(
            Delta::new(&nothing, &nothing),
            &context,
            &Thresholds::default(),
        );
        assert_eq!(report.status, Status::Blind);
        assert_eq!(report.domains.len(), Domain::ALL.len());
        assert!(
            report
                .domains
                .iter()
                .all(|domain| domain.status == Status::Blind)
        );
        assert_eq!(report.headline, "nothing could be looked at");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped("0"), "0");
        assert_eq!(grouped("999"), "999");
        assert_eq!(grouped("1204"), "1 204");
        assert_eq!(grouped("1234567"), "1 234 567");
        assert_eq!(rate(11_413.4), "11 413");
        assert_eq!(rate(1.25), "1.2");
    }
}
