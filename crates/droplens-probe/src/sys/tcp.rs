//! What the kernel knows of a TCP connection (`TCP_INFO`).

use std::io;
use std::mem::offset_of;
use std::os::fd::AsFd;
use std::time::Duration;

use droplens_model::Family;
use droplens_model::sample::probes::TcpDetails;

use super::value::{get, set_int};

/// What is known of a connection: of one that is not open, or not open any more, only how many SYN
/// segments were sent again.
pub fn info(socket: &impl AsFd) -> io::Result<TcpDetails> {
    let mut bytes = [0; size_of::<libc::tcp_info>()];
    let length = get(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut bytes)?;
    let bytes = bytes.get(..length).unwrap_or_default();
    Ok(read(bytes))
}

/// Whether this host dropped the newest SYN segment itself, be it a rule on output, a filter of a
/// cgroup or a queue: to the program that connects it looks like a silent path.
///
/// The kernel counts a segment as retransmitted (`tcpi_retrans`) only when it was sent, while
/// `tcpi_total_retrans` counts each attempt (`tcp_retransmit_skb` in `tcp_output.c`). Of the first
/// SYN segment nothing is known.
pub fn is_held_back(socket: &impl AsFd) -> io::Result<bool> {
    let mut bytes = [0; size_of::<libc::tcp_info>()];
    let length = get(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut bytes)?;
    Ok(held_back(bytes.get(..length).unwrap_or_default()))
}

fn held_back(bytes: &[u8]) -> bool {
    let tried = number(bytes, offset_of!(libc::tcp_info, tcpi_total_retrans));
    let sent = number(bytes, offset_of!(libc::tcp_info, tcpi_retrans));
    bytes.first() == Some(&SYN_SENT) && tried.is_some_and(|tried| tried > 0) && sent == Some(0)
}

fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    let rest = bytes.get(offset..)?;
    rest.first_chunk().copied().map(u32::from_ne_bytes)
}

/// Takes back [`super::options::report_errors`], which makes ICMP errors end an open connection that
/// would otherwise live through them.
pub fn forget_errors(socket: &impl AsFd, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => set_int(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 0),
        Family::V6 => set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 0),
    }
}

fn read(bytes: &[u8]) -> TcpDetails {
    let number = |offset| number(bytes, offset);
    let open = bytes.first() == Some(&ESTABLISHED);
    let known = |offset| number(offset).filter(|number| open && *number > 0);
    let round_trip = known(offset_of!(libc::tcp_info, tcpi_rtt));
    TcpDetails {
        syn_retransmits: number(offset_of!(libc::tcp_info, tcpi_total_retrans)).unwrap_or_default(),
        mss: known(offset_of!(libc::tcp_info, tcpi_snd_mss)),
        round_trip: round_trip.map(|micros| Duration::from_micros(micros.into())),
    }
}

/// `TCP_ESTABLISHED` of `tcp_states.h`.
const ESTABLISHED: u8 = 1;

/// `TCP_SYN_SENT`.
const SYN_SENT: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(state: u8) -> Vec<u8> {
        let mut bytes = vec![0; size_of::<libc::tcp_info>()];
        bytes[0] = state;
        for (offset, value) in [
            (offset_of!(libc::tcp_info, tcpi_snd_mss), 1_448_u32),
            (offset_of!(libc::tcp_info, tcpi_rtt), 250),
            (offset_of!(libc::tcp_info, tcpi_total_retrans), 3),
        ] {
            bytes[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn an_open_connection_has_it_all() {
        let expected = TcpDetails {
            syn_retransmits: 3,
            mss: Some(1_448),
            round_trip: Some(Duration::from_micros(250)),
        };
        assert_eq!(read(&bytes(ESTABLISHED)), expected);
    }

    #[test]
    fn one_that_never_opened_has_only_its_retransmits() {
        let expected = TcpDetails {
            syn_retransmits: 3,
            ..TcpDetails::default()
        };
        assert_eq!(read(&bytes(SYN_SENT)), expected);
    }

    #[test]
    fn a_host_that_sends_no_syn_segment_again_shows() {
        let with = |state, sent: u32| {
            let mut bytes = bytes(state);
            let offset = offset_of!(libc::tcp_info, tcpi_retrans);
            bytes[offset..offset + 4].copy_from_slice(&sent.to_ne_bytes());
            bytes
        };
        assert!(held_back(&with(SYN_SENT, 0)));
        assert!(!held_back(&with(SYN_SENT, 1)), "a silent path");
        assert!(!held_back(&with(ESTABLISHED, 0)));
        let mut first = with(SYN_SENT, 0);
        let total = offset_of!(libc::tcp_info, tcpi_total_retrans);
        first[total..total + 4].fill(0);
        assert!(!held_back(&first), "nothing was sent again yet");
        assert!(!held_back(&with(SYN_SENT, 0)[..total]));
    }

    #[test]
    fn less_than_that_is_no_trouble() {
        let whole = bytes(ESTABLISHED);
        for length in 0..whole.len() {
            let read = read(&whole[..length]);
            assert!([0, 3].contains(&read.syn_retransmits), "{length}");
        }
    }
}
