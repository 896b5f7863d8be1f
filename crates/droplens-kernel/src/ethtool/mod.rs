//! The `ethtool` generic netlink family.

use droplens_model::sample::ethtool::{Ethtool, EthtoolDevice};
use droplens_model::sample::links::LinkAttributes;
use droplens_model::{Reason, Source};
use neli::consts::socket::NlFamily;

use crate::error::ParseError;
use crate::netlink::{Attributes, Generic, Netlink, Request};
use crate::{ReadError, Reader, links};

mod parse;
mod words;

/// The family's name.
const FAMILY: &str = "ethtool";
/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;

/// `ETHTOOL_A_*_HEADER` of every request but that for statistics.
const HEADER: u16 = 1;
/// `ETHTOOL_A_STATS_HEADER`.
const STATS_HEADER: u16 = 2;
/// `ETHTOOL_A_STATS_GROUPS`.
const STATS_GROUPS: u16 = 3;
/// `ETHTOOL_A_HEADER_DEV_INDEX`.
const HEADER_DEV_INDEX: u16 = 1;
/// `ETHTOOL_A_HEADER_FLAGS`.
const HEADER_FLAGS: u16 = 3;
/// `ETHTOOL_FLAG_COMPACT_BITSETS`.
const COMPACT_BITSETS: u32 = 1;
/// `ETHTOOL_FLAG_STATS`.
const WITH_STATISTICS: u32 = 4;

/// `ETHTOOL_A_BITSET_NOMASK`.
const BITSET_NOMASK: u16 = 1;
/// `ETHTOOL_A_BITSET_SIZE`.
const BITSET_SIZE: u16 = 2;
/// `ETHTOOL_A_BITSET_VALUE`.
const BITSET_VALUE: u16 = 4;

/// A question of the family.
#[derive(Clone, Copy)]
struct Question {
    name: &'static str,
    /// `ETHTOOL_MSG_*`.
    command: u8,
    header: u16,
    flags: u32,
}

impl Question {
    const fn new(name: &'static str, command: u8, flags: u32) -> Self {
        Self {
            name,
            command,
            header: HEADER,
            flags,
        }
    }
}

const LINKMODES: Question = Question::new("ETHTOOL_MSG_LINKMODES_GET", 4, COMPACT_BITSETS);
const LINKSTATE: Question = Question::new("ETHTOOL_MSG_LINKSTATE_GET", 6, 0);
const RINGS: Question = Question::new("ETHTOOL_MSG_RINGS_GET", 15, 0);
const CHANNELS: Question = Question::new("ETHTOOL_MSG_CHANNELS_GET", 17, 0);
const PAUSE: Question = Question::new("ETHTOOL_MSG_PAUSE_GET", 21, WITH_STATISTICS);
const FEC: Question = Question::new("ETHTOOL_MSG_FEC_GET", 29, COMPACT_BITSETS | WITH_STATISTICS);
const STATS: Question = Question {
    header: STATS_HEADER,
    ..Question::new("ETHTOOL_MSG_STATS_GET", 32, COMPACT_BITSETS)
};

/// Asks the devices of the calling thread's network namespace.
///
/// Devices are asked one by one, and only those that are not made in software: these have
/// neither rings nor a wire, yet dumps of link modes, link state and channels over 1 001 veths took
/// 11 ms in all, against 0.2 ms for all seven questions to one card.
#[derive(Debug, Default)]
pub struct EthtoolReader {
    sockets: Option<(Netlink, Generic)>,
}

impl Reader for EthtoolReader {
    type Sample = Ethtool;

    fn read(&mut self) -> Result<Ethtool, ReadError> {
        let (mut netlink, mut generic) = match self.sockets.take() {
            Some(sockets) => sockets,
            None => open()?,
        };
        let mut devices = Vec::new();
        for link in links::list(&mut netlink)? {
            if is_asked(&link) {
                devices.extend(ask_device(&mut generic, &link)?);
            }
        }
        self.sockets = Some((netlink, generic));
        Ok(Ethtool { devices })
    }
}

impl EthtoolReader {
    /// A reader; nothing is opened yet.
    pub fn new() -> Self {
        Self::default()
    }
}

fn open() -> Result<(Netlink, Generic), ReadError> {
    let deadline = Source::Ethtool.spec().deadline;
    let generic = Generic::open(FAMILY, deadline)?;
    let netlink = Netlink::open(NlFamily::Route, deadline)?;
    Ok((netlink, generic))
}

/// Older kernels name no parent devices, so a device without a kind is asked in any case.
fn is_asked(link: &LinkAttributes) -> bool {
    !link.loopback && link.kind.as_deref().is_none_or(links::is_hardware_kind)
}

