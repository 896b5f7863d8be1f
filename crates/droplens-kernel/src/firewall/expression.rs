//! What the expressions of an nftables rule come to: its verdict, and what counts it.
//!
//! Expressions run one after another; any that does not match ends the rule. So a counter counts
//! exactly what the verdict meets only if nothing that may not match stands between the two.

use droplens_model::sample::firewall::{Count, Verdict};

use crate::error::ParseError;
use crate::netlink::{Attribute, Attributes};

/// `NFTA_EXPR_NAME`.
const NFTA_EXPR_NAME: u16 = 1;
/// `NFTA_EXPR_DATA`.
const NFTA_EXPR_DATA: u16 = 2;
/// `NFTA_COUNTER_BYTES`.
const NFTA_COUNTER_BYTES: u16 = 1;
/// `NFTA_COUNTER_PACKETS`.
const NFTA_COUNTER_PACKETS: u16 = 2;
/// `NFTA_IMMEDIATE_DREG`.
const NFTA_IMMEDIATE_DREG: u16 = 1;
/// `NFTA_IMMEDIATE_DATA`.
const NFTA_IMMEDIATE_DATA: u16 = 2;
/// `NFTA_DATA_VERDICT`.
const NFTA_DATA_VERDICT: u16 = 2;
/// `NFTA_VERDICT_CODE`.
const NFTA_VERDICT_CODE: u16 = 1;
/// `NFTA_VERDICT_CHAIN`.
const NFTA_VERDICT_CHAIN: u16 = 2;
/// `NFTA_LOOKUP_SET`.
const NFTA_LOOKUP_SET: u16 = 1;
/// `NFTA_LOOKUP_DREG`.
const NFTA_LOOKUP_DREG: u16 = 3;
/// `NFTA_OBJREF_IMM_TYPE`.
const NFTA_OBJREF_IMM_TYPE: u16 = 1;
/// `NFTA_OBJREF_IMM_NAME`.
const NFTA_OBJREF_IMM_NAME: u16 = 2;
/// `NFTA_TARGET_NAME` and `NFTA_MATCH_NAME`.
const NFTA_XT_NAME: u16 = 1;
/// `NFTA_MATCH_INFO`.
const NFTA_MATCH_INFO: u16 = 3;
/// `NFT_REG_VERDICT`.
const NFT_REG_VERDICT: u32 = 0;
/// `NF_DROP`.
const NF_DROP: u32 = 0;
/// `NFT_JUMP` (-3).
const NFT_JUMP: u32 = 0xffff_fffd;
/// `NFT_GOTO` (-4).
const NFT_GOTO: u32 = 0xffff_fffc;

/// `NFT_OBJECT_COUNTER`.
pub(super) const NFT_OBJECT_COUNTER: u32 = 1;

/// What a rule does with a packet that all its conditions match, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End<'a> {
    /// Something that drops nothing.
    #[default]
    Other,
    /// It drops.
    Drop(Verdict),
    /// It goes on in this chain.
    Jump(&'a str),
    /// What this verdict map says for the packet.
    Map(&'a str),
}

/// What counts exactly the packets that meet the end of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Counter<'a> {
    /// Nothing.
    #[default]
    None,
    /// The rule's own counter.
    Own(Count),
    /// The named counter.
    Named(&'a str),
}

/// What the expressions of a rule come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect<'a> {
    pub(super) end: End<'a>,
    pub(super) counter: Counter<'a>,
    /// The comment that iptables-nft keeps in a match.
    pub(super) comment: Option<&'a str>,
}

impl<'a> Effect<'a> {
    /// Parses the payload of `NFTA_RULE_EXPRESSIONS`.
    pub(super) fn parse(expressions: Attributes<'a>) -> Result<Self, ParseError> {
        let mut effect = Self::default();
        for expression in expressions {
            let expression = expression?.nested();
            let name = text(expression.clone(), NFTA_EXPR_NAME)?.unwrap_or_default();
            let data = nested(expression, NFTA_EXPR_DATA)?;
            effect.add(name, data)?;
            if effect.end != End::Other {
                break;
            }
        }
        Ok(effect)
    }

