//! Sockets and the applications behind them.

mod ports;
mod tcp;
mod udp;

use droplens_model::{Cause, Source};

use super::Rule;
use crate::view::Needs;

const UDP: Needs = Needs::Any(&[Source::Snmp, Source::Snmp6]);
const TCP: Needs = Needs::All(&[Source::Netstat]);

pub(super) const RULES: &[Rule] = &[
    Rule::new(Cause::UdpReceiveBufferFull, UDP, udp::receive_buffer_full),
    Rule::new(Cause::UdpSendBufferFull, UDP, udp::send_buffer_full),
    Rule::new(Cause::UdpMemoryLimit, UDP, udp::memory_limit),
    Rule::new(Cause::UdpNoPort, UDP, udp::no_port),
    Rule::new(Cause::TcpAcceptQueueFull, TCP, tcp::accept_queue_full),
    Rule::new(Cause::TcpSynQueueFull, TCP, tcp::syn_queue_full),
    Rule::new(Cause::TcpReceiveQueueFull, TCP, tcp::receive_queue_full),
    Rule::new(Cause::TcpBacklogDrop, TCP, tcp::backlog_drop),
    Rule::new(Cause::TcpMemoryPressure, TCP, tcp::memory_pressure),
    Rule::new(Cause::ZeroWindow, TCP, tcp::zero_window),
    Rule::new(
        Cause::CloseWaitLeak,
        Needs::All(&[Source::Sockets]),
        ports::close_wait_leak,
    ),
    Rule::new(Cause::TimeWaitOverflow, TCP, ports::time_wait_overflow),
    Rule::new(
        Cause::EphemeralPortsExhausted,
        Needs::All(&[Source::Sockets]),
        ports::ephemeral_ports_exhausted,
    ),
    Rule::new(Cause::TcpResets, Needs::All(&[Source::Snmp]), tcp::resets),
];
