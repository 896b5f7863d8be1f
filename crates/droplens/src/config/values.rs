//! Values that check themselves, so that errors point at their line.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use droplens_model::{Source, UnknownSource};
use serde::Deserialize;

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Address(pub(crate) SocketAddr);

impl Default for Address {
    fn default() -> Self {
        Self(SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 13767)))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `:13767` is what Prometheus's exporters take for "every address".
        let address = if text.starts_with(':') {
            format!("[::]{text}").parse()
        } else {
            text.parse()
        };
        address.map(Self).map_err(|_| {
            format!("{text:?} is not an address to listen on, expected an IP address and a port such as [::]:13767, 127.0.0.1:13767 or :13767")
        })
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A share of one core.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct CpuBudget(f64);

impl CpuBudget {
    pub(crate) const fn share(self) -> f64 {
        self.0
    }
}

impl Default for CpuBudget {
    fn default() -> Self {
        Self(0.01)
    }
}

impl TryFrom<f64> for CpuBudget {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        if (0.0001..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(format!(
                "{share} is no CPU budget, expected a share of one core between 0.0001 and 1"
            ))
        }
    }
}

/// A share between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Share(pub(crate) f64);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        if share > 0.0 && share <= 1.0 {
            Ok(Self(share))
        } else {
            Err(format!(
                "{share} is no share, expected a number above 0 and at most 1"
            ))
        }
    }
}

/// A number above zero.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Positive(pub(crate) f64);

impl Positive {
    /// The number without its fraction.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and the fraction is not wanted; what is too large becomes the largest"
    )]
    pub(crate) const fn whole(self) -> u64 {
        self.0 as u64
    }
}

impl TryFrom<f64> for Positive {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, Self::Error> {
        if number > 0.0 && number.is_finite() {
            Ok(Self(number))
        } else {
            Err(format!(
                "{number} is no threshold, expected a number above 0"
            ))
        }
    }
}

/// An upper bound of a number of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub(crate) struct Limit(usize);

impl Limit {
    pub(super) const fn new(limit: usize) -> Self {
        Self(limit)
    }

    pub(crate) const fn get(self) -> usize {
        self.0
    }
}

impl TryFrom<i64> for Limit {
    type Error = String;

    fn try_from(limit: i64) -> Result<Self, Self::Error> {
        match usize::try_from(limit) {
            Ok(limit @ 1..) => Ok(Self(limit)),
            _ => Err(format!(
                "{limit} is no limit, expected a whole number above zero"
            )),
        }
    }
}

/// The name of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct SourceName(pub(crate) Source);

impl TryFrom<String> for SourceName {
    type Error = UnknownSource;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        id.parse().map(Self)
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Error,
            Self::Warn,
            Self::Info,
            Self::Debug,
            Self::Trace,
        ]
        .into_iter()
        .find(|level| level.id() == text)
        .ok_or_else(|| {
            format!("unknown log level {text:?}, expected one of: error, warn, info, debug, trace")
        })
    }
}

impl TryFrom<String> for LogLevel {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
