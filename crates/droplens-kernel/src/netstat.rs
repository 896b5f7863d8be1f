//! Protocol counters by group and key.

use std::sync::Arc;

use droplens_model::Name;
use droplens_model::sample::netstat::{Counters, Key, Layout};

use crate::error::ParseError;
use crate::text::{decimal, fields, lines, utf8};
use crate::{FileReader, ReadError, Reader, Root};

mod template;

use template::Template;

/// Parses `/proc/net/snmp` or `/proc/net/netstat`: pairs of lines, names and then values, each
/// led by the group.
///
/// If the names are those of `previous`, that layout is used again and only the values are
/// allocated.
pub fn parse(bytes: &[u8], previous: Option<&Arc<Layout>>) -> Result<Counters, ParseError> {
    let mut builder = Builder::new(previous);
    let mut lines = lines(bytes);
    while let Some((line, names)) = lines.next() {
        let (group, names) = grouped(names, line)?;
        let (line, values) = lines
            .next()
            .ok_or_else(|| ParseError::at("names without values", line, group))?;
        let (value_group, values) = grouped(values, line)?;
        if group != value_group {
            return Err(ParseError::at("values of another group", line, value_group));
        }
        let mut names = fields(names);
        let mut values = fields(values);
        loop {
            match (names.next(), values.next()) {
                (Some(name), Some(value)) => builder.push(group, name, value, line)?,
                (None, None) => break,
                // Which value belongs to which name cannot be known any more.
                _ => return Err(ParseError::at("not as many values as names", line, group)),
            }
        }
    }
    builder.finish()
}

/// Parses `/proc/net/snmp6`: one name and its value on each line. The group is the name's head up
/// to its first 6: `Ip6`, `Icmp6`, `Udp6`, `UdpLite6`, or one that a later kernel adds. As for
/// `previous`, see [`parse`]. Lines of ICMP types appear once there is one to count.
pub fn parse_snmp6(bytes: &[u8], previous: Option<&Arc<Layout>>) -> Result<Counters, ParseError> {
    let mut builder = Builder::new(previous);
    for (line, text) in lines(bytes) {
        let mut words = fields(text);
        let (Some(name), Some(value), None) = (words.next(), words.next(), words.next()) else {
            return Err(ParseError::at("not a name and a value", line, text));
        };
        let (group, key) = name
            .iter()
            .position(|&byte| byte == b'6')
            .and_then(|six| name.split_at_checked(six + 1))
            .ok_or_else(|| ParseError::at("no group", line, name))?;
        builder.push(group, key, value, line)?;
    }
    builder.finish()
}

/// The group that leads a line, and the rest of the line.
fn grouped(text: &[u8], line: usize) -> Result<(&[u8], &[u8]), ParseError> {
    let mut halves = text.splitn(2, |&byte| byte == b':');
    match (halves.next(), halves.next()) {
        (Some(group), Some(rest)) if !group.is_empty() => Ok((group, rest)),
        _ => Err(ParseError::at("no group", line, text)),
    }
}

/// A whole number of either sign.
fn integer(field: &[u8], line: usize) -> Result<i128, ParseError> {
    let (sign, digits) = match field.strip_prefix(b"-") {
        Some(digits) => (-1, digits),
        None => (1, field),
    };
    let number = decimal(digits).ok_or_else(|| ParseError::at("not a number", line, field))?;
    Ok(sign * i128::from(number))
}

/// Collects values, and keys only from the first one on that the previous layout does not have.
struct Builder<'a> {
    previous: Option<&'a Arc<Layout>>,
    /// All keys so far, once they differ from the previous ones.
    keys: Option<Vec<Key>>,
    values: Vec<i128>,
}

impl<'a> Builder<'a> {
    fn new(previous: Option<&'a Arc<Layout>>) -> Self {
        Self {
            previous,
            keys: None,
            values: Vec::with_capacity(previous.map_or(0, |layout| layout.keys().len())),
        }
    }

