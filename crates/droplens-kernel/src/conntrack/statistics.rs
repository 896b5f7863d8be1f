//! The per-CPU statistics, as ctnetlink and as /proc tell them.

use droplens_model::CpuId;
use droplens_model::sample::conntrack::ConntrackCpu;
use droplens_model::wrap::Unwrapper;

use crate::error::ParseError;
use crate::netlink::{Attributes, u16_at};
use crate::text;

/// Bytes of `struct nfgenmsg`.
pub(super) const NFGENMSG: usize = 4;
/// Where `res_id` is in `struct nfgenmsg`: the CPU, in network byte order.
const RES_ID: usize = 2;

/// `CTA_STATS_FOUND`.
const CTA_STATS_FOUND: u16 = 2;
/// `CTA_STATS_INVALID`.
const CTA_STATS_INVALID: u16 = 4;
/// `CTA_STATS_IGNORE`.
const CTA_STATS_IGNORE: u16 = 5;
/// `CTA_STATS_INSERT`.
const CTA_STATS_INSERT: u16 = 8;
/// `CTA_STATS_INSERT_FAILED`.
const CTA_STATS_INSERT_FAILED: u16 = 9;
/// `CTA_STATS_DROP`.
const CTA_STATS_DROP: u16 = 10;
/// `CTA_STATS_EARLY_DROP`.
const CTA_STATS_EARLY_DROP: u16 = 11;
/// `CTA_STATS_ERROR`.
const CTA_STATS_ERROR: u16 = 12;
/// `CTA_STATS_SEARCH_RESTART`.
const CTA_STATS_SEARCH_RESTART: u16 = 13;
/// `CTA_STATS_CLASH_RESOLVE`.
const CTA_STATS_CLASH_RESOLVE: u16 = 14;
/// `CTA_STATS_CHAIN_TOOLONG`.
const CTA_STATS_CHAIN_TOOLONG: u16 = 15;

/// How many counters of a CPU are kept.
pub(super) const COUNTERS: usize = 11;

/// The counters of one CPU as the kernel tells them: 32 bits, and absent where it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RawCpu {
    pub(super) cpu: u32,
    pub(super) found: Option<u32>,
    pub(super) invalid: Option<u32>,
    pub(super) ignore: Option<u32>,
    pub(super) insert: Option<u32>,
    pub(super) insert_failed: Option<u32>,
    pub(super) drop: Option<u32>,
    pub(super) early_drop: Option<u32>,
    pub(super) error: Option<u32>,
    pub(super) search_restart: Option<u32>,
    pub(super) clash_resolve: Option<u32>,
    pub(super) chain_too_long: Option<u32>,
}

impl RawCpu {
    /// Parses the payload of an `IPCTNL_MSG_CT_GET_STATS_CPU` message.
    pub(super) fn parse_netlink(payload: &[u8]) -> Result<Self, ParseError> {
        let cpu = u16_at(payload, RES_ID).ok_or(ParseError::new("nfgenmsg is too short"))?;
        let mut raw = Self {
            cpu: u32::from(u16::from_be(cpu)),
            ..Self::default()
        };
        for attribute in Attributes::new(payload.get(NFGENMSG..).unwrap_or_default()) {
            let attribute = attribute?;
            let counter = match attribute.kind {
                CTA_STATS_FOUND => &mut raw.found,
                CTA_STATS_INVALID => &mut raw.invalid,
                CTA_STATS_IGNORE => &mut raw.ignore,
                CTA_STATS_INSERT => &mut raw.insert,
                CTA_STATS_INSERT_FAILED => &mut raw.insert_failed,
                CTA_STATS_DROP => &mut raw.drop,
                CTA_STATS_EARLY_DROP => &mut raw.early_drop,
                CTA_STATS_ERROR => &mut raw.error,
                CTA_STATS_SEARCH_RESTART => &mut raw.search_restart,
                CTA_STATS_CLASH_RESOLVE => &mut raw.clash_resolve,
                CTA_STATS_CHAIN_TOOLONG => &mut raw.chain_too_long,
                _ => continue,
            };
            *counter = Some(attribute.be32()?);
        }
        Ok(raw)
    }

    /// Parses `/proc/net/stat/nf_conntrack`: a line of names, then a line of hexadecimal numbers
    /// for each possible CPU, in order but without its number.
    pub(super) fn parse_proc(bytes: &[u8]) -> Result<Vec<Self>, ParseError> {
        let mut lines = text::lines(bytes);
        let Some((_, header)) = lines.next() else {
            return Err(ParseError::new("no line of names"));
        };
        lines
            .zip(0_u32..)
            .map(|((line, numbers), cpu)| Self::parse_line(header, numbers, line, cpu))
            .collect()
    }

