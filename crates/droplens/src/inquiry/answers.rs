//! The five answers.

use std::net::IpAddr;

use serde::Serialize;

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// Do packets get there and back?
    Reachable,
    /// Does the port take connections?
    Port,
    /// Does the name resolve?
    Name,
    /// Does the TLS handshake succeed?
    Handshake,
    /// Does the application do what it is asked?
    Application,
}

/// What is to be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Nobody asked.
    NotAsked,
    /// Yes.
    Ok,
    /// It could not be asked.
    Unknown,
    /// Yes, but packets are lost.
    Loses,
    /// No.
    Fails,
}

impl Verdict {
    /// In a word or two.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::NotAsked => "not asked",
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Loses => "loses",
            Self::Fails => "fails",
        }
    }
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Answer {
    /// The question.
    pub(crate) question: Question,
    /// The worst of all addresses.
    pub(crate) verdict: Verdict,
    /// In a line.
    pub(crate) summary: String,
    /// What to do about it, if anything.
    pub(crate) next: Option<String>,
    /// The answer of each address; empty for the name.
    pub(crate) addresses: Vec<AddressAnswer>,
}

/// The answer of one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AddressAnswer {
    /// The address.
    pub(crate) address: IpAddr,
    /// What is to be said of it.
    pub(crate) verdict: Verdict,
    /// Why.
    pub(crate) text: String,
    /// What to do about it, if anything.
    #[serde(skip)]
    pub(crate) next: Option<String>,
}

/// The worst of the answers. What was not asked is no answer.
pub(crate) fn worst(answers: &[Answer]) -> Verdict {
    let verdicts = answers.iter().map(|answer| answer.verdict);
    verdicts.max().unwrap_or(Verdict::NotAsked)
}
