//! Echo requests when something is wrong with this host, its permissions or the answers.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use droplens_model::sample::probes::{FailureReason, Outcomes, Probes, TargetState};
use droplens_probe::echo::Sockets;
use droplens_probe::flight::Patience;
use droplens_probe::spec::{Ask, EchoSpec, TcpSpec};
use droplens_probe::sys::egress::EchoKind;
use droplens_tests::lab::{Namespace, veth};
use droplens_tests::needs_root;
use droplens_tests::probing::{self, Probing, outcomes, wish, with};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

const PATIENCE: Patience = Patience {
    timeout: Duration::from_millis(500),
    late: Duration::from_millis(500),
};

/// A prober in a process of its own.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(namespace: &Namespace, millis: u32, first: &str, count: u32) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab-prober"));
        command
            .args([millis.to_string(), first.to_owned(), count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = namespace
            .enter(|| command.spawn())
            .expect("starting a prober");
        let input = child.stdin.take().expect("its input");
        let output = child.stdout.take().expect("its output");
        Self {
            child,
            input,
            output: BufReader::new(output),
        }
    }

    fn sample(&mut self) -> Probes {
        writeln!(self.input).expect("asking for a sample");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a sample");
        serde_json::from_str(&line).expect("a sample as JSON")
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process"), signal).expect("a signal");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn with_ping_sockets(namespace: &Namespace) {
    namespace.sysctl("net/ipv4/ping_group_range", "0 0");
}

#[test]
fn a_prober_that_was_stopped_calls_nothing_lost() {
    needs_root!();
    let namespace = Namespace::new();
    let mut process = Process::start(&namespace, 20, "127.1.0.1", 20);
    sleep(Duration::from_secs(2));
    process.signal(Signal::STOP);
    sleep(Duration::from_secs(5));
    process.signal(Signal::CONT);
    sleep(Duration::from_secs(12));
    let sample = process.sample();
    let found = outcomes(&sample);
    assert_eq!((found.lost, found.late), (0, 0), "{found:?}");
    assert!(found.ok > 10_000, "{found:?}");
    assert!(sample.prober.stalls >= 1);
    assert!(sample.prober.stalled >= Duration::from_secs(4));
}

/// A thousand addresses, five times a second each.
#[test]
fn nothing_is_lost_by_itself() {
    needs_root!();
    let namespace = Namespace::new();
    let probing = Probing::start(&namespace, Sockets::open);
    let wishes: Vec<_> = (0..1_000)
        .map(|n| wish(&format!("127.2.{}.{}", n / 250, n % 250 + 1), 200, PATIENCE))
        .collect();
    probing.aim(wishes.clone());
    sleep(Duration::from_secs(10));
    let sample = probing.settle(wishes);
    let found = outcomes(&sample);
    println!("{found:?} {:?}", sample.prober);
    let expected = Outcomes {
        ok: found.ok,
        aborted: found.aborted,
        ..Outcomes::default()
    };
    assert_eq!(found, expected);
    assert_eq!(sample.prober.socket_overflows, 0);
    // A host that is busy with other tests may have stalled it.
    assert!(found.ok > 30_000, "{found:?}");
}

/// A ping socket of IPv6 does not tell, so it is not the first choice.
#[test]
fn a_firewall_on_output_is_no_loss() {
    needs_root!();
    for kind in [None, Some(EchoKind::Ping), Some(EchoKind::Raw)] {
        let namespace = Namespace::new();
        with_ping_sockets(&namespace);
        namespace.nft(
            "table inet t { chain c { type filter hook output priority 0;
               ip daddr 127.3.0.2 counter drop;
               ip6 daddr fd93::2 counter drop; }; }",
        );
        namespace.ip("addr add fd93::1/128 dev lo");
        namespace.ip("addr add fd93::2/128 dev lo");
        let probing = Probing::start(&namespace, |random| match kind {
            None => Sockets::open(random),
            Some(kind) => Sockets::open_only(kind, random),
        });
        let mut pairs = vec![("127.3.0.1", "127.3.0.2")];
        if kind != Some(EchoKind::Ping) {
            pairs.push(("fd93::1", "fd93::2"));
        }
        let targets = pairs.iter().flat_map(|(open, shut)| [open, shut]);
        let wishes: Vec<_> = targets.map(|target| wish(target, 10, PATIENCE)).collect();
        probing.aim(wishes.clone());
        sleep(Duration::from_secs(1));
        let sample = probing.settle(wishes);
        let rules = namespace.sh("nft list ruleset");
        for (open, shut) in pairs {
            let [open, shut] = [open, shut].map(|one| {
                let one: IpAddr = one.parse().expect("an address");
                probing::address(&sample, one)
            });
            assert!(open.sent > 0 && shut.sent > 0);
            assert_eq!(open.outcomes.ok, open.sent, "{kind:?} {open:?}");
            assert_eq!(shut.outcomes.send_error, shut.sent, "{kind:?} {shut:?}");
            assert_eq!(shut.failures.get(FailureReason::NotPermitted), shut.sent);
            // Each refused packet was sent once: the rule's own counter says so.
            let counted = format!("counter packets {} ", shut.sent);
            assert!(rules.contains(&counted), "{}: {rules}", shut.sent);
        }
        assert!(sample.prober.kernel_stamps);
    }
}

