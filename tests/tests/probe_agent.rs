//! The agent's probes: what it probes by itself, what it is told to, and what it discovers.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use droplens_model::sample::probes::{Address, Probes, Target, TargetState};
use droplens_tests::agent::Options;
use droplens_tests::lab::{Namespace, veth};
use droplens_tests::needs_root;
use droplens_tests::scratch::Scratch;
use droplens_tests::servers::dns::{Answer, DnsServer};
use droplens_tests::servers::http::{Asked, Log, page, secure};
use droplens_tests::servers::identity::{Authority, VALID};
use droplens_tests::servers::tcp::{Manner as TcpManner, TcpServer};
use droplens_tests::servers::tls::{Manner, config};
use droplens_tests::servers::web::WebServer;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::SRV;
use hickory_proto::rr::{Name, RData, Record};
use rustix::process::Signal;

const NO_SERVERS: &str = "# none\n";

fn find<'a>(probes: &'a Probes, probe: &str, target: &str) -> Result<&'a Target, String> {
    let is_it = |found: &&Target| &*found.probe == probe && &*found.target == target;
    let names = || {
        let name = |target: &Target| format!("{} {}", target.probe, target.target);
        probes.targets.iter().map(name).collect::<Vec<_>>()
    };
    probes
        .targets
        .iter()
        .find(is_it)
        .ok_or_else(|| format!("no {probe} {target} in {:?}", names()))
}

fn only(target: &Target) -> Result<&Address, String> {
    target
        .addresses
        .first()
        .ok_or_else(|| "no address".to_owned())
}

/// The answered probes of the first address, if there are as many.
fn answered(target: &Target, least: u64) -> Result<(), String> {
    let address = only(target)?;
    if address.outcomes.ok < least {
        return Err(format!("{:?}", address.outcomes));
    }
    Ok(())
}

#[test]
fn gateways_are_probed_unasked_and_one_that_never_answers_is_silent() {
    needs_root!();
    let (host, router) = (Namespace::new(), Namespace::new());
    veth(&host, "g0", &router, "g1", 41);
    // Of two default routes of the same metric, one leads to a router that ignores pings.
    router.ip("addr add 10.9.41.3/24 dev g1");
    router.nft("add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c ip daddr 10.9.41.3 icmp type echo-request drop");
    host.ip("route add default nexthop via 10.9.41.2 nexthop via 10.9.41.3");
    let server = DnsServer::start(&router, "10.9.41.2:53", |asked| asked.reply().into());
    let agent = Options::new()
        .default_probes()
        .file("/etc/resolv.conf", "nameserver 10.9.41.2\n")
        .start(&host);
    agent.probes_until("answers of one, silence of the other", |probes| {
        let good = find(probes, "gateway", "10.9.41.2")?;
        answered(good, 3)?;
        let mute = find(probes, "gateway", "10.9.41.3")?;
        let address = only(mute)?;
        if address.silent < 2 {
            return Err(format!("{address:?}"));
        }
        assert_eq!((good.state, good.asked_for), (TargetState::Resolved, false));
        assert_eq!(mute.state, TargetState::Silent);
        assert_eq!(address.outcomes.lost, 0);
        assert_eq!(address.unanswered_consecutive, 0);
        let route = only(good)?.route.as_ref().ok_or("no route")?;
        assert_eq!((&*route.device, route.gateway), ("g0", None));
        assert_eq!(route.source, Some([10, 9, 41, 1].into()));
        Ok(())
    });
    // Its first question comes after a random part of 30 s, so that only its presence is certain.
    agent.probes_until("the name server", |probes| {
        find(probes, "resolver", "10.9.41.2").map(drop)
    });
    for asked in server.asked() {
        assert_eq!((asked.name().as_str(), asked.kind().as_str()), ("", "NS"));
    }
    agent.stop();
}

#[test]
fn a_router_that_is_known_by_its_link_local_address_is_probed_through_its_device() {
    needs_root!();
    let (host, router) = (Namespace::new(), Namespace::new());
    veth(&host, "g0", &router, "g1", 46);
    for (side, device, address) in [(&host, "g0", "fe80::46"), (&router, "g1", "fe80::53")] {
        side.sysctl(&format!("net/ipv6/conf/{device}/disable_ipv6"), "0");
        side.ip(&format!("addr add {address}/64 dev {device} nodad"));
    }
    // Another device where the same address would be as good.
    host.ip("link add other type veth peer name end");
    host.sysctl("net/ipv6/conf/other/disable_ipv6", "0");
    host.ip("link set end up");
    host.ip("link set other up");
    host.ip("-6 route add default via fe80::53 dev g0");
    let agent = Options::new()
        .default_probes()
        .file("/etc/resolv.conf", NO_SERVERS)
        .start(&host);
    agent.probes_until("answers of the router", |probes| {
        let router = find(probes, "gateway", "fe80::53%g0")?;
        answered(router, 3)?;
        let address = only(router)?;
        assert_eq!(address.outcomes.lost, 0, "{address:?}");
        let route = address.route.as_ref().ok_or("no route")?;
        assert_eq!(&*route.device, "g0");
        Ok(())
    });
    agent.stop();
}

