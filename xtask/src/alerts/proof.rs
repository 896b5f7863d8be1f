//! The series with which the unit test of an alert makes it fire, or just not.

/// How an alert is tested.
pub(super) enum Proof {
    /// With these series.
    Cases(Cases),
    /// By what is written by hand in `own.test.yml`: it needs more than one instance.
    Own,
}

/// Instances side by side, one of which is beyond the bounds and another one just below.
pub(super) struct Cases {
    /// The first is the one that tells; without the others nothing may fire.
    pub(super) inputs: Vec<Input>,
    /// The labels of the alert besides those that each has, and its instance and job.
    pub(super) labels: Vec<(&'static str, &'static str)>,
    /// What the description says instead of `{{ $value ... }}`.
    pub(super) told: &'static str,
    /// What it says when it has fired for as long again.
    pub(super) told_later: &'static str,
    /// Minutes after which it must fire.
    pub(super) fires_by: usize,
}

/// Cases of an alert that fires within an hour.
pub(super) fn cases(told: &'static str, inputs: Vec<Input>) -> Proof {
    Proof::Cases(Cases {
        inputs,
        labels: Vec::new(),
        told,
        told_later: told,
        fires_by: 60,
    })
}

impl Proof {
    /// The alert has these labels, too.
    pub(super) fn labels(mut self, labels: &[(&'static str, &'static str)]) -> Self {
        if let Self::Cases(cases) = &mut self {
            cases.labels = labels.to_vec();
        }
        self
    }

    /// Its value changes with time.
    pub(super) fn told_later(mut self, told: &'static str) -> Self {
        if let Self::Cases(cases) = &mut self {
            cases.told_later = told;
        }
        self
    }

    /// It takes so many minutes.
    pub(super) fn fires_by(mut self, minutes: usize) -> Self {
        if let Self::Cases(cases) = &mut self {
            cases.fires_by = minutes;
        }
        self
    }
}

/// One series of each instance.
pub(super) struct Input {
    /// Its name and labels, without `instance` and `job`.
    pub(super) series: String,
    /// When the alert must fire.
    pub(super) above: Shape,
    /// When it just must not.
    pub(super) below: Shape,
    /// When there is nothing to do: no traffic, no limit.
    pub(super) idle: Shape,
}

/// A series that moves.
pub(super) fn input(series: impl Into<String>, above: Shape, below: Shape, idle: Shape) -> Input {
    Input {
        series: series.into(),
        above,
        below,
        idle,
    }
}

/// A series that has nothing to do with the bounds.
pub(super) fn context(series: impl Into<String>, always: Shape, idle: Shape) -> Input {
    input(series, always, always, idle)
}

/// How a series goes on.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// A counter that gains so much each second.
    Rate(f64),
    /// A gauge.
    Level(f64),
    /// A gauge that changes after 20 minutes.
    Then(f64, f64),
}

use Shape::{Level, Rate, Then};

impl Shape {
    /// Its samples, one each minute, for so long.
    pub(super) fn steady(self, minutes: usize) -> String {
        match self {
            Rate(rate) => format!("0+{}x{minutes}", step(rate)),
            Level(level) => format!("{level}+0x{minutes}"),
            Then(before, after) => {
                format!("{before}+0x19 {after}+0x{}", minutes.saturating_sub(20))
            }
        }
    }

    /// The same with a counter that starts again after half an hour.
    pub(super) fn restarting(self, minutes: usize) -> String {
        match self {
            Rate(rate) => format!("0+{0}x30 0+{0}x{1}", step(rate), minutes.saturating_sub(31)),
            other => other.steady(minutes),
        }
    }

    pub(super) const fn is_counter(self) -> bool {
        matches!(self, Rate(_))
    }
}

/// What a counter gains in a minute, without the noise of binary fractions.
fn step(rate: f64) -> f64 {
    (rate * 60.0 * 1e6).round() / 1e6
}
