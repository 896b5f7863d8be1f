//! A server that loses packets in several ways at once, as often as one likes.

use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use super::{Namespace, Router, crowd, load};

/// A client, a router and a server in trouble: a UDP socket that nobody reads, a firewall rule that
/// drops, a listener that accepts nobody, and a queue that is too short.
#[derive(Debug)]
pub struct Trouble {
    three: Router,
    asking: UdpSocket,
    answering: UdpSocket,
    _full: UdpSocket,
    _busy: TcpListener,
}

impl Trouble {
    /// Nothing is lost yet.
    ///
    /// # Panics
    ///
    /// When it cannot be set up: it takes root.
    #[expect(clippy::new_without_default, reason = "it makes namespaces")]
    pub fn new() -> Self {
        let three = Router::new();
        let server = &three.server;
        // What the server says to itself must not depend on how many connections the host tracks.
        server.nft(
            "table inet t {
               chain c { type filter hook input priority 0; ct state established accept; udp dport 9002 counter drop comment games; };
               chain p { type filter hook prerouting priority -300; iifname lo notrack; };
               chain o { type filter hook output priority -300; oifname lo notrack; };
             }",
        );
        server.tc("qdisc add dev s0 root tbf rate 1mbit burst 4kb limit 8kb");
        server.sysctl("net/ipv4/tcp_synack_retries", "0");
        Self {
            asking: load::udp(&three.client, "10.90.1.1:0"),
            answering: load::udp(server, "10.90.2.2:0"),
            _full: load::sink(server, "10.90.2.2:9000", 8192),
            _busy: load::listen(server, "10.90.2.2:9001", 1),
            three,
        }
    }

    /// One burst of losses of each kind.
    pub fn burst(&self) {
        load::send(&self.asking, "10.90.2.2:9000", 100, 500);
        load::send(&self.asking, "10.90.2.2:9002", 100, 100);
        load::send(&self.answering, "10.90.1.1:9", 100, 1000);
        crowd::connect(
            &self.three.client,
            "10.90.2.2:9001",
            10,
            Duration::from_millis(200),
        );
    }

    /// Where packets are lost.
    pub const fn server(&self) -> &Namespace {
        &self.three.server
    }

    /// The other end of the path.
    pub const fn client(&self) -> &Namespace {
        &self.three.client
    }

    /// What lies between them.
    pub const fn router(&self) -> &Namespace {
        &self.three.router
    }

    /// The nodes with their names.
    pub const fn nodes(&self) -> [(&'static str, &Namespace); 3] {
        let three = &self.three;
        [
            ("lab-client", &three.client),
            ("lab-router", &three.router),
            ("lab-server", &three.server),
        ]
    }
}
