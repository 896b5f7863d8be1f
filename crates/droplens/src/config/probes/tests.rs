//! What configurations of probes mean, and what is wrong with them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use droplens_model::Family;
use droplens_model::sample::probes::ProbeKind;
use droplens_probe::spec::{Ask, Egress};

use super::Planned;
use crate::config::Config;

fn plan(text: &str) -> Vec<Planned> {
    let config = Config::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let templates = config.probe.templates();
    let all = templates.iter().flat_map(|template| template.configured());
    all.map(|(_, planned)| planned.unwrap()).collect()
}

fn refusal(text: &str) -> String {
    Config::parse(text).expect_err(text).to_string()
}

#[test]
fn targets_are_all_that_is_needed() {
    let all = plan(
        "[[probe.icmp]]\ntargets = [\"a.example\"]\n\
         [[probe.tcp]]\ntargets = [\"a.example:1\"]\n\
         [[probe.dns]]\nservers = [\"192.0.2.53\"]\n\
         [[probe.tls]]\ntargets = [\"a.example\"]\n\
         [[probe.http]]\ntargets = [\"https://a.example/\"]\n\
         [[probe.pmtu]]\ntargets = [\"a.example\"]\n\
         [[probe.path]]\ntargets = [\"a.example\"]\n",
    );
    let told: Vec<_> = all
        .iter()
        .map(|Planned { wish, .. }| {
            assert!(wish.asked_for && wish.labels.is_empty() && wish.bytes > 28);
            assert_eq!(wish.request.egress, Egress::default());
            assert_eq!(&*wish.key.probe, wish.request.ask.kind().id());
            let times = (
                wish.interval.as_secs(),
                wish.request.patience.timeout.as_secs(),
            );
            (wish.request.ask.kind(), times, &*wish.host)
        })
        .collect();
    assert_eq!(
        told,
        [
            (ProbeKind::Icmp, (1, 1), "a.example"),
            (ProbeKind::Tcp, (5, 3), "a.example"),
            (ProbeKind::Dns, (10, 2), "192.0.2.53"),
            (ProbeKind::Tls, (30, 5), "a.example"),
            (ProbeKind::Http, (30, 10), "a.example"),
            (ProbeKind::Pmtu, (300, 1), "a.example"),
            (ProbeKind::Path, (60, 1), "a.example"),
        ]
    );
    let whole: Vec<u64> = all
        .iter()
        .map(|planned| planned.wish.request.patience.whole().as_secs())
        .collect();
    assert_eq!(whole, [11, 13, 12, 15, 20, 30, 30]);
    let Ask::Dns(dns) = &all[2].wish.request.ask else {
        panic!("{:?}", all[2]);
    };
    assert_eq!((&*dns.query, &*dns.record, dns.port), (".", "NS", 53));
}

#[test]
fn what_is_configured_arrives_in_the_wish() {
    let all = plan(
        "[[probe.icmp]]\nname = \"g\"\ntargets = [\"a.example\", \"192.0.2.1\"]\ninterval = \"10ms\"\n\
         timeout = \"1s 500ms\"\nlabels = { region = \"eu\", az = \"1\" }\nsource = \"192.0.2.9\"\n\
         interface = \"eth0\"\ndscp = 46\nclass = \"zone\"\nlimits = { resolve = \"70ms\" }\npayload = 1472\n",
    );
    let Planned { wish, family } = &all[0];
    assert_eq!((&*wish.key.probe, &*wish.key.target), ("g", "a.example"));
    assert_eq!(wish.interval, Duration::from_millis(10));
    assert_eq!(wish.request.patience.timeout, Duration::from_millis(1500));
    let labels: Vec<_> = wish
        .labels
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(labels, [("az", "1"), ("region", "eu")]);
    assert_eq!(
        wish.request.egress.source,
        Some(IpAddr::from([192, 0, 2, 9]))
    );
    assert_eq!(
        (
            wish.request.egress.interface.as_deref(),
            wish.request.egress.dscp
        ),
        (Some("eth0"), 46)
    );
    assert_eq!(wish.limits.round_trip, Some(Duration::from_millis(10)));
    assert_eq!(wish.limits.resolve, Some(Duration::from_millis(70)));
    assert_eq!((wish.bytes, *family), (1500, Some(Family::V4)));
    assert_eq!(all[1].wish.bytes, 1500);
}

#[test]
fn a_configured_limit_counts_before_the_class() {
    let all = plan("[[probe.icmp]]\ntargets = [\"a\"]\nclass = \"rack\"\nslow = \"7ms\"\n");
    assert_eq!(
        all[0].wish.limits.round_trip,
        Some(Duration::from_millis(7))
    );
    for (class, limit) in [
        ("host", 1),
        ("rack", 2),
        ("datacentre", 5),
        ("zone", 10),
        ("continent", 100),
        ("intercontinental", 200),
        ("satellite", 800),
    ] {
        let all = plan(&format!(
            "[[probe.icmp]]\ntargets = [\"a\"]\nclass = \"{class}\"\n"
        ));
        let limit = Some(Duration::from_millis(limit));
        assert_eq!(all[0].wish.limits.round_trip, limit, "{class}");
    }
}

