//! The annotated defaults: what `droplens config` prints and `config.example.toml` holds.

/// Every key with its default and what it means. A test keeps it equal to the defaults.
pub(crate) const TEMPLATE: &str = r#"# droplens configuration. Every key is optional; the values here are the defaults.
# Check a file with `droplens check-config FILE`; reload it with SIGHUP (`systemctl reload droplens`).
# The agent reads /etc/droplens/config.toml, if it exists, unless --config names another file.

[web]
# Where to listen: IP address and port. [::] also serves IPv4; on a host without IPv6 it becomes
# 0.0.0.0. Changing it takes a restart. Flag: --web.listen-address (repeatable).
listen_addresses = ["[::]:13767"]
# Connections at the same time. Beyond this the one that has been idle longest is closed.
max_connections = 128
# Whether pages that show details of this host (/ and /api) answer clients that are not on it.
# /metrics and the health pages always do.
remote_details = false
# Names besides IP addresses, localhost and this host's own name under which those pages may be
# asked for. A request with another Host header is refused: it may come from a page that tricked
# a browser on this host (DNS rebinding).
allowed_hosts = []

[log]
# error, warn, info, debug or trace. Flag: --log-level.
level = "info"
# text or json. Flag: --log-format.
format = "text"

[sampler]
# CPU time that all readings together may take, as a share of one core. On hosts where they cost
# more, intervals are stretched: links and qdiscs from 100 ms to at most 500 ms, others to at most
# 5 s, 15 s or 60 s; softnet and the protocol counters always stay at 100 ms.
# The metric droplens_source_interval_seconds shows the intervals in force.
cpu_budget = 0.01

[sources]
# Sources that are not read: softnet, links, qdiscs, snmp, snmp6, netstat, sockstat, cpu, softirqs,
# interrupts, conntrack, firewall, sockets, neighbours, limits, pressure, driver, ethtool, process.
disabled = []

[devices]
# Devices of these kinds appear in metrics as one series per kind (device="kind:veth") instead of one
# each: containers and virtual machines make and remove them all the time. [] shows each device.
# Findings and reports always name the device.
fold_kinds = ["veth", "tun", "macvlan", "macvtap", "ipvlan", "ipvtap", "netkit"]

[metrics]
# The most series that one scrape may have; what is cut is counted in droplens_series_cut_total.
series_limit = 50000
# The most ports shown on their own in socket metrics; the others are added up as port="other".
top_ports = 20
# Whether queues of multi-queue devices appear one by one instead of added up.
per_queue = false
# Whether every driver statistic (ethtool -S) is exported, not only drops and errors.
raw_driver_statistics = false

[thresholds]
# Where findings begin. A loss of this many packets per second is critical.
critical_packets_per_second = 10.0
# Share of the connection tracking table in use.
conntrack_ratio = 0.8
# Share of the ephemeral ports in use towards one destination.
ephemeral_ports_ratio = 0.8
# TCP segments sent again, as a share of those sent.
retransmit_ratio = 0.001
# Receive passes of one CPU that ran out of time, per second.
time_squeezes_per_second = 20.0
# Established connections reset, per second.
resets_per_second = 10.0
# Sockets in CLOSE-WAIT and in TIME-WAIT.
close_wait_sockets = 200.0
time_wait_sockets = 10000.0
"#;
