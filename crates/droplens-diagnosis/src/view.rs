//! What a rule sees: one window of time.

use std::net::IpAddr;
use std::time::Duration;

use droplens_model::delta::{Delta, DeviceDelta, ProbeDelta, Protocol};
use droplens_model::sample::probes::{ProbeKind, Target, TargetState};
use droplens_model::{Cause, Place, Reason, Snapshot, Source, State, Timestamp};

use crate::draft::Draft;
use crate::ledger::Ledger;
use crate::thresholds::Thresholds;

/// More places than this are not told one by one.
const PLACES: usize = 8;

/// One window of time, with what was lost in it.
pub struct View<'a> {
    /// The two ends.
    pub delta: Delta<'a>,
    /// Packets lost in between, each once.
    pub ledger: &'a Ledger,
    /// Where unusual begins.
    pub thresholds: &'a Thresholds,
    devices: Vec<DeviceDelta<'a>>,
    probes: Vec<ProbeDelta<'a>>,
    earlier_probes: Vec<ProbeDelta<'a>>,
    seconds: f64,
    edges: Edges<'a>,
    end: Option<Timestamp>,
}

/// What happened at the two ends of a window. A segment is sent again up to a few seconds after it
/// was lost, and counters are not all read at once: without this, a loss of this host before the
/// window would look like one on the path, and one that is not read yet, too.
#[derive(Clone, Copy, Default)]
pub struct Edges<'a> {
    /// The seconds before the window.
    pub before: Option<Delta<'a>>,
    /// The last second of the window.
    pub end: Option<Delta<'a>>,
    /// As long before the window as a probe may be waited for: it is called lost only then.
    pub eve: Option<Delta<'a>>,
    /// A longer window with the same end, for probes of which this one has too few.
    pub wide: Option<Delta<'a>>,
}

impl<'a> View<'a> {
    /// A window of this length.
    pub fn new(
        delta: Delta<'a>,
        ledger: &'a Ledger,
        length: Duration,
        thresholds: &'a Thresholds,
    ) -> Self {
        Self {
            delta,
            ledger,
            thresholds,
            devices: delta.devices(),
            probes: delta.probes(),
            earlier_probes: Vec::new(),
            end: None,
            seconds: length.as_secs_f64().max(0.001),
            edges: Edges::default(),
        }
    }

    /// The same with what is known about its ends.
    #[must_use]
    pub fn with_edges(self, edges: Edges<'a>) -> Self {
        let earlier_probes = edges.wide.map(|wide| wide.probes());
        Self {
            edges,
            earlier_probes: earlier_probes.unwrap_or_default(),
            ..self
        }
    }

    /// The same with the date of its end.
    #[must_use]
    pub fn ending(self, end: Timestamp) -> Self {
        Self {
            end: Some(end),
            ..self
        }
    }

    /// The date of the end, if it is known.
    pub const fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// What probes found, by address.
    pub fn probes(&self) -> &[ProbeDelta<'a>] {
        &self.probes
    }

    /// The same address in a longer window that has the same end.
    pub fn wider(&self, probe: &ProbeDelta<'_>) -> Option<&ProbeDelta<'a>> {
        self.earlier_probes.iter().find(|wide| {
            wide.address.address == probe.address.address
                && wide.target.target == probe.target.target
                && wide.target.probe == probe.target.probe
        })
    }

    /// Packets lost while the probes that were called lost in the window were on their way.
    pub fn lost_on_eve(&self) -> Ledger {
        self.edges.eve.map(Ledger::of).unwrap_or_default()
    }

    /// The snapshot at the end.
    pub const fn now(&self) -> &'a Snapshot {
        self.delta.to
    }

    /// The devices, with how far their statistics moved.
    pub fn devices(&self) -> &[DeviceDelta<'a>] {
        &self.devices
    }

