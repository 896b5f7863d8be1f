//! Sets of ports, and the range from which the kernel takes local ports.

use crate::error::ParseError;
use crate::text;

/// Bits of a word.
const BITS: u16 = 64;

/// A set of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PortSet(Vec<u64>);

impl Default for PortSet {
    fn default() -> Self {
        Self(vec![0; 1 << 10])
    }
}

impl PortSet {
    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    pub(super) fn insert(&mut self, port: u16) {
        if let Some(word) = self.0.get_mut(usize::from(port / BITS)) {
            *word |= 1 << (port % BITS);
        }
    }

    fn remove(&mut self, port: u16) {
        if let Some(word) = self.0.get_mut(usize::from(port / BITS)) {
            *word &= !(1 << (port % BITS));
        }
    }

    pub(super) fn contains(&self, port: u16) -> bool {
        self.0
            .get(usize::from(port / BITS))
            .is_some_and(|word| word & 1 << (port % BITS) != 0)
    }

    /// How many ports are in the set.
    pub(super) fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// The ports of `ip_local_port_range` (first and last, separated by a tab).
    pub(super) fn parse_range(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut bounds = text::fields(bytes).map(port);
        let (Some(first), Some(last)) = (bounds.next(), bounds.next()) else {
            return Err(ParseError::at("not a range of ports", 1, bytes));
        };
        let mut set = Self::default();
        (first?..=last?).for_each(|port| set.insert(port));
        Ok(set)
    }

    /// Takes out the ports of `ip_local_reserved_ports` (a list like `8080,9000-9100`).
    pub(super) fn remove_list(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        let entries = bytes.trim_ascii();
        if entries.is_empty() {
            return Ok(());
        }
        for entry in entries.split(|&byte| byte == b',') {
            let mut bounds = entry.splitn(2, |&byte| byte == b'-').map(port);
            let first = bounds.next().unwrap_or_else(|| port(entry))?;
            let last = bounds.next().unwrap_or(Ok(first))?;
            (first..=last).for_each(|port| self.remove(port));
        }
        Ok(())
    }
}

fn port(field: &[u8]) -> Result<u16, ParseError> {
    text::decimal(field)
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| ParseError::at("not a port", 1, field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reserved_ports_are_taken_out_of_the_range() {
        let mut set = PortSet::parse_range(b"32768\t60999\n").unwrap();
        assert_eq!(set.len(), 28_232);
        set.remove_list(b"80,32768,40000-40009,60999-61005\n")
            .unwrap();
        assert_eq!(set.len(), 28_220);
        assert!(!set.contains(32_768) && set.contains(32_769));
        assert!(!set.contains(40_009) && set.contains(40_010));
        set.remove_list(b"\n").unwrap();
        assert_eq!(set.len(), 28_220);
        assert_eq!(PortSet::parse_range(b"0 65535").unwrap().len(), 65_536);
    }

    #[test]
    fn what_is_no_port_is_refused() {
        assert!(PortSet::parse_range(b"32768\n").is_err());
        assert!(PortSet::parse_range(b"32768 65536\n").is_err());
        let mut set = PortSet::default();
        for bad in [b"1,".as_slice(), b"1-2-3", b"-", b"x", b"70000"] {
            assert!(set.remove_list(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = PortSet::parse_range(&bytes);
            let _ = PortSet::default().remove_list(&bytes);
        }
    }
}
