//! The socket of one address family.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use droplens_model::sample::probes::SendFailure;
use droplens_model::{Family, Moment};
use rustc_hash::FxHashSet;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use socket2::Socket;

use super::filter::{Gate, Strangers};
use super::intake::Own;
use super::interfaces::Interfaces;
use super::proof;
use super::stamps::{Numbering, Stamps, Wanted};
use crate::engine::{Engine, Order};
use crate::flight::Stamp;
use crate::icmp::{self, Echo, HEADER};
use crate::random::Random;
use crate::spec::{Ask, EchoSpec};
use crate::sys::clock::{monotonic, realtime};
use crate::sys::control::Control;
use crate::sys::egress::{EchoKind, EchoSocket, is_own};
use crate::sys::failure::send_failure;
use crate::sys::options::{self, Fragmentation};
use crate::sys::transfer::{self, Batch, Queue};

/// Packets that are received in one call.
const BATCH: usize = 16;

/// Room for a usual packet, with an IPv4 header.
const USUAL: usize = 256;

/// The longest IPv4 header.
const IP_HEADER: usize = 60;

/// No device and no path is narrower than this, in bytes, so that nobody would cut what is no longer.
const NARROW: usize = 128;

/// Room for received packets, in bytes as the kernel counts them: some thousand.
const ROOM: usize = 8 << 20;

/// Room for packets to be sent.
const SEND_ROOM: usize = 2 << 20;

/// The kernel counts at least so many bytes for a packet.
const LEAST: usize = 512;

/// No answer comes as long after its request: longer than any timeout, with what a late one is given.
const IDLE: Duration = Duration::from_secs(120);

/// A send is tried again this often when the error was another packet's.
const TRIES: u32 = 3;

#[derive(Debug)]
pub(super) struct Port {
    own: Own,
    socket: Socket,
    gate: Gate,
    used: bool,
    last_sent: Moment,
    /// Whether somebody was told what this socket cannot do.
    complained: bool,
    stamps: Stamps,
    fragmentation: Option<Fragmentation>,
    interfaces: Interfaces,
    /// Where the last packet was refused.
    refused: FxHashSet<IpAddr>,
    /// Bytes of packets, as the kernel counts them, that can wait.
    room: usize,
    batch: Batch,
    errors: Batch,
    packet: Vec<u8>,
    dropped: u32,
    overflows: u64,
}

impl Port {
    /// The one that is used for most. `second` has the other identifier of the family.
    pub(super) fn first(
        family: Family,
        echo: EchoSocket,
        second: Option<&EchoSocket>,
        random: &mut Random,
    ) -> io::Result<Self> {
        let other = second.map_or(echo.identifier, |second| second.identifier);
        let mut port = Self::new(family, echo, Strangers::Without(other))?;
        port.gate.open(&port.socket)?;
        let numbering = proof::numbering(&port.socket, family, port.own.identifier, random);
        port.stamps = Stamps::new(numbering);
        Ok(port)
    }

    /// One with another identifier, whose socket receives nothing until it is used. The kernel stamps its packets
    /// as those of the first one.
    pub(super) fn second(family: Family, echo: EchoSocket, first: &Self) -> io::Result<Self> {
        let mut port = Self::new(family, echo, Strangers::Hidden)?;
        if first.can_stamp() {
            proof::count_anew(&port.socket)?;
        }
        port.stamps = Stamps::new(first.stamps.numbering());
        Ok(port)
    }

    fn new(family: Family, echo: EchoSocket, strangers: Strangers) -> io::Result<Self> {
        let EchoSocket {
            socket,
            kind,
            identifier,
        } = echo;
        let gate = Gate::new(family, kind, identifier, strangers);
        let room = options::make_room(&socket, ROOM)?;
        options::make_send_room(&socket, SEND_ROOM)?;
        let dropped = options::overflows(&socket).unwrap_or_default();
        Ok(Self {
            own: Own {
                family,
                kind,
                identifier,
            },
            socket,
            gate,
            used: false,
            last_sent: Moment::default(),
            complained: false,
            stamps: Stamps::new(Numbering::Off),
            fragmentation: None,
            interfaces: Interfaces::default(),
            refused: FxHashSet::default(),
            room,
            batch: Batch::new(BATCH, USUAL),
            errors: Batch::new(BATCH, USUAL),
            packet: Vec::with_capacity(USUAL),
            dropped,
            overflows: 0,
        })
    }

