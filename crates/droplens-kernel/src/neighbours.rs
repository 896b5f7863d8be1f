//! Neighbour tables.

use droplens_model::sample::neighbours::{
    NeighbourStates, NeighbourStatistics, NeighbourTable, Neighbours,
};
use droplens_model::{Family, PerFamily, Source};
use neli::consts::socket::NlFamily;

use crate::error::ParseError;
use crate::netlink::{Attributes, LazyNetlink, Request, u16_at, u32_at, u64_at};
use crate::{ReadError, Reader};

/// `RTM_NEWNEIGH`.
const RTM_NEWNEIGH: u16 = 28;
/// `RTM_GETNEIGH`.
const RTM_GETNEIGH: u16 = 30;
/// `RTM_NEWNEIGHTBL`.
const RTM_NEWNEIGHTBL: u16 = 64;
/// `RTM_GETNEIGHTBL`.
const RTM_GETNEIGHTBL: u16 = 66;

/// Bytes of `struct ndtmsg`.
const NDTMSG: usize = 4;
/// Bytes of `struct ndmsg`.
const NDMSG: usize = 12;
/// Where `ndm_state` is in `struct ndmsg`.
const NDM_STATE: usize = 8;

/// `NDTA_THRESH1`.
const NDTA_THRESH1: u16 = 2;
/// `NDTA_THRESH2`.
const NDTA_THRESH2: u16 = 3;
/// `NDTA_THRESH3`.
const NDTA_THRESH3: u16 = 4;
/// `NDTA_CONFIG`.
const NDTA_CONFIG: u16 = 5;
/// `NDTA_STATS`.
const NDTA_STATS: u16 = 7;

/// `AF_INET`.
const AF_INET: u8 = 2;
/// `AF_INET6`.
const AF_INET6: u8 = 10;

/// Reads the ARP and NDP tables and counts their entries.
#[derive(Debug)]
pub struct NeighboursReader {
    netlink: LazyNetlink,
    tables: Request,
    entries: PerFamily<Request>,
}

impl Default for NeighboursReader {
    fn default() -> Self {
        Self::new()
    }
}

impl NeighboursReader {
    /// A reader; the socket is opened at the first reading.
    pub fn new() -> Self {
        let entries = |family| {
            let mut body = [0; NDMSG];
            body[0] = family;
            Request::dump("RTM_GETNEIGH", RTM_GETNEIGH).body(&body)
        };
        Self {
            netlink: LazyNetlink::new(NlFamily::Route, Source::Neighbours.spec().deadline),
            tables: Request::dump("RTM_GETNEIGHTBL", RTM_GETNEIGHTBL).body(&[0; NDTMSG]),
            entries: PerFamily {
                v4: entries(AF_INET),
                v6: entries(AF_INET6),
            },
        }
    }
}

impl Reader for NeighboursReader {
    type Sample = Neighbours;

    fn read(&mut self) -> Result<Neighbours, ReadError> {
        let mut sample = Neighbours::default();
        let mut complete = self
            .netlink
            .request(
                &self.tables,
                &mut sample.tables,
                Vec::clear,
                |tables, kind, payload| {
                    if kind == RTM_NEWNEIGHTBL {
                        tables.extend(table(payload)?);
                    }
                    Ok(())
                },
            )?
            .is_complete();
        for family in Family::ALL {
            complete &= self
                .netlink
                .request(
                    self.entries.get(family),
                    sample.states.get_mut(family),
                    |states| *states = NeighbourStates::default(),
                    |states, kind, payload| {
                        if kind == RTM_NEWNEIGH {
                            states.count(state(payload)?);
                        }
                        Ok(())
                    },
                )?
                .is_complete();
        }
        sample.complete = complete;
        Ok(sample)
    }
}

/// The state bits of an entry (`struct ndmsg`).
fn state(payload: &[u8]) -> Result<u16, ParseError> {
    u16_at(payload, NDM_STATE).ok_or(ParseError::new("ndmsg is too short"))
}

