//! What was found, with what proves it and what to do.

use droplens_model::{Evidence, Finding, PathDirection, Pattern, Report, Severity, Timestamp};

use super::page::Page;
use super::table::{Column, Table};
use super::text::{Ink, Text};
use super::{figures, words};

/// Columns before what belongs to a finding.
const INDENT: usize = 3;

pub(super) fn print(report: &Report, page: &mut Page) {
    let (noise, findings): (Vec<_>, Vec<_>) =
        (report.findings.iter()).partition(|found| found.severity == Severity::Info);
    let mut number = 0;
    for (heading, findings) in [
        ("Findings", findings),
        ("Also seen (no loss worth an alarm)", noise),
    ] {
        for (position, finding) in findings.into_iter().enumerate() {
            if position == 0 {
                page.heading(heading);
            } else {
                page.blank();
            }
            number += 1;
            one(number, finding, report.start, page);
        }
    }
}

fn one(number: usize, finding: &Finding, start: Timestamp, page: &mut Page) {
    page.paragraph(0, INDENT, &title(number, finding));
    page.paragraph(INDENT, INDENT, &about(finding, start, page));
    evidence(&finding.evidence, page);
    if !finding.ruled_out.is_empty() {
        let causes: Vec<_> = finding.ruled_out.iter().map(|cause| cause.id()).collect();
        labelled("ruled out: ", &causes.join(", "), page);
    }
    if !finding.next.is_empty() {
        labelled("next: ", &finding.next, page);
    }
    page.paragraph(INDENT, INDENT, &Text::new(Ink::Dim, &finding.runbook));
}

/// `1. CRITICAL  softnet backlog overflow on CPU 3: 1 204 packets (120/s)`.
fn title(number: usize, finding: &Finding) -> Text {
    let severity = finding.severity;
    let mut title = Text::plain(&format!("{number}. "));
    if severity != Severity::Info {
        title.push(words::of_severity(severity), &severity.id().to_uppercase());
        title.push(Ink::Plain, "  ");
    }
    let ink = if severity == Severity::Info {
        Ink::Plain
    } else {
        Ink::Strong
    };
    title.push(ink, &finding.summary);
    if finding.packets > 0 {
        let packets = figures::packets(finding.packets);
        let rate = figures::rate(finding.rate);
        // Losses on the path are estimated, not counted.
        let about = if finding.direction.is_some() {
            "about "
        } else {
            ""
        };
        title.push(ink, &format!(": {about}{packets} ({rate})"));
    }
    title
}

/// The cause's id, and what is known of the time and the way.
fn about(finding: &Finding, start: Timestamp, page: &Page) -> Text {
    let mut facts = vec![
        finding.cause.id().to_owned(),
        finding.status.id().to_owned(),
    ];
    if let Some(since) = finding.since {
        facts.push(format!("since {} UTC", figures::clock(since, start)));
    }
    facts.extend(finding.direction.map(|direction| {
        match direction {
            PathDirection::Forward => "on the way to the others (forward)",
            PathDirection::Return => "on the way back to this host (return)",
            PathDirection::Unknown => "direction unknown",
        }
        .to_owned()
    }));
    facts.extend(finding.pattern.map(|pattern| match pattern {
        Pattern::Unknown => "pattern unknown".to_owned(),
        Pattern::Random | Pattern::Burst | Pattern::Periodic => format!("pattern {pattern}"),
    }));
    Text::new(Ink::Dim, &facts.join(words::between(page.style())))
}

fn evidence(evidence: &[Evidence], page: &mut Page) {
    let columns = [Column::words(""), Column::numbers("")];
    let mut table = Table::new(INDENT, &columns, "");
    for reading in evidence {
        let moved = match (reading.delta, reading.value) {
            (Some(delta), _) => format!("+{}", figures::count(delta)),
            (None, Some(value)) => format!("= {}", figures::gauge(value)),
            (None, None) => String::new(),
        };
        let counter = format!("{} {}", reading.source, reading.counter);
        table.row(
            [Text::plain(&counter), Text::new(Ink::Strong, &moved)],
            Text::new(Ink::Dim, &reading.kernel),
        );
    }
    table.print(page);
}

fn labelled(label: &str, text: &str, page: &mut Page) {
    let text = Text::new(Ink::Strong, label).and(Ink::Plain, text);
    page.paragraph(INDENT, INDENT + 2, &text);
}
