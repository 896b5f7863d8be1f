//! An affected host beside an unaffected one: what differs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use droplens_model::{Cause, Report};
use serde::Serialize;

use super::{NoReport, Wanted, json, of_agent};

/// What two reports say about one cause.
#[derive(Debug, PartialEq, Serialize)]
struct Difference {
    cause: Cause,
    /// Packets per second on the affected host; 0 for pressure.
    rate: f64,
    /// Packets per second on the other one.
    other_rate: f64,
    /// Whether there is such a finding here.
    found: bool,
    /// Whether there is one there.
    other_found: bool,
}

/// Two reports and what differs, as JSON tells it.
#[derive(Debug, Serialize)]
struct Comparison<'a> {
    schema: &'static str,
    report: &'a Report,
    other: &'a Report,
    differences: Vec<Difference>,
}

/// Both reports, as text or JSON.
pub(super) fn shown(report: &Report, other: &str, wanted: &Wanted) -> Result<String, NoReport> {
    let other = read(other, wanted.interval)?;
    let differences = differences(report, &other);
    if wanted.json {
        return json(&Comparison {
            schema: "droplens.comparison/1",
            report,
            other: &other,
            differences,
        });
    }
    Ok(text(report, &other, &differences))
}

fn read(other: &str, interval: Duration) -> Result<Report, NoReport> {
    if other.starts_with("http://") || other.starts_with("https://") {
        return of_agent(other, interval);
    }
    let text = std::fs::read_to_string(other)
        .map_err(|error| NoReport::usage(format!("cannot read {other}: {error}")))?;
    serde_json::from_str(&text).map_err(|error| {
        NoReport::usage(format!(
            "{other} is no report: {error}; make one with `droplens report --json`"
        ))
    })
}

/// The causes that either report names, those that only one of them has first.
fn differences(report: &Report, other: &Report) -> Vec<Difference> {
    let rates = |report: &Report| {
        let mut rates = BTreeMap::<Cause, f64>::new();
        for finding in &report.findings {
            *rates.entry(finding.cause).or_default() += finding.rate;
        }
        rates
    };
    let (here, there) = (rates(report), rates(other));
    let mut causes: Vec<Cause> = here.keys().chain(there.keys()).copied().collect();
    causes.sort_unstable();
    causes.dedup();
    let mut differences: Vec<_> = causes
        .into_iter()
        .map(|cause| Difference {
            cause,
            rate: here.get(&cause).copied().unwrap_or(0.0),
            other_rate: there.get(&cause).copied().unwrap_or(0.0),
            found: here.contains_key(&cause),
            other_found: there.contains_key(&cause),
        })
        .collect();
    differences.sort_by(|a, b| {
        let apart = |difference: &Difference| (difference.rate - difference.other_rate).abs();
        let only = |difference: &Difference| difference.found != difference.other_found;
        only(b).cmp(&only(a)).then(apart(b).total_cmp(&apart(a)))
    });
    differences
}

fn text(report: &Report, other: &Report, differences: &[Difference]) -> String {
    let mut out = String::new();
    for report in [report, other] {
        let status = report.status.id().to_uppercase();
        // Writing to a String cannot fail.
        let _ok = writeln!(out, "{status:<9} {}: {}", report.host, report.headline);
    }
    if differences.is_empty() {
        out.push_str("\nNo difference: neither host shows a finding.\n");
        return out;
    }
    let _ok = writeln!(
        out,
        "\n{:<28} {:>14} {:>14}",
        "cause", report.host, other.host
    );
    for difference in differences {
        let cell = |found: bool, rate: f64| match (found, rate) {
            (false, _) => "-".to_owned(),
            (true, rate) if rate > 0.0 => format!("{rate:.1}/s"),
            (true, _) => "yes".to_owned(),
        };
        let _ok = writeln!(
            out,
            "{:<28} {:>14} {:>14}",
            difference.cause.id(),
            cell(difference.found, difference.rate),
            cell(difference.other_found, difference.other_rate)
        );
    }
    out
}
