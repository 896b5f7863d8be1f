//! Whether the kernel's time stamps work, found out over loopback.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::thread::sleep;
use std::time::Duration;

use droplens_model::Family;
use socket2::Socket;

use super::stamps::Numbering;
use crate::icmp::{Echo, EchoKind};
use crate::random::Random;
use crate::sys::clock::monotonic;
use crate::sys::control::Control;
use crate::sys::message::{Message, Origin};
use crate::sys::options::{self, Stamps};
use crate::sys::transfer::{self, Batch, Queue};

/// The kernel begins to stamp some time after the first socket of the host asked for it.
const TRIES: u32 = 50;

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// The number of the first stamp, if we may give it; the kernel would begin with 0.
const NUMBER: u32 = 0x5eed;

const STAMPS: Stamps = Stamps {
    receive: true,
    transmit: true,
};

/// Finds out how transmissions are numbered, by asking this host itself. Sending and receiving must
/// both be stamped, or neither is worth anything. Afterwards the counting begins with 0.
pub(super) fn numbering(
    socket: &Socket,
    family: Family,
    identifier: u16,
    random: &mut Random,
) -> Numbering {
    // By us is better, where the kernel lets us.
    let ways = [Numbering::Given, Numbering::Counted];
    let mut ways = ways.into_iter();
    ways.find(|numbering| works(socket, family, identifier, random, *numbering))
        .unwrap_or(Numbering::Off)
}

fn works(
    socket: &Socket,
    family: Family,
    identifier: u16,
    random: &mut Random,
    numbering: Numbering,
) -> bool {
    let nonce = random.number();
    for sequence in 0..TRIES {
        let echo = Echo {
            identifier,
            nonce,
            sequence,
            sent: monotonic(),
        };
        match attempt(socket, family, &echo, numbering) {
            Ok(true) if count_anew(socket).is_ok() => return true,
            Ok(_) => sleep(PAUSE),
            // The kernel does not know this way, or there is no loopback.
            Err(_) => break,
        }
    }
    false
}

/// Forgets all stamps and begins to count with 0.
pub(super) fn count_anew(socket: &Socket) -> io::Result<()> {
    options::stamp(socket, Stamps::default())?;
    options::stamp(socket, STAMPS)
}

/// One echo request to this host; whether it was stamped on the way out, under the right number, and
/// its reply on the way in.
fn attempt(socket: &Socket, family: Family, echo: &Echo, numbering: Numbering) -> io::Result<bool> {
    count_anew(socket)?;
    let mut batch = Batch::new(8, 256);
    let (control, number) = match numbering {
        Numbering::Given => (Control::new().stamp().stamp_number(NUMBER), NUMBER),
        _ => (Control::new().stamp(), 0),
    };
    let itself: SocketAddr = match family {
        Family::V4 => (Ipv4Addr::LOCALHOST, 0).into(),
        Family::V6 => (Ipv6Addr::LOCALHOST, 0).into(),
    };
    let request = echo.build(EchoKind::Request, family, 0);
    transfer::send(socket, itself, &request, &control)?;
    // Over loopback the reply is there before the sending returns.
    let received = stamped(&mut batch, socket, Queue::Packets, |_| true)?;
    let sent = stamped(
        &mut batch,
        socket,
        Queue::Errors,
        |message| matches!(message, Message::Error(error) if error.origin == Origin::Transmission(number)),
    )?;
    Ok(received && sent)
}

/// Empties a queue and tells whether a packet in it had a stamp and also this.
fn stamped(
    batch: &mut Batch,
    socket: &Socket,
    queue: Queue,
    also: impl Fn(Message) -> bool,
) -> io::Result<bool> {
    let mut found = false;
    while batch.receive(socket, queue)? > 0 {
        found |= batch.packets().any(|packet| {
            let mut messages = packet.messages();
            let stamped = messages.any(|message| matches!(message, Message::Stamp(_)));
            stamped && packet.messages().any(&also)
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Egress;
    use crate::sys::egress::open_echo;

    #[test]
    fn the_kernel_counts_as_older_ones_do() {
        let mut random = Random::seeded(5);
        for family in [Family::V4, Family::V6] {
            let Ok(echo) = open_echo(family, &Egress::default(), 5) else {
                eprintln!("SKIPPED: no permission to send echo requests");
                continue;
            };
            let (socket, identifier) = (echo.socket, echo.identifier);
            let counted = Numbering::Counted;
            let works = works(&socket, family, identifier, &mut random, counted);
            // There need not be an IPv6 loopback address.
            assert!(works || family == Family::V6);
        }
    }
}
