//! Which reader reads which source, and where its reading goes: one line each.

use droplens_kernel::conntrack::ConntrackReader;
use droplens_kernel::cpu::CpuReader;
use droplens_kernel::driver::DriverReader;
use droplens_kernel::ethtool::EthtoolReader;
use droplens_kernel::firewall::FirewallReader;
use droplens_kernel::interrupts::InterruptsReader;
use droplens_kernel::limits::LimitsReader;
use droplens_kernel::links::LinksReader;
use droplens_kernel::neighbours::NeighboursReader;
use droplens_kernel::netstat::NetstatReader;
use droplens_kernel::pressure::PressureReader;
use droplens_kernel::process::ProcessReader;
use droplens_kernel::qdiscs::QdiscsReader;
use droplens_kernel::sockets::SocketsReader;
use droplens_kernel::sockstat::SockstatReader;
use droplens_kernel::softirqs::SoftirqsReader;
use droplens_kernel::softnet::SoftnetReader;
use droplens_kernel::{Reader, Root};
use droplens_model::sample::links::Links;
use droplens_model::sample::qdiscs::Qdiscs;
use droplens_model::sample::softnet::Softnet;
use droplens_model::track::Trackers;
use droplens_model::{Cadence, Moment, Reading, Snapshot, Source};

use super::worker::{Track, Work, Worker};
use crate::probing::{Probed, ProbesReader};

/// The lane of a source: one for all that are cheap, and its own for each that is not.
pub(super) const fn lane(source: Source) -> &'static str {
    match source.spec().cadence {
        Cadence::Fast | Cadence::Base => "cheap",
        Cadence::Slow => source.id(),
    }
}

/// Whether reading a source may wait for a lock that somebody holds for long: that of all network
/// configuration (RTNL), or that of netfilter's.
pub(super) const fn may_wait(source: Source) -> bool {
    matches!(source, Source::Links | Source::Qdiscs | Source::Conntrack)
}

/// A worker for every source.
pub(super) fn workers(root: &Root, probed: Probed) -> Vec<Box<dyn Work>> {
    use Source as S;
    let all = [
        worker(
            S::Softnet,
            root,
            SoftnetReader::new,
            |s| &mut s.softnet,
            Some(track_softnet),
        ),
        worker(
            S::Links,
            root,
            LinksReader::new,
            |s| &mut s.links,
            Some(track_links),
        ),
        worker(
            S::Qdiscs,
            root,
            |_| QdiscsReader::new(),
            |s| &mut s.qdiscs,
            Some(track_qdiscs),
        ),
        worker(S::Snmp, root, NetstatReader::snmp, |s| &mut s.snmp, None),
        worker(S::Snmp6, root, NetstatReader::snmp6, |s| &mut s.snmp6, None),
        worker(
            S::Netstat,
            root,
            NetstatReader::netstat,
            |s| &mut s.netstat,
            None,
        ),
        worker(
            S::Sockstat,
            root,
            SockstatReader::new,
            |s| &mut s.sockstat,
            None,
        ),
        worker(S::Cpu, root, CpuReader::new, |s| &mut s.cpu, None),
        worker(
            S::Softirqs,
            root,
            SoftirqsReader::new,
            |s| &mut s.softirqs,
            None,
        ),
        worker(
            S::Interrupts,
            root,
            InterruptsReader::new,
            |s| &mut s.interrupts,
            None,
        ),
        worker(
            S::Conntrack,
            root,
            ConntrackReader::new,
            |s| &mut s.conntrack,
            None,
        ),
        worker(
            S::Firewall,
            root,
            FirewallReader::new,
            |s| &mut s.firewall,
            None,
        ),
        worker(
            S::Sockets,
            root,
            SocketsReader::new,
            |s| &mut s.sockets,
            None,
        ),
        worker(
            S::Neighbours,
            root,
            |_| NeighboursReader::new(),
            |s| &mut s.neighbours,
            None,
        ),
        worker(S::Limits, root, LimitsReader::new, |s| &mut s.limits, None),
        worker(
            S::Pressure,
            root,
            PressureReader::new,
            |s| &mut s.pressure,
            None,
        ),
        worker(
            S::Driver,
            root,
            |_| DriverReader::new(),
            |s| &mut s.driver,
            None,
        ),
        worker(
            S::Ethtool,
            root,
            |_| EthtoolReader::new(),
            |s| &mut s.ethtool,
            None,
        ),
        worker(
            S::Process,
            root,
            ProcessReader::new,
            |s| &mut s.process,
            None,
        ),
        worker(
            S::Probes,
            root,
            move |_| ProbesReader::new(probed.clone()),
            |s| &mut s.probes,
            None,
        ),
    ];
    all.into()
}

fn track_softnet(trackers: &mut Trackers, _: &Snapshot, sample: &Softnet, at: Moment) {
    trackers.softnet(sample, at);
}

fn track_links(trackers: &mut Trackers, _: &Snapshot, sample: &Links, at: Moment) {
    trackers.links(sample, at);
}

fn track_qdiscs(trackers: &mut Trackers, snapshot: &Snapshot, sample: &Qdiscs, at: Moment) {
    trackers.qdiscs(sample, snapshot.links.ok(), at);
}

fn worker<R>(
    source: Source,
    root: &Root,
    make: impl Fn(&Root) -> R + Send + 'static,
    slot: fn(&mut Snapshot) -> &mut Reading<R::Sample>,
    track: Option<Track<R::Sample>>,
) -> Box<dyn Work>
where
    R: Reader + 'static,
    R::Sample: Send + Sync + 'static,
{
    let root = root.clone();
    Box::new(Worker {
        source,
        reader: make(&root),
        make: Box::new(move || make(&root)),
        slot,
        track,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_its_one_worker_in_order() {
        let sources: Vec<_> = workers(&Root::default(), Probed::default())
            .iter()
            .map(|worker| worker.source())
            .collect();
        assert_eq!(sources, Source::ALL);
    }
}
