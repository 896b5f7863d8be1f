//! The attributes of a socket, found in one pass.

use droplens_model::Name;

use super::info::TcpInfo;
use crate::error::ParseError;
use crate::sockets::message::{
    INET_DIAG_CGROUP_ID, INET_DIAG_CONG, INET_DIAG_INFO, INET_DIAG_SKMEMINFO, Memory, SocketMessage,
};

/// What the kernel tells about a socket beyond the fixed structure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Details<'a> {
    pub(super) info: TcpInfo<'a>,
    pub(super) memory: Memory,
    /// The congestion control's name; empty if it was not told.
    pub(super) congestion_control: &'a str,
    /// The control group's number in the unified hierarchy.
    pub(super) cgroup: Option<u64>,
}

impl<'a> Details<'a> {
    /// Walks through the attributes; unknown ones are skipped.
    pub(super) fn parse(socket: &SocketMessage<'a>) -> Result<Self, ParseError> {
        let mut details = Self::default();
        for attribute in socket.attributes() {
            let attribute = attribute?;
            match attribute.kind {
                INET_DIAG_INFO => details.info = TcpInfo::new(attribute.payload),
                INET_DIAG_SKMEMINFO => details.memory = Memory::parse(attribute.payload),
                INET_DIAG_CONG => details.congestion_control = attribute.text()?,
                INET_DIAG_CGROUP_ID => details.cgroup = Some(attribute.u64()?),
                _ => {}
            }
        }
        Ok(details)
    }
}

/// Names of congestion controls, each allocated once.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<Name>);

impl Names {
    /// The name as one that is cheaply cloned; none if it is empty.
    pub(super) fn intern(&mut self, name: &str) -> Option<Name> {
        if name.is_empty() {
            return None;
        }
        let known = self.0.iter().find(|known| &***known == name).cloned();
        Some(known.unwrap_or_else(|| {
            let new = Name::from(name);
            self.0.push(Name::clone(&new));
            new
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockets::message::tests::{Described, MEMORY};
    use crate::testing::attribute;
    use proptest::prelude::*;

    #[test]
    fn every_attribute_is_found() {
        let mut bytes = Described::default().bytes();
        bytes.extend(attribute(INET_DIAG_INFO, &[1; 8]));
        bytes.extend(attribute(INET_DIAG_CONG, b"bbr\0"));
        bytes.extend(attribute(99, b"?"));
        bytes.extend(attribute(INET_DIAG_CGROUP_ID, &5_u64.to_ne_bytes()));
        let expected = Details {
            info: TcpInfo::new(&[1; 8]),
            memory: MEMORY,
            congestion_control: "bbr",
            cgroup: Some(5),
        };
        let socket = SocketMessage::parse(&bytes).unwrap();
        assert_eq!(Details::parse(&socket), Ok(expected));
    }

    #[test]
    fn a_name_is_allocated_once() {
        let mut names = Names::default();
        let [one, same, other] = ["cubic", "cubic", "bbr"].map(|name| names.intern(name).unwrap());
        assert!(Name::ptr_eq(&one, &same));
        assert_eq!(&*other, "bbr");
        assert_eq!(names.intern(""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(garbage in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [Described::default().bytes(), garbage].concat();
            if let Ok(details) = Details::parse(&SocketMessage::parse(&bytes).unwrap()) {
                let _ = (details.info.path(), details.memory);
            }
        }
    }
}
