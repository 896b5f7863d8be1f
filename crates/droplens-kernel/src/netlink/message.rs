//! Requests: a header, a fixed structure of the family, and attributes.

use super::attributes::{HEADER as ATTRIBUTE_HEADER, align};

/// Bytes of a message's header (`struct nlmsghdr`).
pub(crate) const HEADER: usize = 16;

/// `NLM_F_REQUEST`.
const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`.
const ACK: u16 = 0x4;
/// `NLM_F_DUMP`: `NLM_F_ROOT | NLM_F_MATCH`.
const DUMP: u16 = 0x300;

/// A request being written.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) name: &'static str,
    bytes: Vec<u8>,
}

impl Request {
    /// A request for all objects; `name` is what errors call it.
    pub fn dump(name: &'static str, kind: u16) -> Self {
        Self::new(name, kind, true)
    }

    /// A request for one object.
    pub fn get(name: &'static str, kind: u16) -> Self {
        Self::new(name, kind, false)
    }

    fn new(name: &'static str, kind: u16, dump: bool) -> Self {
        let flags = REQUEST | if dump { DUMP } else { ACK };
        let mut bytes = vec![0; HEADER];
        if let Some(field) = bytes.get_mut(4..6) {
            field.copy_from_slice(&kind.to_ne_bytes());
        }
        if let Some(field) = bytes.get_mut(6..8) {
            field.copy_from_slice(&flags.to_ne_bytes());
        }
        Self { name, bytes }
    }

    /// Appends the family's fixed structure.
    #[must_use]
    pub fn body(mut self, structure: &[u8]) -> Self {
        self.bytes.extend_from_slice(structure);
        self.pad();
        self
    }

    /// Appends an attribute.
    #[must_use]
    pub fn attribute(mut self, kind: u16, payload: &[u8]) -> Self {
        let length = u16::try_from(ATTRIBUTE_HEADER + payload.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(payload);
        self.pad();
        self
    }

    fn pad(&mut self) {
        self.bytes.resize(align(self.bytes.len()), 0);
    }

    /// The whole message with this sequence number.
    pub(super) fn encode(&self, sequence: u32) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        for (range, value) in [(0..4, length), (8..12, sequence)] {
            if let Some(field) = bytes.get_mut(range) {
                field.copy_from_slice(&value.to_ne_bytes());
            }
        }
        bytes
    }
}