#[test]
fn a_route_that_vanishes_is_no_loss() {
    needs_root!();
    for kind in [EchoKind::Ping, EchoKind::Raw] {
        let (left, right) = (Namespace::new(), Namespace::new());
        with_ping_sockets(&left);
        veth(&left, "v0", &right, "v1", 1);
        right.ip("route add local 10.94.0.1 dev lo");
        left.ip("route add 10.94.0.1 via 10.9.1.2");
        let probing = Probing::start(&left, |random| Sockets::open_only(kind, random));
        let wishes = vec![wish("10.94.0.1", 10, PATIENCE)];
        probing.aim(wishes.clone());
        sleep(Duration::from_millis(500));
        left.ip("route del 10.94.0.1");
        sleep(Duration::from_millis(500));
        left.ip("route add 10.94.0.1 via 10.9.1.2");
        sleep(Duration::from_millis(500));
        let sample = probing.settle(wishes);
        let one = probing::address(&sample, [10, 94, 0, 1]);
        let found = one.outcomes;
        assert_eq!(found.ok + found.send_error, one.sent, "{kind:?} {one:?}");
        assert!(found.ok > 20 && found.send_error > 10, "{found:?}");
        let unreachable = one.failures.get(FailureReason::NoRoute);
        assert_eq!(unreachable, found.send_error);
    }
}

/// A router says that there is no way on. Another target through the same socket has nothing to do
/// with it.
#[test]
fn an_error_that_comes_back_ends_the_probe_it_is_about() {
    needs_root!();
    for kind in [EchoKind::Ping, EchoKind::Raw] {
        let (left, right) = (Namespace::new(), Namespace::new());
        with_ping_sockets(&left);
        veth(&left, "v0", &right, "v1", 1);
        right.sysctl("net/ipv4/icmp_ratelimit", "0");
        right.sysctl("net/ipv4/icmp_msgs_per_sec", "10000");
        right.sysctl("net/ipv4/icmp_msgs_burst", "10000");
        right.ip("route add local 10.95.0.0/24 dev lo");
        right.nft(
            "table ip t { chain c { type filter hook input priority 0;
               ip daddr 10.95.0.0/24 reject with icmp type host-unreachable; }; }",
        );
        left.ip("route add 10.95.0.0/24 via 10.9.1.2");
        let probing = Probing::start(&left, |random| Sockets::open_only(kind, random));
        let targets = ["10.9.1.2", "10.95.0.1", "10.95.0.2"];
        let wishes = targets.map(|target| wish(target, 10, PATIENCE)).to_vec();
        probing.aim(wishes.clone());
        sleep(Duration::from_secs(2));
        let sample = probing.settle(wishes);
        let good = probing::address(&sample, [10, 9, 1, 2]);
        assert_eq!(good.outcomes.ok, good.sent, "{kind:?} {good:?}");
        for bad in [[10, 95, 0, 1], [10, 95, 0, 2]] {
            let bad = probing::address(&sample, bad);
            assert!(bad.sent > 20);
            assert_eq!(bad.outcomes.icmp_error, bad.sent, "{kind:?} {bad:?}");
        }
    }
}

