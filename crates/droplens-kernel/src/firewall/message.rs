//! The messages of `nf_tables`: `struct nfgenmsg` and attributes, all numbers big-endian.

use droplens_model::sample::firewall::{Count, Hook, Policy, TableFamily};

use super::expression::{Effect, End, NFT_OBJECT_COUNTER, count, end};
use crate::error::ParseError;
use crate::netlink::{Attribute, Attributes, u16_at};

/// Bytes of `struct nfgenmsg`.
const NFGENMSG: usize = 4;
/// Where `res_id` is in it: the low 16 bits of the generation, in network byte order.
const RES_ID: usize = 2;

/// `NFTA_LIST_ELEM`.
const NFTA_LIST_ELEM: u16 = 1;
/// `NFTA_GEN_ID`.
const NFTA_GEN_ID: u16 = 1;

/// `NFTA_TABLE_NAME`.
const NFTA_TABLE_NAME: u16 = 1;
/// `NFTA_TABLE_FLAGS`.
const NFTA_TABLE_FLAGS: u16 = 2;
/// `NFT_TABLE_F_DORMANT`.
const NFT_TABLE_F_DORMANT: u32 = 1;

/// `NFTA_CHAIN_TABLE`.
const NFTA_CHAIN_TABLE: u16 = 1;
/// `NFTA_CHAIN_NAME`.
const NFTA_CHAIN_NAME: u16 = 3;
/// `NFTA_CHAIN_HOOK`.
const NFTA_CHAIN_HOOK: u16 = 4;
/// `NFTA_CHAIN_POLICY`.
const NFTA_CHAIN_POLICY: u16 = 5;
/// `NFTA_CHAIN_COUNTERS`.
const NFTA_CHAIN_COUNTERS: u16 = 8;
/// `NFTA_HOOK_HOOKNUM`.
const NFTA_HOOK_HOOKNUM: u16 = 1;
/// `NFTA_HOOK_PRIORITY`.
const NFTA_HOOK_PRIORITY: u16 = 2;
/// `NF_DROP`, as a policy.
const NF_DROP: u32 = 0;

/// `NFTA_RULE_TABLE`.
pub(super) const NFTA_RULE_TABLE: u16 = 1;
/// `NFTA_RULE_CHAIN`.
pub(super) const NFTA_RULE_CHAIN: u16 = 2;
/// `NFTA_RULE_HANDLE`.
const NFTA_RULE_HANDLE: u16 = 3;
/// `NFTA_RULE_EXPRESSIONS`.
const NFTA_RULE_EXPRESSIONS: u16 = 4;
/// `NFTA_RULE_USERDATA`.
const NFTA_RULE_USERDATA: u16 = 7;
/// `NFTNL_UDATA_RULE_COMMENT` (libnftnl).
const COMMENT: u8 = 0;

/// `NFTA_OBJ_TABLE`.
const NFTA_OBJ_TABLE: u16 = 1;
/// `NFTA_OBJ_NAME`.
const NFTA_OBJ_NAME: u16 = 2;
/// `NFTA_OBJ_TYPE`.
pub(super) const NFTA_OBJ_TYPE: u16 = 3;
/// `NFTA_OBJ_DATA`.
const NFTA_OBJ_DATA: u16 = 4;
/// `NFTA_OBJ_USE`.
const NFTA_OBJ_USE: u16 = 5;

/// `NFTA_SET_ELEM_LIST_TABLE`.
pub(super) const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
/// `NFTA_SET_ELEM_LIST_SET`.
pub(super) const NFTA_SET_ELEM_LIST_SET: u16 = 2;
/// `NFTA_SET_ELEM_LIST_ELEMENTS`.
const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
/// `NFTA_SET_ELEM_DATA`.
const NFTA_SET_ELEM_DATA: u16 = 2;

/// What every message starts with.
#[derive(Clone, Debug)]
pub(super) struct Message<'a> {
    /// None if this version does not know the family.
    pub(super) family: Option<TableFamily>,
    /// The low 16 bits of the generation to which it belongs.
    pub(super) generation: u16,
    attributes: Attributes<'a>,
}

/// A table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TableMessage<'a> {
    pub(super) name: &'a str,
    pub(super) dormant: bool,
}

