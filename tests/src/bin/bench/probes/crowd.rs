//! Many addresses that answer.

use std::fmt;

use droplens_tests::lab::{Namespace, veth};

/// A host to probe from, and addresses to probe.
pub(super) struct Crowd {
    pub(super) host: Namespace,
    /// Where the addresses are, if not on the host itself.
    _far: Option<Namespace>,
    count: u32,
}

/// Where the addresses are.
#[derive(Clone, Copy)]
pub(super) enum Over {
    Loopback,
    Veth,
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::Veth => "veth",
        })
    }
}

impl Crowd {
    pub(super) fn new(over: Over, count: u32) -> Self {
        let host = Namespace::new();
        let local = "route add local 10.92.0.0/16 dev lo";
        let far = match over {
            Over::Loopback => {
                host.ip(local);
                None
            }
            Over::Veth => {
                let far = Namespace::new();
                veth(&host, "p0", &far, "p1", 1);
                far.ip(local);
                host.ip("route add 10.92.0.0/16 via 10.9.1.2");
                Some(far)
            }
        };
        host.sysctl("net/ipv4/ping_group_range", "0 0");
        Self {
            host,
            _far: far,
            count,
        }
    }

    pub(super) fn addresses(&self) -> Vec<String> {
        let host = |n: u32| format!("10.92.{}.{}", n / 250, n % 250 + 1);
        (0..self.count).map(host).collect()
    }
}
