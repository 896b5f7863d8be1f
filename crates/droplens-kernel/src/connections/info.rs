//! `struct tcp_info`, of which every kernel tells as much as it knows.

use std::time::Duration;

use droplens_model::sample::connections::{PathFigures, Retransmission, SendTimes, Sending};

use crate::netlink::{u32_at, u64_at};
use crate::sockets::message::SocketMessage;

/// The bytes of a `struct tcp_info`; empty for request sockets, which have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TcpInfo<'a>(&'a [u8]);

/// Where the fields are (`include/uapi/linux/tcp.h`).
mod at {
    pub(super) const FLAGS: usize = 7;
    pub(super) const RTO: usize = 8;
    pub(super) const SND_MSS: usize = 16;
    pub(super) const UNACKED: usize = 24;
    pub(super) const LOST: usize = 32;
    pub(super) const LAST_DATA_RECV: usize = 52;
    pub(super) const PMTU: usize = 60;
    pub(super) const RTT: usize = 68;
    pub(super) const RTTVAR: usize = 72;
    pub(super) const SND_SSTHRESH: usize = 76;
    pub(super) const SND_CWND: usize = 80;
    pub(super) const TOTAL_RETRANS: usize = 100;
    pub(super) const BYTES_RECEIVED: usize = 128;
    pub(super) const MIN_RTT: usize = 148;
    pub(super) const DELIVERY_RATE: usize = 160;
    pub(super) const BUSY_TIME: usize = 168;
    pub(super) const RWND_LIMITED: usize = 176;
    pub(super) const SNDBUF_LIMITED: usize = 184;
    pub(super) const BYTES_SENT: usize = 200;
    pub(super) const BYTES_RETRANS: usize = 208;
    pub(super) const DSACK_DUPS: usize = 216;
    pub(super) const REORD_SEEN: usize = 220;
    pub(super) const SND_WND: usize = 228;
}

/// `TCP_INFINITE_SSTHRESH`: there was no loss yet.
const INFINITE_SSTHRESH: u32 = 0x7fff_ffff;

/// `tcpi_delivery_rate_app_limited`, a bit field of one bit at the start of its byte.
const APPLICATION_LIMITED: u8 = if cfg!(target_endian = "big") { 0x80 } else { 1 };

impl<'a> TcpInfo<'a> {
    /// The payload of `INET_DIAG_INFO`.
    pub(super) const fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// Segments sent again. Request sockets tell only how often the SYN-ACK was sent again.
    pub(super) fn total_retransmits(self, socket: &SocketMessage<'_>) -> u64 {
        self.count(at::TOTAL_RETRANS)
            .unwrap_or_else(|| u64::from(attempts(socket)))
    }

    /// Bytes of data sent, and sent again.
    pub(super) fn bytes(self) -> Option<(u64, u64)> {
        Some((self.u64(at::BYTES_SENT)?, self.u64(at::BYTES_RETRANS)?))
    }

    /// What was sent again.
    pub(super) fn retransmission(self, socket: &SocketMessage<'_>) -> Retransmission {
        Retransmission {
            total: self.total_retransmits(socket),
            attempts: attempts(socket),
            lost: self.count(at::LOST).unwrap_or(0),
            bytes_sent: self.u64(at::BYTES_SENT),
            bytes_retrans: self.u64(at::BYTES_RETRANS),
            dsack_dups: self.count(at::DSACK_DUPS),
            reordering_seen: self.count(at::REORD_SEEN),
        }
    }

    /// What is known of the path.
    pub(super) fn path(self) -> PathFigures {
        PathFigures {
            rtt: self.known(at::RTT).map(micros),
            // Without a round trip this is the initial guess.
            rtt_var: self.known(at::RTT).and(self.known(at::RTTVAR)).map(micros),
            // Unknown is all ones.
            min_rtt: self
                .known(at::MIN_RTT)
                .filter(|rtt| *rtt != u32::MAX)
                .map(micros),
            rto: self.known(at::RTO).map(micros),
            mss: self.known(at::SND_MSS),
            pmtu: self.known(at::PMTU),
            delivery_rate: self.u64(at::DELIVERY_RATE).filter(|rate| *rate > 0),
        }
    }

