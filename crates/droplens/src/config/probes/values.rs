//! Values of probes that check themselves, so that errors point at their line.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::sample::probes::Limits;
use droplens_model::{Family, Name};
use serde::Deserialize;

/// Characters of a probe's name at most; it is a label value of many series.
const LONGEST_NAME: usize = 64;
/// Labels that a probe or a target may have.
pub(crate) const MOST_LABELS: usize = 32;
/// Bytes of a label's name or value at most.
const LONGEST_LABEL: usize = 256;
/// Characters of a device's name at most (`IFNAMSIZ` less the final zero).
const LONGEST_DEVICE: usize = 15;

/// Labels of the metrics of probes, which a site's own must not hide.
const TAKEN_LABELS: [&str; 12] = [
    "probe", "target", "kind", "state", "address", "family", "outcome", "reason", "phase", "scope",
    "le", "quantile",
];

macro_rules! duration {
    ($(#[$doc:meta])* $name:ident, $what:literal, $least:expr, $most:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        #[serde(try_from = "String")]
        pub(crate) struct $name(pub(crate) Duration);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let (least, most): (Duration, Duration) = ($least, $most);
                humantime::parse_duration(&text)
                    .ok()
                    .filter(|time| (least..=most).contains(time))
                    .map(Self)
                    .ok_or_else(|| format!(
                        concat!("{:?} is no ", $what, ", expected a time from {} to {} such as \"500ms\" or \"1m 30s\""),
                        text,
                        humantime::format_duration(least),
                        humantime::format_duration(most),
                    ))
            }
        }
    };
}

duration!(
    /// The time between two probes to an address.
    Interval,
    "interval",
    Duration::from_millis(10),
    Duration::from_secs(24 * 3600)
);
duration!(
    /// How long an answer is in time.
    Timeout,
    "timeout",
    Duration::from_millis(1),
    Duration::from_secs(60)
);
duration!(
    /// From when on something is slow.
    Slow,
    "limit",
    Duration::from_micros(1),
    Duration::from_secs(60)
);
duration!(
    /// The time after which a list of targets is fetched again.
    Refresh,
    "refresh interval",
    Duration::from_secs(1),
    Duration::from_secs(24 * 3600)
);

/// The name of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ProbeName(pub(crate) Name);

impl TryFrom<String> for ProbeName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let length = text.chars().count();
        if (1..=LONGEST_NAME).contains(&length) && !text.chars().any(char::is_control) {
            return Ok(Self(text.into()));
        }
        Err(format!(
            "{text:?} is no name of a probe, expected 1 to {LONGEST_NAME} characters without control characters"
        ))
    }
}

/// The name of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct LabelName(Name);

impl TryFrom<String> for LabelName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut letters = text.chars();
        let first = letters.next();
        let starts = first.is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        let goes_on = letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !starts || !goes_on || text.len() > LONGEST_LABEL {
            return Err(format!(
                "{text:?} is no name of a label, expected letters, digits and underscores, at most {LONGEST_LABEL}, not beginning with a digit"
            ));
        }
        if text.starts_with("__") {
            return Err(format!(
                "label {text:?} begins with two underscores, which Prometheus keeps for itself"
            ));
        }
        if TAKEN_LABELS.contains(&text.as_str()) {
            return Err(format!(
                "label {text:?} is one of droplens's own ({}), choose another name",
                TAKEN_LABELS.join(", ")
            ));
        }
        Ok(Self(text.into()))
    }
}

/// The value of a label.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct LabelValue(Name);

impl TryFrom<String> for LabelValue {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() > LONGEST_LABEL {
            return Err(format!(
                "the label's value has {} bytes, at most {LONGEST_LABEL} are allowed",
                text.len()
            ));
        }
        Ok(Self(text.into()))
    }
}

/// Labels of all targets of a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<LabelName, LabelValue>")]
pub(crate) struct Labels(BTreeMap<LabelName, LabelValue>);

impl TryFrom<BTreeMap<LabelName, LabelValue>> for Labels {
    type Error = String;

    fn try_from(labels: BTreeMap<LabelName, LabelValue>) -> Result<Self, Self::Error> {
        if labels.len() > MOST_LABELS {
            return Err(format!(
                "{} labels, at most {MOST_LABELS} are allowed",
                labels.len()
            ));
        }
        Ok(Self(labels))
    }
}

impl Labels {
    /// These labels, and over them those that a discovered target brings. Names with two
    /// underscores are Prometheus's, for relabelling, and left out as it leaves them out.
    pub(crate) fn with(&self, own: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut all = self.0.clone();
        for (name, value) in own.iter().filter(|(name, _)| !name.starts_with("__")) {
            all.insert(name.clone().try_into()?, value.clone().try_into()?);
        }
        all.try_into()
    }