    fn known(&self) -> &'a [Key] {
        self.previous.map_or(&[], |layout| layout.keys())
    }

    fn push(
        &mut self,
        group: &[u8],
        key: &[u8],
        value: &[u8],
        line: usize,
    ) -> Result<(), ParseError> {
        let expected = self.known().get(self.values.len());
        let same =
            |expected: &Key| expected.key.as_bytes() == key && expected.group.as_bytes() == group;
        if self.keys.is_some() || !expected.is_some_and(same) {
            self.push_key(group, key, line)?;
        }
        self.values.push(integer(value, line)?);
        Ok(())
    }

    fn push_key(&mut self, group: &[u8], key: &[u8], line: usize) -> Result<(), ParseError> {
        let (known, position) = (self.known(), self.values.len());
        let keys = self
            .keys
            .get_or_insert_with(|| known.iter().take(position).cloned().collect());
        let group = match keys.last() {
            Some(last) if last.group.as_bytes() == group => Name::clone(&last.group),
            _ => Name::from(utf8(group, line)?),
        };
        let key = Name::from(utf8(key, line)?);
        keys.push(Key { group, key });
        Ok(())
    }

    fn finish(self) -> Result<Counters, ParseError> {
        let position = self.values.len();
        if position == 0 {
            return Err(ParseError::new("no counters"));
        }
        let layout = match (self.keys, self.previous) {
            (None, Some(previous)) if previous.keys().len() == position => Arc::clone(previous),
            (Some(keys), _) => Arc::new(Layout::new(keys)),
            // The file ended early: the last keys are gone.
            (None, previous) => {
                let known = previous.map_or(&[][..], |layout| layout.keys());
                Arc::new(Layout::new(known.iter().take(position).cloned().collect()))
            }
        };
        Ok(Counters {
            layout,
            values: self.values,
        })
    }
}

type Parse = fn(&[u8], Option<&Arc<Layout>>) -> Result<Counters, ParseError>;

/// Reads one of the files of protocol counters, all of the calling thread's network namespace.
///
/// A 32-bit kernel keeps most of these counters in 32 bits; they are given as they are read.
#[derive(Debug)]
pub struct NetstatReader {
    file: FileReader,
    parse: Parse,
    known: Option<Known>,
}

/// What is known from the last reading.
#[derive(Debug)]
struct Known {
    layout: Arc<Layout>,
    template: Option<Template>,
}

impl NetstatReader {
    /// A reader of `/proc/net/snmp`.
    pub fn snmp(root: &Root) -> Self {
        Self::new(root, "snmp", parse)
    }

    /// A reader of `/proc/net/snmp6`, which is absent without IPv6.
    pub fn snmp6(root: &Root) -> Self {
        Self::new(root, "snmp6", parse_snmp6)
    }

    /// A reader of `/proc/net/netstat`.
    pub fn netstat(root: &Root) -> Self {
        Self::new(root, "netstat", parse)
    }

    fn new(root: &Root, file: &str, parse: Parse) -> Self {
        Self {
            file: FileReader::new(root.net(file)),
            parse,
            known: None,
        }
    }
}

impl Reader for NetstatReader {
    type Sample = Counters;

    fn read(&mut self) -> Result<Counters, ReadError> {
        let (parse, known) = (self.parse, &mut self.known);
        self.file.parse(|bytes| {
            if let Some(known) = known {
                return known.parse(bytes, parse);
            }
            let counters = parse(bytes, None)?;
            *known = Some(Known::new(bytes, &counters));
            Ok(counters)
        })
    }
}

impl Known {
    fn new(bytes: &[u8], counters: &Counters) -> Self {
        let layout = Arc::clone(&counters.layout);
        let template = Template::of(bytes, &layout);
        Self { layout, template }
    }

