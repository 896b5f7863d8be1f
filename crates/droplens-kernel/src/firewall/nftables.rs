//! Asking `nf_tables`.
//!
//! The kernel numbers its rule sets. As long as the number (the generation) stays, only counters
//! can change, and only the chains that have any are listed again. Each message tells the
//! generation it belongs to, so a change in the middle of a reading does not go unnoticed.

use droplens_model::Source;
use droplens_model::sample::firewall::{ChainName, Ruleset, TableFamily};
use neli::consts::socket::NlFamily;

use super::expression::NFT_OBJECT_COUNTER;
use super::known::Known;
use super::listing::{Listing, MapName};
use super::message::{
    Message, NFTA_OBJ_TYPE, NFTA_RULE_CHAIN, NFTA_RULE_TABLE, NFTA_SET_ELEM_LIST_SET,
    NFTA_SET_ELEM_LIST_TABLE, number_of,
};
use crate::ReadError;
use crate::error::ParseError;
use crate::netlink::{LazyNetlink, Request};

/// `NFNL_SUBSYS_NFTABLES`, as part of a message's type.
const NFTABLES: u16 = 10 << 8;
/// `NFT_MSG_NEWTABLE`.
const NEW_TABLE: u16 = NFTABLES;
/// `NFT_MSG_GETTABLE`.
const GET_TABLE: u16 = NFTABLES + 1;
/// `NFT_MSG_NEWCHAIN`.
const NEW_CHAIN: u16 = NFTABLES + 3;
/// `NFT_MSG_GETCHAIN`.
const GET_CHAIN: u16 = NFTABLES + 4;
/// `NFT_MSG_NEWRULE`.
const NEW_RULE: u16 = NFTABLES + 6;
/// `NFT_MSG_GETRULE`.
const GET_RULE: u16 = NFTABLES + 7;
/// `NFT_MSG_NEWSETELEM`.
const NEW_ELEMENT: u16 = NFTABLES + 12;
/// `NFT_MSG_GETSETELEM`.
const GET_ELEMENT: u16 = NFTABLES + 13;
/// `NFT_MSG_NEWGEN`.
const NEW_GENERATION: u16 = NFTABLES + 15;
/// `NFT_MSG_GETGEN`.
const GET_GENERATION: u16 = NFTABLES + 16;
/// `NFT_MSG_NEWOBJ`.
const NEW_OBJECT: u16 = NFTABLES + 18;
/// `NFT_MSG_GETOBJ`.
const GET_OBJECT: u16 = NFTABLES + 19;

/// How often the rules are listed again when they changed meanwhile.
const ATTEMPTS: u32 = 3;
/// With more chains than this that count drops, all rules are listed at once.
const CHAINS_ONE_BY_ONE: usize = 16;
/// More verdict maps than this are not looked into: one request each.
const MAPS_LOOKED_INTO: usize = 64;

/// What is kept from reading to reading.
#[derive(Debug)]
pub(super) struct Nftables {
    netlink: LazyNetlink,
    known: Option<(Generation, Known)>,
}

/// The number of a rule set (`NFTA_GEN_ID`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Generation(u32);

impl Generation {
    /// Whether a message belongs to it: messages tell the low 16 bits only.
    fn has(self, message: &Message<'_>) -> bool {
        self.0 & 0xffff == u32::from(message.generation)
    }
}

impl Nftables {
    /// Nothing is opened yet.
    pub(super) fn new() -> Self {
        Self {
            netlink: LazyNetlink::new(NlFamily::Netfilter, Source::Firewall.spec().deadline),
            known: None,
        }
    }

    /// The rules now, and whether they stood still while they were listed.
    pub(super) fn read(&mut self) -> Result<(Ruleset, bool), ReadError> {
        let mut newest = Ruleset::default();
        for _ in 0..ATTEMPTS {
            let generation = self.generation()?;
            let (mut known, steady) = match self.known.take() {
                Some((of, mut known)) if of == generation => {
                    let steady = self.refresh(generation, &mut known)?;
                    (known, steady)
                }
                _ => self.list(generation)?,
            };
            newest = known.ruleset();
            if steady {
                self.known = Some((generation, known));
                return Ok((newest, true));
            }
        }
        Ok((newest, false))
    }

    fn generation(&mut self) -> Result<Generation, ReadError> {
        let request = Request::get("NFT_MSG_GETGEN", GET_GENERATION).body(&header(None));
        let mut generation = None;
        self.netlink.request(
            &request,
            &mut generation,
            |generation| *generation = None,
            |generation, kind, payload| {
                if kind == NEW_GENERATION {
                    *generation = Message::parse(payload)?.generation_id()?;
                }
                Ok(())
            },
        )?;
        generation
            .map(Generation)
            .ok_or_else(|| ReadError::NetlinkParse {
                request: "NFT_MSG_GETGEN",
                source: ParseError::new("no generation"),
            })
    }

