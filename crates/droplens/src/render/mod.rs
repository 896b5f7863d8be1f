//! A report as text, for people: the verdict first, then where on the packet path, what exactly
//! and what to do, then everything else.
//!
//! Pure: [`report`] makes text of a report, and the [`Style`] says what can be shown.

mod blind;
mod comparison;
mod connections;
mod domains;
mod events;
mod figures;
mod findings;
#[cfg(test)]
mod golden;
mod inquiry;
pub(crate) mod live;
mod page;
mod probes;
mod style;
mod symptoms;
mod table;
mod text;
mod verdict;
mod words;

use droplens_model::Report;

pub(crate) use comparison::comparison;
pub(crate) use inquiry::inquiry;
use page::Page;
pub(crate) use style::Style;

/// The parts in their order. Each begins with its own heading, and is silent if it has nothing
/// to say.
const SECTIONS: &[fn(&Report, &mut Page)] = &[
    verdict::print,
    domains::print,
    findings::print,
    events::print,
    symptoms::print,
    probes::print,
    connections::print,
    blind::print,
];

/// The report as text that ends with a new line.
pub(crate) fn report(report: &Report, style: Style) -> String {
    let mut page = Page::new(style);
    for section in SECTIONS {
        section(report, &mut page);
    }
    page.finish()
}
