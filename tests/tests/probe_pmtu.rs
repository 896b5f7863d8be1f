//! The largest packet that gets through, on paths of which it is known.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::net::IpAddr;
use std::process::Command;

use droplens_model::sample::probes::{FailureReason, IcmpError, Outcome, PmtuDetails, SendFailure};
use droplens_probe::errand::{Ending, Report};
use droplens_probe::spec::{Ask, PmtuSpec};
use droplens_tests::lab::{Chain, Namespace};
use droplens_tests::{errands, needs_root};

const NONCE: u64 = 0x0123_4567_89ab_cdef;

const TARGETS: [&str; 2] = [Chain::TARGET_V4, Chain::TARGET_V6];

/// Routers that do not say that packets are too big.
const MUTE: &str = "table inet mute { chain output { type filter hook output priority 0;
    icmp type destination-unreachable drop;
    icmpv6 type packet-too-big drop
}
}";

/// Who asks: ping sockets need no privilege where they are permitted, raw ones do.
#[derive(Clone, Copy)]
enum By {
    Anybody,
    Root,
}

fn search(client: &Namespace, target: &str, most: Option<u32>, by: By) -> Report {
    let ask = Ask::Pmtu(PmtuSpec { most });
    match by {
        By::Anybody => errands::ask_unprivileged(client, target, ask, NONCE),
        By::Root => errands::ask(client, target, ask, NONCE),
    }
}

/// What a search found out that was answered.
#[track_caller]
fn found(client: &Namespace, target: &str, by: By) -> (PmtuDetails, Option<FailureReason>) {
    let report = search(client, target, None, by);
    assert!(matches!(report.ending, Ending::Answered(_)), "{report:?}");
    let details = report.details.pmtu.expect("what was found");
    (details, report.failure.map(|(reason, _)| reason))
}

/// Through ping sockets, without privilege, and through raw ones because the others are not permitted.
fn for_both_kinds(client: &Namespace, check: impl Fn(By)) {
    for (range, by) in [("0 0", By::Anybody), ("1 0", By::Root)] {
        client.sysctl("net/ipv4/ping_group_range", range);
        check(by);
    }
}

/// Forgets what was learned of path MTUs.
fn forget(client: &Namespace) {
    client.ip("route flush cache");
    client.ip("-6 route flush cache");
}

#[test]
fn the_size_of_a_healthy_path_is_that_of_its_links() {
    needs_root!();
    let chain = Chain::new();
    for_both_kinds(chain.client(), |by| {
        for target in TARGETS {
            let expected = PmtuDetails {
                bytes: Some(1_500),
                device_mtu: Some(1_500),
                cached: Some(1_500),
                ..PmtuDetails::default()
            };
            assert_eq!(found(chain.client(), target, by), (expected, None));
        }
    });
    // The largest packets that there are go over the loopback device.
    for target in ["127.0.0.1", "::1"] {
        let (details, failure) = found(chain.client(), target, By::Root);
        assert_eq!(details.bytes, Some(65_535));
        // The device takes 65536, but IPv4 knows no larger packet than 65535.
        assert!(details.device_mtu >= Some(65_535));
        assert_eq!((details.blackhole, failure), (false, None));
    }
    let limited = search(chain.client(), Chain::TARGET_V4, Some(1_400), By::Root);
    assert_eq!(limited.details.pmtu.expect("details").bytes, Some(1_400));
    // The own device.
    chain.set_mtu(1, 1_400);
    for target in TARGETS {
        let (details, failure) = found(chain.client(), target, By::Root);
        assert_eq!((details.bytes, failure), (Some(1_400), None));
        assert_eq!(details.device_mtu, Some(1_400));
        assert!(!details.blackhole);
    }
}