/// A chain; with a hook, a base chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ChainMessage<'a> {
    pub(super) table: &'a str,
    pub(super) name: &'a str,
    pub(super) hook: Option<(Hook, i32)>,
    pub(super) policy: Option<Policy>,
    pub(super) counter: Option<Count>,
}

/// A rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleMessage<'a> {
    pub(super) table: &'a str,
    pub(super) chain: &'a str,
    pub(super) handle: u64,
    pub(super) comment: Option<&'a str>,
    pub(super) effect: Effect<'a>,
}

/// A named counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CounterMessage<'a> {
    pub(super) table: &'a str,
    pub(super) name: &'a str,
    /// How many rules and set elements refer to it.
    pub(super) uses: u32,
    pub(super) count: Count,
}

impl<'a> Message<'a> {
    /// Parses the payload of any `nf_tables` message.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Self, ParseError> {
        const SHORT: ParseError = ParseError::new("nfgenmsg is too short");
        let family = *payload.first().ok_or(SHORT)?;
        let generation = u16_at(payload, RES_ID).ok_or(SHORT)?;
        Ok(Self {
            family: TableFamily::ALL
                .into_iter()
                .find(|known| number_of(*known) == family),
            generation: u16::from_be(generation),
            attributes: Attributes::new(payload.get(NFGENMSG..).unwrap_or_default()),
        })
    }

    /// The generation that an `NFT_MSG_NEWGEN` tells.
    pub(super) fn generation_id(self) -> Result<Option<u32>, ParseError> {
        let found = self.attributes.find(NFTA_GEN_ID)?;
        found.as_ref().map(Attribute::be32).transpose()
    }

    /// The table of an `NFT_MSG_NEWTABLE`.
    pub(super) fn table(self) -> Result<TableMessage<'a>, ParseError> {
        let mut table = TableMessage::default();
        for attribute in self.attributes {
            let attribute = attribute?;
            match attribute.kind {
                NFTA_TABLE_NAME => table.name = attribute.text()?,
                NFTA_TABLE_FLAGS => {
                    table.dormant = attribute.be32()? & NFT_TABLE_F_DORMANT != 0;
                }
                _ => {}
            }
        }
        named(table.name, table)
    }

    /// The chain of an `NFT_MSG_NEWCHAIN`.
    pub(super) fn chain(self) -> Result<ChainMessage<'a>, ParseError> {
        let mut chain = ChainMessage::default();
        for attribute in self.attributes {
            let attribute = attribute?;
            match attribute.kind {
                NFTA_CHAIN_TABLE => chain.table = attribute.text()?,
                NFTA_CHAIN_NAME => chain.name = attribute.text()?,
                NFTA_CHAIN_HOOK => chain.hook = hook(self.family, attribute.nested())?,
                NFTA_CHAIN_POLICY => {
                    let drops = attribute.be32()? == NF_DROP;
                    chain.policy = Some(if drops { Policy::Drop } else { Policy::Accept });
                }
                NFTA_CHAIN_COUNTERS => chain.counter = Some(count(attribute.nested())?),
                _ => {}
            }
        }
        named(chain.name, chain)
    }

    /// The rule of an `NFT_MSG_NEWRULE`.
    pub(super) fn rule(self) -> Result<RuleMessage<'a>, ParseError> {
        let mut rule = RuleMessage::default();
        let mut comment = None;
        for attribute in self.attributes {
            let attribute = attribute?;
            match attribute.kind {
                NFTA_RULE_TABLE => rule.table = attribute.text()?,
                NFTA_RULE_CHAIN => rule.chain = attribute.text()?,
                NFTA_RULE_HANDLE => rule.handle = attribute.be64()?,
                NFTA_RULE_EXPRESSIONS => rule.effect = Effect::parse(attribute.nested())?,
                NFTA_RULE_USERDATA => comment = user_comment(attribute.payload),
                _ => {}
            }
        }
        rule.comment = comment.or(rule.effect.comment);
        named(rule.chain, rule)
    }

    /// The counter of an `NFT_MSG_NEWOBJ`; none if the object is another thing.
    pub(super) fn counter(self) -> Result<Option<CounterMessage<'a>>, ParseError> {
        let mut counter = CounterMessage::default();
        let mut kind = 0;
        for attribute in self.attributes.clone() {
            let attribute = attribute?;
            match attribute.kind {
                NFTA_OBJ_TABLE => counter.table = attribute.text()?,
                NFTA_OBJ_NAME => counter.name = attribute.text()?,
                NFTA_OBJ_TYPE => kind = attribute.be32()?,
                NFTA_OBJ_USE => counter.uses = attribute.be32()?,
                _ => {}
            }
        }
        if kind != NFT_OBJECT_COUNTER {
            return Ok(None);
        }
        if let Some(data) = self.attributes.find(NFTA_OBJ_DATA)? {
            counter.count = count(data.nested())?;
        }
        named(counter.name, Some(counter))
    }

    /// Tells what each element of an `NFT_MSG_NEWSETELEM` says for packets that match it.
    pub(super) fn elements(self, mut tell: impl FnMut(End<'a>)) -> Result<(), ParseError> {
        let Some(elements) = self.attributes.find(NFTA_SET_ELEM_LIST_ELEMENTS)? else {
            return Ok(());
        };
        for element in elements.nested() {
            let element = element?;
            if element.kind == NFTA_LIST_ELEM
                && let Some(data) = element.nested().find(NFTA_SET_ELEM_DATA)?
            {
                tell(end(data.nested())?);
            }
        }
        Ok(())
    }
}

