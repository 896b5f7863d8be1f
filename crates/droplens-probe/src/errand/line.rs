//! A line to one address: a socket of an errand that sends numbered packets, and tells which of them were
//! answered or came back as ICMP errors. It needs no privilege where ping sockets are permitted.

mod codec;
mod tcp;

use std::io;
use std::net::{IpAddr, SocketAddr};

use droplens_model::sample::probes::IcmpError;
use droplens_model::{Family, Moment};
use rustix::io::Errno;
use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Task;
use crate::sys::clock::monotonic;
use crate::sys::control::Control;
use crate::sys::egress::{self, EchoKind, EchoSocket};
use crate::sys::message::{ExtendedError, Message, Origin};
use crate::sys::options;
use crate::sys::transfer::{self, Batch, Packet, Queue};
use crate::sys::watch;
use codec::Codec;
pub(super) use tcp::TcpLine;

/// Packets that are received at once.
const BATCH: usize = 4;

/// Room for a packet without its payload: IPv4 with all options, or IPv6, and a header.
const HEADERS: usize = 120;

/// Identifiers and ports that are tried before any will do.
const TRIES: u16 = 8;

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// Of which packet.
    pub(super) about: About,
    /// From whom.
    pub(super) from: IpAddr,
    /// What.
    pub(super) what: What,
    /// When it was read.
    pub(super) at: Moment,
}

/// Which packet an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The one with this number.
    Packet(usize),
    /// It is to one of ours and does not say which: too little of it is quoted.
    Unclear,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The target answers.
    Reply,
    /// An ICMP error.
    Error {
        /// Which one.
        error: IcmpError,
        /// The largest packet that would pass, if it says so.
        mtu: Option<u32>,
    },
}

impl What {
    /// Whether it says that the packet was too big.
    pub(super) const fn is_too_big(self, family: Family) -> bool {
        let Self::Error { error, .. } = self else {
            return false;
        };
        match family {
            Family::V4 => error.kind == 3 && error.code == 4,
            Family::V6 => error.kind == 2,
        }
    }
}

/// Why a packet was not sent.
#[derive(Debug)]
pub(super) enum Unsent {
    /// It is larger than what this host sends there: the largest it does.
    TooBig(Option<u32>),
    /// Another error.
    Failed(io::Error),
}

/// A line over one socket.
#[derive(Debug)]
pub(super) struct Line {
    socket: AsyncFd<Socket>,
    codec: Codec,
    target: SocketAddr,
    family: Family,
    batch: Batch,
    /// What was heard while a packet was sent.
    early: Vec<Heard>,
}

impl Line {
    /// Of echo requests of at most `most` bytes with the IP header. The identifier is the same for all
    /// errands of an address, if it is free.
    pub(super) fn echo(task: &Task, most: u32) -> io::Result<Self> {
        let family = Family::of(task.address);
        let [.., high, low] = task.nonce.to_be_bytes();
        let identifier = u16::from_be_bytes([high, low]).max(1);
        let ping = || {
            let wanted = (0..TRIES).map(|step| identifier.wrapping_add(step).max(1));
            first_free(wanted, |identifier| {
                egress::open_ping_as(family, task.egress(), identifier)
            })
        };
        let raw = || egress::open_raw(family, task.egress(), identifier);
        // The order of `open_echo`, and its reason.
        let known = match family {
            Family::V4 => ping().or_else(|_| raw()),
            Family::V6 => raw().or_else(|_| ping()),
        };
        let EchoSocket {
            socket,
            kind,
            identifier,
        } = known.or_else(|_| egress::open_echo(family, task.egress(), identifier))?;
        let codec = Codec::Echo {
            identifier: (kind == EchoKind::Raw).then_some(identifier),
            nonce: task.nonce,
        };
        Self::new(socket, codec, task.address, 0, most)
    }

    /// Of UDP datagrams to a port, always from the same port if it is free.
    pub(super) fn udp(task: &Task, port: u16) -> io::Result<Self> {
        let family = Family::of(task.address);
        let wanted = source_ports(task.nonce);
        let bound = first_free(wanted, |port| {
            egress::open_udp_from(family, task.egress(), port)
        });
        let socket = bound.or_else(|_| egress::open_udp(family, task.egress()))?;
        Self::new(
            socket,
            Codec::Udp { nonce: task.nonce },
            task.address,
            port,
            0,
        )
    }

    fn new(socket: Socket, codec: Codec, target: IpAddr, port: u16, most: u32) -> io::Result<Self> {
        let family = Family::of(target);
        let target = SocketAddr::new(target, port);
        options::report_errors(&socket, family)?;
        socket.connect(&target.into())?;
        let room = usize::try_from(most)
            .unwrap_or_default()
            .max(codec::SMALLEST)
            + HEADERS;
        Ok(Self {
            socket: watch::watch(socket, Interest::READABLE | Interest::ERROR)?,
            codec,
            target,
            family,
            batch: Batch::new(BATCH, room),
            early: Vec::new(),
        })
    }

