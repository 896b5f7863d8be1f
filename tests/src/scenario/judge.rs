//! Comparing a verdict with the truth.

use droplens_model::{Cause, Finding, Severity, Status};

use super::{Expect, Expected, Packets, Scenario, Seen};

/// Reported packets may be off by this share where the kernel counts exactly.
const TOLERANCE: f64 = 0.02;

/// Estimates may be off by this share.
const ESTIMATE: f64 = 0.4;

/// One line of the confusion matrix.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The scenario.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Whether something was wrong; on a healthy host a remark may be expected.
    pub fault: bool,
    /// The cause that should come first; none on a healthy host without a remark.
    pub expected: Option<Cause>,
    /// The cause that came first; none if there was no finding that matters.
    pub found: Option<Cause>,
    /// Packets really lost.
    pub truth: Option<u64>,
    /// Packets reported for the expected cause.
    pub reported: u64,
    /// What is wrong, if anything.
    pub wrong: Option<String>,
}

/// Compares what was seen with what was expected.
pub fn judge(scenario: &Scenario, seen: &Seen) -> Judged {
    let expected = scenario.expect.cause();
    Judged {
        name: scenario.name,
        about: scenario.about,
        fault: scenario.expect.is_fault(),
        expected,
        found: found(&scenario.expect, seen),
        truth: seen.truth,
        reported: expected.map_or(0, |cause| packets(seen, cause)),
        wrong: wrong(&scenario.expect, seen),
    }
}

/// The first finding that matters; where a remark is expected and nothing matters, that remark.
fn found(expect: &Expect, seen: &Seen) -> Option<Cause> {
    let first = matters(seen).next().map(|finding| finding.cause);
    match expect {
        Expect::Remark(cause) if remarked(*cause, seen) => first.or(Some(*cause)),
        _ => first,
    }
}

fn remarked(cause: Cause, seen: &Seen) -> bool {
    let mut findings = seen.report.findings.iter();
    findings.any(|finding| finding.cause == cause)
}

fn matters(seen: &Seen) -> impl Iterator<Item = &Finding> {
    let findings = seen.report.findings.iter();
    findings.filter(|finding| finding.severity != Severity::Info)
}

fn packets(seen: &Seen, cause: Cause) -> u64 {
    let of_cause = seen
        .report
        .findings
        .iter()
        .filter(|finding| finding.cause == cause);
    of_cause.map(|finding| finding.packets).sum()
}

/// What is wrong with the verdict, if anything.
pub(super) fn wrong(expect: &Expect, seen: &Seen) -> Option<String> {
    match expect {
        Expect::Clean => healthy(seen),
        Expect::Remark(cause) => healthy(seen)
            .or_else(|| (!remarked(*cause, seen)).then(|| format!("no remark of {cause}"))),
        Expect::Finding(expected) => faulty(expected, seen),
    }
}

fn healthy(seen: &Seen) -> Option<String> {
    let findings: Vec<String> = matters(seen)
        .map(|finding| finding.summary.clone())
        .collect();
    if !findings.is_empty() {
        return Some(format!("false findings: {}", findings.join("; ")));
    }
    (seen.report.status != Status::Clean).then(|| format!("status {}", seen.report.status))
}

fn faulty(expected: &Expected, seen: &Seen) -> Option<String> {
    let Some(first) = matters(seen).next() else {
        return Some("nothing was found".to_owned());
    };
    if first.cause != expected.cause {
        return Some(format!("{} came first: {}", first.cause, first.summary));
    }
    let false_finding = matters(seen)
        .find(|finding| finding.cause != expected.cause && !expected.also.contains(&finding.cause));
    if let Some(finding) = false_finding {
        return Some(format!(
            "false finding {}: {}",
            finding.cause, finding.summary
        ));
    }
    let reported = packets(seen, expected.cause);
    if let Some(wrong) = miscounted(expected.packets, reported, seen.truth) {
        return Some(wrong);
    }
    if expected.direction.is_some() && first.direction != expected.direction {
        return Some(format!("direction {:?}", first.direction));
    }
    if expected.pattern.is_some() && first.pattern != expected.pattern {
        return Some(format!("pattern {:?}", first.pattern));
    }
    let place = first.place.to_string();
    if expected.place.is_some_and(|expected| expected != place) {
        return Some(format!("found at {place}"));
    }
    None
}

fn miscounted(packets: Packets, reported: u64, truth: Option<u64>) -> Option<String> {
    match (packets, truth) {
        (Packets::Exact | Packets::Counted, Some(truth)) => {
            let off = reported.abs_diff(truth) as f64 / truth.max(1) as f64;
            let vain = truth == 0 && packets == Packets::Exact;
            (off > TOLERANCE || vain).then(|| format!("{reported} packets of {truth}"))
        }
        (Packets::Exact | Packets::Counted | Packets::Near, None) => {
            Some("the truth is not known".to_owned())
        }
        (Packets::Near, Some(truth)) => {
            let off = reported.abs_diff(truth) as f64 / truth.max(1) as f64;
            (off > ESTIMATE).then(|| format!("{reported} packets of about {truth}"))
        }
        (Packets::Some, _) => (reported == 0).then(|| "no packets".to_owned()),
        (Packets::None, _) => (reported != 0).then(|| format!("{reported} packets of none")),
    }
}
