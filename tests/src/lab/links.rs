//! Links between namespaces.

use super::Namespace;
use crate::wait;

/// Joins two namespaces by a pair of veth devices, `a` with 10.9.`net`.1/24 and `b` with
/// 10.9.`net`.2/24, both up. Offloads are off, so that one packet sent is one packet counted,
/// and IPv6 is off on them, so that nothing but the test speaks.
pub fn veth(left: &Namespace, a: &str, right: &Namespace, b: &str, net: u8) {
    cable((left, a), (right, b), |side, device, host| {
        side.sysctl(&format!("net/ipv6/conf/{device}/disable_ipv6"), "1");
        side.ip(&format!("addr add 10.9.{net}.{host}/24 dev {device}"));
    });
}

/// The same with offloads as they are by default: buffers of many segments pass the link in one.
pub fn veth_offloading(left: &Namespace, a: &str, right: &Namespace, b: &str, net: u8) {
    pair((left, a), (right, b), |side, device, host| {
        side.sysctl(&format!("net/ipv6/conf/{device}/disable_ipv6"), "1");
        side.ip(&format!("addr add 10.9.{net}.{host}/24 dev {device}"));
    });
}

/// Joins two namespaces by a pair of veth devices without offloads. `prepare` is called for each
/// while it is down, with 1 for the first and 2 for the second; then they are brought up.
pub(super) fn cable(
    left: (&Namespace, &str),
    right: (&Namespace, &str),
    prepare: impl Fn(&Namespace, &str, u8),
) {
    pair(left, right, |side, device, host| {
        side.sh(&format!("ethtool -K {device} tso off gso off gro off"));
        prepare(side, device, host);
    });
}

fn pair(
    (left, a): (&Namespace, &str),
    (right, b): (&Namespace, &str),
    prepare: impl Fn(&Namespace, &str, u8),
) {
    left.ip(&format!(
        "link add {a} type veth peer name {b} netns {}",
        right.path()
    ));
    for (side, device, host) in [(left, a, 1), (right, b, 2)] {
        prepare(side, device, host);
        side.ip(&format!("link set {device} up"));
    }
    // Until the kernel has noticed the carrier, what is sent vanishes in a noop qdisc.
    for (side, device) in [(left, a), (right, b)] {
        wait::until("the link is up", || {
            let state = side.ip(&format!("-o link show {device}"));
            if state.contains("state UP") {
                Ok(())
            } else {
                Err(state)
            }
        });
    }
}

/// Makes `count` pairs of veth devices inside one namespace, `{prefix}0a` and `{prefix}0b` and so
/// on, in one run of `ip`.
pub fn veth_many(namespace: &Namespace, prefix: &str, count: usize) {
    use std::fmt::Write;
    let mut batch = String::new();
    for i in 0..count {
        let _ = writeln!(
            batch,
            "link add {prefix}{i}a type veth peer name {prefix}{i}b"
        );
    }
    namespace.ip_batch(&batch);
}
