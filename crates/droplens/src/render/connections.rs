//! The sockets that suffer, and whose they are.

mod owner;
mod transfer;

use std::time::Duration;

use droplens_model::sample::connections::{
    Connection, Connections, ListenerDetail, OpenFiles, Peer, Stuck, UdpDetail,
};
use droplens_model::{Grade, Report};

use super::figures;
use super::page::Page;
use super::style::Style;
use super::table::{Column, Table};
use super::text::{Ink, Text};

/// How many of each kind are shown.
const WORST: usize = 5;

pub(super) fn print(report: &Report, page: &mut Page) {
    let Some(connections) = &report.connections else {
        return;
    };
    let style = page.style();
    let parts = [
        worst(&connections.worst, style).map(Part::List),
        stuck(&connections.stuck, style).map(Part::List),
        peers(&connections.peers).map(Part::Table),
        listeners(&connections.listeners).map(Part::Table),
        udp(&connections.udp, style).map(Part::Table),
    ];
    let mut any = false;
    for part in parts.into_iter().flatten() {
        if any {
            page.blank();
        } else {
            page.heading("Sockets that suffer (each since it was made)");
            any = true;
        }
        match part {
            Part::List(list) => list.print(page),
            Part::Table(table) => table.print(page),
        }
    }
    if !any {
        return;
    }
    for doubt in doubts(connections) {
        page.paragraph(2, 4, &Text::new(Ink::Unknown, doubt));
    }
}

/// How one kind of socket is told.
enum Part {
    List(List),
    Table(Table),
}

/// What makes the lists less than the whole truth.
fn doubts(connections: &Connections) -> impl Iterator<Item = &'static str> {
    let changing = "The list of sockets kept changing while it was read: some may be missing.";
    let many = "There are too many peers to count them all: their figures may be too low.";
    let doubts = [
        (connections.complete, changing),
        (connections.peers_exact, many),
    ];
    (doubts.into_iter()).filter_map(|(sure, doubt)| (!sure).then_some(doubt))
}

/// A table of the first few items; none if there is none.
fn table<'a, T: 'a, const N: usize>(
    columns: [Column; N],
    items: impl Iterator<Item = &'a T>,
    row: impl Fn(&'a T) -> ([Text; N], Text),
) -> Option<Table> {
    let mut rows = items.take(WORST).map(row).peekable();
    rows.peek()?;
    let mut table = Table::new(2, &columns, "");
    for (cells, tail) in rows {
        table.row(cells, tail);
    }
    Some(table)
}

/// Whether so many retransmissions are worth a line: fewer are normal on most networks. Where
/// bytes are not counted, any are.
fn is_noteworthy(share: Option<f64>) -> bool {
    share.is_none_or(|share| Grade::of(share) > Grade::Low)
}

fn time(time: Option<Duration>, what: &str) -> Option<String> {
    time.map(|time| format!("{what} {}", figures::duration(time.as_secs_f64())))
}

fn bytes(bytes: u64) -> String {
    figures::bytes(bytes as f64)
}

/// `192.0.2.1:40000 -> 192.0.2.2:443`.
fn ends(connection: &Connection, style: Style) -> Text {
    Text::new(Ink::Strong, &connection.local.to_string())
        .and(Ink::Dim, arrow(style))
        .and(Ink::Strong, &connection.remote.to_string())
}

const fn arrow(style: Style) -> &'static str {
    if style.unicode { " → " } else { " -> " }
}

/// Connections, each with its ends and figures in one line, and what they mean below. No table:
/// two IPv6 addresses would leave no room for columns.
struct List {
    title: &'static str,
    items: Vec<(Text, Text)>,
}

impl List {
    fn of<'a>(
        title: &'static str,
        connections: impl Iterator<Item = &'a Connection>,
        item: impl Fn(&'a Connection) -> (Text, Text),
    ) -> Option<Self> {
        let items: Vec<_> = connections.take(WORST).map(item).collect();
        (!items.is_empty()).then_some(Self { title, items })
    }

    fn print(&self, page: &mut Page) {
        page.line(2, &Text::new(Ink::Dim, self.title));
        for (line, about) in &self.items {
            page.paragraph(2, 4, line);
            page.paragraph(4, 4, about);
        }
    }
}

fn worst(worst: &[Connection], style: Style) -> Option<List> {
    let suffering = worst.iter().filter(|connection| {
        connection.is_retransmitting() || is_noteworthy(connection.retransmit_ratio())
    });
    List::of("sending again", suffering, |connection| {
        let (figures, path) = (&connection.retransmission, &connection.path);
        let mut line = ends(connection, style).and(Ink::Plain, ": ");
        line.push(Ink::Strong, &figures::counted(figures.total, "segment"));
        let share = connection.retransmit_ratio().map(figures::percent);
        let facts = [
            share.map(|share| format!("{share} of the bytes")),
            time(path.rtt, "RTT"),
            time(path.rto, "RTO"),
        ];
        for fact in facts.into_iter().flatten() {
            line.push(Ink::Plain, &format!(", {fact}"));
        }
        let mut about = Text::new(Ink::Dim, connection.state.id());
        if connection.is_retransmitting() {
            about.push(Ink::Plain, ", ");
            about.push(Ink::Bad, &unanswered(figures.attempts));
        }
        if let Some(limit) = transfer::limit(connection) {
            about.push(Ink::Plain, &format!(", {limit}"));
        }
        (line, owner::after(about, &connection.owner))
    })
}

