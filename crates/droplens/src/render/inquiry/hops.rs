//! The hops on the way.

use droplens_model::sample::probes::{Hop, HopVerdict, PathDetails};

use super::super::figures;
use super::super::page::Page;
use super::super::table::{Column, Table};
use super::super::text::{Ink, Text};

pub(super) fn print(path: &PathDetails, page: &mut Page) {
    if path.hops.iter().all(|hop| hop.answered == 0) {
        return;
    }
    let columns = [
        Column::numbers(""),
        Column::words("hop"),
        Column::numbers("lost"),
        Column::numbers("best").spare(2),
        Column::numbers("mean").spare(1),
        Column::numbers("worst").spare(3),
    ];
    let mut table = Table::new(6, &columns, "");
    let shown = path
        .hops
        .iter()
        .rposition(|hop| hop.answered > 0)
        .map_or(0, |last| last + 1);
    for hop in path.hops.iter().take(shown) {
        let time = |time: Option<std::time::Duration>| {
            let text = time.map(|time| figures::round_trip(time.as_secs_f64()));
            Text::plain(&text.unwrap_or_default())
        };
        table.row(
            [
                Text::new(Ink::Dim, &hop.ttl.to_string()),
                addresses(hop),
                lost(hop),
                time(hop.best),
                time(hop.mean),
                time(hop.worst),
            ],
            note(hop),
        );
    }
    table.print(page);
    if !path.reached {
        let text = "the path was not followed to the target";
        page.paragraph(6, 8, &Text::new(Ink::Warning, text));
    }
}

fn addresses(hop: &Hop) -> Text {
    match hop.addresses.split_first() {
        None => Text::new(Ink::Dim, "no answer"),
        Some((first, [])) => Text::plain(&first.to_string()),
        Some((first, more)) => {
            Text::plain(&first.to_string()).and(Ink::Dim, &format!(" and {} more", more.len()))
        }
    }
}

fn lost(hop: &Hop) -> Text {
    let ink = match hop.verdict {
        HopVerdict::Loses => Ink::Bad,
        HopVerdict::Answers => Ink::Plain,
        HopVerdict::RateLimitSuspected | HopVerdict::Silent | HopVerdict::Unreached => Ink::Dim,
    };
    let ratio = hop.loss().ratio();
    Text::new(ink, &ratio.map(figures::percent).unwrap_or_default())
}

fn note(hop: &Hop) -> Text {
    match hop.verdict {
        HopVerdict::Answers | HopVerdict::Silent | HopVerdict::Unreached => Text::default(),
        HopVerdict::Loses => Text::new(Ink::Bad, "loses packets"),
        HopVerdict::RateLimitSuspected => Text::new(Ink::Dim, "limits its answers: no loss"),
    }
}
