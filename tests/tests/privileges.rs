//! What an agent without privileges tells, and what it says about the rest.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use droplens_tests::agent::{Agent, Options, nobody};
use droplens_tests::binary::droplens;
use droplens_tests::exposition::Metrics;
use droplens_tests::lab::{Finished, Namespace, load};
use droplens_tests::needs_root;
use droplens_tests::scratch::Scratch;

/// State and reason of each source, once every source has been tried.
fn states(agent: &Agent<'_>) -> BTreeMap<String, (String, String)> {
    let metrics = agent.scrape_until("every source's first reading", |metrics| {
        let mut pending = metrics.all("droplens_source_info", &[("state", "pending")]);
        pending
            .next()
            .map_or(Ok(()), |series| Err(format!("{series:?}")))
    });
    let label = |series: &droplens_tests::exposition::Series, name| {
        series.label(name).expect("a label").to_owned()
    };
    metrics
        .all("droplens_source_info", &[])
        .map(|series| {
            let told = (label(series, "state"), label(series, "reason"));
            (label(series, "source"), told)
        })
        .collect()
}

#[test]
fn connection_tracking_is_told_to_an_ordinary_user() {
    needs_root!();
    let namespace = Namespace::new();
    namespace.nft("add table ip t; add chain ip t c { type filter hook output priority 0; }; add rule ip t c udp dport 9000-9099 ct state new counter");
    let sender = load::udp(&namespace, "127.0.0.1:0");
    for port in 9000..9040 {
        load::send(&sender, &format!("127.0.0.1:{port}"), 1, 10);
    }
    let agent = Options::new().unprivileged().start(&namespace);
    let metrics = agent.scrape_until("the entries", |metrics: &Metrics| {
        match metrics.get("droplens_conntrack_entries", &[]) {
            // The flows, and connections of this test's own scrapes.
            Some(40.0..80.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let limit: u64 = namespace
        .enter(|| std::fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_max"))
        .expect("the limit")
        .trim()
        .parse()
        .expect("a number");
    let shown = metrics.count("droplens_conntrack_entries_limit", &[]);
    assert_eq!(shown, limit);
    agent.stop();
}

/// A source that only the privileged agent can read must say that it is a matter of permission;
/// every other must be in the same state for both.
#[test]
fn only_permission_tells_an_ordinary_user_from_root() {
    needs_root!();
    let namespace = Namespace::new();
    let privileged = Options::new().start(&namespace);
    let all = states(&privileged);
    privileged.stop();
    let agent = Options::new().unprivileged().start(&namespace);
    let own = states(&agent);
    assert!(all.len() >= 19, "{all:?}");
    assert_eq!(
        own.keys().collect::<Vec<_>>(),
        all.keys().collect::<Vec<_>>()
    );
    for (source, told) in &own {
        let refused = told.1 == "permission" && told.0 == "unsupported";
        assert!(
            refused || Some(told) == all.get(source),
            "{source}: {told:?}"
        );
    }
    let metrics = agent.scrape();
    for (source, (state, _)) in &own {
        let up = metrics.get("droplens_source_up", &[("source", source)]);
        let wanted = (state == "ok").then_some(1.0);
        assert_eq!(up.filter(|up| *up > 0.0), wanted, "{source} is {state}");
    }
    agent.stop();
}

/// A kernel without `/proc/net/stat/nf_conntrack`, as many are built: its statistics come from
/// ctnetlink alone, which asks for a capability.
fn without_statistics_file(scratch: &Scratch) -> PathBuf {
    for (name, value) in [
        ("nf_conntrack_count", "17\n"),
        ("nf_conntrack_max", "4096\n"),
    ] {
        scratch.write(&format!("root/proc/sys/net/netfilter/{name}"), value);
    }
    scratch.path().join("root")
}

#[test]
fn statistics_that_are_refused_are_missing_and_not_zero() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let root = without_statistics_file(&scratch);
    let start = |options: Options| {
        options
            .argument("--root")
            .argument(root.to_str().expect("a plain path"))
            .start(&namespace)
    };
    for (options, readable) in [(Options::new().unprivileged(), 0), (Options::new(), 1)] {
        let agent = start(options);
        let name = "droplens_conntrack_statistics_readable";
        let metrics = agent.scrape_until_value(name, &[], readable);
        assert_eq!(metrics.count("droplens_conntrack_entries", &[]), 17);
        assert_eq!(metrics.count("droplens_conntrack_entries_limit", &[]), 4096);
        let dropped = metrics.get("droplens_conntrack_dropped_total", &[]);
        assert_eq!(dropped, (readable == 1).then_some(0.0));
        agent.stop();
    }
}

#[test]
fn the_doctor_names_the_capability_where_it_matters() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let root = without_statistics_file(&scratch);
    // What the doctor says about one source: its line and the indented ones below.
    let about = |finished: &Finished, source: &str| -> String {
        let mut lines = finished
            .stdout
            .lines()
            .skip_while(|line| !line.starts_with(source));
        let first = lines.next().expect(source);
        std::iter::once(first)
            .chain(lines.take_while(|line| line.starts_with(' ')))
            .collect()
    };
    let doctor = |mut command: std::process::Command| {
        let finished = namespace.run(command.arg("--root").arg(&root).arg("doctor"));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished
    };
    let refused = doctor(nobody(&scratch));
    assert!(refused.stdout.contains("none (an ordinary user)"));
    let conntrack = about(&refused, "conntrack");
    for told in ["no statistics", "not permitted", "CAP_NET_ADMIN"] {
        assert!(conntrack.contains(told), "{told}: {conntrack}");
    }
    for source in ["links", "qdiscs", "sockets"] {
        let told = about(&refused, source);
        assert!(!told.contains("CAP_NET_ADMIN"), "{told}");
    }
    let granted = about(&doctor(namespace.command(droplens())), "conntrack");
    assert!(!granted.contains("CAP_NET_ADMIN"), "{granted}");
}
