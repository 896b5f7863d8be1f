//! Real faults, agents, Prometheus and Alertmanager: whoever is to be told is told, and told when it is over.
//! In a file of its own: the drops of CPUs and the limit of connections that are tracked are the whole host's.

use std::time::{Duration, Instant};

use droplens_tests::lab::softnet::has_two_cpus;
use droplens_tests::lab::{HostSetting, Namespace, Router};
use droplens_tests::monitoring::hosts::{Hosts, agent};
use droplens_tests::monitoring::trouble::{Link, Switch, ask_for_more, lose_echoes, track};
use droplens_tests::monitoring::{Alertmanager, Prometheus, Receiver};
use droplens_tests::{needs_root, skip, tools};

const TEST: &str = "whoever_is_to_be_told_is_told";

/// How much faster than for users the rules and routes are: minutes are seconds.
const FACTOR: u32 = 60;

/// Connections of the router whose table is full, which is the limit, and of the one at 86 %.
const LIMIT: usize = 350;
const NEARLY: usize = 300;

/// What the host behind a lossy router asks the other side, ten times a second.
const PROBES: &str = "[[probe.icmp]]\ntargets = [\"10.90.2.2\"]\ninterval = \"100ms\"\n";

/// Long enough for every alert in fast motion to begin.
const A_WHILE: Duration = Duration::from_secs(25);

