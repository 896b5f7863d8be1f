//! Faults that go on until they are told to end, gently enough to run side by side.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::Duration;

use super::hosts::DEVICE;
use crate::lab::softnet::slow_receiver;
use crate::lab::{Namespace, Router, crowd, load, veth};

/// Whether the troubles go on.
#[derive(Debug, Default)]
pub struct Switch(AtomicBool);

impl Switch {
    /// Ends them.
    pub fn off(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Does something again and again, with a pause each time, until it is switched off.
    pub fn until_off<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        pause: Duration,
        mut act: impl FnMut() + Send + 's,
    ) {
        scope.spawn(move || {
            while !self.0.load(Ordering::Relaxed) {
                act();
                std::thread::sleep(pause);
            }
        });
    }
}

const TICK: Duration = Duration::from_millis(100);

/// Two ends of a link; the left one has address 10.9.1.1, the right one 10.9.1.2.
#[derive(Debug)]
pub struct Link {
    /// With the device `v0`.
    pub left: Namespace,
    /// With the device `v1`.
    pub right: Namespace,
}

impl Link {
    /// Makes it.
    #[expect(clippy::new_without_default, reason = "it makes namespaces")]
    pub fn new() -> Self {
        let (left, right) = (Namespace::new(), Namespace::new());
        veth(&left, "v0", &right, "v1", 1);
        Self { left, right }
    }

    /// 200 datagrams a second into a token bucket of the left end that takes a fraction.
    pub fn fill_queue<'s>(&'s self, scope: &'s Scope<'s, '_>, switch: &'s Switch) {
        self.left
            .tc("qdisc add dev v0 root tbf rate 100kbit burst 2000 limit 3000");
        let sender = load::udp(&self.left, "10.9.1.1:0");
        let sink = load::deep_sink(&self.right, "10.9.1.2:9000");
        switch.until_off(scope, TICK, move || {
            load::send(&sender, "10.9.1.2:9000", 20, 1000);
            load::drain(&sink);
        });
    }

    /// 100 datagrams a second for a socket of the right end that nobody reads.
    pub fn fill_receive_buffer<'s>(&'s self, scope: &'s Scope<'s, '_>, switch: &'s Switch) {
        let sink = load::sink(&self.right, "10.9.1.2:9000", 4096);
        let sender = load::udp(&self.left, "10.9.1.1:0");
        switch.until_off(scope, TICK, move || {
            let _open = &sink;
            load::send(&sender, "10.9.1.2:9000", 10, 500);
        });
    }

    /// Connections for a listener of the right end that accepts nobody.
    pub fn fill_accept_queue<'s>(&'s self, scope: &'s Scope<'s, '_>, switch: &'s Switch) {
        self.right.sysctl("net/ipv4/tcp_synack_retries", "0");
        let listener = load::listen(&self.right, "10.9.1.2:9000", 1);
        switch.until_off(scope, TICK, move || {
            let _open = &listener;
            drop(crowd::connect(&self.left, "10.9.1.2:9000", 5, TICK));
        });
    }

    /// The right end goes down and comes back, again and again; it stays up in the end.
    pub fn flap<'s>(&'s self, scope: &'s Scope<'s, '_>, switch: &'s Switch) {
        switch.until_off(scope, 5 * TICK, || {
            self.right.ip("link set v1 down");
            std::thread::sleep(5 * TICK);
            self.right.ip("link set v1 up");
        });
    }

    /// Datagrams and connections that all arrive, a thousand packets a second.
    pub fn be_busy<'s>(&'s self, scope: &'s Scope<'s, '_>, switch: &'s Switch) {
        let sink = load::deep_sink(&self.right, "10.9.1.2:9000");
        let sender = load::udp(&self.left, "10.9.1.1:0");
        switch.until_off(scope, TICK / 2, move || {
            load::send(&sender, "10.9.1.2:9000", 25, 500);
            load::drain(&sink);
        });
        let listener = load::listen(&self.right, "10.9.1.2:9001", 128);
        switch.until_off(scope, TICK, move || {
            let asked = load::connect(&self.left, "10.9.1.2:9001", 10 * TICK);
            let taken = listener.accept();
            drop((asked, taken));
        });
    }

    /// Makes each datagram slow for the right end, and sends too many from the first CPU; the drops
    /// are those of a CPU, which every agent of this machine sees.
    pub fn flood<'s>(&'s self, scope: &'s Scope<'s, '_>, switch: &'s Switch) {
        slow_receiver(&self.right, "v1");
        let sink = load::deep_sink(&self.right, "10.9.1.2:9000");
        let sender = load::udp(&self.left, "10.9.1.1:0");
        let mut pinned = false;
        switch.until_off(scope, 2 * TICK, move || {
            if !std::mem::replace(&mut pinned, true) {
                // On the second CPU the sender would do the receive work in between.
                load::stay_on_cpu(0);
            }
            load::send(&sender, "10.9.1.2:9000", 3000, 64);
            load::drain(&sink);
        });
    }
}

/// Connections that a router tracks, open until dropped.
#[derive(Debug)]
pub struct Tracked {
    _server: TcpListener,
    _open: Vec<TcpStream>,
}

/// Makes a router track so many connections; what monitoring says to it is not tracked, so that
/// a full table does not hide itself.
///
/// # Panics
///
/// When not all connections are made.
pub fn track(three: &Router, connections: usize) -> Tracked {
    three.router.nft(&format!(
        "table inet t {{
           chain c {{ type filter hook forward priority 0; ct state established accept; }};
           chain p {{ type filter hook prerouting priority -300; iifname {{ lo, {DEVICE} }} notrack; }};
           chain o {{ type filter hook output priority -300; oifname {{ lo, {DEVICE} }} notrack; }};
         }}"
    ));
    let server = load::listen(&three.server, "10.90.2.2:9000", 1024);
    let patience = Duration::from_secs(5);
    let crowd = crowd::connect(&three.client, "10.90.2.2:9000", connections, patience);
    assert_eq!(crowd.connected.len(), connections, "connections");
    Tracked {
        _server: server,
        _open: crowd.connected,
    }
}

/// Twenty new flows a second through a router, which it cannot track if its table is full.
pub fn ask_for_more<'s>(three: &'s Router, scope: &'s Scope<'s, '_>, switch: &'s Switch) {
    let sink = load::deep_sink(&three.server, "10.90.2.2:9001");
    let to: SocketAddr = SocketAddr::from(([10, 90, 2, 2], 9001));
    switch.until_off(scope, TICK / 2, move || {
        let asked = three.client.enter(|| {
            let sender = UdpSocket::bind("10.90.1.1:0")?;
            sender.send_to(b"new", to)
        });
        asked.expect("a new flow");
        load::drain(&sink);
    });
}

/// A router that forwards only every other echo request.
pub fn lose_echoes<'s>(router: &'s Namespace, scope: &'s Scope<'s, '_>, switch: &'s Switch) {
    router.nft(
        "table inet lossy {
           chain c { type filter hook forward priority 0; icmp type echo-request numgen random mod 2 == 0 drop; };
         }",
    );
    let healed = Heal(router);
    switch.until_off(scope, TICK, move || {
        let _lossy = &healed;
    });
}

/// Forwards everything again when dropped.
struct Heal<'r>(&'r Namespace);

impl Drop for Heal<'_> {
    fn drop(&mut self) {
        self.0.nft("delete table inet lossy");
    }
}
