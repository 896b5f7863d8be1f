//! Reports of made-up hosts.

use droplens_model::{
    Cause, CpuId, DeviceLoss, Domain, DomainReport, Event, Evidence, Finding, Grade, PathDirection,
    Pattern, Place, REPORT_SCHEMA, Report, Scope, Severity, Source, SourceReport, Status, Symptoms,
    Timestamp,
};

/// 2026-01-02 03:04:05.250 UTC.
const START: Timestamp = Timestamp(1_767_323_045_250);

const NO_CAPABILITY: &str = "the statistics of conntrack take CAP_NET_ADMIN";

/// An idle host on which everything could be read.
pub(super) fn clean() -> Report {
    let row = |&domain: &Domain| DomainReport {
        domain,
        status: Status::Clean,
        packets: 0,
        blind_causes: Vec::new(),
        why: None,
    };
    let source = |&source: &Source| SourceReport {
        source,
        state: "ok".into(),
        age_seconds: Some(0.4),
        error: None,
    };
    Report {
        schema: REPORT_SCHEMA.into(),
        droplens: "0.1.0".into(),
        host: "db-7".into(),
        start: START,
        seconds: 10.0,
        status: Status::Clean,
        headline: "no packet lost in 10 s".into(),
        findings: Vec::new(),
        domains: Domain::ALL.iter().map(row).collect(),
        scope: Scope {
            namespace: "self".into(),
            others_not_seen: 0,
        },
        symptoms: Symptoms {
            tcp_segments_sent: Some(412),
            tcp_retransmits: Some(0),
            tcp_syn_retransmits: Some(0),
            tcp_spurious_retransmits: Some(0),
            tcp_retransmit_ratio: Some(0.0),
            tcp_retransmit_grade: Some(Grade::None),
            tcp_timeouts: Some(0),
            tcp_out_of_order: Some(0),
            tcp_connect_failures: Some(0),
            tcp_resets_received: Some(0),
            tcp_resets_sent: Some(2),
            probes: Vec::new(),
            devices: Vec::new(),
        },
        probes: Vec::new(),
        probes_left_out: 0,
        sources: Source::ALL.iter().map(source).collect(),
        connections: None,
        events: Vec::new(),
    }
}

/// A backlog that overflows, seen by a running agent.
pub(super) fn softnet() -> Report {
    let mut report = clean();
    report.status = Status::Loss;
    report.headline = "softnet backlog overflow on CPU 3: 1 204 packets (120/s)".into();
    report.findings = vec![backlog()];
    set(&mut report, Domain::Softnet, Status::Loss, 1204);
    report.scope.others_not_seen = 3;
    report.events = (1..=12)
        .map(|id| Event {
            id,
            domain: Domain::Softnet,
            cause: Cause::SoftnetBacklogOverflow,
            place: Place::Cpu(CpuId(3)),
            start: Timestamp(START.0 + id * 700),
            seconds: 0.05 * id as f64,
            packets: id * 100 + 4,
            peak_rate: 1000.4 * id as f64,
            ongoing: id == 12,
        })
        .collect();
    report
}

/// Two losses, pressure, loss on the path, and noise.
pub(super) fn several() -> Report {
    let mut report = softnet();
    report.headline =
        "UDP receive buffers full on port 5353 (ipv4): 1 000 480 packets (100 048/s), \
         and 3 more findings"
            .into();
    report.findings.insert(0, udp());
    report.findings.extend([path(), conntrack(), noise()]);
    report.events.truncate(2);
    set(&mut report, Domain::Socket, Status::Loss, 1_000_480);
    set(&mut report, Domain::Path, Status::Loss, 31);
    set(&mut report, Domain::Netfilter, Status::Pressure, 0);
    let link = &mut report.domains[0];
    link.blind_causes = vec![Cause::FecUncorrectable, Cause::OpticsOutOfRange];
    link.why = Some("the driver of eth0 tells neither FEC nor optics".into());
    report.symptoms = Symptoms {
        tcp_segments_sent: Some(60_000),
        tcp_retransmits: Some(1450),
        tcp_syn_retransmits: Some(3),
        tcp_spurious_retransmits: Some(12),
        tcp_retransmit_ratio: Some(0.0239),
        tcp_retransmit_grade: Some(Grade::High),
        tcp_timeouts: Some(120),
        tcp_out_of_order: Some(7),
        tcp_connect_failures: Some(0),
        tcp_resets_received: Some(1),
        tcp_resets_sent: None,
        probes: Vec::new(),
        devices: vec![
            device("eth0", 1_200_000, 1204, Grade::Moderate),
            device("wlan0", 80, 0, Grade::None),
        ],
    };
    report
}

/// What an ordinary user in a container may see: nearly nothing.
pub(super) fn blind() -> Report {
    let mut report = clean();
    report.status = Status::Blind;
    report.headline = "nothing could be looked at".into();
    for row in &mut report.domains {
        row.status = Status::Blind;
        row.blind_causes = row.domain.causes().to_vec();
        row.why = Some(match row.domain {
            Domain::Netfilter => NO_CAPABILITY.into(),
            Domain::Path | Domain::Service => "no targets to probe are configured".into(),
            _ => "/proc and /sys of the host cannot be opened: permission denied; mount them into the \
                  container, or run droplens on the host"
                .into(),
        });
    }
    let socket = &mut report.domains[6];
    socket.blind_causes.truncate(2);
    socket.why = None;
    for (index, source) in report.sources.iter_mut().enumerate() {
        let (state, age, error) = match index % 4 {
            0 => (
                "failed",
                Some(73.0),
                Some("/proc/net/softnet_stat: permission denied (os error 13)"),
            ),
            1 => (
                "unsupported",
                None,
                Some("rtnetlink RTM_GETSTATS: operation not supported"),
            ),
            2 => ("disabled", None, None),
            _ => ("pending", None, None),
        };
        source.state = state.into();
        source.age_seconds = age;
        source.error = error.map(str::to_owned);
    }
    report.symptoms = Symptoms::default();
    report
}

