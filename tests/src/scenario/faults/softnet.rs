//! The receive work of the CPUs. Its counters are the whole host's.

use std::net::UdpSocket;
use std::time::Duration;

use droplens_model::Cause;

use crate::lab::HostSetting;
use crate::lab::paced::{self, Pace};
use crate::lab::softnet::{Softnet, slow_receiver};
use crate::lab::{Namespace, load, veth};
use crate::scenario::{Expect, Packets, Scenario, Seen, Watch, exactly, expected};
use crate::wait;

const BACKLOG: Expect = exactly(Cause::SoftnetBacklogOverflow);
const FLOW_LIMIT: Expect = exactly(Cause::SoftnetFlowLimit);
const TIME_SQUEEZE: Expect = expected(Cause::SoftnetTimeSqueeze, Packets::None, &[]);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "softnet-backlog",
        about: "a flood faster than the CPU that must handle it",
        expect: BACKLOG,
        alone: true,
        run: backlog,
    },
    Scenario {
        name: "softnet-flow-limit",
        about: "one flow fills half of a backlog, with the flow limit on",
        expect: FLOW_LIMIT,
        alone: true,
        run: flow_limit,
    },
    Scenario {
        name: "softnet-time-squeeze",
        about: "receive passes of one packet (net.core.netdev_budget is 1)",
        expect: TIME_SQUEEZE,
        alone: true,
        run: time_squeeze,
    },
];

/// Two ends of a link whose right one is slow in receiving, and a socket there with much room.
fn slow_link() -> (Namespace, Namespace, UdpSocket) {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    slow_receiver(&right, "v1");
    let sink = load::deep_sink(&right, "10.9.1.2:9000");
    (left, right, sink)
}

/// Floods until the kernel says that packets were dropped; returns how its counters moved.
fn flood(left: &Namespace) -> Softnet {
    let before = Softnet::now();
    let sender = load::udp(left, "10.9.1.1:0");
    // On the second CPU the sender would do the receive work in between.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            load::stay_on_cpu(0);
            wait::until("a dropped packet", || {
                load::send(&sender, "10.9.1.2:9000", 3000, 64);
                let dropped = Softnet::now().dropped > before.dropped;
                dropped.then_some(()).ok_or_else(|| "none yet".to_owned())
            });
        });
    });
    let after = Softnet::now();
    Softnet {
        dropped: after.dropped - before.dropped,
        time_squeezed: after.time_squeezed - before.time_squeezed,
        flow_limit: after.flow_limit - before.flow_limit,
    }
}

fn backlog() -> Seen {
    let (left, right, _sink) = slow_link();
    let watch = Watch::start(&right);
    let moved = flood(&left);
    watch.verdict(&BACKLOG, Some(moved.dropped))
}

fn flow_limit() -> Seen {
    let (left, right, _sink) = slow_link();
    let _limit = HostSetting::set("net/core/flow_limit_cpu_bitmap", "3");
    let watch = Watch::start(&right);
    let moved = flood(&left);
    watch.verdict(&FLOW_LIMIT, Some(moved.flow_limit))
}

fn time_squeeze() -> Seen {
    const PACE: Pace = Pace {
        per_second: 500,
        lasts: Duration::from_secs(3),
        size: 100,
    };
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let _sink = load::deep_sink(&right, "10.9.1.2:9000");
    let watch = Watch::start(&right);
    let budget = HostSetting::set("net/core/netdev_budget", "1");
    let sender = load::udp(&left, "10.9.1.1:0");
    paced::send(&sender, "10.9.1.2:9000", PACE);
    drop(budget);
    watch.verdict(&TIME_SQUEEZE, None)
}
