//! What users of the host feel.

use droplens_model::{Grade, ProbeTransport, Report, Symptoms};

use super::page::Page;
use super::table::{Column, Table};
use super::text::{Ink, Text};
use super::{figures, words};

pub(super) fn print(report: &Report, page: &mut Page) {
    page.heading("Symptoms");
    tcp(&report.symptoms, page);
    probes(&report.symptoms, page);
    devices(&report.symptoms, page);
}

fn tcp(symptoms: &Symptoms, page: &mut Page) {
    let columns = [Column::words(""), Column::numbers("")];
    let mut table = Table::new(2, &columns, "");
    let mut unknown = Vec::new();
    let mut zero = Vec::new();
    if let Some(ratio) = symptoms.tcp_retransmit_ratio {
        let grade = symptoms
            .tcp_retransmit_grade
            .unwrap_or_else(|| Grade::of(ratio));
        table.row(
            [
                Text::plain("TCP retransmissions"),
                Text::new(Ink::Strong, &figures::percent(ratio)),
            ],
            Text::new(words::of_grade(grade), &graded(grade))
                .and(Ink::Plain, "  ")
                .and(Ink::Dim, &retransmissions(symptoms)),
        );
    } else {
        unknown.push("TCP retransmissions");
    }
    for (name, number) in [
        ("TCP timeouts", symptoms.tcp_timeouts),
        ("TCP segments out of order", symptoms.tcp_out_of_order),
        (
            "TCP connection attempts failed",
            symptoms.tcp_connect_failures,
        ),
        (
            "TCP connections reset by peers",
            symptoms.tcp_resets_received,
        ),
        ("TCP resets sent", symptoms.tcp_resets_sent),
    ] {
        match number {
            None => unknown.push(name),
            Some(0) => zero.push(name),
            Some(number) => table.row(
                [
                    Text::plain(name),
                    Text::new(Ink::Strong, &figures::count(number)),
                ],
                Text::default(),
            ),
        }
    }
    table.print(page);
    for (label, names) in [("none: ", zero), ("not known: ", unknown)] {
        if !names.is_empty() {
            let text = format!("{label}{}", names.join(", "));
            page.paragraph(2, 4, &Text::new(Ink::Dim, &text));
        }
    }
}

/// `12 sent again (3 SYN, 2 needlessly) of 60 000 segments`.
fn retransmissions(symptoms: &Symptoms) -> String {
    let (Some(again), Some(sent)) = (symptoms.tcp_retransmits, symptoms.tcp_segments_sent) else {
        return String::new();
    };
    let parts: Vec<_> = [
        (symptoms.tcp_syn_retransmits, "SYN"),
        (symptoms.tcp_spurious_retransmits, "needlessly"),
    ]
    .into_iter()
    .filter_map(|(number, word)| Some((number.filter(|number| *number > 0)?, word)))
    .map(|(number, word)| format!("{} {word}", figures::count(number)))
    .collect();
    let parts = if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    };
    let (again, sent) = (figures::count(again), figures::counted(sent, "segment"));
    format!("{again} sent again{parts} of {sent}")
}

/// What probes lost, by protocol side by side: what only one of them loses is no loss of the path.
fn probes(symptoms: &Symptoms, page: &mut Page) {
    let columns = [
        Column::words("probes"),
        Column::numbers("lost"),
        Column::numbers("of packets").spare(1),
        Column::numbers("share"),
        Column::numbers("median").spare(2),
        Column::numbers("p99").spare(3),
    ];
    let mut table = Table::new(2, &columns, "grade");
    for loss in &symptoms.probes {
        let time = |seconds: Option<f64>| {
            let text = seconds.map(figures::round_trip);
            Text::plain(&text.unwrap_or_default())
        };
        table.row(
            [
                Text::plain(named(loss.transport)),
                Text::new(Ink::Strong, &figures::count(loss.lost)),
                Text::plain(&figures::count(loss.packets)),
                Text::plain(&figures::percent(loss.ratio)),
                time(loss.round_trip_median),
                time(loss.round_trip_p99),
            ],
            loss.grade.map_or_else(
                || Text::new(Ink::Dim, "too few to tell"),
                |grade| Text::new(words::of_grade(grade), &graded(grade)),
            ),
        );
    }
    if !symptoms.probes.is_empty() {
        page.blank();
    }
    table.print(page);
}

const fn named(transport: ProbeTransport) -> &'static str {
    match transport {
        ProbeTransport::Icmp => "ICMP echo",
        ProbeTransport::Tcp => "TCP connect",
        ProbeTransport::Dns => "UDP (DNS)",
    }
}

fn devices(symptoms: &Symptoms, page: &mut Page) {
    let columns = [
        Column::words("device"),
        Column::numbers("lost"),
        Column::numbers("of packets").spare(1),
        Column::numbers("share"),
    ];
    let mut table = Table::new(2, &columns, "grade");
    for loss in &symptoms.devices {
        table.row(
            [
                Text::plain(&loss.device),
                Text::new(Ink::Strong, &figures::count(loss.lost)),
                Text::plain(&figures::count(loss.packets)),
                Text::plain(&figures::percent(loss.ratio)),
            ],
            Text::new(words::of_grade(loss.grade), &graded(loss.grade)),
        );
    }
    if !symptoms.devices.is_empty() {
        page.blank();
    }
    table.print(page);
}

fn graded(grade: Grade) -> String {
    match grade {
        Grade::None => "no loss".to_owned(),
        Grade::Low | Grade::Moderate | Grade::High | Grade::Severe => grade.id().to_owned(),
    }
}
