//! Sysctl limits.

use std::io;
use std::path::Path;

use droplens_model::sample::limits::{Limit, Limits};

use crate::error::ParseError;
use crate::sockstat::page_size;
use crate::text::{fields, number, utf8};
use crate::{FileReader, ReadError, Reader, Root};

const CONGESTION_CONTROL: &str = "net/ipv4/tcp_congestion_control";
const DEFAULT_QDISC: &str = "net/core/default_qdisc";

/// Parses a file of numbers below `/proc/sys`.
pub fn parse(bytes: &[u8]) -> Result<Vec<u64>, ParseError> {
    let numbers: Vec<u64> = fields(bytes)
        .map(|field| number(field, 1))
        .collect::<Result<_, _>>()?;
    if numbers.is_empty() {
        return Err(ParseError::new("no number"));
    }
    Ok(numbers)
}

/// Parses a file of one word below `/proc/sys`.
pub fn parse_word(bytes: &[u8]) -> Result<String, ParseError> {
    let word = bytes.trim_ascii();
    if word.is_empty() {
        return Err(ParseError::new("no word"));
    }
    utf8(word, 1).map(str::to_owned)
}

/// Reads the files of [`Limit::ALL`].
#[derive(Debug)]
pub struct LimitsReader {
    root: Root,
    page_size: u64,
}

impl LimitsReader {
    /// A reader below this root.
    pub fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            page_size: page_size(),
        }
    }

    /// Reads one file, which is opened each time: fifty descriptors would be held for little, and
    /// files appear when a kernel module is loaded.
    fn parse<T>(
        &self,
        file: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, ParseError>,
    ) -> Result<T, ReadError> {
        FileReader::new(self.root.proc(&format!("sys/{file}"))).parse(parse)
    }
}

impl Reader for LimitsReader {
    type Sample = Limits;

    /// A limit that does not exist here, or cannot be read or understood, is absent; the reading
    /// fails only if all are.
    fn read(&mut self) -> Result<Limits, ReadError> {
        let mut values = Vec::with_capacity(Limit::ALL.len());
        let mut worst = None;
        for limit in Limit::ALL {
            match self.parse(limit.path(), parse) {
                Ok(numbers) => values.push((*limit, numbers)),
                Err(error) => keep_worst(&mut worst, error),
            }
        }
        if values.is_empty() {
            return Err(worst.unwrap_or_else(no_limits));
        }
        Ok(Limits {
            values,
            congestion_control: self.parse(CONGESTION_CONTROL, parse_word).ok(),
            default_qdisc: self.parse(DEFAULT_QDISC, parse_word).ok(),
            page_size: self.page_size,
        })
    }
}

/// Keeps the first error, unless it is a missing file and the next one tells more.
fn keep_worst(worst: &mut Option<ReadError>, error: ReadError) {
    if worst.as_ref().is_none_or(is_missing) && !(worst.is_some() && is_missing(&error)) {
        *worst = Some(error);
    }
}

fn is_missing(error: &ReadError) -> bool {
    matches!(error, ReadError::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

fn no_limits() -> ReadError {
    ReadError::parse(
        Path::new("/proc/sys"),
        ParseError::new("no limits are known"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_limit_has_one_or_more_numbers() {
        assert_eq!(parse(b"1000\n").unwrap(), [1000]);
        assert_eq!(
            parse(b"22524\t30033\t45048\n").unwrap(),
            [22524, 30033, 45048]
        );
        assert_eq!(
            parse(b"9223372036854775807\n").unwrap(),
            [9_223_372_036_854_775_807]
        );
        for bad in ["", "\n", "-1\n", "cubic\n"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_word_is_without_its_line_end() {
        assert_eq!(parse_word(b"fq_codel\n").unwrap(), "fq_codel");
        assert!(parse_word(b"\n").is_err());
        assert!(parse_word(b"\xff\n").is_err());
    }

    #[test]
    fn the_error_that_tells_most_is_kept() {
        let file = |errno| ReadError::file(Path::new("x"), io::Error::from_raw_os_error(errno));
        let mut worst = None;
        for errno in [libc::ENOENT, libc::EACCES, libc::EIO, libc::ENOENT] {
            keep_worst(&mut worst, file(errno));
        }
        assert_eq!(worst.unwrap().reason(), droplens_model::Reason::Permission);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse(&bytes);
            let _ = parse_word(&bytes);
        }
    }
}