#[test]
fn whoever_is_to_be_told_is_told_and_nobody_else() {
    needs_root!();
    if !has_two_cpus() {
        skip::because(TEST, "it takes two CPUs");
        return;
    }
    let (Some(prometheus), Some(alertmanager)) = (
        tools::find_or_skip(TEST, "prometheus"),
        tools::find_or_skip(TEST, "prometheus-alertmanager"),
    ) else {
        return;
    };

    let centre = Namespace::new();
    let hosts = Hosts::around(&centre);
    let [queue, buffer, listener, flapping, killed, busy, slow] = [(); 7].map(|()| Link::new());
    let [full, nearly, lossy] = [(); 3].map(|()| Router::new());
    let names = [
        &queue.left,
        &buffer.right,
        &listener.right,
        &flapping.left,
        &killed.left,
        &busy.right,
        &slow.right,
        &full.router,
        &nearly.router,
        &lossy.client,
    ]
    .map(|host| (host, hosts.join(host)));
    let mut agents = names.each_ref().map(|(host, name)| {
        let probes = if std::ptr::eq(*host, &raw const lossy.client) {
            PROBES
        } else {
            ""
        };
        Some(agent(host, name, probes))
    });
    let all = names.each_ref().map(|(_, name)| name.as_str());
    let [
        queue_is,
        buffer_is,
        listener_is,
        flapping_is,
        killed_is,
        busy_is,
        _,
        full_is,
        nearly_is,
        lossy_is,
    ] = all;

    let tracked = (track(&full, LIMIT), track(&nearly, NEARLY));
    let receiver = Receiver::start(&centre, "127.0.0.1:9095");
    let _alertmanager = Alertmanager::start(&centre, &alertmanager, FACTOR);
    let targets: Vec<String> = all.map(ToOwned::to_owned).into();
    let prometheus = Prometheus::start(&centre, &prometheus, &targets, FACTOR);
    prometheus.wait_until_up(hosts.count());

    // Everything at once, beside a host that is only busy.
    let page = |name, cause, instance| ["pager", name, "critical", cause, instance];
    let ticket = |name, cause, instance| ["tickets", name, "warning", cause, instance];
    let expected = [
        page("ConntrackNearFull", "conntrack_near_full", nearly_is),
        page("ConntrackNearFull", "conntrack_near_full", full_is),
        page("ConntrackTableFull", "conntrack_table_full", full_is),
        page("ProbeLossFast", "path_loss", lossy_is),
        ticket("QdiscDrops", "qdisc_overflow", queue_is),
        ticket("UdpReceiveBufferFull", "udp_receive_buffer_full", buffer_is),
        ticket("TcpAcceptQueueFull", "tcp_accept_queue_full", listener_is),
        ticket("LinkFlapping", "link_flap", flapping_is),
        ticket("DroplensDown", "agent_down", killed_is),
    ];
    let limit = HostSetting::set("net/netfilter/nf_conntrack_max", LIMIT as u64);
    let switch = Switch::default();
    std::thread::scope(|scope| {
        let begun = Instant::now();
        // Whatever happens, the troubles end, or the scope would not.
        let _off = Off(&switch);
        queue.fill_queue(scope, &switch);
        buffer.fill_receive_buffer(scope, &switch);
        listener.fill_accept_queue(scope, &switch);
        flapping.flap(scope, &switch);
        busy.be_busy(scope, &switch);
        ask_for_more(&full, scope, &switch);
        lose_echoes(&lossy.router, scope, &switch);
        drop(agents[4].take());
        receiver.wait_until(&expected, "firing");
        std::thread::sleep(A_WHILE.saturating_sub(begun.elapsed()));
    });
    let watchdog = ["watchdog", "Watchdog", "info", "watchdog", ""];
    assert_only(&receiver, &[&expected[..], &[watchdog]].concat());
    let notices = receiver.notices();
    let told = notices.told();
    assert!(
        told.contains(&watchdog),
        "the watchdog is silent: {told:#?}"
    );
    assert!(told.iter().all(|told| told[4] != busy_is));
    for told in &expected {
        let notice = notices.newest(*told).expect("it was told");
        let text = |name: &str| notice.annotations.get(name).cloned().unwrap_or_default();
        let runbook = text("runbook_url");
        let file = runbook.split("/blob/main/").nth(1).unwrap_or_default();
        let file = file.split('#').next().unwrap_or_default();
        let page = droplens_tests::binary::repository().join(file);
        assert!(page.is_file(), "{runbook}");
        assert!(text("dashboard_url").contains("/d/droplens-"));
        assert!(text("summary").contains(told[4]), "{notice:?}");
        assert!(!text("description").contains('<'), "{notice:?}");
    }

    // All is well again; then the CPUs cannot take what arrives, which every host of this machine shares.
    drop((limit, tracked));
    agents[4] = Some(agent(names[4].0, killed_is, ""));
    receiver.wait_until(&expected, "resolved");
    let drops = all.map(|instance| page("SoftnetDrops", "softnet_backlog_overflow", instance));
    let switch = Switch::default();
    std::thread::scope(|scope| {
        let _off = Off(&switch);
        slow.flood(scope, &switch);
        receiver.wait_until(&drops, "firing");
    });
    receiver.wait_until(&drops, "resolved");

    // One agent that is down is a ticket; two of ten are a page.
    agents[4] = None;
    agents[5] = None;
    let fleet = ["pager", "DroplensFleetDown", "critical", "fleet_down", ""];
    receiver.wait_until(&[fleet], "firing");

    let both = [killed_is, busy_is].map(|instance| ticket("DroplensDown", "agent_down", instance));
    // Its windows reach further back than the page's, which mutes it only while it lasts.
    let slow_burn = ticket("ProbeLossSlow", "path_loss", lossy_is);
    let may = [&expected[..], &drops, &both, &[slow_burn, fleet, watchdog]].concat();
    assert_only(&receiver, &may);
}

/// Fails if anybody was told anything else.
fn assert_only(receiver: &Receiver, may: &[[&str; 5]]) {
    let notices = receiver.notices();
    let told = notices.told();
    let unexpected: Vec<_> = told.iter().filter(|told| !may.contains(told)).collect();
    assert!(
        unexpected.is_empty(),
        "nobody was to be told {unexpected:#?}"
    );
}

/// Switches off when dropped, even in a panic.
struct Off<'s>(&'s Switch);

impl Drop for Off<'_> {
    fn drop(&mut self) {
        self.0.off();
    }
}
