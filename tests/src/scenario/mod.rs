//! The fault lab's scenarios: one real fault each, with the truth about it, or a healthy host that
//! must stay clean.
//!
//! A scenario makes its namespaces, has one of them watched by a running agent ([`Watch`]), provokes
//! its fault and says how many packets it really lost. [`judge`] compares the agent's verdict with
//! that.

mod faults;
mod healthy;
mod judge;
mod saved;
mod watch;

use droplens_model::{Cause, PathDirection, Pattern};

pub use judge::{Judged, judge};
pub use saved::Saved;
pub use watch::{Seen, Watch};

/// A scenario of the fault lab.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// A short name, unique.
    pub name: &'static str,
    /// What happens, in a few words.
    pub about: &'static str,
    /// What the verdict must be.
    pub expect: Expect,
    /// Whether it changes or reads counters of the whole host, so that no other may run beside it.
    pub alone: bool,
    /// Provokes it and looks.
    pub run: fn() -> Seen,
}

/// A scenario that others may run beside.
pub(crate) const fn scenario(
    name: &'static str,
    about: &'static str,
    expect: Expect,
    run: fn() -> Seen,
) -> Scenario {
    Scenario {
        name,
        about,
        expect,
        alone: false,
        run,
    }
}

/// What the verdict must be.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// Nothing is wrong: no finding but remarks.
    Clean,
    /// Nothing is wrong, but this remark must be made.
    Remark(Cause),
    /// This must be the first finding.
    Finding(Expected),
}

/// The first finding that a fault must lead to.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// Its cause.
    pub cause: Cause,
    /// How its packets compare with the truth.
    pub packets: Packets,
    /// Other causes that may be found too: the fault really has these effects as well.
    pub also: &'static [Cause],
    /// The direction, for a loss on the path.
    pub direction: Option<PathDirection>,
    /// The pattern, for a loss on the path.
    pub pattern: Option<Pattern>,
    /// Where, as the report writes it.
    pub place: Option<&'static str>,
}

impl Expect {
    /// In this place, as the report writes it.
    #[must_use]
    pub const fn at(self, place: &'static str) -> Self {
        self.finding(Some(place), None, None)
    }

    /// In this direction on the path.
    #[must_use]
    pub const fn towards(self, direction: PathDirection) -> Self {
        self.finding(None, Some(direction), None)
    }

    /// With this pattern on the path.
    #[must_use]
    pub const fn with(self, pattern: Pattern) -> Self {
        self.finding(None, None, Some(pattern))
    }

    const fn finding(
        self,
        place: Option<&'static str>,
        direction: Option<PathDirection>,
        pattern: Option<Pattern>,
    ) -> Self {
        let Self::Finding(mut expected) = self else {
            return self;
        };
        if place.is_some() {
            expected.place = place;
        }
        if direction.is_some() {
            expected.direction = direction;
        }
        if pattern.is_some() {
            expected.pattern = pattern;
        }
        Self::Finding(expected)
    }

    /// Whether something is really wrong.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        matches!(self, Self::Finding(_))
    }

    /// The cause that must be found, if any.
    #[must_use]
    pub const fn cause(&self) -> Option<Cause> {
        match self {
            Self::Clean => None,
            Self::Remark(cause) => Some(*cause),
            Self::Finding(expected) => Some(expected.cause),
        }
    }
}

/// How the reported packets compare with the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packets {
    /// Within 2 %: the kernel counts exactly.
    Exact,
    /// Within 2 % of what the kernel happens to count, which may be nothing.
    Counted,
    /// Within 40 %: an estimate.
    Near,
    /// At least one: the kernel counts something else, or only a part.
    Some,
    /// None: it is no loss of packets.
    None,
}

/// A finding of this cause with exact packets and nothing else.
#[must_use]
pub const fn exactly(cause: Cause) -> Expect {
    expected(cause, Packets::Exact, &[])
}

/// A finding of this cause.
#[must_use]
pub const fn expected(cause: Cause, packets: Packets, also: &'static [Cause]) -> Expect {
    Expect::Finding(Expected {
        cause,
        packets,
        also,
        direction: None,
        pattern: None,
        place: None,
    })
}

/// Every scenario, faults first.
pub fn all() -> Vec<Scenario> {
    let faults = faults::DOMAINS.iter().copied().flatten();
    let groups = faults.chain(healthy::GROUPS);
    groups.copied().flatten().copied().collect()
}