    /// The device of this name.
    pub fn device(&self, name: &str) -> Option<&DeviceDelta<'a>> {
        self.devices
            .iter()
            .find(|device| &**device.link.name() == name)
    }

    /// How far a protocol counter moved; one that this kernel lacks has not.
    pub fn moved(&self, counter: Protocol) -> u64 {
        self.delta.protocol_or_zero(counter)
    }

    /// How far a protocol counter moved until everything else was read at least as late.
    pub fn settled(&self, counter: Protocol) -> u64 {
        let fresh = self
            .edges
            .end
            .map_or(0, |end| end.protocol_or_zero(counter));
        self.moved(counter).saturating_sub(fresh)
    }

    /// What happened in the last second of the window, if that is known.
    pub const fn fresh(&self) -> Option<Delta<'a>> {
        self.edges.end
    }

    /// Packets lost shortly before the window.
    pub fn lost_before(&self) -> Ledger {
        self.edges.before.map(Ledger::of).unwrap_or_default()
    }

    /// Per second.
    pub fn rate(&self, number: u64) -> f64 {
        number as f64 / self.seconds
    }

    /// How many times a source's counters moved per second of that source's own window.
    pub fn rate_of(&self, source: Source, number: u64) -> f64 {
        let span = self.delta.span(source).unwrap_or_default().as_secs_f64();
        number as f64 / if span > 0.0 { span } else { self.seconds }
    }

    /// Packets lost by one cause.
    pub fn lost(&self, cause: Cause) -> u64 {
        self.ledger.packets(cause)
    }

    /// Where packets were lost by one cause, the worst place first. Beyond the first few, places
    /// are added up as this host.
    pub fn places(&self, cause: Cause) -> Vec<(Place, u64)> {
        let mut places: Vec<_> = self
            .ledger
            .places(cause)
            .map(|(place, packets)| (place.clone(), packets))
            .collect();
        places.sort_by_key(|(_, packets)| std::cmp::Reverse(*packets));
        if places.len() > PLACES {
            let rest = places.split_off(PLACES - 1);
            places.push((Place::Host, rest.iter().map(|(_, packets)| packets).sum()));
        }
        places
    }

    /// A finding for each place where packets were lost by one cause.
    pub fn losses(&self, cause: Cause) -> Vec<Draft<'_>> {
        let places = self.places(cause).into_iter();
        places
            .map(|(place, packets)| Draft::loss(self, cause, place, packets))
            .collect()
    }
}

/// Whether a cause could be looked for; if not, why.
pub type Sight = Result<(), String>;

/// What a cause needs to be seen.
#[derive(Clone, Copy, Debug)]
pub enum Needs {
    /// All of these sources.
    All(&'static [Source]),
    /// One of these sources.
    Any(&'static [Source]),
    /// A source and a part of it that may be missing.
    Part(Source, fn(&Snapshot) -> Sight),
    /// Probes of one of these kinds, of a target that ever answered or was asked for.
    Probes(&'static [ProbeKind]),
    /// Probes that ask name servers, or of targets that have names.
    Names,
    /// Something that this version does not have.
    Later(&'static str),
}

impl Needs {
    /// Whether this version lacks what it takes.
    pub const fn is_later(&self) -> bool {
        matches!(self, Self::Later(_))
    }

    /// Whether only probes show it.
    pub const fn is_by_probe(&self) -> bool {
        matches!(self, Self::Probes(_) | Self::Names)
    }

    /// Whether it is there.
    pub fn sight(&self, snapshot: &Snapshot) -> Sight {
        match self {
            Self::All(sources) => sources
                .iter()
                .try_for_each(|source| read(snapshot, *source)),
            Self::Any(sources) => {
                let mut worst = Ok(());
                for source in *sources {
                    match read(snapshot, *source) {
                        Ok(()) => return Ok(()),
                        Err(why) => worst = Err(why),
                    }
                }
                worst
            }
            Self::Part(source, part) => read(snapshot, *source).and_then(|()| part(snapshot)),
            Self::Probes(kinds) => {
                let words: Vec<_> = kinds.iter().map(|kind| kind.id()).collect();
                let what = format!("of kind {}", words.join(" or "));
                probed(snapshot, &what, |target| kinds.contains(&target.kind))
            }
            Self::Names => probed(snapshot, "of names", |target| {
                target.kind == ProbeKind::Dns || target.target.parse::<IpAddr>().is_err()
            }),
            Self::Later(what) => Err((*what).to_owned()),
        }
    }
}

/// Whether there is a target of this kind that was asked for or has answered.
fn probed(snapshot: &Snapshot, what: &str, is_kind: impl Fn(&Target) -> bool) -> Sight {
    match snapshot.state(Source::Probes) {
        State::Disabled => return Err("no probes are configured".to_owned()),
        State::Unsupported(why) if why.reason == Reason::Missing => {
            return Err("no probes are configured".to_owned());
        }
        _ => read(snapshot, Source::Probes)?,
    }
    let probes = snapshot.probes.ok();
    let mut targets = probes.iter().flat_map(|probes| &probes.targets);
    if targets.any(|target| target.state != TargetState::Silent && is_kind(target)) {
        return Ok(());
    }
    Err(format!(
        "no probes {what} are configured, or none was ever answered"
    ))
}

fn read(snapshot: &Snapshot, source: Source) -> Sight {
    match snapshot.state(source) {
        State::Ok { .. } => Ok(()),
        State::Disabled => Err(format!("{source} is switched off")),
        State::Pending => Err(format!("{source} has not been read yet")),
        State::Unsupported(why) | State::Failed { failure: why, .. } => {
            Err(format!("{source}: {why}"))
        }
    }
}