    /// Brings the counters up to date; tells whether the generation still was the same.
    fn refresh(&mut self, of: Generation, known: &mut Known) -> Result<bool, ReadError> {
        let mut steady = true;
        if known.has_counting_chains() {
            let handle = |known: &mut Known, family, message: Message<'_>| {
                known.chain(family, &message.chain()?);
                Ok(())
            };
            steady &= self.ask(&chains(), NEW_CHAIN, of, known, |_| (), handle)?;
        }
        if known.has_counters() {
            let handle = |known: &mut Known, family, message: Message<'_>| {
                if let Some(counter) = message.counter()? {
                    known.counter(family, &counter);
                }
                Ok(())
            };
            steady &= self.ask(&counters(), NEW_OBJECT, of, known, |_| (), handle)?;
        }
        let counting = known.counting_chains();
        let requests = if counting.len() > CHAINS_ONE_BY_ONE {
            vec![rules()]
        } else {
            counting.iter().map(rules_of).collect()
        };
        for request in requests {
            let handle = |known: &mut Known, family, message: Message<'_>| {
                known.rule(family, &message.rule()?);
                Ok(())
            };
            steady &= self.ask(&request, NEW_RULE, of, known, |_| (), handle)?;
        }
        Ok(steady)
    }

    /// Lists everything; tells whether the generation was the same all the time.
    fn list(&mut self, of: Generation) -> Result<(Known, bool), ReadError> {
        let mut listing = Listing::default();
        let mut steady = self.ask(
            &Request::dump("NFT_MSG_GETTABLE", GET_TABLE).body(&header(None)),
            NEW_TABLE,
            of,
            &mut listing,
            Listing::restart_tables,
            |listing, family, message| {
                listing.table(family, &message.table()?);
                Ok(())
            },
        )?;
        steady &= self.ask(
            &chains(),
            NEW_CHAIN,
            of,
            &mut listing,
            Listing::restart_chains,
            |listing, family, message| {
                listing.chain(family, &message.chain()?);
                Ok(())
            },
        )?;
        steady &= self.ask(
            &counters(),
            NEW_OBJECT,
            of,
            &mut listing,
            Listing::restart_counters,
            |listing, family, message| {
                if let Some(counter) = message.counter()? {
                    listing.counter(family, &counter);
                }
                Ok(())
            },
        )?;
        steady &= self.ask(
            &rules(),
            NEW_RULE,
            of,
            &mut listing,
            Listing::restart_rules,
            |listing, family, message| {
                listing.rule(family, &message.rule()?);
                Ok(())
            },
        )?;
        steady &= self.look_into_maps(of, &mut listing)?;
        Ok((listing.finish(), steady))
    }

    fn look_into_maps(&mut self, of: Generation, listing: &mut Listing) -> Result<bool, ReadError> {
        let maps = listing.maps().to_vec();
        if maps.len() > MAPS_LOOKED_INTO {
            listing.suspect_maps();
            return Ok(true);
        }
        let mut steady = true;
        for (number, map) in maps.iter().enumerate() {
            let asked = self.ask(
                &elements(map),
                NEW_ELEMENT,
                of,
                listing,
                |listing| listing.restart_elements(number),
                |listing, _, message| message.elements(|end| listing.element(number, end)),
            );
            steady &= match asked {
                // It was deleted a moment ago.
                Err(error) if error.errno() == Some(libc::ENOENT) => false,
                asked => asked?,
            };
        }
        Ok(steady)
    }

    /// Sends a request and hands each message of a known family to `handle`; tells whether all of
    /// them were of this generation and the list is whole.
    fn ask<T>(
        &mut self,
        request: &Request,
        wanted: u16,
        generation: Generation,
        state: &mut T,
        restart: impl FnMut(&mut T),
        mut handle: impl FnMut(&mut T, TableFamily, Message<'_>) -> Result<(), ParseError>,
    ) -> Result<bool, ReadError> {
        let mut steady = true;
        let handle = |state: &mut T, kind, payload: &[u8]| {
            if kind != wanted {
                return Ok(());
            }
            let message = Message::parse(payload)?;
            steady &= generation.has(&message);
            match message.family {
                Some(family) => handle(state, family, message),
                None => Ok(()),
            }
        };
        let completeness = self.netlink.request(request, state, restart, handle)?;
        Ok(steady && completeness.is_complete())
    }
}

/// `struct nfgenmsg` for a family, or for all.
fn header(family: Option<TableFamily>) -> [u8; 4] {
    [family.map_or(0, number_of), 0, 0, 0]
}

fn chains() -> Request {
    Request::dump("NFT_MSG_GETCHAIN", GET_CHAIN).body(&header(None))
}

fn counters() -> Request {
    Request::dump("NFT_MSG_GETOBJ", GET_OBJECT)
        .body(&header(None))
        .attribute(NFTA_OBJ_TYPE, &NFT_OBJECT_COUNTER.to_be_bytes())
}

fn rules() -> Request {
    Request::dump("NFT_MSG_GETRULE", GET_RULE).body(&header(None))
}

fn rules_of(chain: &ChainName) -> Request {
    Request::dump("NFT_MSG_GETRULE", GET_RULE)
        .body(&header(Some(chain.family)))
        .attribute(NFTA_RULE_TABLE, &terminated(&chain.table))
        .attribute(NFTA_RULE_CHAIN, &terminated(&chain.name))
}

fn elements(map: &MapName) -> Request {
    Request::dump("NFT_MSG_GETSETELEM", GET_ELEMENT)
        .body(&header(Some(map.family)))
        .attribute(NFTA_SET_ELEM_LIST_TABLE, &terminated(&map.table))
        .attribute(NFTA_SET_ELEM_LIST_SET, &terminated(&map.set))
}

/// Text with the NUL that ends strings in netlink.
fn terminated(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}
