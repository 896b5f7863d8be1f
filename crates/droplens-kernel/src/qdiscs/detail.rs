//! What each kind of qdisc tells about itself.

use droplens_model::sample::qdiscs::{ClassDetail, Fq, FqCodel, Htb, HtbClass, QdiscDetail, Tbf};

use super::message::TcMessage;
use crate::error::ParseError;
use crate::netlink::{Attributes, u32_at, u64_at};

/// The most 32-bit counters that any kind has.
pub(super) const COUNTERS: usize = 5;

/// Turns the 32-bit counters of one qdisc or class into 64-bit ones.
pub(super) trait Unwrap: FnMut([u32; COUNTERS]) -> [u64; COUNTERS] {}
impl<F: FnMut([u32; COUNTERS]) -> [u64; COUNTERS]> Unwrap for F {}

/// `TCA_FQ_CODEL_XSTATS_QDISC`: these are statistics of the qdisc, not of a flow.
const FQ_CODEL_QDISC: u32 = 0;

/// `TCA_HTB_PARMS`, of a class.
const TCA_HTB_PARMS: u16 = 1;
/// `TCA_HTB_INIT`, of the qdisc.
const TCA_HTB_INIT: u16 = 2;
/// `TCA_HTB_RATE64`: there if the rate needs more than 32 bits.
const TCA_HTB_RATE64: u16 = 6;
/// `TCA_HTB_CEIL64`: likewise.
const TCA_HTB_CEIL64: u16 = 7;

/// `TCA_TBF_PARMS`.
const TCA_TBF_PARMS: u16 = 1;
/// `TCA_TBF_RATE64`: there if the rate needs more than 32 bits.
const TCA_TBF_RATE64: u16 = 4;

/// Where `rate` is in `struct tc_ratespec`.
const RATE: usize = 8;
/// Bytes of `struct tc_ratespec`.
const RATESPEC: usize = 12;

/// The statistics and limits of a qdisc's own kind.
pub(super) fn of_qdisc(
    message: &TcMessage<'_>,
    unwrap: impl Unwrap,
) -> Result<QdiscDetail, ParseError> {
    Ok(match message.kind {
        "fq_codel" => fq_codel(message.own, unwrap).map_or(QdiscDetail::None, QdiscDetail::FqCodel),
        "fq" => fq(message.own).map_or(QdiscDetail::None, QdiscDetail::Fq),
        "htb" => htb(message.options, unwrap)?.map_or(QdiscDetail::None, QdiscDetail::Htb),
        "tbf" => tbf(message.options)?.map_or(QdiscDetail::None, QdiscDetail::Tbf),
        _ => QdiscDetail::None,
    })
}

/// The statistics and limits of a class of the qdisc's kind.
pub(super) fn of_class(
    message: &TcMessage<'_>,
    unwrap: impl Unwrap,
) -> Result<ClassDetail, ParseError> {
    Ok(match message.kind {
        "htb" => htb_class(message, unwrap)?.map_or(ClassDetail::None, ClassDetail::Htb),
        _ => ClassDetail::None,
    })
}

/// `struct tc_fq_codel_xstats`; the last three fields are newer than the others.
fn fq_codel(bytes: &[u8], mut unwrap: impl Unwrap) -> Option<FqCodel> {
    if u32_at(bytes, 0)? != FQ_CODEL_QDISC {
        return None;
    }
    let newer = |offset| u32_at(bytes, offset).unwrap_or(0);
    let [
        drop_overlimit,
        ecn_mark,
        new_flow_count,
        ce_mark,
        drop_overmemory,
    ] = unwrap([
        u32_at(bytes, 8)?,
        u32_at(bytes, 12)?,
        u32_at(bytes, 16)?,
        newer(28),
        newer(36),
    ]);
    Some(FqCodel {
        max_packet_bytes: u32_at(bytes, 4)?,
        drop_overlimit,
        drop_overmemory,
        ecn_mark,
        ce_mark,
        new_flow_count,
        new_flows: u32_at(bytes, 20)?,
        old_flows: u32_at(bytes, 24)?,
        memory_bytes: newer(32),
    })
}