    fn add(&mut self, name: &str, data: Attributes<'a>) -> Result<(), ParseError> {
        match name {
            "counter" => self.counter = Counter::Own(count(data)?),
            // These match always.
            "log" | "notrack" | "last" => {}
            "immediate" => {
                if number(data.clone(), NFTA_IMMEDIATE_DREG)? == Some(NFT_REG_VERDICT) {
                    self.end = end(nested(data, NFTA_IMMEDIATE_DATA)?)?;
                }
            }
            "reject" => self.end = End::Drop(Verdict::Reject),
            "objref" => {
                let counts = number(data.clone(), NFTA_OBJREF_IMM_TYPE)?;
                let name = text(data, NFTA_OBJREF_IMM_NAME)?;
                self.counter = match name {
                    Some(name) if counts == Some(NFT_OBJECT_COUNTER) => Counter::Named(name),
                    _ => Counter::None,
                };
            }
            "lookup" => {
                self.counter = Counter::None;
                if number(data.clone(), NFTA_LOOKUP_DREG)? == Some(NFT_REG_VERDICT) {
                    self.end = text(data, NFTA_LOOKUP_SET)?.map_or(End::Other, End::Map);
                }
            }
            "target" => match text(data, NFTA_XT_NAME)? {
                Some("DROP") => self.end = End::Drop(Verdict::Drop),
                Some("REJECT") => self.end = End::Drop(Verdict::Reject),
                _ => self.counter = Counter::None,
            },
            "match" if text(data.clone(), NFTA_XT_NAME)? == Some("comment") => {
                // Any bytes may stand here; a comment that is no text is none.
                let info = data.find(NFTA_MATCH_INFO)?;
                self.comment = info.and_then(|info| info.text().ok());
            }
            _ => self.counter = Counter::None,
        }
        Ok(())
    }
}

/// What a verdict comes to: the payload of `NFTA_IMMEDIATE_DATA` or `NFTA_SET_ELEM_DATA`.
pub(super) fn end(data: Attributes<'_>) -> Result<End<'_>, ParseError> {
    let verdict = nested(data, NFTA_DATA_VERDICT)?;
    let code = number(verdict.clone(), NFTA_VERDICT_CODE)?;
    Ok(match code {
        Some(NF_DROP) => End::Drop(Verdict::Drop),
        Some(NFT_JUMP | NFT_GOTO) => {
            text(verdict, NFTA_VERDICT_CHAIN)?.map_or(End::Other, End::Jump)
        }
        _ => End::Other,
    })
}

/// The attributes that `NFTA_COUNTER_BYTES` and `NFTA_COUNTER_PACKETS` are among.
pub(super) fn count(attributes: Attributes<'_>) -> Result<Count, ParseError> {
    let mut count = Count::default();
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_COUNTER_BYTES => count.bytes = attribute.be64()?,
            NFTA_COUNTER_PACKETS => count.packets = attribute.be64()?,
            _ => {}
        }
    }
    Ok(count)
}

/// The attributes nested in the first of this type; none without it.
fn nested(attributes: Attributes<'_>, kind: u16) -> Result<Attributes<'_>, ParseError> {
    let found = attributes.find(kind)?;
    Ok(found.map_or(Attributes::new(&[]), |attribute| attribute.nested()))
}

fn text(attributes: Attributes<'_>, kind: u16) -> Result<Option<&str>, ParseError> {
    let found = attributes.find(kind)?;
    found.map(|attribute| attribute.text()).transpose()
}

fn number(attributes: Attributes<'_>, kind: u16) -> Result<Option<u32>, ParseError> {
    let found = attributes.find(kind)?;
    found.as_ref().map(Attribute::be32).transpose()
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;
