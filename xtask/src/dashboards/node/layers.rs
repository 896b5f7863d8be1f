//! The panels of each layer.

use crate::dashboards::panel::Panel;
use crate::dashboards::probes;
use crate::dashboards::promql::some_or;
use crate::dashboards::style;

/// Packets lost in a domain, by cause. A domain of which nothing can be looked for says so.
fn lost_in(domain: &str, title: &'static str) -> Panel {
    let rate = format!("rate(droplens_drops_total{{domain=\"{domain}\"}}[$__rate_interval])");
    let lost = some_or("no loss", "cause", "instance", &rate);
    let blind = format!("0 * (droplens_domain_blind{{domain=\"{domain}\"}} == 1)");
    Panel::bars(title, style::PACKETS)
        .query(&lost, "{{cause}} · {{instance}}")
        .overriding(style::override_matching(
            "/^no loss · /",
            &[("color", style::fixed("text"))],
        ))
        .otherwise("Blind: nothing here can be looked for")
        .blind(
            &blind,
            "nothing of this domain can be looked for on {{instance}}",
        )
}

pub(super) fn link() -> Vec<Panel> {
    vec![
        Panel::lines("Traffic", "Bps")
            .sized(12, 8)
            .about("Bytes per second, received upwards and sent downwards.")
            .query("rate(droplens_link_receive_bytes_total[$__rate_interval])", "{{device}} receive · {{instance}}")
            .query("rate(droplens_link_transmit_bytes_total[$__rate_interval])", "{{device}} transmit · {{instance}}")
            .downwards("/ transmit · /")
            .seen_by("links"),
        Panel::lines("Errors and drops of devices", style::PACKETS)
            .sized(12, 8)
            .about("What the driver counts, received upwards and sent downwards. “dropped” on receipt also contains frames that nobody wanted, so it is not shown; errors and missed packets are real losses.")
            .query("rate(droplens_link_receive_errors_total[$__rate_interval]) + rate(droplens_link_receive_missed_total[$__rate_interval])", "{{device}} receive · {{instance}}")
            .query("rate(droplens_link_transmit_errors_total[$__rate_interval]) + rate(droplens_link_transmit_dropped_total[$__rate_interval])", "{{device}} transmit · {{instance}}")
            .downwards("/ transmit · /")
            .seen_by("links"),
        Panel::bars("Carrier changes", "short")
            .sized(12, 8)
            .about("How often the carrier came or went.")
            .query("increase(droplens_link_carrier_changes_total[$__rate_interval])", "{{device}} · {{instance}}")
            .seen_by("links"),
        Panel::lines("Drops by the driver's own counters", style::PACKETS)
            .sized(12, 8)
            .about("Counters of the driver that a reviewed table knows as drops, and those it does not know that are named like drops or errors. They overlap: do not add them up.")
            .query("rate(droplens_driver_drops_total[$__rate_interval])", "{{device}} {{counter}} · {{instance}}")
            .query("rate(droplens_driver_suspect_total[$__rate_interval])", "{{device}} {{counter}}? · {{instance}}")
            .otherwise("No driver here counts drops of its own")
            .seen_by("driver"),
    ]
}

pub(super) fn softnet() -> Vec<Panel> {
    vec![
        Panel::lines("Dropped packets and squeezed passes by CPU", "cps")
            .about("Packets dropped because the backlog of a CPU was full, and receive passes that ended with work left. The dashed peaks are the highest short-term rates of the last minute, which averages hide.")
            .query("rate(droplens_softnet_dropped_total[$__rate_interval])", "CPU {{cpu}} dropped · {{instance}}")
            .query("rate(droplens_softnet_time_squeezed_total[$__rate_interval])", "CPU {{cpu}} squeezed · {{instance}}")
            .query("droplens_softnet_peak_dropped_per_second", "CPU {{cpu}} peak · {{instance}}")
            .limit("/ peak · /")
            .seen_by("softnet"),
        Panel::lines("Packets handled by CPU", style::PACKETS)
            .about("How the receive work is spread. One CPU that does nearly all of it is the first to drop.")
            .query("rate(droplens_softnet_processed_total[$__rate_interval])", "CPU {{cpu}} · {{instance}}")
            .stacked()
            .seen_by("softnet"),
        Panel::lines("CPU time of the receive path", "percentunit")
            .about("Share of each CPU that softirqs take, and that the hypervisor takes away (steal), in which nothing is received.")
            .query("rate(droplens_cpu_softirq_seconds_total[$__rate_interval])", "CPU {{cpu}} softirq · {{instance}}")
            .query("rate(droplens_cpu_steal_seconds_total[$__rate_interval])", "CPU {{cpu}} steal · {{instance}}")
            .downwards("/ steal · /")
            .seen_by("cpu"),
    ]
}

