//! What raw sockets let through. Without a filter each of the host's ICMP packets would wake us.

use std::io;
use std::os::fd::AsFd;

use droplens_model::Family;

use crate::sys::egress::{EchoKind, answers};
use crate::sys::filter::{self, Instruction};

/// Classic BPF (`linux/bpf_common.h`).
const LOAD_WORD_AT: u16 = 0x40;
const LOAD_HALF_AT: u16 = 0x48;
const LOAD_BYTE_AT: u16 = 0x50;
const LOAD_INDEX: u16 = 0x01;
const LOAD_INDEX_HEADER: u16 = 0xb1;
const JUMP_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Offsets from the ICMP header on.
const TYPE: u32 = 0;
const IDENTIFIER: u32 = 4;
const MAGIC: u32 = 8;
const QUOTE: u32 = 8;

/// Whose replies a raw socket receives beside those that bear its own identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strangers {
    /// Those with our magic and neither our identifier nor this one, which another socket of ours has: so
    /// that what was garbled on the way is seen, by one socket only.
    Without(u16),
    /// None.
    Hidden,
}

/// What a socket lets through, and when. The kernel hands ping sockets their own replies only.
#[derive(Debug)]
pub(super) struct Gate {
    is_raw: bool,
    family: Family,
    program: Vec<Instruction>,
}

impl Gate {
    pub(super) fn new(
        family: Family,
        kind: EchoKind,
        identifier: u16,
        strangers: Strangers,
    ) -> Self {
        Self {
            is_raw: kind == EchoKind::Raw,
            family,
            program: program(family, identifier, strangers),
        }
    }

    /// Lets in what concerns the socket.
    pub(super) fn open(&self, socket: &impl AsFd) -> io::Result<()> {
        if self.is_raw {
            filter::attach(socket, &self.program)?;
            filter::pass_types(socket, self.family, answers(self.family))?;
        }
        Ok(())
    }

    /// Lets in nothing.
    pub(super) fn close(&self, socket: &impl AsFd) -> io::Result<()> {
        if self.is_raw {
            close(socket, self.family)?;
        }
        Ok(())
    }
}

/// Lets nothing into a raw socket. The filter by type alone would let in what no type has; the program alone
/// would have the kernel copy each packet for it.
pub(super) fn close(socket: &impl AsFd, family: Family) -> io::Result<()> {
    filter::attach(socket, &[step(RETURN, 0)])?;
    filter::pass_types(socket, family, &[])
}

/// Lets through replies that have our identifier, those of some strangers, and errors about ICMP packets. A
/// packet too short to tell is dropped.
///
/// IPv4 packets begin with the IP header, whose length is loaded as the index; `ICMPv6` ones do not.
fn program(family: Family, identifier: u16, strangers: Strangers) -> Vec<Instruction> {
    let (elsewhere, strange) = match strangers {
        Strangers::Without(other) => (other, 0),
        Strangers::Hidden => (identifier, 9),
    };
    let (header, reply) = match family {
        // ldxb 4*([0]&0xf)
        Family::V4 => (step(LOAD_INDEX_HEADER, 0), 0),
        Family::V6 => (step(LOAD_INDEX, 0), 129),
    };
    // The protocol of the packet in an error. Extension headers are left to the reader.
    let (protocol, ours) = match family {
        Family::V4 => (QUOTE + 9, [1, 1, 1, 1]),
        Family::V6 => (QUOTE + 6, [58, 0, 43, 60]),
    };
    let magic = u32::from_be_bytes(crate::icmp::MAGIC);
    let [first, second, third, fourth] = ours;
    vec![
        header,
        step(LOAD_BYTE_AT, TYPE),
        unless(reply, 5),
        // A reply.
        step(LOAD_HALF_AT, IDENTIFIER),
        either(u32::from(identifier), 8, strange),
        when(u32::from(elsewhere), 8),
        step(LOAD_WORD_AT, MAGIC),
        either(magic, 5, 6),
        // An error.
        step(LOAD_BYTE_AT, protocol),
        when(first, 3),
        when(second, 2),
        when(third, 1),
        either(fourth, 0, 1),
        step(RETURN, u32::MAX),
        step(RETURN, 0),
    ]
}

const fn step(code: u16, operand: u32) -> Instruction {
    either_of(code, operand, 0, 0)
}

/// Skips so many instructions if the value is this one.
const fn when(value: u32, skip: u8) -> Instruction {
    either_of(JUMP_EQUAL, value, skip, 0)
}

/// Skips so many instructions if it is not.
const fn unless(value: u32, skip: u8) -> Instruction {
    either_of(JUMP_EQUAL, value, 0, skip)
}

const fn either(value: u32, yes: u8, no: u8) -> Instruction {
    either_of(JUMP_EQUAL, value, yes, no)
}

const fn either_of(code: u16, operand: u32, yes: u8, no: u8) -> Instruction {
    Instruction {
        code,
        yes,
        no,
        operand,
    }
}
