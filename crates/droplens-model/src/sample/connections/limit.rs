//! What holds a connection back, and whether its reader reads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Connection, Receiving, SendTimes, Sending, maths};

/// What limits how fast a connection sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The congestion window: the path, its rate and its losses.
    Path,
    /// The window the peer advertises: its application or its receive buffer.
    Receiver,
    /// This host's send buffer (`SO_SNDBUF`, `net.ipv4.tcp_wmem`).
    SendBuffer,
    /// The application, which gives little to send.
    Application,
}

/// Which reader does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stuck {
    /// The application on this host: what arrived stays in the receive queue.
    Here,
    /// The peer: its window is closed or was too small most of the time, and data waits.
    Peer,
}

/// Bytes that nobody read for so long are not being read.
const UNREAD: Duration = Duration::from_secs(1);

impl Connection {
    /// Bytes sent again per byte sent; kernel 4.19 or newer.
    pub fn retransmit_ratio(&self) -> Option<f64> {
        maths::ratio(
            self.retransmission.bytes_retrans?,
            self.retransmission.bytes_sent?,
        )
    }

    /// Whether it retransmits now.
    pub const fn is_retransmitting(&self) -> bool {
        self.retransmission.attempts > 0
    }

    /// The congestion window in bytes.
    pub fn congestion_window(&self) -> Option<u64> {
        let mss = u64::from(self.path.mss?);
        Some(self.sending.cwnd.saturating_mul(mss))
    }

    /// The bytes it may have in flight: the congestion window or, if that is smaller, the peer's.
    pub fn send_window(&self) -> Option<u64> {
        let own = self.congestion_window()?;
        Some(self.sending.peer_window.map_or(own, |peer| peer.min(own)))
    }

    /// The bytes in flight that the delivery rate takes on an empty path.
    pub fn bandwidth_delay_product(&self) -> Option<u64> {
        let rtt = self.path.min_rtt.or(self.path.rtt)?;
        Some(maths::bandwidth_delay_product(
            self.path.delivery_rate?,
            rtt,
        ))
    }

    /// The bytes per second that its losses allow ([`maths::mathis_bound`]), taking what was
    /// retransmitted for lost.
    pub fn loss_bound(&self) -> Option<f64> {
        maths::mathis_bound(self.path.mss?, self.path.rtt?, self.retransmit_ratio()?)
    }

    /// What limits how fast it sends.
    pub fn limit(&self) -> Option<Limit> {
        self.sending.limit()
    }

    /// Which reader does not read, if any.
    pub fn stuck(&self) -> Option<Stuck> {
        if self.receiving.is_unread() {
            Some(Stuck::Here)
        } else {
            self.sending.is_held_up().then_some(Stuck::Peer)
        }
    }
}

impl Sending {
    /// What limits it. A closed window counts at once; apart from that, what it waited for
    /// longest over its life.
    fn limit(&self) -> Option<Limit> {
        if self.probing_zero_window {
            return Some(Limit::Receiver);
        }
        let times = self.times?;
        let path = times.path();
        Some(if times.rwnd_limited > path.max(times.sndbuf_limited) {
            Limit::Receiver
        } else if times.sndbuf_limited > path {
            Limit::SendBuffer
        } else if self.queue == 0 || self.application_limited {
            Limit::Application
        } else {
            Limit::Path
        })
    }

    /// Whether data waits for the peer to read.
    fn is_held_up(&self) -> bool {
        let mostly = |times: SendTimes| times.rwnd_limited > times.busy / 2;
        self.probing_zero_window || (self.queue > 0 && self.times.is_some_and(mostly))
    }
}

impl SendTimes {
    /// For how long neither the peer's window nor the send buffer kept it from sending.
    pub fn path(&self) -> Duration {
        self.busy
            .saturating_sub(self.rwnd_limited)
            .saturating_sub(self.sndbuf_limited)
    }
}

impl Receiving {
    /// Whether the application does not read: bytes wait, and the last of them came a second ago
    /// or they take three quarters of the buffer.
    fn is_unread(&self) -> bool {
        let old = || self.last_data.is_some_and(|last| last >= UNREAD);
        self.queue > 0 && (old() || self.is_nearly_full())
    }

    /// Whether what waits takes three quarters of the buffer or more.
    pub const fn is_nearly_full(&self) -> bool {
        self.buffer > 0 && self.memory.saturating_mul(4) >= self.buffer.saturating_mul(3)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Owner, PathFigures, Retransmission};
    use super::*;
    use crate::Family;
    use crate::sample::sockets::TcpState;

