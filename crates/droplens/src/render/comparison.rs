//! Two reports beside each other.

use droplens_model::{Report, Status};

use super::page::Page;
use super::style::Style;
use super::table::{Column, Table};
use super::text::{Ink, Text};
use super::{figures, verdict, words};
use crate::comparison::{Difference, Sight};

/// Two reports and what differs, as text that ends with a new line.
pub(crate) fn comparison(
    report: &Report,
    other: &Report,
    differences: &[Difference],
    style: Style,
) -> String {
    let mut page = Page::new(style);
    verdict::print(report, &mut page);
    page.blank();
    verdict::print(other, &mut page);
    page.blank();
    if differences.is_empty() {
        let none = "No difference: neither report has a finding.";
        page.paragraph(0, 2, &Text::plain(none));
    } else {
        table(report, other, differences).print(&mut page);
    }
    page.finish()
}

fn table(report: &Report, other: &Report, differences: &[Difference]) -> Table {
    let columns = [Column::words(""), Column::numbers(""), Column::numbers("")];
    let [here, there] = names(report, other);
    let mut table = Table::new(0, &columns, "");
    let titles = ["cause", &here, &there].map(|title| Text::new(Ink::Dim, title));
    table.row(titles, Text::default());
    for difference in differences {
        let only = if difference.is_of_one_only() {
            let host = if difference.here.found { &here } else { &there };
            Text::new(Ink::Warning, "only ").and(Ink::Warning, host)
        } else {
            Text::default()
        };
        let cells = [
            Text::new(Ink::Strong, difference.cause.id()),
            cell(difference.here),
            cell(difference.other),
        ];
        table.row(cells, only);
    }
    table
}

/// The hosts' names; two reports of one host are told apart by when they began.
fn names(report: &Report, other: &Report) -> [String; 2] {
    if report.host != other.host {
        return [report.host.clone(), other.host.clone()];
    }
    [
        figures::clock(report.start, other.start),
        figures::clock(other.start, report.start),
    ]
}

/// `120/s`, `yes` for pressure, `-` for nothing, `?` where nobody could look.
fn cell(sight: Sight) -> Text {
    match (sight.found, sight.observable) {
        (true, _) if sight.rate > 0.0 => Text::plain(&figures::rate(sight.rate)),
        (true, _) => Text::plain("yes"),
        (false, true) => Text::new(Ink::Dim, "-"),
        (false, false) => Text::new(words::of_status(Status::Blind), "?"),
    }
}