/// Everything that one device answers; none if it answers nothing.
fn ask_device(
    generic: &mut Generic,
    link: &LinkAttributes,
) -> Result<Option<EthtoolDevice>, ReadError> {
    let index = link.index.0;
    let mut device = EthtoolDevice {
        link: ask(generic, LINKSTATE, index, parse::link_state)?,
        modes: ask(generic, LINKMODES, index, parse::link_modes)?,
        rings: ask(generic, RINGS, index, parse::ring_sizes)?,
        channels: ask(generic, CHANNELS, index, parse::channel_counts)?,
        pause: ask(generic, PAUSE, index, parse::pause_frames)?,
        fec: ask(generic, FEC, index, parse::error_correction)?,
        standard: ask(generic, STATS, index, parse::standard)?.unwrap_or_default(),
        ..EthtoolDevice::default()
    };
    if device == EthtoolDevice::default() {
        return Ok(None);
    }
    device.index = Some(link.index);
    device.device = Some(link.name.clone());
    Ok(Some(device))
}

/// Asks one device one question; none if the driver or this kernel does not answer it, or if the
/// device has just gone.
fn ask<T>(
    generic: &mut Generic,
    question: Question,
    index: u32,
    parse: impl Fn(Attributes<'_>) -> Result<T, ParseError>,
) -> Result<Option<T>, ReadError> {
    let request = request(
        generic.get(question.name, question.command),
        question,
        index,
    );
    let mut answer = None;
    let result = generic.request(
        &request,
        &mut answer,
        |answer| *answer = None,
        |answer, attributes| {
            *answer = Some(parse(attributes)?);
            Ok(())
        },
    );
    match result {
        Ok(_) => Ok(answer),
        Err(error) => match error.reason() {
            // A driver may refuse for reasons of its own: a firmware that is being reset, a port
            // that is down. The other answers are still good.
            Reason::NotSupported | Reason::Missing | Reason::Io => Ok(None),
            _ => Err(error),
        },
    }
}

/// The header, and for statistics the groups, appended to a request.
fn request(request: Request, question: Question, index: u32) -> Request {
    let header = Nest::default()
        .attribute(HEADER_DEV_INDEX, &index.to_ne_bytes())
        .attribute(HEADER_FLAGS, &question.flags.to_ne_bytes());
    let request = request.attribute(question.header | NESTED, &header.0);
    if question.command != STATS.command {
        return request;
    }
    let count = u32::try_from(words::GROUPS.len()).unwrap_or(0);
    let all = (1_u32 << count) - 1;
    let groups = Nest::default()
        .attribute(BITSET_NOMASK, &[])
        .attribute(BITSET_SIZE, &count.to_ne_bytes())
        .attribute(BITSET_VALUE, &all.to_ne_bytes());
    request.attribute(STATS_GROUPS | NESTED, &groups.0)
}

/// Attributes nested in another one.
#[derive(Default)]
struct Nest(Vec<u8>);

impl Nest {
    /// Appends an attribute whose length is a multiple of four.
    fn attribute(mut self, kind: u16, payload: &[u8]) -> Self {
        let length = u16::try_from(4 + payload.len()).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(payload);
        self
    }
}

#[cfg(test)]
mod live {
    use super::*;
    use crate::testing::{in_namespace, ip};

    #[test]
    fn the_hosts_hardware_answers_or_is_absent() {
        let mut reader = EthtoolReader::new();
        match reader.read() {
            Ok(sample) => {
                assert!(sample.devices.is_sorted_by_key(|device| device.index));
                assert!(sample.devices.iter().all(|device| device.device.is_some()));
                assert_eq!(reader.read().unwrap().devices.len(), sample.devices.len());
            }
            Err(error) => {
                assert!(error.reason().is_unsupported(), "{error}");
                eprintln!("SKIPPED: no ethtool family: {error}");
            }
        }
    }

    #[test]
    fn devices_made_in_software_are_not_asked_but_would_answer() {
        in_namespace(|| {
            ip("link add dl0 type veth peer name dl1");
            ip("link set dl0 up");
            ip("link set dl1 up");
            assert_eq!(EthtoolReader::new().read().unwrap().devices, []);
            let (mut netlink, mut generic) = open().unwrap();
            let links = links::list(&mut netlink).unwrap();
            let veth = links.iter().find(|link| &*link.name == "dl0").unwrap();
            let answer = ask_device(&mut generic, veth).unwrap().unwrap();
            assert!(answer.link.unwrap().detected);
            assert_eq!(answer.modes.unwrap().speed, Some(10_000_000_000));
            assert_eq!(answer.channels.unwrap().receive, Some(1));
            assert_eq!((answer.rings, answer.fec), (None, None));
            // An empty answer, not a refusal: the request itself is well formed.
            let statistics = ask(&mut generic, STATS, veth.index.0, parse::standard);
            assert_eq!(statistics.unwrap(), Some(Vec::new()));
            let gone = ask(&mut generic, LINKSTATE, 9_999, parse::link_state);
            assert_eq!(gone.unwrap(), None);
        });
    }
}