/// `struct tc_fq_qd_stats`, which has grown at its end.
fn fq(bytes: &[u8]) -> Option<Fq> {
    Some(Fq {
        highprio_packets: u64_at(bytes, 8)?,
        throttled: u64_at(bytes, 24)?,
        flows_plimit: u64_at(bytes, 32)?,
        flows: u32_at(bytes, 64)?,
        inactive_flows: u32_at(bytes, 68)?,
        throttled_flows: u32_at(bytes, 72)?,
        ce_mark: u64_at(bytes, 80),
        horizon_drops: u64_at(bytes, 88),
        horizon_caps: u64_at(bytes, 96),
    })
}

/// `struct tc_htb_glob`.
fn htb(options: &[u8], mut unwrap: impl Unwrap) -> Result<Option<Htb>, ParseError> {
    let Some(global) = Attributes::new(options).find(TCA_HTB_INIT)? else {
        return Ok(None);
    };
    Ok(u32_at(global.payload, 16).map(|direct| {
        let [direct_packets, ..] = unwrap([direct, 0, 0, 0, 0]);
        Htb { direct_packets }
    }))
}

/// `struct tc_tbf_qopt`.
fn tbf(options: &[u8]) -> Result<Option<Tbf>, ParseError> {
    let (mut rate, mut rate64, mut limit) = (None, None, None);
    for attribute in Attributes::new(options) {
        let attribute = attribute?;
        match attribute.kind {
            TCA_TBF_PARMS => {
                rate = u32_at(attribute.payload, RATE);
                limit = u32_at(attribute.payload, 2 * RATESPEC);
            }
            TCA_TBF_RATE64 => rate64 = Some(attribute.u64()?),
            _ => {}
        }
    }
    Ok(rate.zip(limit).map(|(rate, limit_bytes)| Tbf {
        rate_bytes: rate64.unwrap_or(u64::from(rate)),
        limit_bytes,
    }))
}

