//! The series of a made-up fleet: what the rules read, of hosts that are mostly well.

use droplens_model::{Cause, Domain, Source};

use super::remote_write::Request;

const CPUS: usize = 16;
const DEVICES: usize = 4;
const TARGETS: usize = 3;

/// One host in so many loses packets.
const TROUBLED: usize = 50;

/// How a series goes on.
#[derive(Clone, Copy)]
enum Shape {
    Level(f64),
    /// So much a second.
    Rate(f64),
    /// The same, on troubled hosts only.
    Trouble(f64),
}

struct Series {
    labels: Vec<(String, String)>,
    shape: Shape,
}

/// All hosts; they have the same series but for their instance.
pub(crate) struct Fleet {
    hosts: usize,
    series: Vec<Series>,
}

impl Fleet {
    pub(crate) fn new(hosts: usize) -> Self {
        Self {
            hosts,
            series: series(),
        }
    }

    pub(crate) const fn series(&self) -> usize {
        self.hosts * self.series.len()
    }

    /// Every series.
    pub(crate) fn all_of(&self, host: usize, from: i64, until: i64, step: i64) -> Request {
        let mut request = Request::default();
        let steps = (until - from + step - 1) / step;
        for series in &self.series {
            let mut labels = series.labels.clone();
            labels.push(("instance".to_owned(), format!("host-{host}:13767")));
            labels.sort_unstable();
            let times = (0..steps).map(|number| from + number * step);
            let values = times.map(|at| (at, value(series.shape, host, at)));
            request.push(&labels, values);
        }
        request
    }
}

fn value(shape: Shape, host: usize, at: i64) -> f64 {
    // A day has 86 400 000 ms; counters stay small enough to be exact.
    let seconds = (at % 864_000_000) as f64 / 1e3;
    match shape {
        Shape::Level(level) => level,
        Shape::Rate(rate) => (rate * seconds).floor(),
        Shape::Trouble(rate) if host.is_multiple_of(TROUBLED) => (rate * seconds).floor(),
        Shape::Trouble(_) => 0.0,
    }
}

fn one(name: &str, labels: &[(&str, &str)], shape: Shape) -> Series {
    let own = [("__name__", name), ("job", "droplens")];
    let labels = own.iter().chain(labels);
    Series {
        labels: labels
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        shape,
    }
}

fn series() -> Vec<Series> {
    use Shape::{Level, Rate, Trouble};
    let mut all = diagnosis();
    let mut push = |name: &str, labels: &[(&str, &str)], shape| all.push(one(name, labels, shape));
    for cpu in 0..CPUS {
        let cpu = cpu.to_string();
        push(
            "droplens_softnet_processed_total",
            &[("cpu", &cpu)],
            Rate(9_000.0),
        );
    }
    for device in 0..DEVICES {
        let device = format!("eth{device}");
        let labels = [("device", device.as_str())];
        push("droplens_link_carrier", &labels, Level(1.0));
        push("droplens_link_carrier_changes_total", &labels, Level(2.0));
        push(
            "droplens_link_receive_packets_total",
            &labels,
            Rate(20_000.0),
        );
        push(
            "droplens_link_transmit_packets_total",
            &labels,
            Rate(20_000.0),
        );
        push(
            "droplens_ethtool_fec_uncorrectable_blocks_total",
            &labels,
            Level(0.0),
        );
        let info = [labels[0], ("kind", "physical"), ("master", "")];
        push("droplens_link_info", &info, Level(1.0));
        let drops = [("domain", "qdisc"), ("cause", "qdisc_overflow"), labels[0]];
        push("droplens_device_drops_total", &drops, Trouble(30.0));
    }
    for family in ["ipv4", "ipv6"] {
        for state in ["syn_recv", "close_wait", "syn_sent", "established"] {
            push(
                "droplens_tcp_sockets",
                &[("family", family), ("state", state)],
                Level(40.0),
            );
        }
    }
    for source in Source::ALL {
        push("droplens_source_up", &[("source", source.id())], Level(1.0));
    }
    for (name, shape) in [
        ("up", Level(1.0)),
        ("process_start_time_seconds", Level(1.7e9)),
        ("droplens_series_cut_total", Level(0.0)),
        ("droplens_config_reload_failures_total", Level(0.0)),
        ("droplens_conntrack_entries", Level(20_000.0)),
        ("droplens_conntrack_entries_limit", Level(262_144.0)),
        ("droplens_sockstat_tcp_time_wait", Level(300.0)),
        ("droplens_ephemeral_ports_limit", Level(28_232.0)),
        (
            "droplens_ephemeral_ports_used_by_busiest_destination",
            Level(900.0),
        ),
        ("droplens_netstat_tcp_retranssegs_total", Rate(3.0)),
        ("droplens_netstat_tcp_outsegs_total", Rate(9_000.0)),
    ] {
        push(name, &[], shape);
    }
    push(
        "droplens_build_info",
        &[("version", "0.1.0"), ("revision", "abc")],
        Level(1.0),
    );
    probes(&mut all);
    all
}

fn diagnosis() -> Vec<Series> {
    let mut all = Vec::new();
    for &cause in Cause::ALL {
        let labels = [("domain", cause.domain().id()), ("cause", cause.id())];
        let counted = cause.is_loss() && !matches!(cause.domain(), Domain::Path | Domain::Service);
        if counted {
            all.push(one("droplens_drops_total", &labels, Shape::Trouble(30.0)));
        }
        all.push(one("droplens_finding_active", &labels, Shape::Level(0.0)));
        all.push(one("droplens_cause_observable", &labels, Shape::Level(1.0)));
    }
    for domain in Domain::ALL {
        let labels = [("domain", domain.id())];
        all.push(one("droplens_domain_blind", &labels, Shape::Level(0.0)));
    }
    all
}

fn probes(all: &mut Vec<Series>) {
    for target in 0..TARGETS {
        let target = format!("192.0.2.{target}");
        let labels = [
            ("probe", "icmp"),
            ("target", target.as_str()),
            ("address", &target),
            ("family", "ipv4"),
        ];
        let with = |label| [labels.as_slice(), &[label]].concat();
        for outcome in [
            "ok",
            "late",
            "lost",
            "send_error",
            "icmp_error",
            "local_drop",
            "aborted",
        ] {
            let shape = match outcome {
                "ok" => Shape::Rate(1.0),
                "lost" => Shape::Trouble(0.02),
                _ => Shape::Level(0.0),
            };
            all.push(one(
                "droplens_probe_packets_total",
                &with(("outcome", outcome)),
                shape,
            ));
        }
        all.push(one("droplens_pmtu_blackhole", &labels, Shape::Level(0.0)));
        let certificate = "droplens_probe_tls_certificate_expiry_timestamp_seconds";
        all.push(one(
            certificate,
            &with(("scope", "leaf")),
            Shape::Level(4e9),
        ));
    }
}