    fn connection(sending: Sending, receiving: Receiving) -> Connection {
        Connection {
            family: Family::V4,
            local: "192.0.2.1:40000".parse().unwrap(),
            remote: "192.0.2.2:443".parse().unwrap(),
            state: TcpState::Established,
            congestion_control: Some("cubic".into()),
            retransmission: Retransmission {
                bytes_sent: Some(100_000),
                bytes_retrans: Some(1_000),
                ..Retransmission::default()
            },
            path: PathFigures {
                rtt: Some(Duration::from_millis(100)),
                min_rtt: Some(Duration::from_millis(80)),
                mss: Some(1_460),
                delivery_rate: Some(1_000_000),
                ..PathFigures::default()
            },
            sending,
            receiving,
            owner: Owner::default(),
        }
    }

    fn times(busy: u64, rwnd_limited: u64, sndbuf_limited: u64) -> SendTimes {
        SendTimes {
            busy: Duration::from_secs(busy),
            rwnd_limited: Duration::from_secs(rwnd_limited),
            sndbuf_limited: Duration::from_secs(sndbuf_limited),
        }
    }

    #[test]
    fn the_longest_wait_is_the_limit() {
        let sending = |times, queue, application_limited| Sending {
            queue,
            application_limited,
            times,
            ..Sending::default()
        };
        for (case, limit) in [
            (
                sending(Some(times(10, 6, 0)), 9, false),
                Some(Limit::Receiver),
            ),
            (
                sending(Some(times(10, 1, 6)), 9, false),
                Some(Limit::SendBuffer),
            ),
            (sending(Some(times(10, 4, 1)), 9, false), Some(Limit::Path)),
            (
                sending(Some(times(10, 4, 1)), 0, false),
                Some(Limit::Application),
            ),
            (
                sending(Some(times(10, 4, 1)), 9, true),
                Some(Limit::Application),
            ),
            (
                sending(Some(times(0, 0, 0)), 0, false),
                Some(Limit::Application),
            ),
            (sending(None, 9, false), None),
        ] {
            assert_eq!(
                connection(case, Receiving::default()).limit(),
                limit,
                "{case:?}"
            );
        }
        let probing = Sending {
            probing_zero_window: true,
            ..sending(Some(times(10, 0, 0)), 9, false)
        };
        let probing = connection(probing, Receiving::default());
        assert_eq!(probing.limit(), Some(Limit::Receiver));
        assert_eq!(probing.stuck(), Some(Stuck::Peer));
    }

    #[test]
    fn only_what_is_not_read_is_stuck() {
        let receiving = |queue, memory, millis| Receiving {
            queue,
            memory,
            buffer: 1_000,
            last_data: Some(Duration::from_millis(millis)),
            drops: 0,
        };
        for (case, stuck) in [
            (receiving(1, 10, 1_000), Some(Stuck::Here)),
            (receiving(1, 10, 999), None),
            (receiving(500, 750, 0), Some(Stuck::Here)),
            (receiving(500, 749, 0), None),
            (receiving(0, 1_000, 5_000), None),
        ] {
            assert_eq!(
                connection(Sending::default(), case).stuck(),
                stuck,
                "{case:?}"
            );
        }
        let waiting = |queue, times| Sending {
            queue,
            times,
            ..Sending::default()
        };
        for (case, stuck) in [
            (waiting(1, Some(times(10, 6, 0))), Some(Stuck::Peer)),
            (waiting(0, Some(times(10, 6, 0))), None),
            (waiting(1, Some(times(10, 5, 0))), None),
            (waiting(1, None), None),
        ] {
            assert_eq!(
                connection(case, Receiving::default()).stuck(),
                stuck,
                "{case:?}"
            );
        }
    }

    #[test]
    fn windows_and_rates_are_worked_out() {
        let sending = Sending {
            cwnd: 10,
            peer_window: Some(8_000),
            ..Sending::default()
        };
        let mut connection = connection(sending, Receiving::default());
        assert_eq!(connection.retransmit_ratio(), Some(0.01));
        assert_eq!(connection.congestion_window(), Some(14_600));
        assert_eq!(connection.send_window(), Some(8_000));
        connection.sending.peer_window = None;
        assert_eq!(connection.send_window(), Some(14_600));
        assert_eq!(connection.bandwidth_delay_product(), Some(80_000));
        let bound = connection.loss_bound().unwrap();
        assert!((bound - 178_813.0).abs() < 1.0, "{bound}");
        connection.path.mss = None;
        assert_eq!(connection.send_window(), None);
    }

    #[test]
    fn a_connection_survives_json() {
        let before = connection(Sending::default(), Receiving::default());
        let text = serde_json::to_string(&before).unwrap();
        for part in [
            r#""family":"ipv4""#,
            r#""state":"established""#,
            r#""congestion_control":"cubic""#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(serde_json::from_str::<Connection>(&text).unwrap(), before);
    }
}
