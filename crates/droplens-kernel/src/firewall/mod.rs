//! Packet filters: nftables, and the older iptables.

mod chains;
mod expression;
mod known;
mod legacy;
mod listing;
#[cfg(test)]
mod live;
mod message;
mod nftables;
mod presence;
mod reach;
mod xtables;

use droplens_model::sample::firewall::{Firewall, Ruleset};
use droplens_model::{Failure, Part, Reason};

use self::legacy::Legacy;
use self::nftables::Nftables;
use self::presence::{Modules, Presence};
use crate::{ReadError, Reader, Root};

/// Reads what can drop in nftables and `ip_tables`.
///
/// No module is ever loaded by asking, and no table made: a packet filter that the kernel does not
/// have is an empty one.
#[derive(Debug)]
pub struct FirewallReader {
    modules: Modules,
    nftables: Nftables,
    legacy: Legacy,
}

impl FirewallReader {
    /// A reader; nothing is opened before the first reading.
    pub fn new(root: &Root) -> Self {
        Self {
            modules: Modules::new(root),
            nftables: Nftables::new(),
            legacy: Legacy::new(root),
        }
    }

    /// The rules of nftables, and whether the list is whole.
    fn nftables(&mut self) -> Result<(Ruleset, bool), ReadError> {
        match self.modules.nf_tables() {
            Presence::Absent => Ok((Ruleset::default(), true)),
            Presence::Unknown => Err(ReadError::WouldLoad {
                module: "nf_tables",
            }),
            Presence::Safe => match self.nftables.read() {
                Err(error) if is_absent(&error) => Ok((Ruleset::default(), true)),
                asked => asked,
            },
        }
    }
}

/// Whether the kernel says that it has no `nf_tables`: no netlink of netfilter at all, or none that
/// takes this kind of message.
fn is_absent(error: &ReadError) -> bool {
    match error {
        ReadError::NetlinkOpen { .. } => error.reason() == Reason::NotSupported,
        ReadError::Netlink { request, .. } => {
            *request == "NFT_MSG_GETGEN" && error.errno() == Some(libc::EINVAL)
        }
        _ => false,
    }
}

impl Reader for FirewallReader {
    type Sample = Firewall;

    fn read(&mut self) -> Result<Firewall, ReadError> {
        let (nftables, legacy) = (self.nftables(), self.legacy.read());
        let steady = |part: &Result<(Ruleset, bool), ReadError>| match part {
            Ok((_, steady)) => *steady,
            Err(_) => true, // a part that is missing says so itself
        };
        let complete = steady(&nftables) && steady(&legacy);
        let legacy = part(legacy);
        let nftables = match nftables {
            // With nothing else to tell, that is the answer.
            Err(error) if legacy.as_ref().map_or(true, is_empty) => return Err(error),
            nftables => part(nftables),
        };
        Ok(Firewall {
            nftables,
            legacy,
            complete,
        })
    }
}

fn part(part: Result<(Ruleset, bool), ReadError>) -> Part<Ruleset> {
    part.map(|(ruleset, _)| ruleset).map_err(explained)
}

fn is_empty(ruleset: &Ruleset) -> bool {
    ruleset.rules.is_empty() && ruleset.chains.is_empty()
}

/// The failure, with what to do where a capability does not help.
fn explained(error: ReadError) -> Failure {
    let is_file = matches!(error, ReadError::File { .. });
    let mut failure = Failure::from(error);
    if is_file && failure.reason == Reason::Permission {
        let only =
            "; the kernel shows the names of its tables to root only, whatever the capabilities";
        failure.detail.push_str(only);
    }
    failure
}
