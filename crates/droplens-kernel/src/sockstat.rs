//! Sockets in use and their memory.

use std::io;

use droplens_model::Name;
use droplens_model::sample::sockstat::{Sockstat, SockstatValue};

use crate::error::ParseError;
use crate::text::{fields, lines, number, utf8};
use crate::{FileReader, ReadError, Reader, Root};

/// Parses `/proc/net/sockstat` or `/proc/net/sockstat6`: lines of a protocol and its keys, each
/// followed by its number.
pub fn parse(bytes: &[u8]) -> Result<Vec<SockstatValue>, ParseError> {
    let mut values = Vec::new();
    for (line, text) in lines(bytes) {
        let mut words = fields(text);
        let protocol = words
            .next()
            .and_then(|word| word.strip_suffix(b":"))
            .ok_or_else(|| ParseError::at("no protocol", line, text))?;
        let protocol = Name::from(utf8(protocol, line)?);
        while let Some(key) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| ParseError::at("a key without a number", line, key))?;
            values.push(SockstatValue {
                protocol: Name::clone(&protocol),
                key: Name::from(utf8(key, line)?),
                value: number(value, line)?,
            });
        }
    }
    if values.is_empty() {
        return Err(ParseError::new("no sockets"));
    }
    Ok(values)
}

/// Reads `/proc/net/sockstat`, and `/proc/net/sockstat6` unless IPv6 is off.
#[derive(Debug)]
pub struct SockstatReader {
    v4: FileReader,
    v6: FileReader,
    page_size: u64,
}

impl SockstatReader {
    /// A reader below this root.
    pub fn new(root: &Root) -> Self {
        Self {
            v4: FileReader::new(root.net("sockstat")),
            v6: FileReader::new(root.net("sockstat6")),
            page_size: page_size(),
        }
    }
}

impl Reader for SockstatReader {
    type Sample = Sockstat;

    fn read(&mut self) -> Result<Sockstat, ReadError> {
        let mut values = self.v4.parse(parse)?;
        match self.v6.parse(parse) {
            Ok(v6) => values.extend(v6),
            Err(ReadError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Sockstat {
            values,
            page_size: self.page_size,
        })
    }
}

/// Bytes in a page of memory.
pub(crate) fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOCKSTAT: &[u8] = b"\
sockets: used 22
TCP: inuse 1 orphan 2 tw 3 alloc 4 mem 448
FRAG: inuse 0 memory 65536
";

    #[test]
    fn keys_belong_to_their_protocol() {
        let sample = Sockstat {
            values: parse(SOCKSTAT).unwrap(),
            page_size: 4096,
        };
        assert_eq!(sample.values.len(), 8);
        assert_eq!(sample.get("sockets", "used"), Some(22));
        assert_eq!(sample.get("TCP", "tw"), Some(3));
        assert_eq!(sample.get("TCP", "mem"), Some(448));
        assert_eq!(sample.get("FRAG", "memory"), Some(65_536));
        assert_eq!(sample.get("UDP", "inuse"), None);
    }

    #[test]
    fn a_key_without_a_number_is_refused() {
        for bad in [
            "",
            "TCP inuse 1\n",
            "TCP: inuse\n",
            "TCP: inuse x\n",
            "TCP: inuse -1\n",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_cut_is_survived(cut in 0..SOCKSTAT.len()) {
            if let Ok(values) = parse(&SOCKSTAT[..cut]) {
                prop_assert!(values.len() <= 8);
            }
        }
    }
}
