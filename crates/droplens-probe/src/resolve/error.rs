//! Why a name has no addresses now.

use std::net::SocketAddr;
use std::time::Duration;

/// Why a name has no addresses now, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Not a host name.
    #[error("`{host}` is no host name: {why}")]
    BadName {
        /// What was to be resolved.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// The name does not exist (`NXDOMAIN`).
    #[error("there is no host `{host}`")]
    NoSuchName {
        /// What was to be resolved.
        host: String,
    },
    /// The name exists, without an address.
    #[error("`{host}` has no address (neither A nor AAAA)")]
    NoAddress {
        /// What was to be resolved.
        host: String,
    },
    /// A server answers that it cannot or will not say.
    #[error("name server {server} answers {code} for `{host}`")]
    Code {
        /// What was to be resolved.
        host: String,
        /// Which server.
        server: SocketAddr,
        /// The response code, such as `SERVFAIL`.
        code: String,
    },
    /// No server answers.
    #[error("no answer from name server {} for `{host}`", list(.servers))]
    NoAnswer {
        /// What was to be resolved.
        host: String,
        /// The servers that were asked, in order.
        servers: Vec<SocketAddr>,
    },
    /// A server could not be asked.
    #[error("cannot ask name server {server} for `{host}`: {why}")]
    NotAsked {
        /// What was to be resolved.
        host: String,
        /// Which server.
        server: SocketAddr,
        /// The error of this host.
        why: String,
    },
    /// A server answers something that is no answer.
    #[error("name server {server} gives no usable answer for `{host}`: {why}")]
    Malformed {
        /// What was to be resolved.
        host: String,
        /// Which server.
        server: SocketAddr,
        /// What is wrong with it.
        why: String,
    },
    /// Servers and suffixes were tried until the time was over.
    #[error("`{host}` did not resolve within {} s", .after.as_secs())]
    TooSlow {
        /// What was to be resolved.
        host: String,
        /// How long it was tried.
        after: Duration,
    },
    /// The settings of this host could not be taken over.
    #[error("cannot set up name resolution: {0}; check /etc/resolv.conf")]
    Settings(String),
}

impl ResolveError {
    /// The one of two that tells more: a name that exists rather than one that does not, and trouble
    /// rather than either, since with trouble nobody can say that the name does not exist.
    pub(super) fn or_rather(self, other: Option<Self>) -> Self {
        let weight = |error: &Self| match error {
            Self::NoSuchName { .. } => 0,
            Self::NoAddress { .. } => 1,
            _ => 2,
        };
        match other {
            Some(other) if weight(&other) >= weight(&self) => other,
            _ => self,
        }
    }
}

fn list(servers: &[SocketAddr]) -> String {
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    servers.join(" or ")
}
