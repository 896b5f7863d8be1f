//! What could not be looked at, and why: none of it may pass for "no loss".

use droplens_model::{Cause, DomainReport, Report, Scope};

use super::figures;
use super::page::Page;
use super::table::{Column, Table};
use super::text::{Ink, Text};

pub(super) fn print(report: &Report, page: &mut Page) {
    page.heading("Blind spots");
    let groups = by_reason(&report.domains);
    for (reason, causes) in &groups {
        let reason = reason.unwrap_or("no reason is known");
        page.paragraph(2, 2, &Text::new(Ink::Unknown, reason));
        page.paragraph(4, 4, &Text::plain(&causes.join(", ")));
    }
    match sources(report) {
        Some(sources) => {
            if !groups.is_empty() {
                page.blank();
            }
            sources.print(page);
            page.blank();
        }
        None if groups.is_empty() => {
            page.line(2, &Text::new(Ink::Dim, "none: every source could be read"));
        }
        None => page.blank(),
    }
    page.paragraph(2, 4, &Text::new(Ink::Dim, &scope(&report.scope)));
}

/// The causes that could not be looked for, by the reason, in packet order.
fn by_reason(domains: &[DomainReport]) -> Vec<(Option<&str>, Vec<String>)> {
    let mut groups: Vec<(Option<&str>, Vec<String>)> = Vec::new();
    for row in domains.iter().filter(|row| !row.blind_causes.is_empty()) {
        let why = row.why.as_deref();
        let causes = named(row);
        match groups.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, known)) => known.extend(causes),
            None => groups.push((why, causes)),
        }
    }
    groups
}

/// The causes of one domain; all of them in two words.
fn named(row: &DomainReport) -> Vec<String> {
    let all: &[Cause] = row.domain.causes();
    if all.len() > 1 && all.iter().all(|cause| row.blind_causes.contains(cause)) {
        return vec![format!("all of {}", row.domain)];
    }
    let causes = row.blind_causes.iter().map(|cause| cause.id().to_owned());
    causes.collect()
}

/// The sources that could not be read, if any.
fn sources(report: &Report) -> Option<Table> {
    let columns = [
        Column::words("source"),
        Column::words("state"),
        Column::numbers("last read").spare(1),
    ];
    let mut table = Table::new(2, &columns, "error");
    let mut any = false;
    for source in report.sources.iter().filter(|source| source.state != "ok") {
        any = true;
        let age = source
            .age_seconds
            .map_or_else(String::new, |age| format!("{} ago", figures::duration(age)));
        table.row(
            [
                Text::plain(source.source.id()),
                Text::new(Ink::Unknown, &source.state),
                Text::plain(&age),
            ],
            Text::plain(source.error.as_deref().unwrap_or_default()),
        );
    }
    any.then_some(table)
}

/// `Scope: this network namespace; 3 others were not looked at.`
fn scope(scope: &Scope) -> String {
    let place = match scope.namespace.as_str() {
        "self" => "this network namespace".to_owned(),
        other => format!("network namespace {other}"),
    };
    match scope.others_not_seen {
        0 => format!("Scope: {place}."),
        1 => format!("Scope: {place}; 1 other was not looked at."),
        more => format!(
            "Scope: {place}; {} others were not looked at.",
            figures::count(more)
        ),
    }
}
