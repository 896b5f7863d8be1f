//! Echo requests of all targets, through one socket per address family.
//!
//! What differs between targets (source, device, DSCP) goes with each packet. Replies are matched by
//! nonce and number in their payload, errors by what they quote. Round-trip times are the differences
//! of the kernel's time stamps where a test at the start found them to work; then replies need not be
//! read at once, which at high rates saves most of the cost.
//!
//! Each family has a second socket with an identifier of its own, which rests but for trials and for targets
//! that another identifier healed ([`Identifier`]).

mod filter;
mod intake;
mod interfaces;
mod port;
mod proof;
mod sockets;
mod stamps;

use std::net::IpAddr;

use droplens_model::Family;
use droplens_model::sample::probes::{Outcome, SendFailure};
use rustix::event::PollFd;

use crate::engine::{Engine, Identifier, Order, Spares};
use crate::flight::Stamp;
use crate::random::Random;
use crate::sys::clock::monotonic;
use port::Port;
use sockets::Pair;

pub use sockets::Sockets;

/// The echo requests of one prober.
#[derive(Debug)]
pub struct Driver {
    v4: Side,
    v6: Side,
}

/// One address family.
#[derive(Debug)]
enum Side {
    Open {
        first: Box<Port>,
        second: Option<Box<Port>>,
    },
    /// Why there is no socket, and whether somebody was told.
    Closed { why: std::io::Error, told: bool },
}

impl Driver {
    /// With sockets that were opened before. Finds out what time stamps are worth, which takes some
    /// milliseconds.
    pub fn new(sockets: Sockets, random: &mut Random) -> Self {
        let mut side = |family, sockets: std::io::Result<_>| {
            let opened = sockets.and_then(|pair| Side::open(family, pair, random));
            opened.unwrap_or_else(|why| Side::Closed { why, told: false })
        };
        Self {
            v4: side(Family::V4, sockets.v4),
            v6: side(Family::V6, sockets.v6),
        }
    }

    /// Where there is a second identifier.
    pub fn spares(&self) -> Spares {
        Spares {
            v4: self.v4.has_second(),
            v6: self.v6.has_second(),
        }
    }

    /// Takes in that requests are sent now that waited for each other ([`Engine::tick`]), or not.
    pub fn begin(&mut self, together: bool) {
        self.open_mut().for_each(|port| port.begin(together));
    }

    /// Sends an echo request, or ends its probe if that cannot be done.
    pub fn send(&mut self, engine: &mut Engine, order: &Order) {
        let side = match order.address {
            IpAddr::V4(_) => &mut self.v4,
            IpAddr::V6(_) => &mut self.v6,
        };
        match side.send(order) {
            Ok(Some(called)) => engine.stamp(order.ticket, called),
            Ok(None) => {}
            Err(failure) => {
                engine.end(order.ticket, Outcome::SendError(failure));
            }
        }
    }

    /// Takes in all that waits in the sockets.
    pub fn receive(&mut self, engine: &mut Engine) {
        let used = self.open_mut().filter(|port| port.is_used());
        used.for_each(|port| port.receive(engine));
        for side in [&mut self.v4, &mut self.v6] {
            side.let_rest();
        }
    }

    /// Takes in the time stamps of what was just sent, so that they wake nobody.
    pub fn receive_stamps(&mut self, engine: &mut Engine) {
        let used = self.open_mut().filter(|port| port.is_used());
        used.for_each(|port| {
            port.receive_stamps(engine);
        });
    }

    /// Bytes of answers that there is room for in each socket, if they may wait there: with the kernel's time
    /// stamps round-trip times are exact however late replies are read.
    pub fn room(&self) -> Option<usize> {
        let room = self.open().map(Port::room).min();
        room.filter(|_| self.has_stamps())
    }

    /// Whether a test found the kernel's time stamps to work, on all sockets that are used.
    pub fn has_stamps(&self) -> bool {
        self.open().any(Port::can_stamp)
            && self
                .open()
                .filter(|port| port.is_used())
                .all(Port::can_stamp)
    }

    /// Packets that there was no room for.
    pub fn overflows(&mut self) -> u64 {
        self.open_mut().map(Port::overflows).sum()
    }

    /// What to wait for.
    pub fn waiting(&self) -> impl Iterator<Item = PollFd<'_>> {
        let used = self.open().filter(|port| port.is_used());
        used.map(Port::waiting)
    }

    fn open(&self) -> impl Iterator<Item = &Port> {
        let sides = [&self.v4, &self.v6].into_iter();
        sides
            .flat_map(|side| match side {
                Side::Open { first, second } => [Some(&**first), second.as_deref()],
                Side::Closed { .. } => [None, None],
            })
            .flatten()
    }

    fn open_mut(&mut self) -> impl Iterator<Item = &mut Port> {
        let sides = [&mut self.v4, &mut self.v6].into_iter();
        sides
            .flat_map(|side| match side {
                Side::Open { first, second } => [Some(&mut **first), second.as_deref_mut()],
                Side::Closed { .. } => [None, None],
            })
            .flatten()
    }
}

impl Side {
    fn open(family: Family, pair: Pair, random: &mut Random) -> std::io::Result<Self> {
        let Pair { first, second } = pair;
        let first = Port::first(family, first, second.as_ref(), random)?;
        // Without it, an outage cannot be looked into in this way, and that is all.
        let second = second.and_then(|second| Port::second(family, second, &first).ok());
        Ok(Self::Open {
            first: Box::new(first),
            second: second.map(Box::new),
        })
    }

    const fn has_second(&self) -> bool {
        matches!(
            self,
            Self::Open {
                second: Some(_),
                ..
            }
        )
    }

    fn let_rest(&mut self) {
        if let Self::Open {
            second: Some(second),
            ..
        } = self
            && second.is_used()
        {
            second.rest_since(monotonic());
        }
    }

    fn send(&mut self, order: &Order) -> Result<Option<Stamp>, SendFailure> {
        match self {
            Self::Open {
                second: Some(second),
                ..
            } if order.identifier == Identifier::Second => second.send(order),
            Self::Open { first, .. } => first.send(order),
            Self::Closed { why, told } => {
                let failure = crate::sys::failure::send_failure(why);
                if !std::mem::replace(told, true) {
                    sockets::complain(order.address, why, failure);
                }
                Err(failure)
            }
        }
    }
}
