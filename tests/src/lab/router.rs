//! A client, a router and a server in a row.

use super::Namespace;
use super::links::cable;

/// Three namespaces joined by veth devices without offloads, which the middle one forwards between,
/// by IPv4 and IPv6. The addresses are known to each other, not the neighbours.
///
/// ```text
/// client c0 ---- rc router rs ---- s0 server
///    10.90.1.1  10.90.1.2  10.90.2.1  10.90.2.2
///    fd90:1::1  fd90:1::2  fd90:2::1  fd90:2::2
/// ```
#[derive(Debug)]
pub struct Router {
    /// With the device [`Router::CLIENT_DEVICE`].
    pub client: Namespace,
    /// With the devices [`Router::TO_CLIENT`] and [`Router::TO_SERVER`].
    pub router: Namespace,
    /// With the device [`Router::SERVER_DEVICE`].
    pub server: Namespace,
}

impl Router {
    /// The client's device.
    pub const CLIENT_DEVICE: &str = "c0";
    /// The router's device towards the client.
    pub const TO_CLIENT: &str = "rc";
    /// The router's device towards the server.
    pub const TO_SERVER: &str = "rs";
    /// The server's device.
    pub const SERVER_DEVICE: &str = "s0";
    /// The client's IPv4 address.
    pub const CLIENT_V4: &str = "10.90.1.1";
    /// The client's IPv6 address.
    pub const CLIENT_V6: &str = "fd90:1::1";
    /// The server's IPv4 address.
    pub const SERVER_V4: &str = "10.90.2.2";
    /// The server's IPv6 address.
    pub const SERVER_V6: &str = "fd90:2::2";

    /// Makes them.
    ///
    /// # Panics
    ///
    /// When they cannot be made: it takes root.
    #[expect(clippy::new_without_default, reason = "it makes namespaces")]
    pub fn new() -> Self {
        let three = Self {
            client: Namespace::new(),
            router: Namespace::new(),
            server: Namespace::new(),
        };
        three.router.sysctl("net/ipv4/ip_forward", "1");
        three.router.sysctl("net/ipv6/conf/all/forwarding", "1");
        let client = (&three.client, Self::CLIENT_DEVICE);
        let server = (&three.server, Self::SERVER_DEVICE);
        cable(client, (&three.router, Self::TO_CLIENT), addresses(1));
        cable((&three.router, Self::TO_SERVER), server, addresses(2));
        three.client.ip("route add default via 10.90.1.2");
        three.client.ip("-6 route add default via fd90:1::2");
        three.server.ip("route add default via 10.90.2.1");
        three.server.ip("-6 route add default via fd90:2::1");
        three
    }
}

/// Gives the devices of a link their addresses, to be used at once: nobody else has them.
fn addresses(net: u8) -> impl Fn(&Namespace, &str, u8) {
    move |side, device, host| {
        for (key, value) in [("accept_dad", "0"), ("router_solicitations", "0")] {
            side.sysctl(&format!("net/ipv6/conf/{device}/{key}"), value);
        }
        side.ip(&format!("addr add 10.90.{net}.{host}/24 dev {device}"));
        side.ip(&format!(
            "addr add fd90:{net}::{host}/64 dev {device} nodad"
        ));
    }
}
