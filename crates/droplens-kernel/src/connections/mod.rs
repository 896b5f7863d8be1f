//! Which connections, peers, ports and processes suffer. Not a source that is read again and
//! again: it is asked when a person wants to know, and may take a second.

mod cgroups;
mod collect;
mod details;
mod info;
#[cfg(test)]
mod live;
mod owners;
mod peers;
mod processes;
mod ranking;
mod unit;

use std::time::Duration;

use droplens_model::sample::connections::{Connections, Owner};
use droplens_model::sample::sockets::TcpState;
use droplens_model::{Family, PerFamily};
use neli::consts::socket::NlFamily;

use self::collect::{Collect, Found, Listeners, Tcp, Traces, Udp};
use self::owners::Owners;
use crate::netlink::{LazyNetlink, Request};
use crate::sockets::message::{Extension, Protocol, SOCK_DIAG_BY_FAMILY, SocketMessage, requests};
use crate::sockets::{ANY, LISTEN, NOT_LISTEN};
use crate::{ReadError, Root};

/// How many of the worst are usually asked for.
pub const TOP: usize = 10;
/// The most that each list holds, however many are asked for.
const MOST: usize = 1_000;

/// Connections, without those in `TIME-WAIT`, which belong to nobody and have no figures.
const CONNECTIONS: u32 = NOT_LISTEN & !(1 << TcpState::TimeWait as u32);

/// No answer of the kernel takes longer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the sockets of this network namespace and keeps the worst of them.
#[derive(Debug)]
pub struct ConnectionsReader {
    root: Root,
    netlink: LazyNetlink,
    tcp: PerFamily<Request>,
    listeners: PerFamily<Request>,
    udp: PerFamily<Request>,
}

impl ConnectionsReader {
    /// A reader; nothing is opened before the first reading.
    pub fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            netlink: LazyNetlink::new(NlFamily::SockOrInetDiag, TIMEOUT),
            tcp: requests(
                "sock_diag of TCP in detail",
                Protocol::Tcp,
                CONNECTIONS,
                Extension::Everything,
            ),
            listeners: requests(
                "sock_diag of TCP listeners",
                Protocol::Tcp,
                LISTEN,
                Extension::Memory,
            ),
            udp: requests("sock_diag of UDP", Protocol::Udp, ANY, Extension::Memory),
        }
    }

    /// Reads all sockets once and tells the `top` worst of each kind, 1 000 at most.
    pub fn read(&mut self, top: usize) -> Result<Connections, ReadError> {
        let top = top.min(MOST);
        let netlink = &mut self.netlink;
        let (tcp, tcp_complete) = list::<Tcp>(netlink, &self.tcp, top)?;
        let (listeners, listeners_complete) = list::<Listeners>(netlink, &self.listeners, top)?;
        let (udp, udp_complete) = list::<Udp>(netlink, &self.udp, top)?;

        let worst = tcp.worst.into_items();
        let stuck = tcp.stuck.into_items();
        let listeners = listeners.worst.into_items();
        let udp = udp.worst.into_items();
        let sockets: Vec<_> = traces(&worst)
            .chain(traces(&stuck))
            .chain(traces(&listeners))
            .chain(traces(&udp))
            .collect();
        let owners = Owners::find(&self.root, &sockets);

        Ok(Connections {
            sockets: tcp.sockets,
            worst: settle(worst, &owners, |it, owner, _| it.owner = owner),
            stuck: settle(stuck, &owners, |it, owner, _| it.owner = owner),
            peers_exact: tcp.peers.exact,
            peers: tcp.peers.worst(top),
            listeners: settle(listeners, &owners, |it, owner, traces| {
                it.owner = owner;
                it.open_files = owners.open_files(&self.root, traces);
            }),
            udp: settle(udp, &owners, |it, owner, _| it.owner = owner),
            complete: tcp_complete && listeners_complete && udp_complete,
        })
    }
}

/// Collects the sockets of both families, and tells whether the lists were whole.
fn list<T: Collect>(
    netlink: &mut LazyNetlink,
    requests: &PerFamily<Request>,
    most: usize,
) -> Result<(T, bool), ReadError> {
    let mut both = T::new(most);
    let mut complete = true;
    for (family, request) in requests.iter() {
        let mut one = T::new(most);
        complete &= netlink
            .request(
                request,
                &mut one,
                |one| *one = T::new(most),
                |one, kind, payload| take(one, family, kind, payload),
            )?
            .is_complete();
        both.merge(one);
    }
    Ok((both, complete))
}

fn take<T: Collect>(
    list: &mut T,
    family: Family,
    kind: u16,
    payload: &[u8],
) -> Result<(), crate::ParseError> {
    if kind != SOCK_DIAG_BY_FAMILY {
        return Ok(());
    }
    list.take(family, &SocketMessage::parse(payload)?)
}

fn traces<T>(found: &[Found<T>]) -> impl Iterator<Item = Traces> {
    found.iter().map(|found| found.traces)
}

/// Gives each its owner.
fn settle<T>(
    found: Vec<Found<T>>,
    owners: &Owners,
    give: impl Fn(&mut T, Owner, Traces),
) -> Vec<T> {
    found
        .into_iter()
        .map(|Found { mut item, traces }| {
            give(&mut item, owners.owner(traces), traces);
            item
        })
        .collect()
}
