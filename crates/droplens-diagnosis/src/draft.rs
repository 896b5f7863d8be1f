//! A finding in the making.

use droplens_model::delta::Protocol;
use droplens_model::{Cause, Evidence, Finding, Place, Severity, Source, Status};

use crate::view::View;

/// Where the runbook is read.
const RUNBOOK: &str = "https://github.com/droplens/droplens/blob/main/docs/runbook";

/// A finding that a rule fills in.
pub struct Draft<'a> {
    view: &'a View<'a>,
    finding: Finding,
}

impl<'a> Draft<'a> {
    fn new(view: &'a View<'a>, cause: Cause, place: Place, status: Status) -> Self {
        let finding = Finding {
            domain: cause.domain(),
            cause,
            status,
            severity: Severity::Warning,
            place,
            packets: 0,
            rate: 0.0,
            since: None,
            summary: String::new(),
            evidence: Vec::new(),
            ruled_out: Vec::new(),
            direction: None,
            pattern: None,
            next: String::new(),
            runbook: format!("{RUNBOOK}/{cause}.md"),
        };
        Self { view, finding }
    }

    /// Packets lost in one place. The loss is critical above the threshold of the rate.
    pub fn loss(view: &'a View<'a>, cause: Cause, place: Place, packets: u64) -> Self {
        let mut draft = Self::new(view, cause, place, Status::Loss);
        draft.finding.packets = packets;
        draft.finding.rate = view.rate(packets);
        if draft.finding.rate >= view.thresholds.critical_rate {
            draft.finding.severity = Severity::Critical;
        }
        draft
    }

    /// Something at its limit, or unusual, that loses nothing by itself.
    pub fn pressure(view: &'a View<'a>, cause: Cause, place: Place) -> Self {
        Self::new(view, cause, place, Status::Pressure)
    }

    /// Packets lost.
    pub const fn packets(&self) -> u64 {
        self.finding.packets
    }

    /// Where.
    pub const fn place(&self) -> &Place {
        &self.finding.place
    }

    /// Moves the finding to a more exact place.
    pub fn at(mut self, place: Place) -> Self {
        self.finding.place = place;
        self
    }

    /// Says what happened: `{what} on CPU 3`, `{what}` where it is the whole host.
    pub fn what(self, what: &str) -> Self {
        let place = self.finding.place.clone();
        match place {
            Place::Host => self.summary(what.to_owned()),
            place => self.summary(format!("{what} on {place}")),
        }
    }

    /// Says what happened in its own words.
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.finding.summary = summary.into();
        self
    }

    /// How much it matters.
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.finding.severity = severity;
        self
    }

    /// A counter that moved. One that did not is no evidence.
    pub fn delta(
        mut self,
        source: Source,
        counter: &str,
        delta: u64,
        kernel: impl Into<String>,
    ) -> Self {
        if delta > 0 {
            self.finding.evidence.push(Evidence {
                source,
                counter: counter.to_owned(),
                delta: Some(delta),
                value: None,
                kernel: kernel.into(),
            });
        }
        self
    }

    /// A protocol counter, if it moved.
    pub fn protocol(self, counter: Protocol) -> Self {
        let moved = self.view.moved(counter);
        self.delta(counter.source, counter.key, moved, counter.kernel())
    }

    /// Protocol counters, those that moved.
    pub fn protocols(self, counters: &[Protocol]) -> Self {
        counters
            .iter()
            .fold(self, |draft, counter| draft.protocol(*counter))
    }

    /// A gauge at the end of the window, if it is known.
    pub fn gauge(
        mut self,
        source: Source,
        counter: &str,
        value: Option<f64>,
        kernel: impl Into<String>,
    ) -> Self {
        if value.is_some() {
            self.finding.evidence.push(Evidence {
                source,
                counter: counter.to_owned(),
                delta: None,
                value,
                kernel: kernel.into(),
            });
        }
        self
    }

    /// Causes that would have moved other counters: they are excluded if they lost nothing.
    pub fn ruled_out(mut self, causes: &[Cause]) -> Self {
        let view = self.view;
        let absent = causes.iter().filter(|cause| view.lost(**cause) == 0);
        self.finding.ruled_out.extend(absent);
        self
    }

    /// What to do now.
    pub fn next(mut self, next: impl Into<String>) -> Finding {
        self.finding.next = next.into();
        self.finding
    }
}