    /// As pairs, by name.
    pub(crate) fn pairs(&self) -> Vec<(Name, Name)> {
        let pair =
            |(name, value): (&LabelName, &LabelValue)| (Arc::clone(&name.0), Arc::clone(&value.0));
        self.0.iter().map(pair).collect()
    }
}

/// Which addresses of a name are probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Families {
    /// All.
    #[default]
    Any,
    /// Only IPv4.
    Ipv4,
    /// Only IPv6.
    Ipv6,
}

impl Families {
    /// The only family, if it is one.
    pub(crate) const fn only(self) -> Option<Family> {
        match self {
            Self::Any => None,
            Self::Ipv4 => Some(Family::V4),
            Self::Ipv6 => Some(Family::V6),
        }
    }
}

/// An own address that packets bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct SourceAddress(pub(crate) IpAddr);

impl TryFrom<String> for SourceAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.parse::<IpAddr>() {
            Ok(address) if !address.is_unspecified() && !address.is_multicast() => {
                Ok(Self(address))
            }
            _ => Err(format!(
                "{text:?} is no source address, expected an IP address of this host"
            )),
        }
    }
}

/// A device that packets leave by.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Device(pub(crate) Name);

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let unfit = |letter: char| letter == '/' || letter.is_whitespace() || letter.is_control();
        if text.is_empty() || text.len() > LONGEST_DEVICE || text.contains(unfit) {
            return Err(format!(
                "{text:?} is no name of a device, expected one such as \"eth0\", of at most {LONGEST_DEVICE} characters"
            ));
        }
        Ok(Self(text.into()))
    }
}

macro_rules! whole {
    ($(#[$doc:meta])* $name:ident, $number:ty, $range:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(try_from = "i64")]
        pub(crate) struct $name(pub(crate) $number);

        impl TryFrom<i64> for $name {
            type Error = String;

            fn try_from(number: i64) -> Result<Self, Self::Error> {
                <$number>::try_from(number)
                    .ok()
                    .filter(|number| ($range).contains(number))
                    .map(Self)
                    .ok_or_else(|| format!(concat!("{} is ", $expected), number))
            }
        }
    };
}

whole!(
    /// A differentiated services code point.
    Dscp,
    u8,
    0..=63,
    "no DSCP, expected a number from 0 to 63 (46 is expedited forwarding)"
);
whole!(
    /// A port.
    Port,
    u16,
    1..=u16::MAX,
    "no port, expected a number from 1 to 65535"
);
whole!(
    /// Bytes of an echo request after its header.
    Payload,
    u16,
    16..=65_000,
    "no payload of an echo request, expected 16 to 65000 bytes"
);
whole!(
    /// The size of a packet with its IP header.
    PacketSize,
    u32,
    576..=65_535,
    "no size of a packet, expected 576 to 65535 bytes"
);
whole!(
    /// Hops on a path.
    Hops,
    u8,
    1..=64,
    "no number of hops, expected 1 to 64"
);
whole!(
    /// Packets to each hop.
    PerHop,
    u8,
    1..=20,
    "no number of packets to each hop, expected 1 to 20"
);
whole!(
    /// Redirects that are followed.
    Redirects,
    u32,
    0..=20,
    "no number of redirects, expected 0 to 20"
);
whole!(
    /// Bytes of a body.
    BodyBytes,
    u64,
    0..=(1 << 30),
    "no number of bytes, expected 0 to 1073741824"
);

/// How far away targets are, which says from when on they are slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Class {
    /// On this host.
    Host,
    /// In this rack.
    Rack,
    /// In this data centre.
    Datacentre,
    /// In another zone of the region.
    Zone,
    /// On this continent.
    Continent,
    /// On another continent.
    Intercontinental,
    /// Behind a geostationary satellite.
    Satellite,
}

impl Class {
    /// A longer round trip than this is unusual: several times what such a distance takes.
    const fn round_trip(self) -> Duration {
        Duration::from_millis(match self {
            Self::Host => 1,
            Self::Rack => 2,
            Self::Datacentre => 5,
            Self::Zone => 10,
            Self::Continent => 100,
            Self::Intercontinental => 200,
            Self::Satellite => 800,
        })
    }
}

/// From when on the steps of a probe are slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StepLimits {
    pub(crate) resolve: Option<Slow>,
    pub(crate) connect: Option<Slow>,
    pub(crate) tls: Option<Slow>,
    pub(crate) first_byte: Option<Slow>,
}

impl StepLimits {
    /// With the limit of the round trip: what is configured, else what the class says.
    pub(crate) fn all(self, class: Option<Class>, slow: Option<Slow>) -> Limits {
        let time = |slow: Option<Slow>| slow.map(|slow| slow.0);
        Limits {
            round_trip: time(slow).or(class.map(Class::round_trip)),
            resolve: time(self.resolve),
            connect: time(self.connect),
            tls: time(self.tls),
            first_byte: time(self.first_byte),
        }
    }
}