pub(super) fn ip() -> Vec<Panel> {
    vec![
        lost_in("ip", "Lost in the IP layer")
            .about("Routes, headers, checksums, fragments, neighbours, and packets that entered the IP layer and left it nowhere."),
        Panel::lines("Neighbour table", "short")
            .about("Entries of all network namespaces and the most there may be (gc_thresh3). A full table drops what has no entry.")
            .query("droplens_neighbour_table_entries", "{{family}} · {{instance}}")
            .query("droplens_neighbour_table_limit_entries{bound=\"thresh3\"}", "{{family}} limit · {{instance}}")
            .limit("/ limit · /")
            .seen_by("neighbours"),
    ]
}

pub(super) fn netfilter() -> Vec<Panel> {
    vec![
        Panel::lines("Connection tracking", "short")
            .about("Tracked connections and the most there may be. A full table drops every packet of a new connection.")
            .query("droplens_conntrack_entries", "entries · {{instance}}")
            .query("droplens_conntrack_entries_limit > 0", "limit · {{instance}}")
            .limit("/^limit · /")
            .seen_by("conntrack"),
        lost_in("netfilter", "Lost in netfilter")
            .about("A full or clashing connection tracking table, and rules that count what they drop."),
        Panel::lines("Firewall rules that drop most", style::PACKETS)
            .about("Packets that rules and policies with a counter drop or reject. Usually that is what they are for.")
            .query("topk(10, rate(droplens_firewall_drop_packets_total[$__rate_interval]))", "{{table}} {{chain}} {{rule}} · {{instance}}")
            .otherwise("No rule here counts what it drops")
            .seen_by("firewall"),
    ]
}

pub(super) fn sockets() -> Vec<Panel> {
    vec![
        lost_in("socket", "Lost at sockets")
            .about("Buffers and queues that applications do not empty in time."),
        Panel::lines("UDP ports that drop", style::PACKETS)
            .about("Datagrams that the sockets of a local port dropped, mostly since the application reads too slowly.")
            .query("topk(10, rate(droplens_udp_port_dropped_total[$__rate_interval]))", "port {{port}} {{family}} · {{instance}}")
            .otherwise("No UDP socket dropped anything since the agent started")
            .seen_by("sockets"),
        Panel::lines("Accept queues", "percentunit")
            .about("Connections waiting to be accepted, as a share of the most that may wait. A full queue drops new ones.")
            .query("topk(10, droplens_tcp_accept_queue_connections / (droplens_tcp_accept_queue_limit_connections > 0))", "port {{port}} {{family}} · {{instance}}")
            .zero_to(1.0)
            .otherwise("Nothing listens here")
            .seen_by("sockets"),
        Panel::lines("TCP segments sent again", "percentunit")
            .about("Share of the sent segments that were retransmissions: loss on the path, seen from here.")
            .query("rate(droplens_netstat_tcp_retranssegs_total[$__rate_interval]) / (rate(droplens_netstat_tcp_outsegs_total[$__rate_interval]) > 0)", "{{instance}}")
            .zero_to(0.05)
            .otherwise("No segment was sent")
            .seen_by("snmp"),
        Panel::lines("TCP sockets by state", "short")
            .about("Many in close_wait: an application does not close. Many in syn_sent: the other end does not answer.")
            .query("sum by (instance, state) (droplens_tcp_sockets)", "{{state}} · {{instance}}")
            .stacked()
            .seen_by("sockets"),
    ]
}

pub(super) fn qdisc() -> Vec<Panel> {
    vec![
        Panel::lines("Dropped by queueing disciplines", style::PACKETS)
            .about("Packets that a full queue dropped on their way out. The dashed peaks are the highest short-term rates of the last minute.")
            .sized(12, 8)
            .query("rate(droplens_qdisc_dropped_packets_total[$__rate_interval])", "{{device}} {{kind}} {{handle}} · {{instance}}")
            .query("droplens_qdisc_peak_dropped_packets_per_second", "{{device}} {{kind}} {{handle}} peak · {{instance}}")
            .limit("/ peak · /")
            .seen_by("qdiscs"),
        Panel::lines("Packets waiting", "short")
            .about("Packets in each queue, and the most seen within the last minute.")
            .sized(12, 8)
            .query("droplens_qdisc_backlog_packets", "{{device}} {{kind}} {{handle}} · {{instance}}")
            .query("droplens_qdisc_peak_backlog_packets", "{{device}} {{kind}} {{handle}} peak · {{instance}}")
            .limit("/ peak · /")
            .seen_by("qdiscs"),
    ]
}

pub(super) fn beyond() -> Vec<Panel> {
    vec![
        lost_in("virtual", "Lost at virtual devices")
            .about("tun, veth, bridge, bond and VXLAN devices."),
        Panel::lines("Loss on the path, by target", "percentunit")
            .about("Share of the probes to a target that got no answer: the ten worst of those that lost any within the time range, and all together. More is in the dashboard of probes.")
            .query(&probes::worst_losses("instance, target", ""), "{{target}} · {{instance}}")
            .query(&probes::loss_ratio("instance", "", "rate", "[$__rate_interval]", ""), "all targets · {{instance}}")
            .zero_to(0.05)
            .otherwise("Blind: nothing is probed from here"),
    ]
}
