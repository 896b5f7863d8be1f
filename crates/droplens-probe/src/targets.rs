//! Which addresses of a target are probed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::Name;
use droplens_model::sample::probes::{Limits, TargetState};

use crate::spec::Request;

/// Addresses of one target that are probed at most.
pub const MOST_ADDRESSES: usize = 8;

/// What identifies a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey {
    /// The probe's name: as it is configured, or its kind.
    pub probe: Name,
    /// The target as it was configured: a name, an address or a URL.
    pub target: Name,
}

/// A target and how it is to be probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetWish {
    /// What identifies it.
    pub key: TargetKey,
    /// The host to be resolved: a name or an address.
    pub host: Name,
    /// How it is asked.
    pub request: Arc<Request>,
    /// Time between two probes to an address, on average.
    pub interval: Duration,
    /// Size of a probe with all headers, in bytes.
    pub bytes: u32,
    /// Whether somebody asked for it. Targets found by droplens itself (gateway, resolvers) may
    /// ignore probes by choice.
    pub asked_for: bool,
    /// Labels that the configuration gives it.
    pub labels: Vec<(Name, Name)>,
    /// From when on it is slow, where that is configured.
    pub limits: Limits,
}

/// The addresses to probe out of those a name has: those held already keep their place, new ones
/// fill up in order, and the second number is how many are left out.
pub fn choose(held: &[IpAddr], found: &[IpAddr]) -> (Vec<IpAddr>, u32) {
    let mut all: Vec<IpAddr> = found.iter().map(IpAddr::to_canonical).collect();
    all.sort_unstable();
    all.dedup();
    let (kept, mut new): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|address| held.contains(address));
    let mut chosen: Vec<IpAddr> = held
        .iter()
        .copied()
        .filter(|address| kept.contains(address))
        .collect();
    let room = MOST_ADDRESSES.saturating_sub(chosen.len()).min(new.len());
    let left_out = u32::try_from(new.len() - room).unwrap_or(u32::MAX);
    chosen.extend(new.drain(..room));
    (chosen, left_out)
}

/// How a target stands: `resolves` is whether its name does, `judged` whether any of its addresses
/// has answered or does not have to.
pub const fn state(resolves: bool, judged: bool) -> TargetState {
    match (resolves, judged) {
        (false, _) => TargetState::Unresolved,
        (true, false) => TargetState::Silent,
        (true, true) => TargetState::Resolved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(last: impl IntoIterator<Item = u8>) -> Vec<IpAddr> {
        last.into_iter()
            .map(|last| IpAddr::from([192, 0, 2, last]))
            .collect()
    }

    #[test]
    fn held_addresses_keep_their_place_however_the_answer_is_ordered() {
        let held = addresses([5, 1]);
        let (chosen, left_out) = choose(&held, &addresses([3, 1, 5, 3, 2]));
        assert_eq!((chosen, left_out), (addresses([5, 1, 2, 3]), 0));
        assert_eq!(choose(&held, &addresses([1])).0, addresses([1]));
    }

    #[test]
    fn more_than_eight_are_left_out_but_never_a_held_one() {
        let (chosen, left_out) = choose(&addresses([30]), &addresses(1..=30));
        assert_eq!(chosen.len(), MOST_ADDRESSES);
        assert_eq!(left_out, 22);
        assert_eq!(chosen.first(), addresses([30]).first());
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(choose(&[], &[mapped]).0, addresses([1]));
    }
}
