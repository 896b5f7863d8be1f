//! The words, marks and inks of the verdict. No meaning is told by colour alone.

use droplens_model::{Grade, Severity, Status};

use super::style::Style;
use super::text::{Ink, Text};

pub(super) const fn of_status(status: Status) -> Ink {
    match status {
        Status::Clean => Ink::Good,
        Status::Blind => Ink::Unknown,
        Status::Pressure => Ink::Warning,
        Status::Loss => Ink::Bad,
    }
}

pub(super) const fn of_severity(severity: Severity) -> Ink {
    match severity {
        Severity::Info => Ink::Dim,
        Severity::Warning => Ink::Warning,
        Severity::Critical => Ink::Bad,
    }
}

pub(super) const fn of_grade(grade: Grade) -> Ink {
    match grade {
        Grade::None => Ink::Good,
        Grade::Low => Ink::Plain,
        Grade::Moderate => Ink::Warning,
        Grade::High | Grade::Severe => Ink::Bad,
    }
}

/// A status with its mark: `✗ loss`.
pub(super) fn marked(status: Status, style: Style) -> Text {
    let mark = match (status, style.unicode) {
        (Status::Clean, true) => "✓",
        (Status::Clean, false) => "+",
        (Status::Blind, _) => "?",
        (Status::Pressure, _) => "!",
        (Status::Loss, true) => "✗",
        (Status::Loss, false) => "X",
    };
    Text::new(of_status(status), mark)
        .and(of_status(status), " ")
        .and(of_status(status), status.id())
}

/// What stands between facts in one line.
pub(super) const fn between(style: Style) -> &'static str {
    if style.unicode { " · " } else { " - " }
}