#[test]
fn a_small_link_is_found_to_the_byte_and_so_is_who_tells() {
    needs_root!();
    let chain = Chain::new();
    chain.set_mtu(3, 1_300);
    for_both_kinds(chain.client(), |by| {
        for (target, router) in [(TARGETS[0], "10.93.2.2"), (TARGETS[1], "fd93:2::2")] {
            forget(chain.client());
            let (details, failure) = found(chain.client(), target, by);
            let router: IpAddr = router.parse().expect("an address");
            let expected = PmtuDetails {
                bytes: Some(1_300),
                device_mtu: Some(1_500),
                cached: Some(1_500),
                blackhole: false,
                reported_by: Some(router),
                reported: Some(1_300),
            };
            assert_eq!((details, failure), (expected, None));
        }
    });
    // What ping finds: the size without 28 bytes of headers.
    let ping = |size| {
        let size = format!("{size}");
        let mut command = Command::new("ping");
        command.args(["-M", "do", "-c", "1", "-W", "1", "-s", &size, TARGETS[0]]);
        chain.client().run(&mut command).code == Some(0)
    };
    assert!(ping(1_300 - 28) && !ping(1_301 - 28));
    // The link has grown, and the kernel remembers what was: it would send no more than 1300 bytes.
    chain.set_mtu(3, 1_500);
    assert!(!ping(1_301 - 28));
    for target in TARGETS {
        let (details, failure) = found(chain.client(), target, By::Root);
        assert_eq!((details.cached, details.bytes), (Some(1_300), Some(1_500)));
        assert_eq!(
            (details.reported, details.blackhole, failure),
            (None, false, None)
        );
    }
    // So it does if somebody told it.
    forget(chain.client());
    chain
        .client()
        .ip("route add 10.93.4.2 via 10.93.1.2 mtu lock 1234");
    let (details, _) = found(chain.client(), TARGETS[0], By::Root);
    assert_eq!((details.cached, details.bytes), (Some(1_234), Some(1_500)));
}

#[test]
fn a_black_hole_is_found_to_the_byte() {
    needs_root!();
    let chain = Chain::new();
    chain.set_mtu(3, 1_300);
    chain.middle().nft(MUTE);
    for_both_kinds(chain.client(), |by| {
        for target in TARGETS {
            let expected = PmtuDetails {
                bytes: Some(1_300),
                device_mtu: Some(1_500),
                cached: Some(1_500),
                blackhole: true,
                ..PmtuDetails::default()
            };
            let failure = Some(FailureReason::PmtuBlackhole);
            assert_eq!(found(chain.client(), target, by), (expected, failure));
        }
    });
    // Behind a router that speaks: it is not the one that loses them.
    chain.set_mtu(2, 1_400);
    let (details, failure) = found(chain.client(), TARGETS[0], By::Root);
    assert_eq!(
        (details.bytes, details.reported),
        (Some(1_300), Some(1_400))
    );
    assert_eq!(failure, Some(FailureReason::PmtuBlackhole));
}

#[test]
fn where_nothing_answers_nothing_is_said_of_sizes() {
    needs_root!();
    let chain = Chain::new();
    chain.server().sysctl("net/ipv4/icmp_echo_ignore_all", "1");
    let report = search(chain.client(), TARGETS[0], None, By::Root);
    assert_eq!((report.ending, report.details.pmtu), (Ending::Silent, None));
    // A router refuses.
    chain.middle().ip("route add prohibit 10.93.4.2/32");
    let report = search(chain.client(), TARGETS[0], None, By::Root);
    let prohibited = Outcome::IcmpError(IcmpError { kind: 3, code: 13 });
    assert_eq!(report.ending, Ending::Ended(prohibited));
    let (reason, message) = report.failure.expect("why");
    assert_eq!(reason, FailureReason::Unreachable);
    assert!(message.contains("10.93.2.2 says"), "{message}");
    assert_eq!(report.details.pmtu, None);
    // The own host has no route.
    chain.client().ip("route del default");
    let report = search(chain.client(), TARGETS[0], None, By::Root);
    let no_route = Outcome::SendError(SendFailure::Unreachable);
    assert_eq!(report.ending, Ending::Ended(no_route));
    assert_eq!(report.details.pmtu, None);
}
