//! An affected host beside an unaffected one: what differs.

use std::time::Duration;

use droplens_model::Report;
use serde::Serialize;

use super::{NoReport, Wanted, json, of_agent};
use crate::comparison::{Difference, differences};
use crate::render::{self, Style};

/// Two reports and what differs, as JSON tells it.
#[derive(Debug, Serialize)]
struct Comparison<'a> {
    schema: &'static str,
    report: &'a Report,
    other: &'a Report,
    differences: &'a [Difference],
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
            differences: &differences,
        });
    }
    let style = Style::detect();
    Ok(render::comparison(report, &other, &differences, style))
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
