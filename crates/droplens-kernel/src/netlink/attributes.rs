//! Walking through attributes (`struct nlattr`) and plain structures.

use crate::error::ParseError;

/// Bytes of an attribute's header.
pub(crate) const HEADER: usize = 4;

/// `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`: flags in the type field.
const FLAGS: u16 = 0xc000;

/// Rounds up to the alignment of netlink.
pub(crate) const fn align(length: usize) -> usize {
    (length + 3) & !3
}

/// The number at `offset` of `bytes`, in the host's byte order.
macro_rules! number_at {
    ($name:ident, $number:ty) => {
        #[doc = concat!("The `", stringify!($number), "` at `offset`, in the host's byte order.")]
        pub(crate) fn $name(bytes: &[u8], offset: usize) -> Option<$number> {
            let end = offset.checked_add(size_of::<$number>())?;
            Some(<$number>::from_ne_bytes(
                bytes.get(offset..end)?.try_into().ok()?,
            ))
        }
    };
}

number_at!(u16_at, u16);
number_at!(u32_at, u32);
number_at!(u64_at, u64);

/// One attribute: its type without flags, and its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The type.
    pub kind: u16,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// The payload as a number of one byte.
    pub fn u8(&self) -> Result<u8, ParseError> {
        self.payload.first().copied().ok_or(SHORT)
    }

    /// The payload as a number of two bytes.
    pub fn u16(&self) -> Result<u16, ParseError> {
        u16_at(self.payload, 0).ok_or(SHORT)
    }

    /// The payload as a number of four bytes.
    pub fn u32(&self) -> Result<u32, ParseError> {
        u32_at(self.payload, 0).ok_or(SHORT)
    }

    /// The payload as a number of eight bytes.
    pub fn u64(&self) -> Result<u64, ParseError> {
        u64_at(self.payload, 0).ok_or(SHORT)
    }

    /// The payload as a number of four bytes in network byte order.
    pub fn be32(&self) -> Result<u32, ParseError> {
        self.u32().map(u32::from_be)
    }

    /// The payload as a number of eight bytes in network byte order.
    pub fn be64(&self) -> Result<u64, ParseError> {
        self.u64().map(u64::from_be)
    }

    /// The payload as a number of four or eight bytes (`nla_put_uint`).
    pub fn uint(&self) -> Result<u64, ParseError> {
        if self.payload.len() >= 8 {
            self.u64()
        } else {
            self.u32().map(u64::from)
        }
    }

    /// The payload as text, without the closing NUL.
    pub fn text(&self) -> Result<&'a str, ParseError> {
        let end = self
            .payload
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(self.payload.len());
        let text = self.payload.get(..end).unwrap_or_default();
        std::str::from_utf8(text).map_err(|_| ParseError::at("attribute is not text", 0, text))
    }

    /// The attributes nested in the payload.
    pub const fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.payload)
    }
}

const SHORT: ParseError = ParseError::new("attribute is too short");

/// The attributes in some bytes. An attribute that claims more bytes than there are is an error
/// and ends the walk.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// The attributes in these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The first attribute of this type, if any.
    pub fn find(self, kind: u16) -> Result<Option<Attribute<'a>>, ParseError> {
        for attribute in self {
            let attribute = attribute?;
            if attribute.kind == kind {
                return Ok(Some(attribute));
            }
        }
        Ok(None)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.rest;
        // Up to three bytes of padding may follow the last attribute.
        if bytes.len() < HEADER {
            return None;
        }
        let length = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & !FLAGS;
        let Some(payload) = bytes.get(HEADER..length) else {
            self.rest = &[];
            return Some(Err(ParseError::new("attribute is longer than its message")));
        };
        self.rest = bytes.get(align(length)..).unwrap_or_default();
        Some(Ok(Attribute { kind, payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(u16::try_from(HEADER + payload.len()).unwrap().to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(payload);
        bytes.resize(align(bytes.len()), 0);
        bytes
    }

    #[test]
    fn attributes_are_walked_over_their_padding() {
        let mut bytes = attribute(1, b"eth0\0");
        bytes.extend(attribute(2 | 0x8000, &7_u32.to_ne_bytes()));
        let all: Vec<_> = Attributes::new(&bytes).collect::<Result<_, _>>().unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].text(), Ok("eth0"));
        assert_eq!((all[1].kind, all[1].u32()), (2, Ok(7)));
        assert_eq!(all[1].u64(), Err(SHORT));
    }

    #[test]
    fn a_length_beyond_the_end_is_an_error_and_the_end() {
        let mut bytes = attribute(1, &[1, 2, 3, 4]);
        bytes[0] = 200;
        let mut walk = Attributes::new(&bytes);
        assert!(walk.next().unwrap().is_err());
        assert!(walk.next().is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_end_the_walk(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Attributes::new(&bytes).count() <= bytes.len() / HEADER + 1);
        }
    }
}
