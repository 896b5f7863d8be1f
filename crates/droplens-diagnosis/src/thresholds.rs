//! Where unusual begins. Each number has a reason; sites may set their own.

#[cfg(test)]
mod tests;

use std::time::Duration;

/// The limits beyond which a rule speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// A loss of this many packets per second is critical: an application feels it, whichever it
    /// is.
    pub critical_rate: f64,
    /// A connection tracking table this full is under pressure: a burst fills the rest in seconds.
    pub conntrack_ratio: f64,
    /// Ports used towards one destination, as a share of the range.
    pub ephemeral_ratio: f64,
    /// Time squeezes per second and CPU: a few are normal on any busy host.
    pub time_squeezes_per_second: f64,
    /// One CPU's share of all receive work, on a host whose other CPUs are idle.
    pub imbalance_ratio: f64,
    /// Receive work of a CPU, as a share of its time, below which imbalance does not matter.
    pub imbalance_softirq: f64,
    /// Retransmissions as a share of the segments sent, SYN and unnecessary ones aside. Healthy
    /// networks stay below 0.1 %.
    pub retransmit_ratio: f64,
    /// Fewer retransmissions than this in a window prove nothing.
    pub retransmit_floor: u64,
    /// Segments that came early, as a share of the segments received.
    pub out_of_order_ratio: f64,
    /// Sockets in CLOSE-WAIT: an application that closes has a handful.
    pub close_wait_sockets: u64,
    /// Sockets in TIME-WAIT: more than this fill the port range of one destination a third.
    pub time_wait_sockets: u64,
    /// Resets per second, sent or received.
    pub resets_per_second: f64,
    /// Closed windows advertised per second: healthy bulk transfers do it now and then.
    pub zero_windows_per_second: f64,
    /// Datagrams per second to ports where nobody listens.
    pub no_port_per_second: f64,
    /// Untracked packets per second.
    pub invalid_per_second: f64,
    /// Packets per second with used-up hops that traceroutes through a router make at most: one is three
    /// packets or one a second, and the default of path probes is three a minute.
    pub traced_packets_per_second: f64,
    /// Connection attempts per second that get no answer at all.
    pub connect_timeouts_per_second: f64,
    /// Probes lost on the path, as a share of those that can tell: the lower bound of what is sure
    /// must be above it. Healthy networks stay below.
    pub probe_loss_ratio: f64,
    /// Days that a certificate is left: automatic renewal, 30 days before the end, has failed.
    pub certificate_warning_days: u32,
    /// The last days to do something about it.
    pub certificate_critical_days: u32,
    /// A DNS query that takes so long is slow, if the site sets no limit of its own.
    pub dns_query: Duration,
    /// The same for resolving the name before a connection.
    pub resolve: Duration,
    /// The same for opening a connection.
    pub connect: Duration,
    /// The same for a TLS handshake.
    pub tls: Duration,
    /// The same for the time from a request to the first byte of the answer.
    pub first_byte: Duration,
    /// How long a finding stays active after it was seen last, so that a scrape meets it.
    pub hold: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            critical_rate: 10.0,
            conntrack_ratio: 0.8,
            ephemeral_ratio: 0.8,
            time_squeezes_per_second: 20.0,
            imbalance_ratio: 0.9,
            imbalance_softirq: 0.5,
            retransmit_ratio: 0.001,
            retransmit_floor: 5,
            out_of_order_ratio: 0.01,
            close_wait_sockets: 200,
            time_wait_sockets: 10_000,
            resets_per_second: 10.0,
            zero_windows_per_second: 1.0,
            no_port_per_second: 10.0,
            invalid_per_second: 1.0,
            traced_packets_per_second: 10.0,
            connect_timeouts_per_second: 0.5,
            probe_loss_ratio: 0.001,
            certificate_warning_days: 21,
            certificate_critical_days: 7,
            dns_query: Duration::from_secs(1),
            resolve: Duration::from_millis(50),
            connect: Duration::from_millis(100),
            tls: Duration::from_millis(200),
            first_byte: Duration::from_millis(500),
            hold: Duration::from_secs(60),
        }
    }
}
