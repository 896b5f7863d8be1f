//! Words of the domain name system.

use std::sync::Arc;

use droplens_model::Name;
use serde::Deserialize;

/// Types of records that can be asked for.
const TYPES: [&str; 18] = [
    "A", "AAAA", "ANY", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "NSEC",
    "PTR", "SOA", "SRV", "SVCB", "TLSA", "TXT",
];

/// Response codes (RFC 6895).
const CODES: [&str; 11] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE",
];

/// The word of a table that is written so, in any case.
fn word(text: &str, table: &[&str], what: &str) -> Result<Name, String> {
    table
        .iter()
        .find(|word| word.eq_ignore_ascii_case(text))
        .map(|word| (*word).into())
        .ok_or_else(|| {
            format!(
                "{text:?} is no {what}, expected one of: {}",
                table.join(", ")
            )
        })
}

/// A type of records.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct RecordType(pub(crate) Name);

impl TryFrom<String> for RecordType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        word(&text, &TYPES, "type of DNS records").map(Self)
    }
}

/// A response code.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Code(Name);

impl TryFrom<String> for Code {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        word(&text, &CODES, "DNS response code").map(Self)
    }
}

/// Response codes that are right.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Codes(Vec<Code>);

impl Default for Codes {
    fn default() -> Self {
        Self(vec![Code("NOERROR".into())])
    }
}

impl Codes {
    /// Their names.
    pub(crate) fn names(&self) -> Vec<Name> {
        self.0.iter().map(|code| Arc::clone(&code.0)).collect()
    }
}
