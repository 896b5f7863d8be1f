//! What Alertmanager told a receiver.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::wait;

/// One alert in one message.
#[derive(Clone, Debug, Deserialize)]
pub struct Notice {
    /// Who was told: the name of the receiver.
    #[serde(skip)]
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The texts and links.
    pub annotations: BTreeMap<String, String>,
}

/// A message as Alertmanager's webhooks have it.
#[derive(Deserialize)]
struct Message {
    receiver: String,
    alerts: Vec<Notice>,
}

impl Notice {
    /// The alerts of a message.
    pub(super) fn all_of(message: &[u8]) -> Result<Vec<Self>, serde_json::Error> {
        let Message { receiver, alerts } = serde_json::from_slice(message)?;
        let told = |notice| Self {
            receiver: receiver.clone(),
            ..notice
        };
        Ok(alerts.into_iter().map(told).collect())
    }

    /// A label, empty if there is none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// Whom it was told, what it is called, how urgent it is, its cause and its instance.
    pub fn told(&self) -> [&str; 5] {
        [
            &self.receiver,
            self.label("alertname"),
            self.label("severity"),
            self.label("cause"),
            self.label("instance"),
        ]
    }
}

/// Everything that was told until now, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Notices(pub Vec<Notice>);

impl Notices {
    /// The newest of those that were told so.
    pub fn newest(&self, told: [&str; 5]) -> Option<&Notice> {
        self.0.iter().rev().find(|notice| notice.told() == told)
    }

    /// Whom was told what, each once.
    pub fn told(&self) -> BTreeSet<[&str; 5]> {
        self.0.iter().map(Notice::told).collect()
    }

    /// Which of these are not in this state, as far as anybody was told; a reason for waiting on.
    ///
    /// # Errors
    ///
    /// When there are any.
    pub fn are(&self, wanted: &[[&str; 5]], status: &str) -> Result<(), String> {
        let missing: Vec<_> = wanted
            .iter()
            .filter(|told| {
                let newest = self.newest(**told);
                newest.is_none_or(|notice| notice.status != status)
            })
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("not {status}: {missing:?}"))
        }
    }
}

/// No alert takes longer in the fast motion of tests.
pub(super) const PATIENCE: std::time::Duration = wait::PATIENCE.saturating_mul(3);
