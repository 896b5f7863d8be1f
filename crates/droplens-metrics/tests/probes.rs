//! What is told of probes: exactly these series, from the start, and only where they mean something.

#![expect(clippy::unwrap_used, reason = "a panic is the failure report")]

mod host;

use droplens_metrics::{Exposition, Format, Options, Selection, View};
use droplens_model::Snapshot;
use droplens_model::sample::probes::{Address, ProbeKind, Probes, Target};
use host::{probes, read};
use prometheus_client::registry::Registry;

/// The series of the probes, as text.
fn told(probes: Probes) -> String {
    let view = View {
        snapshot: Snapshot {
            probes: read(probes),
            ..Snapshot::default()
        }
        .into(),
        derived: std::sync::Arc::default(),
        judgement: None,
        now: droplens_model::Moment(std::time::Duration::from_secs(100)),
    };
    let exposition = Exposition::new(Registry::default(), Options::default());
    let mut text = String::new();
    exposition
        .render(view, &Selection::ALL, Format::Text, &mut text)
        .unwrap();
    text
}

fn count(text: &str, beginning: &str) -> usize {
    let lines = text.lines();
    lines.filter(|line| line.starts_with(beginning)).count()
}

#[test]
fn each_kind_tells_what_only_it_knows() {
    let text = told(probes::every_kind());
    let of = |kind: &str| {
        format!(r#"probe="{kind}",target="host.example",address="192.0.2.7",family="ipv4""#)
    };
    for (family, kind, rest) in [
        (
            "droplens_probe_packets_total",
            "icmp",
            r#",outcome="lost"} 3"#,
        ),
        (
            "droplens_probe_packets_total",
            "tcp",
            r#",outcome="aborted"} 0"#,
        ),
        ("droplens_probe_in_flight", "http", "} 1"),
        ("droplens_probe_unanswered_consecutive", "icmp", "} 0"),
        ("droplens_probe_rtt_seconds_count", "path", "} 11"),
        ("droplens_probe_loss_burst_packets_sum", "icmp", "} 3.0"),
        (
            "droplens_probe_loss_burst_duration_seconds_count",
            "icmp",
            "} 1",
        ),
        ("droplens_probe_jitter_seconds", "dns", "} 0.00012"),
        ("droplens_probe_duplicates_total", "icmp", "} 5"),
        ("droplens_probe_reordered_total", "icmp", "} 0"),
        ("droplens_probe_tcp_syn_retransmits_total", "tcp", "} 4"),
        (
            "droplens_probe_phase_seconds_sum",
            "http",
            r#",phase="connect"} 0.03"#,
        ),
        ("droplens_probe_dns_truncated_total", "dns", "} 1"),
        ("droplens_probe_dns_serial", "dns", "} 2026010203"),
        (
            "droplens_probe_tls_certificate_expiry_timestamp_seconds",
            "tls",
            r#",scope="leaf"} 1800000000.0"#,
        ),
        (
            "droplens_probe_tls_certificate_expiry_timestamp_seconds",
            "tls",
            r#",scope="chain"} 1700000000.0"#,
        ),
        ("droplens_probe_tls_chain_trusted", "tls", "} 1"),
        ("droplens_probe_http_status_code", "http", "} 503"),
        ("droplens_pmtu_bytes", "pmtu", "} 1400"),
        ("droplens_pmtu_blackhole", "pmtu", "} 1"),
        ("droplens_path_hops", "path", "} 0"),
        ("droplens_path_changes_total", "path", "} 2"),
    ] {
        let line = format!("{family}{{{}{rest}\n", of(kind));
        assert!(text.contains(&line), "{line} in\n{text}");
    }
    for family in [
        "droplens_probe_duplicates_total",
        "droplens_probe_loss_burst_packets_count",
        "droplens_probe_dns_truncated_total",
        "droplens_probe_http_status_code",
        "droplens_pmtu_blackhole",
        "droplens_path_changes_total",
    ] {
        assert_eq!(count(&text, family), 1, "{family}: only of its kind");
    }
    let syn = count(&text, "droplens_probe_tcp_syn_retransmits_total");
    assert_eq!(syn, 3, "tcp, tls and http");
    assert_eq!(count(&text, "droplens_probe_loss_gap_packets"), 0);
    assert_eq!(count(&text, "droplens_probe_silent_total"), 0, "asked for");
    assert!(text.contains("droplens_target_resolved{probe=\"tcp\",target=\"host.example\"} 1\n"));
    assert!(text.contains("droplens_prober_stray_answers_total{reason=\"nonce\"} 3\n"));
}

#[test]
fn labels_of_the_site_stand_beside_our_own_and_never_over_them() {
    let text = told(probes::every_kind());
    let line = r#"droplens_probe_target_info{probe="dns",target="host.example",kind="dns",region="eu \"1\"",label_kind="edge"} 1"#;
    assert!(text.contains(line), "{text}");
    assert_eq!(count(&text, "droplens_probe_target_info"), 7);
    assert!(!text.contains("droplens_probe_packets_total{region"));
}

/// A counter that is born at 7 makes `increase()` miss it.
#[test]
fn every_counter_is_there_before_the_first_probe() {
    let target = |&kind: &ProbeKind| Target {
        addresses: vec![Address::new("2001:db8::7".parse().unwrap(), kind)],
        ..Target::new(kind.id(), kind, "host.example")
    };
    let text = told(Probes {
        targets: ProbeKind::ALL.iter().map(target).collect(),
        ..Probes::default()
    });
    let begun = told(probes::every_kind());
    let counters = |text: &str| -> Vec<String> {
        let series = text.lines().filter(|line| line.contains("probe=\""));
        let names = series.filter_map(|line| Some(line.split_once('{')?.0));
        let mut names: Vec<_> = (names.filter(|name| name.ends_with("_total")))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    };
    assert_eq!(counters(&text), counters(&begun));
    assert!(text.contains("droplens_probe_failures_total{probe=\"http\",target=\"host.example\",reason=\"tls_expired\"} 0\n"));
    assert_eq!(count(&text, "droplens_probe_rtt_seconds_bucket"), 7 * 15);
}
