//! Parsing the kernel's text, as bytes and without allocation.

use crate::error::ParseError;

/// The lines with their number, counted from 1, without line ends; empty ones are left out.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    bytes
        .split(|&byte| byte == b'\n')
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim_ascii_end()))
        .filter(|(_, line)| !line.is_empty())
}

/// The fields of a line, separated by any number of blanks or tabs.
pub(crate) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
}

/// An unsigned decimal number; anything else, or one too large, is none.
pub(crate) fn decimal(field: &[u8]) -> Option<u64> {
    digits(field, 10)
}

/// An unsigned hexadecimal number without prefix; anything else, or one too large, is none.
pub(crate) fn hexadecimal(field: &[u8]) -> Option<u64> {
    digits(field, 16)
}

fn digits(field: &[u8], base: u32) -> Option<u64> {
    if field.is_empty() {
        return None;
    }
    field.iter().try_fold(0_u64, |number, &byte| {
        let digit = char::from(byte).to_digit(base)?;
        number
            .checked_mul(u64::from(base))?
            .checked_add(u64::from(digit))
    })
}

/// A decimal number, or the error that cites the field.
pub(crate) fn number(field: &[u8], line: usize) -> Result<u64, ParseError> {
    decimal(field).ok_or_else(|| ParseError::at("not a number", line, field))
}

/// A decimal number of a counter that the kernel keeps in 32 bits, or the error that cites it.
pub(crate) fn number32(field: &[u8], line: usize) -> Result<u32, ParseError> {
    decimal(field)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| ParseError::at("not a 32-bit number", line, field))
}

/// The 32-bit counter that a parser has found to be one.
pub(crate) fn low32(counter: u64) -> u32 {
    u32::try_from(counter).unwrap_or(u32::MAX)
}

/// Text that must be ASCII or UTF-8.
pub(crate) fn utf8(field: &[u8], line: usize) -> Result<&str, ParseError> {
    std::str::from_utf8(field).map_err(|_| ParseError::at("not text", line, field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_never_wrapped() {
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), None);
        assert_eq!(hexadecimal(b"00ff"), Some(255));
        assert_eq!(hexadecimal(b"1ffffffffffffffff"), None);
        for bad in [b"".as_slice(), b"-1", b"+1", b"1x", b"\xff", b" 1"] {
            assert_eq!(decimal(bad), None);
        }
    }
}
