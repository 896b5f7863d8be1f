//! What stays the same in a file of counters from one reading to the next.

use droplens_model::sample::netstat::Layout;

/// The text of a file between its values: as long as a file has it, its values stand for the
/// same keys, and no name has to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    /// The text of all parts, one after the other.
    text: Vec<u8>,
    parts: Vec<Part>,
    values: usize,
}

/// Some text and the values after it: numbers with one blank between them, then a line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    /// Bytes of text.
    text: usize,
    values: usize,
}

impl Template {
    /// The template of a file that was parsed and found to have this layout; none if another file
    /// with the same text could have another layout, or if the file is not as plain as that.
    pub(super) fn of(bytes: &[u8], layout: &Layout) -> Option<Self> {
        let mut template = Self::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let part = template.take(&mut rest)?;
            template.parts.push(part);
            template.values += part.values;
        }
        // A name that is a number would be taken for a value: then there are too many of these.
        (template.values == layout.keys().len()).then_some(template)
    }

    /// Takes text and the values after it off `rest`.
    fn take(&mut self, rest: &mut &[u8]) -> Option<Part> {
        let start = first_value(rest)?;
        let (text, after) = rest.split_at_checked(start)?;
        *rest = after;
        let mut values = 0;
        loop {
            integer(rest)?;
            values += 1;
            let (&end, after) = rest.split_first()?;
            *rest = after;
            match end {
                b' ' => {}
                b'\n' => break,
                _ => return None,
            }
        }
        self.text.extend_from_slice(text);
        Some(Part {
            text: text.len(),
            values,
        })
    }

    /// The values of a file that has the same text; none if it differs in any way.
    pub(super) fn values(&self, bytes: &[u8]) -> Option<Vec<i128>> {
        let mut values = Vec::with_capacity(self.values);
        let (mut text, mut rest) = (self.text.as_slice(), bytes);
        for part in &self.parts {
            let (expected, after) = text.split_at_checked(part.text)?;
            text = after;
            rest = rest.strip_prefix(expected)?;
            for left in (0..part.values).rev() {
                values.push(integer(&mut rest)?);
                let end = if left == 0 { b'\n' } else { b' ' };
                let (&found, after) = rest.split_first()?;
                rest = after;
                if found != end {
                    return None;
                }
            }
        }
        rest.is_empty().then_some(values)
    }
}

/// Where the first field begins that is a number.
fn first_value(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    for field in bytes.split(u8::is_ascii_whitespace) {
        let mut digits = field;
        if integer(&mut digits).is_some() && digits.is_empty() {
            return Some(start);
        }
        start += field.len() + 1;
    }
    None
}

/// Takes a whole number of either sign off the front.
fn integer(bytes: &mut &[u8]) -> Option<i128> {
    let (negative, mut rest) = match bytes.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, *bytes),
    };
    let mut number = None;
    while let Some((&byte @ b'0'..=b'9', after)) = rest.split_first() {
        let digit = u64::from(byte - b'0');
        number = Some(
            number
                .unwrap_or(0_u64)
                .checked_mul(10)?
                .checked_add(digit)?,
        );
        rest = after;
    }
    *bytes = rest;
    let number = i128::from(number?);
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::super::{Parse, parse, parse_snmp6};
    use super::*;
    use proptest::prelude::*;

    const FILES: [(Parse, &[u8]); 2] = [
        (
            parse,
            b"Tcp: Max InSegs\nTcp: -1 18446744073709551615\nIcmpMsg: InType3\nIcmpMsg: 4\n",
        ),
        (
            parse_snmp6,
            b"Ip6InReceives      \t7\nUdp6InErrors      \t0\n",
        ),
    ];

    #[test]
    fn the_same_text_gives_the_values() {
        for (parse, bytes) in FILES {
            let counters = parse(bytes, None).unwrap();
            let template = Template::of(bytes, &counters.layout).unwrap();
            assert_eq!(template.values(bytes), Some(counters.values));
        }
        let layout = parse(FILES[0].1, None).unwrap().layout;
        let template = Template::of(FILES[0].1, &layout).unwrap();
        let next = b"Tcp: Max InSegs\nTcp: 200 0\nIcmpMsg: InType3\nIcmpMsg: -5\n";
        assert_eq!(template.values(next), Some(vec![200, 0, -5]));
    }

    #[test]
    fn a_name_that_is_a_number_has_no_template() {
        for (parse, bytes) in [
            (parse as Parse, b"A: x 7\nA: 1 2\n".as_slice()),
            (parse_snmp6, b"66 1\n"),
        ] {
            let counters = parse(bytes, None).unwrap();
            assert_eq!(Template::of(bytes, &counters.layout), None);
        }
    }

    #[test]
    fn other_text_is_refused() {
        let (parse, bytes) = FILES[0];
        let template = Template::of(bytes, &parse(bytes, None).unwrap().layout).unwrap();
        for text in [
            "Tcp: Max InSegz\nTcp: -1 1\nIcmpMsg: InType3\nIcmpMsg: 4\n",
            "Tcp: Max InSegs\nTcp: -1 1\nIcmpMsg: InType3\nIcmpMsg: 4 5\n",
            "Tcp: Max InSegs\nTcp: -1 1\nIcmpMsg: InType3\nIcmpMsg: 4\nUdp: x\nUdp: 1\n",
            "Tcp: Max InSegs\nTcp: -1 1\n",
            "Tcp: Max InSegs\nTcp: -1 18446744073709551616\nIcmpMsg: InType3\nIcmpMsg: 4\n",
            "",
        ] {
            assert_eq!(template.values(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_the_template_takes_the_parser_takes_alike(
            file in 0_usize..2,
            at in 0_usize..80,
            noise in proptest::collection::vec(
                prop_oneof![Just(b' '), Just(b'\n'), Just(b'-'), b'0'..=b'9', any::<u8>()], 0..4,
            ),
            removed in 0_usize..4,
        ) {
            let (parse, bytes) = FILES[file];
            let first = parse(bytes, None).unwrap();
            let template = Template::of(bytes, &first.layout).unwrap();
            let mut changed = bytes.to_vec();
            let at = at.min(changed.len());
            let end = (at + removed).min(changed.len());
            changed.splice(at..end, noise);
            if let Some(values) = template.values(&changed) {
                let parsed = parse(&changed, None).unwrap();
                prop_assert_eq!(&parsed.values, &values);
                prop_assert_eq!(&parsed.layout, &first.layout);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let layout = Layout::default();
            if let Some(template) = Template::of(&bytes, &layout) {
                let _ = template.values(&bytes);
            }
            for (parse, file) in FILES {
                let layout = parse(file, None).unwrap().layout;
                let _ = Template::of(file, &layout).unwrap().values(&bytes);
            }
        }
    }
}