    /// The socket, to set its options.
    pub(super) const fn socket(&self) -> &AsyncFd<Socket> {
        &self.socket
    }

    /// Sends a packet of so many bytes with the IP header, but at least what our payload needs.
    pub(super) fn send(&mut self, number: usize, size: u32, ttl: Option<u8>) -> Result<(), Unsent> {
        let bytes = self.codec.build(self.family, number, size);
        let mut control = Control::new();
        if let Some(ttl) = ttl {
            control = control.ttl(self.family, ttl);
        }
        // The error of an earlier packet would be told instead of this one's; it is in the queue too.
        let mut result = Ok(0);
        for _ in 0..2 {
            let _ = self.socket.get_ref().take_error();
            result = transfer::send(&self.socket, self.target, &bytes, &control);
            if result.is_ok() {
                return Ok(());
            }
        }
        let mut limit = None;
        let mut heard = Vec::new();
        self.errors(&mut heard, &mut limit);
        self.early.append(&mut heard);
        match result {
            Err(error) if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => {
                Err(Unsent::TooBig(limit))
            }
            Err(error) => Err(Unsent::Failed(error)),
            Ok(_) => Ok(()),
        }
    }

    /// Waits until then for answers, and returns as soon as there are some.
    pub(super) async fn hear(&mut self, until: Moment) -> Vec<Heard> {
        let mut heard = std::mem::take(&mut self.early);
        loop {
            self.replies(&mut heard);
            self.errors(&mut heard, &mut None);
            let left = until.since(monotonic());
            if !heard.is_empty() || left.is_zero() {
                return heard;
            }
            let ready = self.socket.ready(Interest::READABLE | Interest::ERROR);
            // Cleared before it is read, so that what comes meanwhile is not missed.
            match tokio::time::timeout(left, ready).await {
                Ok(Ok(mut ready)) => ready.clear_ready(),
                // The runtime is shutting down.
                Ok(Err(_)) => return heard,
                Err(_) => {}
            }
        }
    }

    fn replies(&mut self, heard: &mut Vec<Heard>) {
        let from = self.target.ip();
        // An error here is one of the error queue, which is read next.
        while let Ok(count @ 1..) = self.batch.receive(&self.socket, Queue::Packets) {
            let at = monotonic();
            for packet in self.batch.packets() {
                if packet.peer.is_some_and(|peer| peer.ip() == from)
                    && let Some(about) = self.codec.reply(self.family, packet.payload)
                {
                    let what = What::Reply;
                    heard.push(Heard {
                        about,
                        from,
                        what,
                        at,
                    });
                }
            }
            if count < self.batch.capacity() {
                return;
            }
        }
    }

    fn errors(&mut self, heard: &mut Vec<Heard>, limit: &mut Option<u32>) {
        while let Ok(1..) = self.batch.receive(&self.socket, Queue::Errors) {
            let at = monotonic();
            for packet in self.batch.packets() {
                match icmp_error(&packet) {
                    Some(Told::Icmp { from, what }) => {
                        if let Some(about) = self.codec.quoted(self.family, packet.payload) {
                            heard.push(Heard {
                                about,
                                from,
                                what,
                                at,
                            });
                        }
                    }
                    Some(Told::Limit(mtu)) => *limit = Some(mtu),
                    None => {}
                }
            }
        }
    }
}

/// Source ports for the errands of an address.
fn source_ports(nonce: u64) -> impl Iterator<Item = u16> {
    // Above the ports of services, and the same for each errand.
    let first = 32_768 + u16::try_from(nonce % 28_000).unwrap_or_default();
    (0..TRIES).map(move |step| first + step)
}

/// The first socket that can be opened with a number that nobody else has.
fn first_free<T>(
    mut numbers: impl Iterator<Item = u16>,
    open: impl Fn(u16) -> io::Result<T>,
) -> io::Result<T> {
    let taken = || io::Error::from(io::ErrorKind::AddrInUse);
    let tried = numbers.find_map(|number| match open(number) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => None,
        result => Some(result),
    });
    tried.unwrap_or_else(|| Err(taken()))
}

/// What an entry of the error queue tells.
enum Told {
    Icmp {
        from: IpAddr,
        what: What,
    },
    /// This host sends packets up to this size.
    Limit(u32),
}

fn icmp_error(packet: &Packet<'_>) -> Option<Told> {
    let error = packet.messages().find_map(|message| match message {
        Message::Error(error) => Some(error),
        _ => None,
    });
    let ExtendedError {
        origin, offender, ..
    } = error?;
    match origin {
        Origin::Icmp { kind, code, info } => Some(Told::Icmp {
            from: offender?,
            what: What::Error {
                error: IcmpError { kind, code },
                mtu: Some(info).filter(|info| *info > 0),
            },
        }),
        Origin::Local { mtu } => Some(Told::Limit(mtu)),
        _ => None,
    }
}
