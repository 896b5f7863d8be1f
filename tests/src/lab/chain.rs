//! Hosts with routers between them, in a row.

use super::Namespace;
use super::links::cable;

/// A client, three routers and a server in a row, joined by veth devices without offloads, by IPv4 and
/// IPv6. Links are numbered by the node on their right. Routers answer every packet with an ICMP error where
/// one is due.
///
/// ```text
/// 0 a1 ------ b1 1 a2 ------ b2 2 a3 ------ b3 3 a4 ------ b4 4
///   10.93.1.1  .2  10.93.2.1  .2  10.93.3.1  .2  10.93.4.1  .2
///   fd93:1::1 ::2  fd93:2::1 ::2  fd93:3::1 ::2  fd93:4::1 ::2
/// ```
#[derive(Debug)]
pub struct Chain {
    /// The client, the routers and the server.
    pub nodes: [Namespace; 5],
}

/// The network of a link: its number in the addresses.
const LINKS: [u8; 4] = [1, 2, 3, 4];

impl Chain {
    /// The server's IPv4 address.
    pub const TARGET_V4: &str = "10.93.4.2";
    /// The server's IPv6 address.
    pub const TARGET_V6: &str = "fd93:4::2";

    /// Makes them.
    ///
    /// # Panics
    ///
    /// When they cannot be made: it takes root.
    #[expect(clippy::new_without_default, reason = "it makes namespaces")]
    pub fn new() -> Self {
        let chain = Self {
            nodes: std::array::from_fn(|_| node()),
        };
        for (pair, link) in chain.nodes.windows(2).zip(LINKS) {
            if let [left, right] = pair {
                let (a, b) = (format!("a{link}"), format!("b{link}"));
                cable((left, &a), (right, &b), addresses(link));
            }
        }
        for (node, place) in chain.nodes.iter().zip(0_u8..) {
            for link in 1..place {
                node.ip(&format!("route add 10.93.{link}.0/24 via 10.93.{place}.1"));
                node.ip(&format!(
                    "-6 route add fd93:{link}::/64 via fd93:{place}::1"
                ));
            }
            if place < 4 {
                let next = place + 1;
                node.ip(&format!("route add default via 10.93.{next}.2"));
                node.ip(&format!("-6 route add default via fd93:{next}::2"));
            }
        }
        chain
    }

    /// The client.
    pub const fn client(&self) -> &Namespace {
        let [client, ..] = &self.nodes;
        client
    }

    /// The server.
    pub const fn server(&self) -> &Namespace {
        let [.., server] = &self.nodes;
        server
    }

    /// The second of three routers.
    pub const fn middle(&self) -> &Namespace {
        let [_, _, middle, ..] = &self.nodes;
        middle
    }

    /// The router before the middle one.
    pub const fn first(&self) -> &Namespace {
        let [_, first, ..] = &self.nodes;
        first
    }

    /// Sets the MTU of a link, at both ends.
    pub fn set_mtu(&self, link: usize, mtu: u32) {
        for (pair, number) in self.nodes.windows(2).zip(1..) {
            if let [left, right] = pair
                && number == link
            {
                left.ip(&format!("link set a{link} mtu {mtu}"));
                right.ip(&format!("link set b{link} mtu {mtu}"));
            }
        }
    }

    /// Another router beside the middle one: 10.93.8.2 and `fd93:8::2` towards the first, 10.93.9.1
    /// and `fd93:9::1` towards the third. Nothing goes that way yet.
    pub fn detour(&self) -> Namespace {
        let detour = node();
        let [_, first, _, third, _] = &self.nodes;
        cable((first, "a8"), (&detour, "b8"), addresses(8));
        cable((&detour, "a9"), (third, "b9"), addresses(9));
        detour.ip("route add default via 10.93.9.2");
        detour.ip("route add 10.93.1.0/24 via 10.93.8.1");
        detour.ip("-6 route add default via fd93:9::2");
        detour.ip("-6 route add fd93:1::/64 via fd93:8::1");
        detour
    }
}

/// A namespace that forwards.
fn node() -> Namespace {
    let node = Namespace::new();
    for (key, value) in [
        ("net/ipv4/ip_forward", "1"),
        ("net/ipv6/conf/all/forwarding", "1"),
        ("net/ipv4/conf/all/rp_filter", "0"),
        ("net/ipv4/conf/default/rp_filter", "0"),
        ("net/ipv4/icmp_ratelimit", "0"),
        ("net/ipv6/icmp/ratelimit", "0"),
    ] {
        node.sysctl(key, value);
    }
    node
}

/// Gives the devices of a link their addresses, to be used at once: nobody else has them.
fn addresses(net: u8) -> impl Fn(&Namespace, &str, u8) {
    move |side, device, host| {
        for (key, value) in [("accept_dad", "0"), ("router_solicitations", "0")] {
            side.sysctl(&format!("net/ipv6/conf/{device}/{key}"), value);
        }
        side.ip(&format!("addr add 10.93.{net}.{host}/24 dev {device}"));
        side.ip(&format!(
            "addr add fd93:{net}::{host}/64 dev {device} nodad"
        ));
    }
}
