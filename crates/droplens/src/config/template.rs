//! The annotated defaults: what `droplens config` prints and `config.example.toml` holds.

/// Every key with its default and what it means. A test keeps it equal to the defaults.
///
/// Lines with a `#` and no space after it are examples; tests see to it that they can be used as they
/// stand, and that none of their keys is missing.
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
# Whom /probe?target=...&module=... may probe: hosts or whole targets as they are ("db.example",
# "https://api.example/health"), names under a domain ("*.example"), networks ("10.90.0.0/16") for targets
# that are addresses. Empty, or without [modules], /probe is off: it sends packets for whoever asks.
probe_targets = []

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
# Share of a probe's packets that is lost on the path: what is sure must be above it.
probe_loss_ratio = 0.001
# Days that a certificate is left: a warning, and the last days to do something about it.
certificate_warning_days = 21.0
certificate_critical_days = 7.0
# When a DNS probe is slow, and the steps of the others: resolving the name, connecting, the TLS
# handshake, the first byte of the answer. The limits of a probe of its own count before these.
dns_query = "1s"
resolve = "50ms"
connect = "100ms"
tls = "200ms"
first_byte = "500ms"

[probes]
# Whether the default gateways (once a second) and the name servers of this host (every 30 s) are
# probed unasked. One that never answered is shown as silent and never as lossy.
defaults = true
# What all probes together may send. If the targets ask for more, all intervals are stretched alike.
packets_per_second = 1000.0
bytes_per_second = 125000.0

# Probes: one table for each, as many as you like. Only the targets are needed; what is said after
# "default" holds without the line. Every address that a name has is probed on its own, at most 8.
# A name that does not resolve keeps the addresses it had.

# Echo requests (ping).
#[[probe.icmp]]
# The probe's name: the label "probe" of its metrics. The default is the kind, here "icmp".
#name = "gateways"
# Names and addresses; a link-local one names its device ("fe80::1%eth0").
#targets = ["10.90.1.2", "gw.example"]
# Time between two probes to an address, from 10ms to 24h. Default: icmp 1s, tcp 5s, dns 10s, tls 30s,
# http 30s, pmtu 5m, path 1m. Each time is drawn anew from 75 % to 125 % of it.
#interval = "200ms"
# An answer after this time is late. Default: icmp 1s, tcp 3s, dns 2s, tls 5s, http 10s, pmtu 1s and
# path 1s (for each packet). Late ones are waited for another 10 s (a whole pmtu or path
# probe for 30 s); what has not come then is lost.
#timeout = "1s"
# Labels of droplens_probe_target_info, by which metrics can be joined. Default: none.
#labels = { region = "eu" }
# The own address and the device that packets leave by. Default: as the routing tables say.
#source = "10.90.1.1"
#interface = "eth0"
# Differentiated services code point, 0 to 63. Default: 0.
#dscp = 46
# any, ipv4 or ipv6: which addresses of a name are probed. Default: "any".
#family = "ipv4"
# How far away the targets are, from which follows when a round trip is slow: host (1 ms), rack (2 ms),
# datacentre (5 ms), zone (10 ms), continent (100 ms), intercontinental (200 ms) or satellite (800 ms).
#class = "zone"
# The same as a time; it counts before the class. Default: none, and latency is no finding.
#slow = "5ms"
# When the steps of a probe are slow. Default: those of [thresholds].
#limits = { resolve = "50ms", connect = "100ms", tls = "200ms", first_byte = "500ms" }
# Bytes after the ICMP header, and whether routers must not cut the packet up. Default: 56, false.
#payload = 56
#dont_fragment = false

# TCP connections, opened and closed.
#[[probe.tcp]]
#name = "db"
# Hosts with ports.
#targets = ["db.example:5432", "[fd90:1::2]:22"]

# Questions to name servers.
#[[probe.dns]]
#name = "resolver"
# The servers, with a port if it is not 53.
#servers = ["10.90.1.2:53"]
# What is asked for. Default: the name servers of the root (query = ".", type = "NS"), which every
# resolver knows; with a query, the type is "A".
#query = "www.example"
#type = "A"
# udp (TCP if the answer is truncated) or tcp. Default: "udp".
#transport = "udp"
# The answers that are right, all of them, in any order. Default: whatever comes.
#expect = ["192.0.2.1"]
# The response codes that are right. Default: ["NOERROR"].
#expect_codes = ["NOERROR"]
# Whether a random label is put before the name, so that no cache knows the answer. Default: false.
#cache_busting = false
# Whether the server is to ask others. Default: true.
#recursion = true
# Whether DNSSEC is asked for. Default: false.
#dnssec = false

# TLS handshakes: how long they take, and when certificates expire.
#[[probe.tls]]
#name = "mail"
# Hosts, with a port if it is not 443.
#targets = ["mail.example:993"]
# The name that the certificate must be for. Default: the host of the target.
#server_name = "mail.example"
# Whether a certificate that is not trusted is a failure. Its dates are shown either way. Default: true.
#verify = true
# A file of certificates (PEM) to trust. Default: those that the system trusts.
#authorities = "/etc/ssl/certs/ca-certificates.crt"

