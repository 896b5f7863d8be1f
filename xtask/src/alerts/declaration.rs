//! What an alert is.

use droplens_model::Cause;

use super::proof::Proof;

/// One alert.
pub(super) struct Alert {
    pub(super) name: &'static str,
    pub(super) subject: Subject,
    pub(super) severity: Severity,
    /// The expression; `$name` stands for the bound of that name.
    pub(super) expr: String,
    /// The numbers that a site may want to change.
    pub(super) bounds: Vec<Bound>,
    /// How long it must hold before it fires.
    pub(super) hold: &'static str,
    /// How long it goes on firing afterwards.
    pub(super) keep: &'static str,
    /// One line, the same as long as it fires.
    pub(super) summary: String,
    /// What is so, with the number that says so.
    pub(super) description: String,
    /// Why somebody is told, and why so urgently.
    pub(super) why: &'static str,
    /// How its unit test makes it fire.
    pub(super) proof: Proof,
}

impl Alert {
    /// The expression with its bounds, which are series of their own.
    pub(super) fn bounded(&self) -> String {
        // The longest first: one name may begin with another.
        let mut bounds: Vec<_> = self.bounds.iter().collect();
        bounds.sort_by_key(|bound| std::cmp::Reverse(bound.name.len()));
        bounds.iter().fold(self.expr.clone(), |expr, bound| {
            let series = format!(
                "scalar({THRESHOLD}{{alert=\"{}\",bound=\"{}\"}})",
                self.name, bound.name
            );
            expr.replace(&format!("${}", bound.name), &series)
        })
    }

    /// With another duration before it fires.
    pub(super) fn hold(mut self, hold: &'static str) -> Self {
        self.hold = hold;
        self
    }

    /// With another duration for which it goes on firing.
    pub(super) fn keep(mut self, keep: &'static str) -> Self {
        self.keep = keep;
        self
    }

    /// So urgent that somebody is called.
    pub(super) fn page(mut self) -> Self {
        self.severity = Severity::Critical;
        self
    }

    /// Not worth a ticket, but a line in a digest.
    pub(super) fn remark(mut self) -> Self {
        self.severity = Severity::Info;
        self
    }

    /// Where somebody reads what to do, below `docs`.
    pub(super) fn runbook(&self) -> String {
        match self.subject {
            Subject::Cause(cause) => format!("runbook/{cause}.md"),
            Subject::Agent(_) | Subject::Blind => {
                format!("alerts.md#{}", self.name.to_ascii_lowercase())
            }
        }
    }
}

/// A rate in a text: `humanize` alone would write 0.2 as `200m`.
pub(super) const RATE: &str =
    r#"{{ if lt $value 1.0 }}{{ printf "%.2g" $value }}{{ else }}{{ humanize $value }}{{ end }}"#;

/// The recorded series that holds the bounds.
pub(super) const THRESHOLD: &str = "alert:droplens_threshold:value";

/// A number beyond which an alert speaks.
pub(super) struct Bound {
    /// As in the placeholder and in the label.
    pub(super) name: &'static str,
    pub(super) value: f64,
    /// The number for people, such as `80 % of the table`.
    pub(super) told: String,
}

impl Bound {
    /// What is beyond it.
    pub(super) fn words(&self) -> String {
        if self.value > 0.0 {
            format!("more than {}", self.told)
        } else {
            self.told.clone()
        }
    }
}

/// A bound.
pub(super) fn bound(name: &'static str, value: f64, told: impl Into<String>) -> Bound {
    Bound {
        name,
        value,
        told: told.into(),
    }
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A way to lose packets.
    Cause(Cause),
    /// droplens itself, with what is wrong.
    Agent(&'static str),
    /// A domain that droplens cannot see any more, which its series names.
    Blind,
}

impl Subject {
    /// The label `cause`.
    pub(super) const fn cause(self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.id(),
            Self::Agent(what) => what,
            Self::Blind => "agent_blind",
        }
    }

    /// The label `domain`.
    pub(super) const fn domain(self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.domain().id(),
            Self::Agent(_) => "agent",
            Self::Blind => "{{ $labels.domain }}",
        }
    }
}

/// How urgent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// Somebody is called.
    Critical,
    /// Somebody looks at it in working hours.
    Warning,
    /// Nobody is told.
    Info,
}

impl Severity {
    /// The label `severity`.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    /// The word for people.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Critical => "page",
            Self::Warning => "ticket",
            Self::Info => "note",
        }
    }
}