#[test]
fn one_key_switches_the_unasked_probes_off_and_a_reload_does_too() {
    needs_root!();
    let (host, router) = (Namespace::new(), Namespace::new());
    veth(&host, "g0", &router, "g1", 42);
    host.ip("route add default via 10.9.42.2");
    let agent = Options::new()
        .default_probes()
        .config("")
        .file("/etc/resolv.conf", NO_SERVERS)
        .start(&host);
    agent.probes_until("the gateway", |probes| {
        answered(find(probes, "gateway", "10.9.42.2")?, 1)
    });
    agent.rewrite_config("[probes]\ndefaults = false\n");
    agent.signal(Signal::HUP);
    droplens_tests::wait::until("no probes", || match agent.probes() {
        Err(why) if why.contains("no probes are configured") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    agent.stop();
}

#[test]
fn a_reload_under_load_keeps_counters_and_loses_nothing() {
    needs_root!();
    let (host, peer) = (Namespace::new(), Namespace::new());
    veth(&host, "p0", &peer, "p1", 43);
    for last in 3..=20 {
        peer.ip(&format!("addr add 10.9.43.{last}/24 dev p1"));
    }
    let config = |range: std::ops::RangeInclusive<u32>, label: &str| {
        let targets: Vec<String> = range.map(|last| format!("\"10.9.43.{last}\"")).collect();
        let targets = targets.join(", ");
        format!(
            "[[probe.icmp]]\ninterval = \"20ms\"\ntargets = [{targets}]\nlabels = {{ run = \"{label}\" }}\n"
        )
    };
    let agent = Options::new().config(&config(2..=15, "0")).start(&host);
    let sent =
        |probes: &Probes| only(find(probes, "icmp", "10.9.43.10")?).map(|address| address.sent);
    let mut before = agent.probes_until("probes", |probes| {
        answered(find(probes, "icmp", "10.9.43.10")?, 50)?;
        sent(probes)
    });
    for run in 1..=5 {
        let range = if run % 2 == 0 { 2..=15 } else { 6..=20 };
        let label = run.to_string();
        agent.rewrite_config(&config(range, &label));
        agent.signal(Signal::HUP);
        before = agent.probes_until("the changed labels, and more probes", |probes| {
            let target = find(probes, "icmp", "10.9.43.10")?;
            if target.labels.first().map(|(_, value)| &**value) != Some(label.as_str()) {
                return Err(format!("{:?}", target.labels));
            }
            let now = sent(probes)?;
            if now < before + 20 {
                return Err(format!("{now} of {before}"));
            }
            Ok(now)
        });
    }
    agent.probes_until("who came and who went", |probes| {
        find(probes, "icmp", "10.9.43.20")?;
        assert!(find(probes, "icmp", "10.9.43.2").is_err());
        for target in &probes.targets {
            let outcomes = only(target)?.outcomes;
            assert_eq!(outcomes.lost + outcomes.send_error, 0, "{outcomes:?}");
        }
        Ok(())
    });
    agent.stop();
}

#[test]
fn discovered_targets_follow_their_files() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let directory = scratch.path().display().to_string();
    let list = |name: &str, text: &str| scratch.write(name, text);
    list(
        "one.json",
        r#"[{"targets": ["127.0.0.1", "127.0.0.2"], "labels": {"rack": "7"}}]"#,
    );
    let agent = Options::new()
        .config(&format!(
            "[[probe.icmp]]\nname = \"found\"\ninterval = \"50ms\"\n[discovery.file]\nprobe = \"found\"\nfiles = [\"{directory}/*.json\", \"{directory}/*.yml\"]\n"
        ))
        .start(&namespace);
    let first = agent.probes_until("the first list", |probes| {
        let target = find(probes, "found", "127.0.0.1")?;
        answered(target, 5)?;
        assert_eq!(target.labels, [("rack".into(), "7".into())]);
        only(target).map(|address| address.sent)
    });
    list("one.json", r#"[{"targets": ["127.0.0.1"]}]"#);
    list("two.yml", "- targets: [127.0.0.3]\n");
    agent.probes_until("the changed lists", |probes| {
        find(probes, "found", "127.0.0.3")?;
        if find(probes, "found", "127.0.0.2").is_ok() {
            return Err("127.0.0.2 is still there".into());
        }
        let kept = only(find(probes, "found", "127.0.0.1")?)?;
        assert!(kept.sent >= first, "{kept:?}");
        Ok(())
    });
    agent.scrape_until_value(
        "droplens_discovery_targets",
        &[("probe", "found"), ("source", "file")],
        2,
    );
    // Half a list is none.
    list("one.json", r#"[{"targets": ["127.0.0.9""#);
    let metrics = agent.scrape_until_value(
        "droplens_discovery_up",
        &[("probe", "found"), ("source", "file")],
        0,
    );
    assert_eq!(
        metrics.count("droplens_discovery_targets", &[("probe", "found")]),
        2
    );
    agent.probes_until("the last good list", |probes| {
        find(probes, "found", "127.0.0.1").map(drop)
    });
    assert_eq!(
        agent.log().matches("the last list is kept").count(),
        1,
        "{}",
        agent.log()
    );
    list("one.json", "[]");
    agent.scrape_until_value("droplens_discovery_up", &[("probe", "found")], 1);
    agent.stop();
}

#[test]
fn a_name_that_stops_resolving_is_a_state_and_no_loss() {
    needs_root!();
    let (host, peer) = (Namespace::new(), Namespace::new());
    veth(&host, "n0", &peer, "n1", 44);
    let gone = Arc::new(AtomicBool::new(false));
    let says = Arc::clone(&gone);
    let _server = DnsServer::start(&peer, "10.9.44.2:53", move |asked| -> Answer {
        if says.load(Ordering::SeqCst) {
            asked.code(ResponseCode::NXDomain).into()
        } else {
            asked.addresses(1, &["10.9.44.2"]).into()
        }
    });
    let agent = Options::new()
        .config("[[probe.icmp]]\ninterval = \"50ms\"\ntargets = [\"peer.example\"]\n")
        .file("/etc/resolv.conf", "nameserver 10.9.44.2\n")
        .start(&host);
    let is = |probes: &Probes, state: TargetState, least: u64| {
        let target = find(probes, "icmp", "peer.example")?;
        answered(target, least)?;
        let address = only(target)?;
        assert_eq!(
            (address.address, address.outcomes.lost),
            ([10, 9, 44, 2].into(), 0)
        );
        if target.state == state {
            Ok(address.outcomes.ok)
        } else {
            Err(format!("{:?}", target.state))
        }
    };
    agent.probes_until("answers", |probes| is(probes, TargetState::Resolved, 5));
    gone.store(true, Ordering::SeqCst);
    let then = agent.probes_until("no name", |probes| is(probes, TargetState::Unresolved, 5));
    agent.probes_until("more answers of the old address", |probes| {
        is(probes, TargetState::Unresolved, then + 20)
    });
    gone.store(false, Ordering::SeqCst);
    agent.probes_until("the name again", |probes| {
        is(probes, TargetState::Resolved, then + 20)
    });
    let log = agent.log();
    assert_eq!(
        log.matches("targets of that name are unresolved").count(),
        1,
        "{log}"
    );
    agent.stop();
}

#[test]
fn without_any_privilege_echo_requests_are_send_errors_and_never_loss() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new()
        .config("[[probe.icmp]]\ninterval = \"50ms\"\ntargets = [\"127.0.0.1\"]\n")
        .unprivileged()
        .start(&namespace);
    agent.probes_until("errors", |probes| {
        let address = only(find(probes, "icmp", "127.0.0.1")?)?;
        if address.outcomes.send_error < 5 {
            return Err(format!("{:?}", address.outcomes));
        }
        assert_eq!(address.outcomes.lost, 0);
        Ok(())
    });
    assert!(agent.log().contains("CAP_NET_RAW"), "{}", agent.log());
    agent.stop();
}

#[test]
fn targets_are_discovered_by_name_and_kept_when_the_name_is_gone() {
    needs_root!();
    let (host, peer) = (Namespace::new(), Namespace::new());
    veth(&host, "d0", &peer, "d1", 45);
    peer.ip("addr add 10.9.45.3/24 dev d1");
    let round = Arc::new(AtomicU8::new(0));
    let says = Arc::clone(&round);
    let _server = DnsServer::start(&peer, "10.9.45.2:53", move |asked| -> Answer {
        match says.load(Ordering::SeqCst) {
            _ if asked.name() != "all.example" => asked.code(ResponseCode::NXDomain).into(),
            0 => asked.addresses(1, &["10.9.45.2", "10.9.45.3"]).into(),
            1 => asked.addresses(1, &["10.9.45.3"]).into(),
            _ => asked.code(ResponseCode::ServFail).into(),
        }
    });
    let agent = Options::new()
        .config(
            "[[probe.icmp]]\ninterval = \"50ms\"\n[discovery.dns]\nprobe = \"icmp\"\nnames = [\"all.example\"]\ntype = \"A\"\nrefresh = \"1s\"\n",
        )
        .file("/etc/resolv.conf", "nameserver 10.9.45.2\n")
        .start(&host);
    agent.probes_until("both", |probes| {
        answered(find(probes, "icmp", "10.9.45.2")?, 1)?;
        answered(find(probes, "icmp", "10.9.45.3")?, 1)
    });
    round.store(1, Ordering::SeqCst);
    agent.probes_until("one of them", |probes| {
        find(probes, "icmp", "10.9.45.3")?;
        find(probes, "icmp", "10.9.45.2").map_or(Ok(()), |_| Err("still there".to_owned()))
    });
    round.store(2, Ordering::SeqCst);
    let labels = [("probe", "icmp"), ("source", "dns")];
    agent.scrape_until_value("droplens_discovery_up", &labels, 0);
    agent.probes_until("the last list", |probes| {
        find(probes, "icmp", "10.9.45.3").map(drop)
    });
    agent.stop();
}

#[test]
fn services_are_discovered_with_their_ports() {
    needs_root!();
    let (host, peer) = (Namespace::new(), Namespace::new());
    veth(&host, "s0", &peer, "s1", 47);
    let service = TcpServer::start(&peer, "10.9.47.2:0", TcpManner::Takes);
    let port = service.address().port();
    let _server = DnsServer::start(&peer, "10.9.47.2:53", move |asked| -> Answer {
        match (&*asked.name(), &*asked.kind()) {
            ("_db._tcp.example", "SRV") => {
                let name = |text: &str| Name::from_ascii(text).unwrap();
                let mut reply = asked.reply();
                let service = RData::SRV(SRV::new(0, 0, port, name("db.example.")));
                reply.add_answer(Record::from_rdata(name("_db._tcp.example."), 60, service));
                reply.into()
            }
            ("db.example", _) => asked.addresses(60, &["10.9.47.2"]).into(),
            _ => asked.code(ResponseCode::NXDomain).into(),
        }
    });
    let agent = Options::new()
        .config(
            "[[probe.tcp]]\ninterval = \"100ms\"\n[discovery.dns]\nprobe = \"tcp\"\nnames = [\"_db._tcp.example\"]\nrefresh = \"1s\"\n",
        )
        .file("/etc/resolv.conf", "nameserver 10.9.47.2\n")
        .start(&host);
    agent.probes_until("connections", |probes| {
        let target = find(probes, "tcp", &format!("db.example:{port}"))?;
        answered(target, 3)?;
        assert_eq!(only(target)?.address, IpAddr::from([10, 9, 47, 2]));
        Ok(())
    });
    let labels = [("probe", "tcp"), ("source", "dns")];
    agent.scrape_until_value("droplens_discovery_targets", &labels, 1);
    agent.stop();
}

#[test]
fn targets_are_fetched_over_tls_and_kept_when_the_server_fails() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let root = Authority::root();
    let trusted = scratch.write("root.pem", root.pem());
    let (log, broken) = (Log::default(), Arc::new(AtomicBool::new(false)));
    let fails = Arc::clone(&broken);
    let config = config(root.issue(&["127.0.0.1"], VALID), &Manner::default());
    let answer = move |_: &Asked| {
        if fails.load(Ordering::SeqCst) {
            return page("500 Internal Server Error", &[], "no");
        }
        let list = r#"[{"targets": ["127.0.0.4"], "labels": {"__meta_x": "1", "zone": "b"}}]"#;
        page("200 OK", &["content-type: application/json"], list)
    };
    let server = WebServer::start(&namespace, "127.0.0.1", secure(config, &log, answer));
    let agent = Options::new()
        .config(&format!(
            "[[probe.icmp]]\ninterval = \"50ms\"\n[discovery.http]\nprobe = \"icmp\"\nurl = \"https://{}/list\"\nrefresh = \"1s\"\nauthorities = {trusted:?}\n",
            server.address()
        ))
        .start(&namespace);
    agent.probes_until("the list", |probes| {
        let target = find(probes, "icmp", "127.0.0.4")?;
        assert_eq!(target.labels, [("zone".into(), "b".into())]);
        answered(target, 1)
    });
    assert_eq!(log.all()[0].path(), "/list");
    broken.store(true, Ordering::SeqCst);
    let labels = [("probe", "icmp"), ("source", "http")];
    agent.scrape_until_value("droplens_discovery_up", &labels, 0);
    agent.probes_until("the last list", |probes| {
        find(probes, "icmp", "127.0.0.4").map(drop)
    });
    assert!(agent.log().contains("answered 500"), "{}", agent.log());
    agent.stop();
}
