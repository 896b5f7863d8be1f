//! The verdict in one line, and below it what it is about.

use droplens_model::Report;

use super::page::Page;
use super::text::{Ink, Text};
use super::{figures, words};

pub(super) fn print(report: &Report, page: &mut Page) {
    let word = report.status.id().to_uppercase();
    let verdict = Text::new(words::of_status(report.status), &word)
        .and(Ink::Plain, "  ")
        .and(Ink::Strong, &report.headline);
    page.paragraph(0, 2, &verdict);
    let about = [
        report.host.clone(),
        format!(
            "{} from {} UTC",
            figures::duration(report.seconds),
            figures::date(report.start)
        ),
        format!("droplens {}", report.droplens),
    ];
    let about = about.join(words::between(page.style()));
    page.paragraph(0, 0, &Text::new(Ink::Dim, &about));
}
