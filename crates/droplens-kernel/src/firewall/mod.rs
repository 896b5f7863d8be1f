//! Packet filters: nftables, and the older iptables.

mod chains;
mod expression;
mod known;
mod listing;
#[cfg(test)]
mod live;
mod message;
mod nftables;
mod presence;
mod reach;

use droplens_model::Reason;
use droplens_model::sample::firewall::{Firewall, Ruleset};

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
}

impl FirewallReader {
    /// A reader; nothing is opened before the first reading.
    pub fn new(root: &Root) -> Self {
        Self {
            modules: Modules::new(root),
            nftables: Nftables::new(),
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
        let (nftables, complete) = self.nftables()?;
        Ok(Firewall {
            nftables: Ok(nftables),
            legacy: Ok(Ruleset::default()),
            complete,
        })
    }
}