    fn parse_line(
        header: &[u8],
        numbers: &[u8],
        line: usize,
        cpu: u32,
    ) -> Result<Self, ParseError> {
        let mut raw = Self {
            cpu,
            ..Self::default()
        };
        for (name, field) in text::fields(header).zip(text::fields(numbers)) {
            let counter = match name {
                b"found" => &mut raw.found,
                b"invalid" => &mut raw.invalid,
                b"ignore" => &mut raw.ignore,
                b"insert" => &mut raw.insert,
                b"insert_failed" => &mut raw.insert_failed,
                b"drop" => &mut raw.drop,
                b"early_drop" => &mut raw.early_drop,
                b"icmp_error" | b"error" => &mut raw.error,
                b"search_restart" => &mut raw.search_restart,
                b"clashres" => &mut raw.clash_resolve,
                b"chaintoolong" => &mut raw.chain_too_long,
                _ => continue,
            };
            let number = text::hexadecimal(field).and_then(|number| u32::try_from(number).ok());
            *counter =
                Some(number.ok_or_else(|| ParseError::at("not a 32-bit number", line, field))?);
        }
        Ok(raw)
    }
}

/// Makes the counters of all CPUs 64-bit.
pub(super) fn unwrap(
    unwrapper: &mut Unwrapper<CpuId, COUNTERS>,
    cpus: &[RawCpu],
) -> Vec<ConntrackCpu> {
    let cpus = cpus.iter().map(|raw| unwrap_cpu(unwrapper, raw)).collect();
    unwrapper.finish();
    cpus
}

fn unwrap_cpu(unwrapper: &mut Unwrapper<CpuId, COUNTERS>, raw: &RawCpu) -> ConntrackCpu {
    let cpu = CpuId(raw.cpu);
    let counters = [
        raw.found,
        raw.invalid,
        raw.ignore,
        raw.insert,
        raw.insert_failed,
        raw.drop,
        raw.early_drop,
        raw.error,
        raw.search_restart,
        raw.clash_resolve,
        raw.chain_too_long,
    ];
    let [
        found,
        invalid,
        ignore,
        insert,
        insert_failed,
        drop,
        early_drop,
        error,
        search_restart,
        clash_resolve,
        chain_too_long,
    ] = unwrapper.observe(cpu, counters.map(Option::unwrap_or_default));
    ConntrackCpu {
        cpu,
        found,
        invalid,
        ignore: raw.ignore.map(|_| ignore),
        insert: raw.insert.map(|_| insert),
        insert_failed,
        drop,
        early_drop,
        error,
        search_restart,
        clash_resolve: raw.clash_resolve.map(|_| clash_resolve),
        chain_too_long: raw.chain_too_long.map(|_| chain_too_long),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::attribute;
    use proptest::prelude::*;

    /// Linux 6.18, two CPUs, numbers set by hand.
    const PROC: &[u8] = b"\
entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n\
00000011  00000001 00000002 00000000 00000004 00000000 00000000 0000000c 00000000 00000005 00000006 00000007 00000008  00000000 00000000 00000000 00000009\n\
00000011  00000000 00000000 00000000 ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000  00000000 00000000 00000000 00000000\n";

    #[test]
    fn the_file_is_read_by_its_names() {
        let cpus = RawCpu::parse_proc(PROC).unwrap();
        let expected = RawCpu {
            cpu: 0,
            found: Some(2),
            invalid: Some(4),
            ignore: Some(0),
            insert: Some(0),
            insert_failed: Some(5),
            drop: Some(6),
            early_drop: Some(7),
            error: Some(8),
            search_restart: Some(9),
            clash_resolve: Some(1),
            chain_too_long: None,
        };
        assert_eq!(cpus[0], expected);
        assert_eq!(
            (cpus.len(), cpus[1].cpu, cpus[1].invalid),
            (2, 1, Some(u32::MAX))
        );
        assert!(RawCpu::parse_proc(b"").is_err());
        assert!(RawCpu::parse_proc(b"found\nxyz\n").is_err());
        assert!(RawCpu::parse_proc(b"found\n100000000\n").is_err());
    }

    #[test]
    fn ctnetlink_speaks_in_network_byte_order() {
        let mut bytes = vec![0, 0, 1, 2];
        for kind in CTA_STATS_FOUND..=CTA_STATS_CHAIN_TOOLONG {
            bytes.extend(attribute(kind, &(1000 + u32::from(kind)).to_be_bytes()));
        }
        let raw = RawCpu::parse_netlink(&bytes).unwrap();
        assert_eq!(
            (raw.cpu, raw.found, raw.ignore),
            (258, Some(1002), Some(1005))
        );
        assert_eq!((raw.drop, raw.early_drop), (Some(1010), Some(1011)));
        assert_eq!(
            (raw.insert_failed, raw.chain_too_long),
            (Some(1009), Some(1015))
        );
    }

    #[test]
    fn what_the_kernel_lacks_stays_absent_and_the_rest_is_unwrapped() {
        let mut unwrapper = Unwrapper::default();
        let raw = |drop| RawCpu {
            cpu: 3,
            drop: Some(drop),
            ..RawCpu::default()
        };
        unwrap(&mut unwrapper, &[raw(u32::MAX)]);
        let cpus = unwrap(&mut unwrapper, &[raw(4)]);
        assert_eq!(
            (cpus[0].cpu, cpus[0].drop),
            (CpuId(3), u64::from(u32::MAX) + 5)
        );
        assert_eq!((cpus[0].insert, cpus[0].found), (None, 0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = RawCpu::parse_netlink(&bytes);
            let _ = RawCpu::parse_proc(&bytes);
        }

        #[test]
        fn any_cut_of_the_file_is_parsed_or_refused(cut in 0..PROC.len()) {
            let _ = RawCpu::parse_proc(&PROC[..cut]);
        }
    }
}
