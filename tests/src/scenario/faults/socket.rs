//! Sockets and the applications behind them.

mod closing;
mod listener;
mod tcp;
mod udp;

use crate::json;
use crate::lab::Namespace;
use crate::scenario::Scenario;

pub(super) const UDP: &[Scenario] = udp::ALL;
pub(super) const LISTENER: &[Scenario] = listener::ALL;
pub(super) const TCP: &[Scenario] = tcp::ALL;
pub(super) const CLOSING: &[Scenario] = closing::ALL;

/// A counter as the namespace's kernel has it now.
fn counter(namespace: &Namespace, key: &str) -> u64 {
    let all = json::parse(&namespace.sh("nstat -a -z -s -j"));
    json::number(&all, &format!("/kernel/{key}"))
}
