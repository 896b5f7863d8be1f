//! What DNS messages say, in words.

use std::collections::HashSet;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record};

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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_proto::rr::rdata::{A, CNAME};

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
}