/// A table (`struct ndtmsg` and attributes). None for the parameters of one device, which follow
/// each table, and for tables of other protocols.
fn table(payload: &[u8]) -> Result<Option<NeighbourTable>, ParseError> {
    let family = match payload.first() {
        Some(&AF_INET) => Family::V4,
        Some(&AF_INET6) => Family::V6,
        Some(_) => return Ok(None),
        None => return Err(ParseError::new("ndtmsg is too short")),
    };
    let mut table = NeighbourTable {
        family,
        entries: 0,
        threshold1: None,
        threshold2: None,
        threshold3: None,
        statistics: NeighbourStatistics::default(),
    };
    let mut is_table = false;
    for attribute in Attributes::new(payload.get(NDTMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        match attribute.kind {
            NDTA_THRESH1 => table.threshold1 = Some(attribute.u32()?.into()),
            NDTA_THRESH2 => table.threshold2 = Some(attribute.u32()?.into()),
            NDTA_THRESH3 => table.threshold3 = Some(attribute.u32()?.into()),
            // `struct ndt_config`: two 16-bit lengths, then the entries.
            NDTA_CONFIG => {
                is_table = true;
                table.entries = u32_at(attribute.payload, 4)
                    .ok_or(ParseError::new("ndt_config is too short"))?
                    .into();
            }
            NDTA_STATS => table.statistics = statistics(attribute.payload),
            _ => {}
        }
    }
    Ok(is_table.then_some(table))
}

/// `struct ndt_stats`, which has grown at its end.
fn statistics(bytes: &[u8]) -> NeighbourStatistics {
    let counter = |index: usize| u64_at(bytes, index * size_of::<u64>()).unwrap_or(0);
    NeighbourStatistics {
        allocs: counter(0),
        destroys: counter(1),
        hash_grows: counter(2),
        res_failed: counter(3),
        lookups: counter(4),
        hits: counter(5),
        rcv_probes_mcast: counter(6),
        rcv_probes_ucast: counter(7),
        periodic_gc_runs: counter(8),
        forced_gc_runs: counter(9),
        table_fulls: counter(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{attribute, words};
    use proptest::prelude::*;

    fn message(family: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![family, 0, 0, 0];
        bytes.extend(attributes.concat());
        bytes
    }

    fn counters(count: u64) -> Vec<u8> {
        (1..=count).flat_map(u64::to_ne_bytes).collect()
    }

    #[test]
    fn a_table_is_read_whole() {
        let bytes = message(
            AF_INET6,
            &[
                attribute(1, b"ndisc_cache\0"),
                attribute(NDTA_THRESH1, &words(&[128])),
                attribute(NDTA_THRESH2, &words(&[512])),
                attribute(NDTA_THRESH3, &words(&[1024])),
                attribute(NDTA_CONFIG, &words(&[0, 42, 7, 7, 7, 7, 7, 7])),
                attribute(NDTA_STATS, &counters(11)),
            ],
        );
        let table = table(&bytes).unwrap().unwrap();
        assert_eq!((table.family, table.entries), (Family::V6, 42));
        assert_eq!(table.threshold1, Some(128));
        assert_eq!(table.threshold2, Some(512));
        assert_eq!(table.threshold3, Some(1024));
        let statistics = table.statistics;
        assert_eq!((statistics.allocs, statistics.res_failed), (1, 4));
        assert_eq!(
            (statistics.forced_gc_runs, statistics.table_fulls),
            (10, 11)
        );
    }

    #[test]
    fn an_older_kernel_does_not_count_full_tables() {
        let older = statistics(&counters(10));
        assert_eq!((older.forced_gc_runs, older.table_fulls), (10, 0));
    }

    #[test]
    fn parameters_of_a_device_and_other_protocols_are_left_out() {
        assert_eq!(table(&message(AF_INET, &[attribute(6, b"")])), Ok(None));
        let config = attribute(NDTA_CONFIG, &words(&[0, 42]));
        assert_eq!(table(&message(12, &[config])), Ok(None));
        assert!(table(&message(AF_INET, &[attribute(NDTA_CONFIG, &[0; 4])])).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), v4: bool) {
            if let Some(first) = bytes.first_mut() {
                *first = if v4 { AF_INET } else { AF_INET6 };
            }
            let _ = table(&bytes);
            let _ = state(&bytes);
        }
    }
}

#[cfg(test)]
mod live {
    use super::*;
    use crate::testing::{command, in_namespace};

    #[test]
    fn both_tables_are_there_without_privilege() {
        let sample = NeighboursReader::new().read().unwrap();
        let families: Vec<_> = sample.tables.iter().map(|table| table.family).collect();
        assert!(families.contains(&Family::V4), "{families:?}");
        assert!(sample.tables.iter().all(|table| table.threshold3 > Some(0)));
    }

    #[test]
    fn entries_are_counted_by_state() {
        in_namespace(|| {
            command("ip", "link add dlneigh0 type veth peer name dlneigh1");
            command("ip", "link set dlneigh0 up");
            let add = |address, state| {
                let lladdr = "lladdr 02:00:00:00:00:01 dev dlneigh0 nud";
                command("ip", &format!("neigh add {address} {lladdr} {state}"));
            };
            add("192.0.2.1", "permanent");
            add("192.0.2.2", "permanent");
            add("192.0.2.3", "stale");
            add("2001:db8::1", "permanent");
            let sample = NeighboursReader::new().read().unwrap();
            assert_eq!((sample.states.v4.permanent, sample.states.v4.stale), (2, 1));
            assert_eq!(sample.states.v6.permanent, 1);
            let v4 = sample
                .tables
                .iter()
                .find(|table| table.family == Family::V4);
            assert!(v4.unwrap().entries >= 3);
        });
    }
}