    /// The sending side.
    pub(super) fn sending(self, socket: &SocketMessage<'_>) -> Sending {
        Sending {
            queue: socket.send_queue.into(),
            unacked: self.count(at::UNACKED).unwrap_or(0),
            cwnd: self.count(at::SND_CWND).unwrap_or(0),
            ssthresh: self
                .u32(at::SND_SSTHRESH)
                .filter(|threshold| *threshold < INFINITE_SSTHRESH)
                .map(u64::from),
            peer_window: self.count(at::SND_WND),
            probing_zero_window: socket.is_probing_zero_window(),
            application_limited: self
                .0
                .get(at::FLAGS)
                .is_some_and(|flags| flags & APPLICATION_LIMITED != 0),
            times: self.times(),
        }
    }

    /// How long ago data arrived last, if any ever did.
    pub(super) fn last_data(self) -> Option<Duration> {
        let received = self.u64(at::BYTES_RECEIVED)?;
        let millis = self.u32(at::LAST_DATA_RECV)?;
        (received > 0).then(|| Duration::from_millis(millis.into()))
    }

    fn times(self) -> Option<SendTimes> {
        let time = |offset| self.u64(offset).map(Duration::from_micros);
        Some(SendTimes {
            busy: time(at::BUSY_TIME)?,
            rwnd_limited: time(at::RWND_LIMITED)?,
            sndbuf_limited: time(at::SNDBUF_LIMITED)?,
        })
    }

    fn u32(self, offset: usize) -> Option<u32> {
        u32_at(self.0, offset)
    }

    fn u64(self, offset: usize) -> Option<u64> {
        u64_at(self.0, offset)
    }

    fn count(self, offset: usize) -> Option<u64> {
        self.u32(offset).map(u64::from)
    }

    /// A figure that is 0 for as long as it is not known.
    fn known(self, offset: usize) -> Option<u32> {
        self.u32(offset).filter(|figure| *figure > 0)
    }
}

/// How often the retransmission timer fired in vain. Other timers count in the same field.
fn attempts(socket: &SocketMessage<'_>) -> u8 {
    if socket.is_retransmitting() {
        socket.retransmits
    } else {
        0
    }
}

