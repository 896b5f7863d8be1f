//! What is fixed about a metric family.

use std::fmt;

use droplens_model::Source;

use crate::Selection;

/// Type of a metric family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Only grows, until the agent or what it counts starts anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How values are distributed: buckets, their sum and their number, which only grow.
    Histogram,
    /// Always 1; the labels are the information.
    Info,
    /// Not known to be a counter or a gauge.
    Unknown,
}

impl Kind {
    /// The word used in the exposition formats.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
            Self::Unknown => "unknown",
        }
    }
}

/// Whose numbers a family holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The agent tells about itself and its sources; present in every scrape.
    Agent,
    /// The diagnosis; left out when the scrape does not ask for it.
    Diagnosis,
    /// A source; left out when the scrape does not ask for it.
    Source(Source),
}

impl Origin {
    /// The source's id, `agent` or `diagnosis`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Diagnosis => Selection::DIAGNOSIS,
            Self::Source(source) => source.id(),
        }
    }
}

/// How many series a family can have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// This many.
    Constant(u32),
    /// This many for each online CPU.
    PerCpu(u32),
    /// This many for each network device that is shown: those of a folded kind count as one.
    PerDevice(u32),
    /// By another rule, in words.
    Rule(&'static str),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(series) => series.fmt(f),
            Self::PerCpu(1) => f.write_str("CPUs"),
            Self::PerCpu(series) => write!(f, "{series} x CPUs"),
            Self::PerDevice(1) => f.write_str("devices"),
            Self::PerDevice(series) => write!(f, "{series} x devices"),
            Self::Rule(rule) => f.write_str(rule),
        }
    }
}

/// A metric family: everything about it that does not change from scrape to scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name of its series, with `_total` or `_info` where the type has such a suffix. Those of
    /// a histogram end in `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// One sentence with the unit and the kernel's name of the figure.
    pub help: &'static str,
    /// Names of its labels, in the order in which they are written.
    pub labels: &'static [&'static str],
    /// How many series it can have at most.
    pub bound: Bound,
    /// Whose numbers it holds.
    pub origin: Origin,
}

impl Family {
    /// What the exposition says about the family.
    pub(crate) const fn descriptor(&self) -> Descriptor<'_> {
        Descriptor {
            name: self.name,
            kind: self.kind,
            help: self.help,
            labels: self.labels,
        }
    }
}

/// Name, type, help and labels of a family, known beforehand or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptor<'f> {
    /// The name of its series.
    pub(crate) name: &'f str,
    /// The type.
    pub(crate) kind: Kind,
    /// One sentence.
    pub(crate) help: &'f str,
    /// Names of its labels.
    pub(crate) labels: &'f [&'f str],
}

/// Declares families: a `static` for each, and `FAMILIES` with all of them in order.
macro_rules! families {
    (
        $origin:expr;
        $( $id:ident: $kind:ident $name:literal [$($label:literal),*] $bound:ident($limit:expr), $help:expr; )+
    ) => {
        $(
            static $id: $crate::Family = $crate::Family {
                name: $name,
                kind: $crate::Kind::$kind,
                help: $help,
                labels: &[$($label),*],
                bound: $crate::Bound::$bound($limit),
                origin: $origin,
            };
        )+

        /// The families of this source, in the order in which they are written.
        pub(crate) static FAMILIES: &[&$crate::Family] = &[$(&$id),+];
    };
}
pub(crate) use families;