#[test]
fn without_any_permission_every_probe_says_so() {
    needs_root!();
    let namespace = Namespace::new();
    namespace.sysctl("net/ipv4/ping_group_range", "1 0");
    let probing = namespace.enter(|| {
        // Of this thread alone, and of those it starts.
        let mut sets: CapabilitySets = capabilities(None).expect("capabilities");
        sets.effective.remove(CapabilitySet::NET_RAW);
        sets.permitted.remove(CapabilitySet::NET_RAW);
        set_capabilities(None, sets).expect("less capabilities");
        Probing::start_here(Sockets::open)
    });
    let wishes = vec![wish("127.0.0.1", 10, PATIENCE), wish("::1", 10, PATIENCE)];
    probing.aim(wishes.clone());
    sleep(Duration::from_millis(300));
    let sample = probing.settle(wishes);
    assert_eq!(sample.targets.len(), 2);
    for one in probing::addresses(&sample) {
        assert!(one.sent > 0);
        assert_eq!(one.failures.get(FailureReason::NotPermitted), one.sent);
        assert_eq!(one.outcomes.send_error, one.sent);
    }
    assert!(!sample.prober.kernel_stamps);
}

#[test]
fn a_source_and_a_device_that_are_gone_are_no_loss() {
    needs_root!();
    let namespace = Namespace::new();
    with_ping_sockets(&namespace);
    for kind in [EchoKind::Ping, EchoKind::Raw] {
        let probing = Probing::start(&namespace, |random| Sockets::open_only(kind, random));
        let foreign = with(wish("127.0.0.1", 10, PATIENCE), |request| {
            request.egress.source = Some([192, 0, 2, 1].into());
        });
        let gone = with(wish("127.0.0.2", 10, PATIENCE), |request| {
            request.egress.interface = Some("gone0".into());
        });
        let good = with(wish("127.0.0.3", 10, PATIENCE), |request| {
            request.egress.source = Some([127, 0, 0, 9].into());
            request.egress.interface = Some("lo".into());
            request.egress.dscp = 46;
        });
        // A source of the other family can reach no address of this target.
        let other = with(wish("127.0.0.4", 10, PATIENCE), |request| {
            request.egress.source = Some("::1".parse().expect("an address"));
        });
        let wishes = vec![foreign, gone, good, other];
        probing.aim(wishes.clone());
        sleep(Duration::from_millis(300));
        let sample = probing.settle(wishes);
        for bad in [[127, 0, 0, 1], [127, 0, 0, 2]] {
            let bad = probing::address(&sample, bad);
            assert!(bad.sent > 0);
            assert_eq!(
                bad.failures.get(FailureReason::NoDevice),
                bad.sent,
                "{bad:?}"
            );
        }
        let good = probing::address(&sample, [127, 0, 0, 3]);
        assert_eq!((good.outcomes.ok, good.sent > 0), (good.sent, true));
        let other = sample
            .targets
            .iter()
            .find(|one| &*one.target == "127.0.0.4");
        let other = other.expect("the target");
        assert_eq!(other.state, TargetState::Unresolved);
        assert!(other.addresses.is_empty());
    }
}

#[test]
fn what_leaves_bears_source_mark_and_size_as_asked() {
    needs_root!();
    for (kind, source, target, family) in [
        (EchoKind::Ping, "127.0.0.9", "127.0.0.3", "ip"),
        (EchoKind::Raw, "127.0.0.9", "127.0.0.3", "ip"),
        (EchoKind::Raw, "fd93::1", "fd93::2", "ip6"),
    ] {
        let namespace = Namespace::new();
        with_ping_sockets(&namespace);
        namespace.ip("addr add fd93::1/128 dev lo");
        namespace.ip("addr add fd93::2/128 dev lo");
        let (length, whole) = match family {
            "ip" => ("ip length 1028", "ip frag-off & 0x4000 == 0x4000"),
            _ => ("ip6 length 1008", "ip6 hoplimit > 0"),
        };
        namespace.nft(&format!(
            "table inet t {{ chain c {{ type filter hook output priority 0;
               {family} saddr {source} {family} daddr {target} {family} dscp ef {length} {whole} counter; }}; }}"
        ));
        let probing = Probing::start(&namespace, |random| Sockets::open_only(kind, random));
        let marked = with(wish(target, 10, PATIENCE), |request| {
            request.egress.source = Some(source.parse().expect("an address"));
            request.egress.dscp = 46;
            request.ask = Ask::Icmp(EchoSpec {
                payload: 1_000,
                dont_fragment: true,
            });
        });
        probing.aim(vec![marked.clone()]);
        sleep(Duration::from_millis(300));
        let sample = probing.settle(vec![marked]);
        let one = probing::addresses(&sample).next().expect("an address");
        assert!(one.sent > 0);
        assert_eq!(one.outcomes.ok, one.sent, "{kind:?} {one:?}");
        let rules = namespace.sh("nft list ruleset");
        let counted = format!("counter packets {} ", one.sent);
        assert!(rules.contains(&counted), "{kind:?} {}: {rules}", one.sent);
    }
}