#[test]
fn a_zone_names_the_device() {
    let all = plan("[[probe.icmp]]\ntargets = [\"fe80::1%eth0\"]\n");
    let wish = &all[0].wish;
    assert_eq!(
        (&*wish.host, wish.request.egress.interface.as_deref()),
        ("fe80::1", Some("eth0"))
    );
    assert_eq!((wish.bytes, all[0].family), (104, Some(Family::V6)));
}

#[test]
fn a_discovered_target_is_probed_as_its_table_says() {
    let config = Config::parse(
        "[[probe.tcp]]\nname = \"db\"\nlabels = { env = \"test\", team = \"a\" }\n[discovery.file]\nprobe = \"db\"\nfiles = [\"/t/*.json\"]\n",
    )
    .unwrap();
    let templates = config.probe.templates();
    assert!(templates[0].configured().is_empty());
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let labels = BTreeMap::from([
        label("env", "live"),
        label("__meta_x", "y"),
        label("rack", "7"),
    ]);
    let wish = templates[0]
        .discovered("db.example:5432", &labels)
        .unwrap()
        .wish;
    assert_eq!(
        (&*wish.key.probe, &*wish.key.target),
        ("db", "db.example:5432")
    );
    let labels: Vec<_> = wish
        .labels
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(labels, [("env", "live"), ("rack", "7"), ("team", "a")]);
    for (target, label, told) in [
        ("db.example", ("a", "b"), "no port"),
        ("db.example:1", ("target", "b"), "one of droplens's own"),
        ("db.example:1", ("a-b", "b"), "no name of a label"),
    ] {
        let labels = BTreeMap::from([(label.0.to_owned(), label.1.to_owned())]);
        let error = templates[0].discovered(target, &labels).unwrap_err();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_wrong_value_is_shown_with_its_line_and_a_caret() {
    let icmp = |line: &str| format!("[[probe.icmp]]\ntargets = [\"a\"]\n{line}\n");
    for (text, told) in [
        (
            "[[probe.tcp]]\n\ntargets = [\"a.example:1\", \"b.example\"]\n".into(),
            "no port",
        ),
        (
            "[[probe.tcp]]\n\ntargets = [\"b.example:70000\"]\n".into(),
            "no number from 1 to 65535",
        ),
        (
            "[[probe.icmp]]\n\ntargets = [\"10.0.0.1:7\"]\n".into(),
            "has a port",
        ),
        (
            "[[probe.http]]\n\ntargets = [\"ftp://a.example/\"]\n".into(),
            "only http:// and https://",
        ),
        (
            "[[probe.http]]\n\ntargets = [\"a.example/x\"]\n".into(),
            "does not begin with http://",
        ),
        (
            "[[probe.dns]]\nservers = [\"a\"]\ntype = \"B\"\n".into(),
            "A, AAAA, ANY",
        ),
        (
            "[[probe.dns]]\nservers = [\"a\"]\nexpect_codes = [\"OK\"]\n".into(),
            "NOERROR, FORMERR",
        ),
        (
            "[[probe.path]]\ntargets = [\"a\"]\nhops = 65\n".into(),
            "1 to 64",
        ),
        (
            "[[probe.pmtu]]\ntargets = [\"a\"]\nmost = 10\n".into(),
            "576 to 65535",
        ),
        (icmp("interval = \"9ms\""), "from 10ms to 1day"),
        (icmp("interval = \"1 parsec\""), "such as \"500ms\""),
        (icmp("interval = 5"), "expected a string"),
        (icmp("timeout = \"2m\""), "from 1ms to 1m"),
        (
            icmp("labels = { \"a-b\" = \"c\" }"),
            "letters, digits and underscores",
        ),
        (icmp("labels = { __a = \"c\" }"), "two underscores"),
        (
            icmp("labels = { outcome = \"c\" }"),
            "one of droplens's own",
        ),
        (icmp("source = \"eth0\""), "an IP address of this host"),
        (icmp("interface = \"a name too long for it\""), "at most 15"),
        (icmp("dscp = 64"), "0 to 63"),
        (icmp("family = \"inet6\""), "`any`, `ipv4`, `ipv6`"),
        (icmp("class = \"far\""), "`host`, `rack`"),
        (icmp("slow = \"0s\""), "from 1us"),
        (
            icmp("limits = { dns = \"1ms\" }"),
            "`resolve`, `connect`, `tls`",
        ),
        (icmp("port = 1"), "unknown field `port`"),
        (icmp("name = \"\""), "1 to 64 characters"),
        (
            "\n\n[[probe.ping]]\ntargets = [\"a\"]\n".into(),
            "`icmp`, `tcp`",
        ),
        (
            "\n[discovery.file]\nprobe = 1\n".into(),
            "expected a string",
        ),
    ] {
        let error = refusal(&text);
        assert!(error.contains("line 3") && error.contains('^'), "{error}");
        assert!(error.contains(told), "{told}: {error}");
    }
}

#[test]
fn a_wrong_target_is_shown_in_its_line_of_a_long_list() {
    let error = refusal("[[probe.tcp]]\ntargets = [\n  \"a:1\",\n  \"b:0\",\n]\n");
    assert!(error.contains("line 4, column 3"), "{error}");
    assert!(error.contains("4 |   \"b:0\",\n  |   ^^^^^\n"), "{error}");
}

#[test]
fn a_target_given_twice_is_shown_at_both_places() {
    let error = refusal(
        "[[probe.icmp]]\ntargets = [\"a\", \"b\"]\n[[probe.icmp]]\ninterval = \"5s\"\ntargets = [\"c\", \"b\"]\n",
    );
    for told in [
        "line 5, column 17",
        "\"icmp\"",
        "\"b\" twice",
        "line 2, column 17",
        "^^^",
    ] {
        assert!(error.contains(told), "{told}: {error}");
    }
    let same = "targets = [\"b\"]\n";
    let both = format!(
        "[[probe.icmp]]\n{same}[[probe.icmp]]\nname = \"other\"\n{same}[[probe.pmtu]]\n{same}"
    );
    assert_eq!(plan(&both).len(), 3);
}

#[test]
fn what_does_not_go_together_is_shown_at_the_target() {
    for (text, told) in [
        (
            "family = \"ipv6\"\ntargets = [\"192.0.2.1\"]\n",
            "family and target",
        ),
        (
            "source = \"192.0.2.1\"\ntargets = [\"fd00::1\"]\n",
            "source and target",
        ),
        (
            "family = \"ipv4\"\nsource = \"fd00::1\"\ntargets = [\"a\"]\n",
            "family and source",
        ),
        (
            "interface = \"eth1\"\ntargets = [\"fe80::1%eth0\"]\n",
            "interface says",
        ),
    ] {
        let error = refusal(&format!("[[probe.icmp]]\n{text}"));
        assert!(error.contains(told) && error.contains('^'), "{error}");
    }
    let error = refusal("[[probe.http]]\ntargets = [\"http://a/\"]\nexpect_body = [\"(\"]\n");
    assert!(error.contains("line 2") && error.contains("`(`"), "{error}");
}

#[test]
fn discovery_names_a_probe_that_there_is() {
    let file = "[discovery.file]\nfiles = [\"/t/a.json\"]\nprobe = \"db\"\n";
    let error = refusal(file);
    assert!(
        error.contains("line 3") && error.contains("nor any other"),
        "{error}"
    );
    let error = refusal(&format!(
        "[[probe.icmp]]\n[[probe.tcp]]\nname = \"da\"\n{file}"
    ));
    assert!(
        error.contains("line 6") && error.contains("one of: da, icmp"),
        "{error}"
    );
    let error = refusal(&format!(
        "[[probe.icmp]]\nname = \"db\"\n[[probe.tcp]]\nname = \"db\"\n{file}"
    ));
    assert!(error.contains("more than one probe"), "{error}");
    let several = file.replace("[discovery.file]", "[[discovery.file]]");
    let several = format!("[[probe.tcp]]\nname = \"db\"\n{several}{several}");
    assert_eq!(Config::parse(&several).unwrap().discovery.file.len(), 2);
}

#[test]
fn too_many_targets_are_refused_at_the_first_too_many() {
    let targets = |count: u32| {
        let all: Vec<String> = (0..count).map(|i| format!("\"h{i}.example\"")).collect();
        format!("[[probe.icmp]]\ntargets = [\n{}\n]\n", all.join(",\n"))
    };
    assert_eq!(plan(&targets(10_000)).len(), 10_000);
    let error = refusal(&targets(10_001));
    assert!(
        error.contains("at most 10000") && error.contains("h10000.example"),
        "{error}"
    );
}

#[test]
fn names_with_and_without_ports_fit_the_probe() {
    let dns = |kind: &str, more: &str| {
        format!("[[probe.{kind}]]\n[discovery.dns]\nprobe = \"{kind}\"\nnames = [\"a\"]\n{more}\n")
    };
    for (kind, more, told) in [
        ("http", "", "needs URLs"),
        ("tcp", "type = \"A\"", "needs a port"),
        ("icmp", "", "takes no port"),
        ("path", "type = \"AAAA\"\nport = 7", "takes no port"),
    ] {
        let error = refusal(&dns(kind, more));
        assert!(error.contains("line 3") && error.contains(told), "{error}");
    }
    for (kind, more) in [
        ("tcp", ""),
        ("tcp", "type = \"A\"\nport = 7"),
        ("icmp", "type = \"A\""),
        ("dns", "type = \"AAAA\""),
        ("tls", ""),
    ] {
        assert_eq!(
            Config::parse(&dns(kind, more)).unwrap().discovery.dns.len(),
            1
        );
    }
}