fn named<T>(name: &str, object: T) -> Result<T, ParseError> {
    if name.is_empty() {
        return Err(ParseError::new("object without a name"));
    }
    Ok(object)
}

/// `enum nfproto`.
pub(super) const fn number_of(family: TableFamily) -> u8 {
    match family {
        TableFamily::Inet => 1,
        TableFamily::Ip => 2,
        TableFamily::Arp => 3,
        TableFamily::Netdev => 5,
        TableFamily::Bridge => 7,
        TableFamily::Ip6 => 10,
    }
}

/// The hook and priority in `NFTA_CHAIN_HOOK`; hooks are numbered for each family.
fn hook(
    family: Option<TableFamily>,
    attributes: Attributes<'_>,
) -> Result<Option<(Hook, i32)>, ParseError> {
    let (mut number, mut priority) = (None, 0);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_HOOK_HOOKNUM => number = Some(attribute.be32()?),
            NFTA_HOOK_PRIORITY => priority = attribute.be32()?.cast_signed(),
            _ => {}
        }
    }
    let hook = family
        .zip(number)
        .and_then(|(family, number)| hook_of(family, number));
    Ok(hook.map(|hook| (hook, priority)))
}

const fn hook_of(family: TableFamily, number: u32) -> Option<Hook> {
    Some(match (family, number) {
        // enum nf_dev_hooks
        (TableFamily::Netdev, 0) | (TableFamily::Inet, 5) => Hook::Ingress,
        (TableFamily::Netdev, 1) => Hook::Egress,
        // NF_ARP_IN, NF_ARP_OUT, NF_ARP_FORWARD
        (TableFamily::Arp, 0) => Hook::Input,
        (TableFamily::Arp, 1) => Hook::Output,
        (TableFamily::Arp, 2) => Hook::Forward,
        (TableFamily::Netdev | TableFamily::Arp, _) => return None,
        // enum nf_inet_hooks; NF_BR_* are the same
        (_, 0) => Hook::Prerouting,
        (_, 1) => Hook::Input,
        (_, 2) => Hook::Forward,
        (_, 3) => Hook::Output,
        (_, 4) => Hook::Postrouting,
        _ => return None,
    })
}

/// The comment among the type-length-values that `nft` keeps with a rule. The kernel does not look
/// at them, so whatever is wrong with them only means that there is no comment.
fn user_comment(mut bytes: &[u8]) -> Option<&str> {
    while let [kind, length, rest @ ..] = bytes {
        let value = rest.get(..usize::from(*length))?;
        if *kind == COMMENT {
            let text = value.split(|byte| *byte == 0).next()?;
            return std::str::from_utf8(text)
                .ok()
                .filter(|text| !text.is_empty());
        }
        bytes = rest.get(usize::from(*length)..)?;
    }
    None
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