/// Names that try to command the terminal.
pub(super) fn hostile() -> Report {
    let evil = "\x1b]0;owned\x07\x1b[2J\u{9b}31m\u{202e}drop\r\nall サーバ";
    let mut report = several();
    report.host = evil.into();
    report.headline = evil.into();
    report.findings.truncate(1);
    let finding = &mut report.findings[0];
    finding.summary = evil.into();
    finding.next = evil.into();
    finding.runbook = evil.into();
    finding.evidence[0].kernel = evil.into();
    finding.evidence[0].counter = evil.into();
    report.events[0].place = Place::Rule {
        family: "inet".into(),
        table: evil.into(),
        chain: "input".into(),
        rule: evil.into(),
    };
    report.symptoms.devices[0].device = evil.into();
    report.domains[0].why = Some(evil.into());
    report.sources[0].state = evil.into();
    report.sources[0].error = Some(evil.into());
    report.scope.namespace = evil.into();
    report.connections = Some(super::sockets::named(evil));
    report
}

fn set(report: &mut Report, domain: Domain, status: Status, packets: u64) {
    let row = report.domains.iter_mut().find(|row| row.domain == domain);
    let row = row.unwrap();
    (row.status, row.packets) = (status, packets);
}

fn device(name: &str, packets: u64, lost: u64, grade: Grade) -> DeviceLoss {
    DeviceLoss {
        device: name.into(),
        packets,
        lost,
        ratio: lost as f64 / packets as f64,
        grade,
    }
}

/// What all findings here have in common.
fn finding(cause: Cause, severity: Severity, summary: &str) -> Finding {
    Finding {
        domain: cause.domain(),
        cause,
        status: if cause.is_loss() {
            Status::Loss
        } else {
            Status::Pressure
        },
        severity,
        place: Place::Host,
        packets: 0,
        rate: 0.0,
        since: None,
        summary: summary.into(),
        evidence: Vec::new(),
        ruled_out: Vec::new(),
        direction: None,
        pattern: None,
        next: String::new(),
        runbook: format!("https://github.com/droplens/droplens/blob/main/docs/runbook/{cause}.md"),
    }
}

fn counter(source: Source, counter: &str, delta: u64, kernel: &str) -> Evidence {
    Evidence {
        source,
        counter: counter.into(),
        delta: Some(delta),
        value: None,
        kernel: kernel.into(),
    }
}

fn gauge(source: Source, counter: &str, value: f64, kernel: &str) -> Evidence {
    Evidence {
        source,
        counter: counter.into(),
        delta: None,
        value: Some(value),
        kernel: kernel.into(),
    }
}

fn backlog() -> Finding {
    let cause = Cause::SoftnetBacklogOverflow;
    Finding {
        place: Place::Cpu(CpuId(3)),
        packets: 1204,
        rate: 120.4,
        since: Some(Timestamp(START.0 + 1200)),
        evidence: vec![
            counter(Source::Softnet, "dropped", 1204, "/proc/net/softnet_stat column 2"),
            gauge(Source::Limits, "netdev_max_backlog", 1000.0, "net.core.netdev_max_backlog"),
            gauge(Source::Cpu, "softirq share of CPU 3", 0.974, "/proc/stat cpu3 softirq"),
        ],
        ruled_out: vec![Cause::NicRxRingOverflow, Cause::SoftnetFlowLimit],
        next: "Spread the receive work over more CPUs (RSS or RPS), then raise net.core.netdev_max_backlog \
               to 4000 if bursts still overflow it."
            .into(),
        ..finding(cause, Severity::Critical, "softnet backlog overflow on CPU 3")
    }
}

fn udp() -> Finding {
    let cause = Cause::UdpReceiveBufferFull;
    Finding {
        packets: 1_000_480,
        rate: 100_048.0,
        evidence: vec![counter(
            Source::Snmp,
            "udp_rcvbuf_errors",
            1_000_480,
            "Udp RcvbufErrors in /proc/net/snmp",
        )],
        next: "Find out why the process reads so slowly.".into(),
        ..finding(
            cause,
            Severity::Critical,
            "UDP receive buffers full on port 5353 (ipv4)",
        )
    }
}

fn path() -> Finding {
    Finding {
        place: Place::Peer("192.0.2.1".into()),
        packets: 31,
        rate: 3.1,
        direction: Some(PathDirection::Forward),
        pattern: Some(Pattern::Burst),
        next: "Ask the network's people about the way to 192.0.2.1.".into(),
        ..finding(
            Cause::PathLoss,
            Severity::Warning,
            "loss on the path to 192.0.2.1",
        )
    }
}

fn conntrack() -> Finding {
    Finding {
        since: Some(Timestamp(START.0 - 86_400_000)),
        evidence: vec![gauge(
            Source::Conntrack,
            "entries",
            250_000.0,
            "net.netfilter.nf_conntrack_count",
        )],
        next: "Raise net.netfilter.nf_conntrack_max before it is full.".into(),
        ..finding(
            Cause::ConntrackNearFull,
            Severity::Warning,
            "conntrack table is 95 % full",
        )
    }
}

fn noise() -> Finding {
    Finding {
        packets: 1,
        rate: 0.1,
        evidence: vec![counter(Source::Snmp, "udp_no_ports", 1, "Udp NoPorts")],
        next: "Nothing to do: somebody asked for a port on which nobody listens.".into(),
        ..finding(Cause::UdpNoPort, Severity::Info, "UDP to closed ports")
    }
}
