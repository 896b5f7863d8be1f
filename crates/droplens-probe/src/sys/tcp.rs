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

/// Takes back [`super::options::report_errors`], which makes ICMP errors end an open connection that
/// would otherwise live through them.
pub fn forget_errors(socket: &impl AsFd, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => set_int(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 0),
        Family::V6 => set_int(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 0),
    }
}

fn read(bytes: &[u8]) -> TcpDetails {
    let number = |offset: usize| {
        let rest = bytes.get(offset..)?;
        rest.first_chunk().copied().map(u32::from_ne_bytes)
    };
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
        const SYN_SENT: u8 = 2;
        let expected = TcpDetails {
            syn_retransmits: 3,
            ..TcpDetails::default()
        };
        assert_eq!(read(&bytes(SYN_SENT)), expected);
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