# HTTP requests, each on a new connection.
#[[probe.http]]
#name = "api"
#targets = ["https://api.example/health"]
# Default: "GET", without headers of one's own and without a body.
#method = "POST"
#headers = { accept = "application/json" }
#body = "{}"
# any, 1.1 or 2. Default: "any", which is HTTP/2 if the server agrees to it in the TLS handshake.
#version = "any"
# The status codes that are right. Default: 200 to 299.
#expect_status = [200, 204]
# Regular expressions that the body must match, and must not match. Default: none.
#expect_body = ["\"status\": *\"ok\""]
#refuse_body = ["error"]
# Headers that must be there, with regular expressions for their values. Default: none.
#expect_headers = { content-type = "^application/json" }
# Redirects that are followed. Default: 10.
#redirects = 10
# Bytes of the body that are read at most. Default: 1048576.
#body_bytes = 1048576
# As for tls.
#server_name = "api.example"
#verify = true
#authorities = "/etc/ssl/certs/ca-certificates.crt"

# The largest packet that gets through, and black holes for larger ones.
#[[probe.pmtu]]
#targets = ["10.90.1.2"]
# The largest size that is tried, with the IP header. Default: the MTU of the route.
#most = 1500

# The hops on the way, and where packets are lost.
#[[probe.path]]
#targets = ["10.90.1.2"]
# icmp, udp or tcp, and the port for the latter two. Default: "icmp", 33434.
#protocol = "icmp"
#port = 33434
# The most hops, and packets to each hop in a round. Default: 30, 3.
#hops = 30
#packets = 3

# Discovery: targets that join a probe by what others say, in the formats of Prometheus. A discovered
# target is probed as the table says that `probe` names, and its labels are added. What is discovered is
# looked up again all the time; if that fails, the last list is kept. Instead of one table there may be
# several: [[discovery.file]].

# Files, read again when they change. * stands for any letters in the name of a file, not of a directory.
#[discovery.file]
#probe = "gateways"
#files = ["/etc/droplens/targets/*.json", "/etc/droplens/more.yml"]

# A list that a server gives.
#[discovery.http]
#probe = "api"
#url = "https://inventory.example/targets"
# Time between two requests. Default: 1m.
#refresh = "1m"
# A file with the value of the header "authorization". Default: none is sent.
#authorization_file = "/etc/droplens/inventory.token"
# A file of certificates (PEM) to trust. Default: those that the system trusts.
#authorities = "/etc/ssl/certs/ca-certificates.crt"

# Names in the domain name system.
#[discovery.dns]
#probe = "db"
#names = ["_postgresql._tcp.example"]
# SRV, or A or AAAA with a port if the probe needs one. Default: "SRV".
#type = "SRV"
#port = 5432
# Time between two questions. Default: 30s.
#refresh = "30s"

# Modules of /probe?target=...&module=NAME, with the options and the metrics of blackbox_exporter: one table
# for each, as many as you like. Whom they may probe is said by probe_targets in [web].
#[modules.ping]
# icmp, tcp, dns or http.
#prober = "icmp"
# How long a probe may take, at most 0.5 s less than Prometheus waits. Default: 10s.
#timeout = "5s"
#[modules.ping.icmp]
# ip4 or ip6: which address of a name is preferred, and whether the other will do. Default: "ip6", true.
#preferred_ip_protocol = "ip4"
#ip_protocol_fallback = true
# Bytes after the ICMP header, and whether routers must not cut the packet up. Default: 56, false.
#payload_size = 56
#dont_fragment = false

#[modules.smtps]
#prober = "tcp"
#[modules.smtps.tcp]
#preferred_ip_protocol = "ip4"
#ip_protocol_fallback = true
# Whether a TLS handshake follows. Default: false.
#tls = true
# Whether an untrusted certificate is fine, the certificates (PEM) to trust, and the name that the
# certificate must be for. Default: false, the system's, the host of the target.
#tls_config = { insecure_skip_verify = false, ca_file = "/etc/ssl/certs/ca-certificates.crt", server_name = "mail.example" }

# The target is the name server.
#[modules.zone]
#prober = "dns"
#[modules.zone.dns]
#preferred_ip_protocol = "ip4"
#ip_protocol_fallback = true
#query_name = "www.example"
# Default: "ANY".
#query_type = "A"
# Default: ["NOERROR"].
#valid_rcodes = ["NOERROR"]
# udp or tcp. Default: "udp".
#transport_protocol = "udp"
# Whether the server is to ask others. Default: true.
#recursion_desired = true

#[modules.web]
#prober = "http"
#[modules.web.http]
#preferred_ip_protocol = "ip4"
#ip_protocol_fallback = true
# Default: 200 to 299.
#valid_status_codes = [200, 204]
# Default: any of HTTP/1.0, HTTP/1.1 and HTTP/2.0.
#valid_http_versions = ["HTTP/1.1", "HTTP/2.0"]
# HTTP/2 where the server agrees to it in the TLS handshake.
#enable_http2 = true
#method = "GET"
#headers = { accept = "text/html" }
#body = ""
# Default: true, up to 10 of them.
#follow_redirects = true
#fail_if_ssl = false
#fail_if_not_ssl = false
#fail_if_body_matches_regexp = ["error"]
#fail_if_body_not_matches_regexp = ["ok"]
#tls_config = { insecure_skip_verify = false }
"#;