/// Packets that fit everywhere are not cut anyway, and the kernel need not number them for that.
#[test]
fn requests_that_fit_everywhere_and_those_that_say_so_may_not_be_cut() {
    needs_root!();
    for kind in [EchoKind::Ping, EchoKind::Raw] {
        let namespace = Namespace::new();
        with_ping_sockets(&namespace);
        let (whole, cut) = (
            "ip frag-off & 0x4000 == 0x4000",
            "ip frag-off & 0x4000 == 0",
        );
        namespace.nft(&format!(
            "table ip t {{ chain c {{ type filter hook output priority 0;
               ip daddr 127.0.0.3 ip length 84 {whole} counter;
               ip daddr 127.0.0.4 ip length 1028 {cut} counter;
               ip daddr 127.0.0.5 ip length 1028 {whole} counter; }}; }}"
        ));
        let probing = Probing::start(&namespace, |random| Sockets::open_only(kind, random));
        let sized = |target, payload, dont_fragment| {
            with(wish(target, 10, PATIENCE), |request| {
                request.ask = Ask::Icmp(EchoSpec {
                    payload,
                    dont_fragment,
                });
            })
        };
        let wishes = vec![
            sized("127.0.0.3", 56, false),
            sized("127.0.0.4", 1_000, false),
            sized("127.0.0.5", 1_000, true),
        ];
        probing.aim(wishes.clone());
        sleep(Duration::from_millis(300));
        let sample = probing.settle(wishes);
        let rules = namespace.sh("nft list ruleset");
        for one in probing::addresses(&sample) {
            assert!(one.sent > 0);
            assert_eq!(one.outcomes.ok, one.sent, "{kind:?} {one:?}");
            let rule = rules
                .lines()
                .find(|rule| rule.contains(&one.address.to_string()));
            let counted = format!("counter packets {} ", one.sent);
            assert!(
                rule.is_some_and(|rule| rule.contains(&counted)),
                "{kind:?} {one:?} {rules}"
            );
        }
    }
}

/// It would bear another one.
#[test]
fn an_ipv6_ping_socket_refuses_a_source() {
    needs_root!();
    let namespace = Namespace::new();
    with_ping_sockets(&namespace);
    let probing = Probing::start(&namespace, |random| {
        Sockets::open_only(EchoKind::Ping, random)
    });
    let with_source = with(wish("::1", 10, PATIENCE), |request| {
        request.egress.source = Some(std::net::Ipv6Addr::LOCALHOST.into());
    });
    let wishes = vec![with_source];
    probing.aim(wishes.clone());
    sleep(Duration::from_millis(200));
    let sample = probing.settle(wishes);
    let one = probing::addresses(&sample).next().expect("an address");
    assert!(one.sent > 0);
    assert_eq!(one.failures.get(FailureReason::NotPermitted), one.sent);
}

/// Whatever is found out: each probe ends once, also when its target goes while it is under way.
#[test]
fn probes_that_are_tasks_end_too() {
    needs_root!();
    let namespace = Namespace::new();
    let probing = Probing::start(&namespace, Sockets::open);
    let tcp = |target| {
        with(wish(target, 10, PATIENCE), |request| {
            request.ask = Ask::Tcp(TcpSpec { port: 9 });
        })
    };
    let (refused, removed) = (tcp("127.0.0.1"), tcp("127.0.0.2"));
    probing.aim(vec![refused.clone(), removed]);
    sleep(Duration::from_millis(300));
    let sample = probing.settle(vec![refused]);
    assert_eq!(sample.targets.len(), 1);
    let one = probing::address(&sample, [127, 0, 0, 1]);
    assert!(one.sent > 0);
    assert_eq!(one.outcomes.total(), one.sent, "{one:?}");
}