fn micros(micros: u32) -> Duration {
    Duration::from_micros(micros.into())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::sockets::message::tests::Described;
    use proptest::prelude::*;

    /// Bytes of `struct tcp_info` in Linux 6.1.
    pub(in super::super) const LENGTH: usize = 232;

    /// A structure in which each field of four bytes holds its offset.
    pub(in super::super) fn numbered() -> Vec<u8> {
        (0..u32::try_from(LENGTH / 4).unwrap())
            .flat_map(|word| (word * 4).to_ne_bytes())
            .collect()
    }

    /// The value that [`numbered`] has in a field of eight bytes.
    fn wide(offset: u32) -> u64 {
        let [low, high] = [offset, offset + 4].map(u32::to_ne_bytes);
        u64::from_ne_bytes([low, high].concat().try_into().unwrap())
    }

    fn put(bytes: &mut [u8], offset: usize, value: u32) {
        bytes[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }

    fn with<T>(described: Described, test: impl FnOnce(&SocketMessage<'_>) -> T) -> T {
        test(&SocketMessage::parse(&described.bytes()).unwrap())
    }

    #[test]
    fn every_field_is_found() {
        let bytes = numbered();
        let info = TcpInfo::new(&bytes);
        let described = Described {
            timer: 1,
            retransmits: 3,
            queues: (0, 77),
            ..Described::default()
        };
        let (retransmission, sending) = with(described, |socket| {
            (info.retransmission(socket), info.sending(socket))
        });
        let expected = Retransmission {
            total: 100,
            attempts: 3,
            lost: 32,
            bytes_sent: Some(wide(200)),
            bytes_retrans: Some(wide(208)),
            dsack_dups: Some(216),
            reordering_seen: Some(220),
        };
        assert_eq!(retransmission, expected);
        let expected = PathFigures {
            rtt: Some(Duration::from_micros(68)),
            rtt_var: Some(Duration::from_micros(72)),
            min_rtt: Some(Duration::from_micros(148)),
            rto: Some(Duration::from_micros(8)),
            mss: Some(16),
            pmtu: Some(60),
            delivery_rate: Some(wide(160)),
        };
        assert_eq!(info.path(), expected);
        let expected = Sending {
            queue: 77,
            unacked: 24,
            cwnd: 80,
            ssthresh: Some(76),
            peer_window: Some(228),
            probing_zero_window: false,
            application_limited: false,
            times: Some(SendTimes {
                busy: Duration::from_micros(wide(168)),
                rwnd_limited: Duration::from_micros(wide(176)),
                sndbuf_limited: Duration::from_micros(wide(184)),
            }),
        };
        assert_eq!(sending, expected);
        assert_eq!(info.last_data(), Some(Duration::from_millis(52)));
        assert_eq!(info.bytes(), Some((wide(200), wide(208))));
    }

    #[test]
    fn each_kernel_tells_what_it_knows() {
        let bytes = numbered();
        // Lengths of Linux 3.10, 4.4, 4.9, 4.10, 4.19 and 5.4 as far as these fields go.
        for (length, min_rtt, rate, times, sent, window) in [
            (104, false, false, false, false, false),
            (160, true, false, false, false, false),
            (168, true, true, false, false, false),
            (192, true, true, true, false, false),
            (224, true, true, true, true, false),
            (232, true, true, true, true, true),
        ] {
            let info = TcpInfo::new(&bytes[..length]);
            let (retransmission, sending) = with(Described::default(), |socket| {
                (info.retransmission(socket), info.sending(socket))
            });
            assert_eq!(retransmission.total, 100);
            assert_eq!(info.path().rtt, Some(Duration::from_micros(68)));
            assert_eq!(info.path().min_rtt.is_some(), min_rtt, "{length}");
            assert_eq!(info.path().delivery_rate.is_some(), rate, "{length}");
            assert_eq!(sending.times.is_some(), times, "{length}");
            assert_eq!(retransmission.bytes_sent.is_some(), sent, "{length}");
            assert_eq!(sending.peer_window.is_some(), window, "{length}");
        }
    }

    #[test]
    fn what_was_never_measured_is_not_told() {
        let mut bytes = numbered();
        put(&mut bytes, at::RTT, 0);
        put(&mut bytes, at::MIN_RTT, u32::MAX);
        put(&mut bytes, at::SND_SSTHRESH, INFINITE_SSTHRESH);
        for offset in [at::BYTES_RECEIVED, at::DELIVERY_RATE] {
            put(&mut bytes, offset, 0);
            put(&mut bytes, offset + 4, 0);
        }
        bytes[at::FLAGS] = APPLICATION_LIMITED;
        let info = TcpInfo::new(&bytes);
        let path = info.path();
        assert_eq!((path.rtt, path.rtt_var, path.min_rtt), (None, None, None));
        assert_eq!(path.delivery_rate, None);
        assert_eq!(info.last_data(), None);
        let sending = with(Described::default(), |socket| info.sending(socket));
        assert_eq!(sending.ssthresh, None);
        assert!(sending.application_limited);
    }

    #[test]
    fn a_request_socket_tells_its_timer_only() {
        let described = Described {
            state: 12,
            timer: 1,
            retransmits: 2,
            ..Described::default()
        };
        let retransmission = with(described, |socket| {
            TcpInfo::default().retransmission(socket)
        });
        assert_eq!((retransmission.total, retransmission.attempts), (2, 2));
        // Probes of a closed window are counted in the same field.
        let probing = Described {
            timer: 4,
            retransmits: 9,
            ..Described::default()
        };
        let retransmission = with(probing, |socket| TcpInfo::default().retransmission(socket));
        assert_eq!((retransmission.total, retransmission.attempts), (0, 0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_understood(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let info = TcpInfo::new(&bytes);
            let sending = with(Described::default(), |socket| info.sending(socket));
            prop_assert_eq!(sending.times.is_some(), bytes.len() >= 192);
            let _ = (info.path(), info.last_data(), info.bytes());
        }
    }
}
