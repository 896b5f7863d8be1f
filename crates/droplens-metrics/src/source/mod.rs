//! One module per source: its families, and the code that fills them.

use std::fmt;

use droplens_model::Source;

use crate::context::Context;
use crate::encoder::Encoder;
use crate::{Family, Selection};

pub(crate) mod agent;
mod conntrack;
mod cpu;
mod driver;
mod ethtool;
mod firewall;
mod interrupts;
mod limits;
mod links;
mod neighbours;
pub(crate) mod netstat;
mod pressure;
mod probes;
mod process;
mod qdisc_classes;
mod qdiscs;
mod sockets;
mod sockstat;
mod softirqs;
mod softnet;

/// The families of every source, the most important first: when the cap is reached, what comes
/// last is cut.
pub(crate) static ALL: &[&[&Family]] = &[
    agent::FAMILIES,
    crate::own::FAMILIES,
    crate::judgement::FAMILIES,
    process::FAMILIES,
    softnet::FAMILIES,
    links::FAMILIES,
    conntrack::FAMILIES,
    firewall::FAMILIES,
    netstat::FAMILIES,
    qdiscs::FAMILIES,
    sockets::FAMILIES,
    sockstat::FAMILIES,
    cpu::FAMILIES,
    softirqs::FAMILIES,
    limits::FAMILIES,
    neighbours::FAMILIES,
    pressure::FAMILIES,
    probes::FAMILIES,
    probes::kinds::FAMILIES,
    probes::runs::FAMILIES,
    probes::prober::FAMILIES,
    interrupts::FAMILIES,
    ethtool::FAMILIES,
    driver::FAMILIES,
    qdisc_classes::FAMILIES,
];

/// What has to be remembered from scrape to scrape.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    names: netstat::Names,
    ports: sockets::Ports,
    rules: firewall::Rules,
    pub(crate) folded: crate::judgement::Folded,
}

/// Encodes every source that has a good reading and was asked for.
pub(crate) fn encode(
    context: &Context<'_>,
    selection: Selection,
    memory: &mut Memory,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let snapshot = context.snapshot;
    macro_rules! good {
        ($source:ident $field:ident) => {
            snapshot
                .$field
                .ok()
                .filter(|_| selection.contains(Source::$source))
        };
    }
    macro_rules! sources {
        ($($source:ident $field:ident: $module:ident;)+) => { $(
            if let Some(sample) = good!($source $field) {
                $module::encode(sample, context, encoder)?;
            }
        )+ };
    }
    sources! {
        Process process: process;
        Softnet softnet: softnet;
        Links links: links;
        Conntrack conntrack: conntrack;
    }
    if let Some(sample) = good!(Firewall firewall) {
        firewall::encode(sample, &mut memory.rules, encoder)?;
    }
    for (source, counters) in [
        (Source::Snmp, good!(Snmp snmp)),
        (Source::Snmp6, good!(Snmp6 snmp6)),
        (Source::Netstat, good!(Netstat netstat)),
    ] {
        if let Some(counters) = counters {
            netstat::encode(source, counters, &mut memory.names, encoder)?;
        }
    }
    netstat::encode_icmp(good!(Snmp snmp), good!(Snmp6 snmp6), encoder)?;
    sources! {
        Qdiscs qdiscs: qdiscs;
    }
    if let Some(sample) = good!(Sockets sockets) {
        sockets::encode(sample, context, &mut memory.ports, encoder)?;
    }
    sources! {
        Sockstat sockstat: sockstat;
        Cpu cpu: cpu;
        Softirqs softirqs: softirqs;
        Limits limits: limits;
        Neighbours neighbours: neighbours;
        Pressure pressure: pressure;
        Probes probes: probes;
        Interrupts interrupts: interrupts;
        Ethtool ethtool: ethtool;
        Driver driver: driver;
        Qdiscs qdiscs: qdisc_classes;
    }
    Ok(())
}
