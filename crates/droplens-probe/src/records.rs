//! What DNS messages say, in words.

use std::collections::HashSet;
use std::fmt::Write;
use std::str::FromStr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// The mnemonic of a response code, as the registry of the IANA has it; `RCODE` and its number if
/// it has none.
pub(crate) fn code_name(code: ResponseCode) -> String {
    let name = match u16::from(code) {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADVERS",
        23 => "BADCOOKIE",
        number => return format!("RCODE{number}"),
    };
    name.into()
}

/// The names that a name is an alias of, one after the other, without the dot at the end. It ends
/// where the records do, or where they lead back.
pub(crate) fn aliases(name: &Name, records: &[Record]) -> Vec<String> {
    chain(name, records)
        .into_iter()
        .map(|alias| plain(&alias))
        .collect()
}

/// The chain of aliases as names.
pub(crate) fn chain(name: &Name, records: &[Record]) -> Vec<Name> {
    let mut chain = Vec::new();
    let mut seen = HashSet::from([name.to_lowercase()]);
    let mut at = name;
    while let Some(next) = records.iter().find_map(|record| match &record.data {
        RData::CNAME(target) if record.name == *at => Some(&target.0),
        _ => None,
    }) {
        if !seen.insert(next.to_lowercase()) {
            break;
        }
        chain.push(next.clone());
        at = next;
    }
    chain
}

/// A name without the dot at the end, unless it is the root.
pub(crate) fn plain(name: &Name) -> String {
    let text = name.to_ascii();
    match text.strip_suffix('.') {
        Some(rest) if !rest.is_empty() => rest.into(),
        _ => text,
    }
}

/// A type of record by its name, such as `AAAA`, or by its number, as `TYPE28` (RFC 3597).
pub(crate) fn record_type(name: &str) -> Option<RecordType> {
    let name = name.to_ascii_uppercase();
    if let Some(number) = name.strip_prefix("TYPE") {
        return number.parse::<u16>().ok().map(RecordType::from);
    }
    RecordType::from_str(&name).ok()
}

/// The data of a record as in a zone file. What has no form there is written as RFC 3597 says.
pub(crate) fn data(data: &RData) -> String {
    match data {
        RData::TXT(text) => {
            let strings: Vec<String> = text.txt_data.iter().map(|bytes| quoted(bytes)).collect();
            strings.join(" ")
        }
        RData::Unknown { rdata, .. } | RData::NULL(rdata) => {
            let bytes = &rdata.anything;
            let mut text = format!("\\# {}", bytes.len());
            for (place, byte) in bytes.iter().enumerate() {
                let space = if place == 0 { " " } else { "" };
                let _ = write!(text, "{space}{byte:02x}");
            }
            text
        }
        // A record without data.
        RData::Update0(_) => String::from("\\# 0"),
        other => {
            let mut text = String::new();
            // Some have no text at all, which is an error there.
            match write!(text, "{other}") {
                Ok(()) => text,
                Err(_) => String::from("?"),
            }
        }
    }
}

/// A string of a TXT record, in quotes; what is no printable ASCII as `\\DDD`.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "\\{byte:03}");
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_proto::rr::rdata::{A, CNAME, NULL, TXT};

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn alias(from: &str, to: &str) -> Record {
        Record::from_rdata(name(from), 60, RData::CNAME(CNAME(name(to))))
    }

    #[test]
    fn aliases_are_followed_in_whatever_order_they_come() {
        let address = RData::A(A(Ipv4Addr::LOCALHOST));
        let records = [
            alias("b.test.", "c.test."),
            Record::from_rdata(name("c.test."), 60, address),
            alias("A.test.", "b.test."),
            alias("other.test.", "c.test."),
        ];
        assert_eq!(aliases(&name("a.TEST."), &records), ["b.test", "c.test"]);
    }

    #[test]
    fn aliases_that_lead_back_end() {
        let records = [alias("a.test.", "b.test."), alias("b.test.", "A.test.")];
        assert_eq!(aliases(&name("a.test."), &records), ["b.test"]);
        let oneself = [alias("a.test.", "a.test.")];
        assert!(aliases(&name("a.test."), &oneself).is_empty());
    }

    #[test]
    fn codes_without_a_name_are_told_by_number() {
        let names = [0, 2, 3, 5, 16, 23, 4_000].map(|code: u16| {
            let [high, low] = (code >> 4).to_be_bytes();
            assert_eq!(high, 0);
            code_name(ResponseCode::from(low, u8::try_from(code & 15).unwrap()))
        });
        let expected = [
            "NOERROR",
            "SERVFAIL",
            "NXDOMAIN",
            "REFUSED",
            "BADVERS",
            "BADCOOKIE",
            "RCODE4000",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn names_are_written_without_the_last_dot() {
        assert_eq!(plain(&name("www.test.")), "www.test");
        assert_eq!(plain(&Name::root()), ".");
    }

    #[test]
    fn types_have_names_and_numbers() {
        assert_eq!(record_type("aaaa"), Some(RecordType::AAAA));
        assert_eq!(record_type("TYPE28"), Some(RecordType::AAAA));
        assert_eq!(record_type("type65280"), Some(RecordType::Unknown(65_280)));
        for none in ["", "AAAAA", "TYPE", "TYPE65536", "TYPE-1"] {
            assert_eq!(record_type(none), None, "{none}");
        }
    }

    #[test]
    fn data_is_written_as_in_a_zone_file() {
        let text = RData::TXT(TXT::from_bytes(vec![b"a \"b\\", b"\xff;"]));
        assert_eq!(data(&text), r#""a \"b\\" "\255;""#);
        assert_eq!(data(&RData::A(A(Ipv4Addr::LOCALHOST))), "127.0.0.1");
        let unknown = |bytes: &[u8]| RData::Unknown {
            code: RecordType::Unknown(65_280),
            rdata: NULL::with(bytes.to_vec()),
        };
        assert_eq!(data(&unknown(&[10, 0, 255])), r"\# 3 0a00ff");
        let empty = RData::Update0(RecordType::Unknown(65_280));
        assert_eq!(data(&empty), r"\# 0");
        let options = RData::OPT(hickory_proto::rr::rdata::OPT::new(vec![]));
        assert_eq!(data(&options), "?");
    }
}