    pub(super) fn waiting(&self) -> PollFd<'_> {
        PollFd::new(&self.socket, PollFlags::IN)
    }

    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Receives nothing until it is used again, if it was not for so long that no answer can come any more.
    /// Otherwise a socket that is hardly used would be woken up by all ICMP errors of the host.
    pub(super) fn rest_since(&mut self, now: Moment) {
        if self.used && now.since(self.last_sent) > IDLE && self.gate.close(&self.socket).is_ok() {
            self.used = false;
        }
    }

    pub(super) fn can_stamp(&self) -> bool {
        self.stamps.are_there()
    }

    pub(super) const fn room(&self) -> usize {
        self.room
    }

    /// Takes in that packets are sent now that waited for each other, or not.
    pub(super) const fn begin(&mut self, together: bool) {
        self.stamps.begin(together);
    }

    pub(super) fn overflows(&mut self) -> u64 {
        // It was possible before, so it is now.
        if let Ok(dropped) = options::overflows(&self.socket) {
            self.overflows += u64::from(dropped.wrapping_sub(self.dropped));
            self.dropped = dropped;
        }
        self.overflows
    }

    /// Sends an echo request. When it was handed to the kernel, by the clock of the stamps if there are any:
    /// that is the time of its transmission until a stamp says so exactly.
    pub(super) fn send(&mut self, order: &Order) -> Result<Option<Stamp>, SendFailure> {
        let Ask::Icmp(spec) = &order.request.ask else {
            return Err(SendFailure::Other);
        };
        let now = monotonic();
        if !self.used {
            let opened = self.gate.open(&self.socket);
            opened.map_err(|error| send_failure(&error))?;
            self.used = true;
        }
        self.last_sent = now;
        let wanted = if self.refused.contains(&order.address) {
            Wanted::No
        } else {
            self.stamps.want(now)
        };
        let sent = self.try_send(order, spec, wanted, now);
        match sent {
            Ok(called) => {
                self.stamps.sent(wanted, order.ticket, || Stamp(realtime()));
                self.refused.remove(&order.address);
                Ok(self.can_stamp().then_some(called))
            }
            Err(error) => {
                self.stamps.refused(wanted, now);
                self.remember_refusal(order.address);
                let failure = send_failure(&error);
                // For a source that is not an address of this host kernels have several words.
                let doubtful = matches!(failure, SendFailure::Other | SendFailure::Unreachable);
                let foreign = |source| doubtful && !is_own(source);
                Err(match order.request.egress.source {
                    Some(source) if foreign(source) => SendFailure::NoDevice,
                    _ => failure,
                })
            }
        }
    }

    fn try_send(
        &mut self,
        order: &Order,
        spec: &EchoSpec,
        wanted: Wanted,
        now: Moment,
    ) -> io::Result<Stamp> {
        self.set_fragmentation(spec)?;
        let size = usize::from(spec.payload);
        self.make_room(size + HEADER + IP_HEADER);
        if wanted == Wanted::Anew {
            proof::count_anew(&self.socket)?;
        }
        let control = self.control(order, wanted, now)?;
        let echo = Echo {
            identifier: self.own.identifier,
            nonce: order.nonce(),
            sequence: order.sequence(),
            sent: now,
        };
        echo.write(
            icmp::EchoKind::Request,
            self.own.family,
            size,
            &mut self.packet,
        );
        let to = SocketAddr::new(order.address, 0);
        let mut tries = 0;
        loop {
            tries += 1;
            let called = Stamp(realtime());
            match transfer::send(&self.socket, to, &self.packet, &control) {
                Ok(_) => return Ok(called),
                Err(error) if tries < TRIES && self.may_be_anothers(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Ping sockets hand out the error that came back for an earlier packet to the next call.
    fn may_be_anothers(&self, error: &io::Error) -> bool {
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        let own = [
            Errno::PERM,
            Errno::AGAIN,
            Errno::NOBUFS,
            Errno::NOMEM,
            Errno::INVAL,
        ];
        self.own.kind == EchoKind::Ping && errno.is_some_and(|errno| !own.contains(&errno))
    }

    fn control(&mut self, order: &Order, wanted: Wanted, now: Moment) -> io::Result<Control> {
        let egress = &order.request.egress;
        let mut control = Control::new();
        let interface = match &egress.interface {
            Some(name) => self.interfaces.index(&self.socket, name, now)?,
            None => 0,
        };
        if let (Family::V6, EchoKind::Ping, Some(source)) =
            (self.own.family, self.own.kind, egress.source)
        {
            // The kernel would choose another one and say nothing.
            if !std::mem::replace(&mut self.complained, true) {
                tracing::error!(
                    "cannot send echo requests from {source}: an IPv6 ping socket does not obey a source \
                     address. Grant CAP_NET_RAW"
                );
            }
            return Err(Errno::PERM.into());
        }
        if interface != 0 || egress.source.is_some() {
            control = control.leave_by(self.own.family, egress.source, interface);
        }
        if egress.dscp != 0 {
            control = control.dscp(self.own.family, egress.dscp);
        }
        Ok(match wanted {
            Wanted::No => control,
            Wanted::Yes | Wanted::Anew => control.stamp(),
            Wanted::Numbered(number) => control.stamp().stamp_number(number),
        })
    }

    fn set_fragmentation(&mut self, spec: &EchoSpec) -> io::Result<()> {
        let length = usize::from(spec.payload) + HEADER + IP_HEADER;
        let wanted = match (spec.dont_fragment, self.own.family) {
            (true, _) => Fragmentation::Forbidden,
            // The kernel has to find a number for every packet that may be cut.
            (false, Family::V4) if length <= NARROW => Fragmentation::Probing,
            (false, _) => Fragmentation::Allowed,
        };
        if self.fragmentation != Some(wanted) {
            options::fragment(&self.socket, self.own.family, wanted)?;
            self.fragmentation = Some(wanted);
        }
        Ok(())
    }

    /// Sees to it that replies of this size can be read whole.
    fn make_room(&mut self, size: usize) {
        if size > self.batch.payload() {
            self.batch = Batch::new(BATCH, size);
            self.errors = Batch::new(BATCH, size);
        }
    }

    /// Refused packets ask for no stamps, so that they do not disturb the counting of the others.
    fn remember_refusal(&mut self, address: IpAddr) {
        const MOST: usize = 10_000;
        if self.refused.len() >= MOST {
            self.refused.clear();
        }
        self.refused.insert(address);
    }

    pub(super) fn receive(&mut self, engine: &mut Engine) {
        // When that many were read, every packet of the queue was seen.
        let most = self.room / LEAST;
        let (mut seen, mut errors) = (0, 0);
        // What comes while this goes on may wait; what was there has been seen by then.
        while seen <= most && errors <= most {
            let received = self.batch.receive(&self.socket, Queue::Packets);
            // Stamps of what was answered are there by now.
            let failed = self.receive_stamps(engine);
            let Ok(count) = received else {
                // An error that came back; its details were in the error queue.
                errors += 1;
                continue;
            };
            let read = monotonic();
            for packet in self.batch.packets() {
                self.own.take(&packet, read, engine);
            }
            seen += count;
            // An error that came back cuts a batch short.
            if count < self.batch.capacity() && !failed {
                break;
            }
        }
    }

    /// Empties the error queue. Whether an ICMP error was in it.
    pub(super) fn receive_stamps(&mut self, engine: &mut Engine) -> bool {
        let mut failed = false;
        for _ in 0..=self.room / LEAST / BATCH {
            let Ok(count) = self.errors.receive(&self.socket, Queue::Errors) else {
                break;
            };
            for packet in self.errors.packets() {
                failed |= self.own.take_error(&packet, &mut self.stamps, engine);
            }
            if count < self.errors.capacity() {
                break;
            }
        }
        failed
    }
}