fn unanswered(attempts: u8) -> String {
    match attempts {
        1 => "unanswered now".to_owned(),
        more => format!("unanswered now, {more} times in a row"),
    }
}

fn stuck(stuck: &[Connection], style: Style) -> Option<List> {
    let known = stuck
        .iter()
        .filter(|connection| connection.stuck().is_some());
    List::of("not being read", known, |connection| {
        let (waiting, about) = match connection.stuck() {
            Some(Stuck::Here) => (connection.receiving.queue, unread(connection)),
            _ => (connection.sending.queue, held_up(connection)),
        };
        let line = ends(connection, style).and(Ink::Plain, ": ");
        let line = line.and(Ink::Strong, &format!("{} waiting", bytes(waiting)));
        (line, owner::after(about, &connection.owner))
    })
}

/// What arrived and stays in the receive queue.
fn unread(connection: &Connection) -> Text {
    let receiving = &connection.receiving;
    let mut about = Text::new(Ink::Warning, "not read here");
    if receiving.is_nearly_full() {
        about.push(Ink::Plain, ", the buffer is full");
    }
    if let Some(last) = receiving.last_data {
        let last = figures::duration(last.as_secs_f64());
        about.push(Ink::Plain, &format!(", last data {last} ago"));
    }
    about
}

/// What was written and the peer has no room for.
fn held_up(connection: &Connection) -> Text {
    if connection.sending.probing_zero_window {
        let about = Text::new(Ink::Warning, "not read by the peer");
        return about.and(Ink::Plain, ", its window is closed");
    }
    let mut about = Text::new(Ink::Warning, "read slowly by the peer");
    if let Some(limit) = transfer::limit(connection) {
        about.push(Ink::Plain, &format!(", {limit}"));
    }
    about
}

fn peers(peers: &[Peer]) -> Option<Table> {
    let columns = [
        Column::words("sending again to"),
        Column::numbers("segments"),
        Column::numbers("share"),
        Column::numbers("connections").spare(1),
        Column::numbers("of them now").spare(2),
    ];
    let suffering =
        |peer: &&Peer| peer.retransmitting > 0 || is_noteworthy(peer.retransmit_ratio());
    table(columns, peers.iter().filter(suffering), |peer| {
        let share = peer.retransmit_ratio().map(figures::percent);
        let cells = [
            Text::plain(&peer.address.to_string()),
            Text::new(Ink::Strong, &figures::count(peer.retransmits)),
            Text::plain(&share.unwrap_or_default()),
            Text::plain(&figures::count(peer.connections)),
            Text::plain(&figures::count(peer.retransmitting)),
        ];
        (cells, Text::default())
    })
}

fn listeners(listeners: &[ListenerDetail]) -> Option<Table> {
    let columns = [
        Column::words("listening"),
        Column::numbers("to accept"),
        Column::numbers("dropped"),
    ];
    table(columns, listeners.iter(), |listener| {
        let (queue, limit) = (
            figures::count(listener.queue),
            figures::count(listener.limit),
        );
        let cells = [
            Text::new(Ink::Strong, &listener.local.to_string()),
            Text::plain(&format!("{queue} of {limit}")),
            dropped(listener.drops),
        ];
        let mut about = Text::default();
        if listener.is_full() {
            about.push(Ink::Bad, "the queue is full");
        }
        let files = listener.open_files.filter(OpenFiles::is_exhausted);
        if let Some(files) = files {
            let open = figures::count(files.open);
            let limit = files.limit.map(figures::count).unwrap_or_default();
            about.push(Ink::Plain, if about.is_empty() { "" } else { ", " });
            about.push(
                Ink::Bad,
                &format!("no file can be opened: {open} of {limit}"),
            );
        }
        (cells, owner::after(about, &listener.owner))
    })
}

fn udp(udp: &[UdpDetail], style: Style) -> Option<Table> {
    let columns = [
        Column::words("UDP"),
        Column::numbers("dropped"),
        Column::numbers("unread"),
    ];
    let dropping = |socket: &&UdpDetail| socket.drops > 0;
    table(columns, udp.iter().filter(dropping), |socket| {
        let mut ends = Text::new(Ink::Strong, &socket.local.to_string());
        if let Some(remote) = socket.remote {
            ends.push(Ink::Dim, arrow(style));
            ends.push(Ink::Strong, &remote.to_string());
        }
        let unread = format!("{} of {}", bytes(socket.queue), bytes(socket.buffer));
        let cells = [ends, dropped(socket.drops), Text::plain(&unread)];
        (cells, owner::after(Text::default(), &socket.owner))
    })
}

fn dropped(packets: u64) -> Text {
    let ink = if packets > 0 { Ink::Bad } else { Ink::Dim };
    Text::new(ink, &figures::count(packets))
}
