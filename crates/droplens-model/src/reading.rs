//! What a source could say: a value, or an honest reason why not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::serial::{nanoseconds, words};

/// An instant on the host's monotonic clock (`CLOCK_MONOTONIC`). Written as whole nanoseconds, so
/// that it reads back as the same instant.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Moment(#[serde(with = "nanoseconds")] pub Duration);

impl Moment {
    /// Time passed since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

words! {
    /// Why something could not be read, as a short bounded word fit for a label.
    Reason {
        /// The file or kernel interface is not there.
        Missing "missing",
        /// The kernel or driver does not implement it.
        NotSupported "not_supported",
        /// A capability is lacking.
        Permission "permission",
        /// The kernel's answer was not understood.
        Malformed "malformed",
        /// The answer changed while it was being read, every time it was tried.
        Interrupted "interrupted",
        /// No answer within the source's deadline.
        Deadline "deadline",
        /// Any other error from the kernel.
        Io "io",
    }
}

impl Reason {
    /// Whether waiting will not help: the surface is not there for this process on this kernel.
    pub const fn is_unsupported(self) -> bool {
        matches!(self, Self::Missing | Self::NotSupported | Self::Permission)
    }
}

/// A failure to read, as plain data: the bounded reason and the whole story for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The bounded reason.
    pub reason: Reason,
    /// What failed, where, and the system's own words.
    pub detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// A part of a sample that may be missing while the rest is good.
pub type Part<T> = Result<T, Failure>;

/// A value, the instant at which reading it ended, and how long that took.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped<T> {
    /// When the reading ended.
    pub at: Moment,
    /// How long it took.
    #[serde(with = "nanoseconds", default)]
    pub took: Duration,
    /// The value; shared, since snapshots are cloned often and samples never change.
    pub value: Arc<T>,
}

impl<T> Clone for Stamped<T> {
    fn clone(&self) -> Self {
        Self {
            at: self.at,
            took: self.took,
            value: Arc::clone(&self.value),
        }
    }
}

/// The state of one source's reading.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// Switched off by configuration.
    Disabled,
    /// Not read yet.
    #[default]
    Pending,
    /// This kernel, or this process's privileges, do not offer it. Tried again now and then.
    Unsupported(Failure),
    /// Read.
    Ok(Stamped<T>),
    /// The last attempt failed.
    Failed {
        /// When it failed.
        at: Moment,
        /// Why.
        failure: Failure,
        /// The last good value, for diagnosis; it is not encoded as a metric.
        last: Option<Stamped<T>>,
    },
}

impl<T> Clone for Reading<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Disabled => Self::Disabled,
            Self::Pending => Self::Pending,
            Self::Unsupported(why) => Self::Unsupported(why.clone()),
            Self::Ok(stamped) => Self::Ok(stamped.clone()),
            Self::Failed { at, failure, last } => Self::Failed {
                at: *at,
                failure: failure.clone(),
                last: last.clone(),
            },
        }
    }
}

impl<T> Reading<T> {
    /// The value, only while the reading is good.
    pub fn ok(&self) -> Option<&T> {
        match self {
            Self::Ok(stamped) => Some(&stamped.value),
            _ => None,
        }
    }

    /// The newest good value, even if a later attempt failed.
    pub const fn last(&self) -> Option<&Stamped<T>> {
        match self {
            Self::Ok(stamped) => Some(stamped),
            Self::Failed { last, .. } => last.as_ref(),
            _ => None,
        }
    }

    /// Replaces the reading by a failure, keeping the last good value.
    pub fn fail(&mut self, at: Moment, failure: Failure) {
        let last = self.last().cloned();
        *self = if failure.reason.is_unsupported() && last.is_none() {
            Self::Unsupported(failure)
        } else {
            Self::Failed { at, failure, last }
        };
    }

    /// The state without the value.
    pub fn state(&self) -> State<'_> {
        match self {
            Self::Disabled => State::Disabled,
            Self::Pending => State::Pending,
            Self::Unsupported(why) => State::Unsupported(why),
            Self::Ok(stamped) => State::Ok {
                at: stamped.at,
                took: stamped.took,
            },
            Self::Failed { failure, last, .. } => State::Failed {
                failure,
                last: last.as_ref().map(|stamped| stamped.at),
            },
        }
    }
}

/// The state of a reading without its value, so that all sources can be listed alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// Switched off by configuration.
    Disabled,
    /// Not read yet.
    Pending,
    /// Not offered here.
    Unsupported(&'a Failure),
    /// Read.
    Ok {
        /// When the reading ended.
        at: Moment,
        /// How long it took.
        took: Duration,
    },
    /// The last attempt failed.
    Failed {
        /// Why.
        failure: &'a Failure,
        /// When the last good reading ended, if there was one.
        last: Option<Moment>,
    },
}

impl State<'_> {
    /// The label value.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Pending => "pending",
            Self::Unsupported(_) => "unsupported",
            Self::Ok { .. } => "ok",
            Self::Failed { .. } => "failed",
        }
    }

    /// Why there is no value, if there is a reason.
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Unsupported(failure) | Self::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(reason: Reason) -> Failure {
        Failure {
            reason,
            detail: "test".into(),
        }
    }

    #[test]
    fn a_missing_surface_is_unsupported_until_it_has_been_read_once() {
        let mut reading = Reading::<u8>::Pending;
        reading.fail(Moment::default(), failure(Reason::Missing));
        assert_eq!(reading.state().id(), "unsupported");

        let stamped = Stamped {
            at: Moment(Duration::from_secs(1)),
            took: Duration::ZERO,
            value: 7.into(),
        };
        reading = Reading::Ok(stamped);
        reading.fail(Moment(Duration::from_secs(2)), failure(Reason::Missing));
        assert_eq!(reading.state().id(), "failed");
        assert_eq!(reading.ok(), None);
        assert_eq!(reading.last().map(|last| *last.value), Some(7));
    }
}