/// `struct tc_htb_xstats` and `struct tc_htb_opt`.
fn htb_class(
    message: &TcMessage<'_>,
    mut unwrap: impl Unwrap,
) -> Result<Option<HtbClass>, ParseError> {
    let (mut rates, mut rate64, mut ceil64) = (None, None, None);
    for attribute in Attributes::new(message.options) {
        let attribute = attribute?;
        match attribute.kind {
            TCA_HTB_PARMS => {
                rates =
                    u32_at(attribute.payload, RATE).zip(u32_at(attribute.payload, RATESPEC + RATE));
            }
            TCA_HTB_RATE64 => rate64 = Some(attribute.u64()?),
            TCA_HTB_CEIL64 => ceil64 = Some(attribute.u64()?),
            _ => {}
        }
    }
    let counter = |offset| u32_at(message.own, offset);
    let (Some((rate, ceil)), Some(lends), Some(borrows), Some(giants)) =
        (rates, counter(0), counter(4), counter(8))
    else {
        return Ok(None);
    };
    let [lends, borrows, giants, ..] = unwrap([lends, borrows, giants, 0, 0]);
    Ok(Some(HtbClass {
        lends,
        borrows,
        giants,
        rate_bytes: rate64.unwrap_or(u64::from(rate)),
        ceil_bytes: ceil64.unwrap_or(u64::from(ceil)),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::message::RawStatistics;
    use super::*;
    use crate::testing::{attribute, words};
    use proptest::prelude::*;

    fn message<'a>(kind: &'a str, options: &'a [u8], own: &'a [u8]) -> TcMessage<'a> {
        TcMessage {
            device: 1,
            handle: 0,
            parent: 0,
            info: 0,
            kind,
            options,
            own,
            queue: RawStatistics::default(),
        }
    }

    fn wide(raw: [u32; COUNTERS]) -> [u64; COUNTERS] {
        raw.map(u64::from)
    }

    #[test]
    fn fq_codel_tells_its_qdisc_statistics_only() {
        let own = words(&[0, 1514, 2, 3, 4, 5, 6, 7, 8, 9]);
        let expected = FqCodel {
            max_packet_bytes: 1514,
            drop_overlimit: 2,
            ecn_mark: 3,
            new_flow_count: 4,
            new_flows: 5,
            old_flows: 6,
            ce_mark: 7,
            memory_bytes: 8,
            drop_overmemory: 9,
        };
        let detail = of_qdisc(&message("fq_codel", &[], &own), wide);
        assert_eq!(detail, Ok(QdiscDetail::FqCodel(expected)));
        let old = of_qdisc(&message("fq_codel", &[], &own[..28]), wide);
        let shorter = FqCodel {
            ce_mark: 0,
            memory_bytes: 0,
            drop_overmemory: 0,
            ..expected
        };
        assert_eq!(old, Ok(QdiscDetail::FqCodel(shorter)));
        let flow = words(&[1, 1514, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(
            of_qdisc(&message("fq_codel", &[], &flow), wide),
            Ok(QdiscDetail::None)
        );
    }

    #[test]
    fn fq_of_an_older_kernel_lacks_the_newer_fields() {
        let mut own: Vec<u8> = (1..=8_u64).flat_map(u64::to_ne_bytes).collect();
        own.extend(words(&[9, 10, 11, 12]));
        own.extend(
            [13_u64, 14, 15]
                .iter()
                .flat_map(|number| number.to_ne_bytes()),
        );
        let expected = Fq {
            highprio_packets: 2,
            throttled: 4,
            flows_plimit: 5,
            flows: 9,
            inactive_flows: 10,
            throttled_flows: 11,
            ce_mark: Some(13),
            horizon_drops: Some(14),
            horizon_caps: Some(15),
        };
        assert_eq!(
            of_qdisc(&message("fq", &[], &own), wide),
            Ok(QdiscDetail::Fq(expected))
        );
        let older = Fq {
            ce_mark: None,
            horizon_drops: None,
            horizon_caps: None,
            ..expected
        };
        assert_eq!(
            of_qdisc(&message("fq", &[], &own[..80]), wide),
            Ok(QdiscDetail::Fq(older))
        );
    }

    #[test]
    fn a_rate_above_32_bits_comes_in_its_own_attribute() {
        let parameters = words(&[0, 0, u32::MAX, 0, 0, 0, 3_000, 0, 0]);
        let small = attribute(TCA_TBF_PARMS, &parameters);
        let tbf = |rate_bytes| {
            Ok(QdiscDetail::Tbf(Tbf {
                rate_bytes,
                limit_bytes: 3_000,
            }))
        };
        assert_eq!(
            of_qdisc(&message("tbf", &small, &[]), wide),
            tbf(u64::from(u32::MAX))
        );
        let large = [
            small,
            attribute(TCA_TBF_RATE64, &5_000_000_000_u64.to_ne_bytes()),
        ]
        .concat();
        assert_eq!(
            of_qdisc(&message("tbf", &large, &[]), wide),
            tbf(5_000_000_000)
        );
    }

    #[test]
    fn htb_tells_of_the_qdisc_and_its_classes() {
        let global = attribute(TCA_HTB_INIT, &words(&[3, 10, 1, 0, 77]));
        let detail = of_qdisc(&message("htb", &global, &[]), wide);
        assert_eq!(detail, Ok(QdiscDetail::Htb(Htb { direct_packets: 77 })));

        let parameters = words(&[0, 0, 125_000, 0, 0, u32::MAX, 0, 0, 0, 0, 0]);
        let options = [
            attribute(TCA_HTB_PARMS, &parameters),
            attribute(TCA_HTB_CEIL64, &5_000_000_000_u64.to_ne_bytes()),
        ]
        .concat();
        let own = words(&[1, 2, 3, 4, 5]);
        let expected = HtbClass {
            lends: 1,
            borrows: 2,
            giants: 3,
            rate_bytes: 125_000,
            ceil_bytes: 5_000_000_000,
        };
        let detail = of_class(&message("htb", &options, &own), wide);
        assert_eq!(detail, Ok(ClassDetail::Htb(expected)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(
            kind in prop::sample::select(vec!["fq_codel", "fq", "htb", "tbf", "other"]),
            options in proptest::collection::vec(any::<u8>(), 0..120),
            own in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let _ = of_qdisc(&message(kind, &options, &own), wide);
            let _ = of_class(&message(kind, &options, &own), wide);
        }
    }
}