    /// The counters of a file: their values alone if all else is as it was.
    fn parse(&mut self, bytes: &[u8], parse: Parse) -> Result<Counters, ParseError> {
        if let Some(values) = self.template.as_ref().and_then(|known| known.values(bytes)) {
            let layout = Arc::clone(&self.layout);
            return Ok(Counters { layout, values });
        }
        let counters = parse(bytes, Some(&self.layout))?;
        if !Arc::ptr_eq(&counters.layout, &self.layout) {
            *self = Self::new(bytes, &counters);
        }
        Ok(counters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SNMP: &[u8] = b"\
Tcp: RtoAlgorithm MaxConn InSegs
Tcp: 1 -1 18446744073709551615
IcmpMsg: InType3
IcmpMsg: 4
";
    const SNMP6: &[u8] = b"\
Ip6InReceives                   \t7
Icmp6InType135                  \t3
Udp6InDatagrams                 \t2
UdpLite6InDatagrams             \t1
";

    #[test]
    fn names_and_values_are_joined() {
        let counters = parse(SNMP, None).unwrap();
        assert_eq!(counters.values.len(), 4);
        assert_eq!(counters.get("Tcp", "MaxConn"), Some(-1));
        assert_eq!(counters.get("Tcp", "InSegs"), Some(i128::from(u64::MAX)));
        assert_eq!(counters.get("IcmpMsg", "InType3"), Some(4));
        assert_eq!(counters.get("IcmpMsg", "InSegs"), None);
    }

    #[test]
    fn the_group_of_snmp6_is_the_head_of_the_name() {
        let counters = parse_snmp6(SNMP6, None).unwrap();
        assert_eq!(counters.get("Ip6", "InReceives"), Some(7));
        assert_eq!(counters.get("Icmp6", "InType135"), Some(3));
        assert_eq!(counters.get("Udp6", "InDatagrams"), Some(2));
        assert_eq!(counters.get("UdpLite6", "InDatagrams"), Some(1));
    }

    #[test]
    fn the_layout_is_shared_while_the_names_stay() {
        for (parse, bytes) in [(parse as Parse, SNMP), (parse_snmp6, SNMP6)] {
            let first = parse(bytes, None).unwrap();
            let second = parse(bytes, Some(&first.layout)).unwrap();
            assert!(Arc::ptr_eq(&first.layout, &second.layout));
            assert_eq!(first, second);
        }
    }

    #[test]
    fn a_changed_layout_is_made_anew() {
        let first = parse(SNMP, None).unwrap();
        let changed = [
            // One more, one less, another name, another group.
            "Tcp: RtoAlgorithm MaxConn InSegs\nTcp: 1 -1 2\nIcmpMsg: InType3 InType8\nIcmpMsg: 4 5\n",
            "Tcp: RtoAlgorithm MaxConn InSegs\nTcp: 1 -1 2\n",
            "Tcp: RtoAlgorithm RtoMin InSegs\nTcp: 1 200 2\nIcmpMsg: InType3\nIcmpMsg: 4\n",
            "Tcp: RtoAlgorithm MaxConn InSegs\nTcp: 1 -1 2\nUdp: InType3\nUdp: 4\n",
        ];
        for text in changed {
            let second = parse(text.as_bytes(), Some(&first.layout)).unwrap();
            assert_eq!(second, parse(text.as_bytes(), None).unwrap());
            assert_ne!(second.layout, first.layout);
        }
    }

    #[test]
    fn a_reader_follows_a_layout_that_changes() {
        let mut known = Known::new(SNMP, &parse(SNMP, None).unwrap());
        let changed = b"Tcp: RtoAlgorithm InSegs\nTcp: 1 2\n";
        for text in [SNMP, changed, changed, SNMP] {
            assert_eq!(known.parse(text, parse), parse(text, None));
        }
        assert!(known.parse(b"Tcp: RtoAlgorithm\n", parse).is_err());
        assert_eq!(known.parse(SNMP, parse), parse(SNMP, None));
    }

    #[test]
    fn a_mismatch_is_refused_with_its_line() {
        for (text, told) in [
            (
                "A: x\nA: 1\nB: y z\nB: 1\n",
                "not as many values as names in line 4: \"B\"",
            ),
            (
                "A: x\nA: 1 2\n",
                "not as many values as names in line 2: \"A\"",
            ),
            ("A: x\nB: 1\n", "values of another group in line 2: \"B\""),
            ("A: x\n", "names without values in line 1: \"A\""),
            ("A: x\nA: --1\n", "not a number in line 2: \"--1\""),
            (
                "A: x\nA: 18446744073709551616\n",
                "not a number in line 2: \"18446744073709551616\"",
            ),
            ("A x\nA 1\n", "no group in line 1: \"A x\""),
            ("", "no counters"),
        ] {
            assert_eq!(parse(text.as_bytes(), None).unwrap_err().to_string(), told);
        }
        assert!(parse_snmp6(b"Ip6InReceives\n", None).is_err());
        assert!(parse_snmp6(b"IpInReceives 1\n", None).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes, None);
            let _ = parse_snmp6(&bytes, None);
        }

        #[test]
        fn what_was_read_before_never_changes_the_result(
            cut in 0..=SNMP.len(),
            before in 0..=SNMP.len(),
        ) {
            let previous = parse(&SNMP[..before], None).map(|counters| counters.layout).ok();
            prop_assert_eq!(
                parse(&SNMP[..cut], previous.as_ref()),
                parse(&SNMP[..cut], None)
            );
        }

        #[test]
        fn a_cut_of_snmp6_is_survived(cut in 0..SNMP6.len()) {
            let _ = parse_snmp6(&SNMP6[..cut], None);
        }
    }
}
