//! The targets that every host has: its gateways and its name servers.

use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use droplens_kernel::routes::{Gateway, Routes};
use droplens_model::Name;
use droplens_probe::spec::{Ask, DnsSpec, DnsTransport, EchoSpec};

use crate::config::{Planned, unasked};

/// How often the gateways and the name servers are looked up.
pub(super) const LOOKED_UP: Duration = Duration::from_secs(60);

/// Where the name servers stand.
pub(super) const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Name servers that the C library asks (`MAXNS`); it knows no more.
const MOST_RESOLVERS: usize = 3;

/// Gateways that are probed at most: each default route has one, and few hosts have more than two.
const MOST_GATEWAYS: usize = 8;

/// The largest `resolv.conf` that is read, in bytes.
const LARGEST: u64 = 64 << 10;

/// Looks the defaults up. What cannot be looked up stays as it was.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    routes: Routes,
    gateways: Vec<Gateway>,
    resolvers: Vec<Server>,
    told: [bool; 2],
}

/// A name server.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    address: IpAddr,
    zone: Option<Name>,
}

impl Defaults {
    /// The targets as of now. Blocks for as long as the kernel takes.
    pub(super) fn look_up(&mut self, resolv_conf: &Path) -> Vec<Planned> {
        let gateways = self.routes.gateways().map_err(|error| error.to_string());
        keep(
            &mut self.gateways,
            gateways,
            "the default gateways",
            &mut self.told[0],
        );
        let resolvers = read(resolv_conf).map(|text| servers(&text));
        keep(
            &mut self.resolvers,
            resolvers,
            "the name servers",
            &mut self.told[1],
        );
        self.planned()
    }

    fn planned(&self) -> Vec<Planned> {
        let gateways = self.gateways.iter().take(MOST_GATEWAYS).map(|found| {
            let zone = is_link_local(found.address).then(|| found.device.clone());
            gateway(found.address, zone)
        });
        let resolvers = self
            .resolvers
            .iter()
            .map(|server| resolver(server.address, server.zone.clone()));
        gateways.chain(resolvers).collect()
    }
}

/// Takes over what was found; a failure is told once and changes nothing.
fn keep<T>(known: &mut T, found: Result<T, String>, what: &str, told: &mut bool) {
    match found {
        Ok(found) => {
            *known = found;
            *told = false;
        }
        Err(why) => {
            if !std::mem::replace(told, true) {
                tracing::warn!("cannot look up {what}; those known before are kept: {why}");
            }
        }
    }
}

/// A gateway, asked for an echo once a second.
pub(super) fn gateway(address: IpAddr, zone: Option<Name>) -> Planned {
    let ask = Ask::Icmp(EchoSpec::default());
    unasked(
        "gateway",
        address,
        zone,
        ask,
        Duration::from_secs(1),
        Duration::from_secs(1),
    )
}

/// A name server, asked every 30 s.
fn resolver(address: IpAddr, zone: Option<Name>) -> Planned {
    let spec = DnsSpec::any_server(53, DnsTransport::Udp);
    unasked(
        "resolver",
        address,
        zone,
        Ask::Dns(spec),
        Duration::from_secs(30),
        Duration::from_secs(2),
    )
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn read(path: &Path) -> Result<String, String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file.take(LARGEST).read_to_end(&mut bytes),
        // A host without the file has no name servers.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
    .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The name servers of a `resolv.conf` as the C library reads it: the first three, local stubs such as
/// 127.0.0.53 too. What is no address is left out.
fn servers(text: &str) -> Vec<Server> {
    let mut servers: Vec<Server> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let Some(server) = words.next().and_then(server) else {
            continue;
        };
        if servers.len() < MOST_RESOLVERS && !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers
}

fn server(word: &str) -> Option<Server> {
    let (address, zone) = match word.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => (
            IpAddr::V6(address.parse::<Ipv6Addr>().ok()?),
            Some(Name::from(zone)),
        ),
        Some(_) => return None,
        None => (word.parse().ok()?, None),
    };
    // The unspecified address stands for this host, as the C library takes it.
    let address = match address {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other.to_canonical(),
    };
    Some(Server { address, zone })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        let name = |server: Server| {
            resolver(server.address, server.zone)
                .wish
                .key
                .target
                .to_string()
        };
        servers(text).into_iter().map(name).collect()
    }

    #[test]
    fn name_servers_are_read_as_the_c_library_reads_them() {
        let text = "# nameserver 192.0.2.9\nsearch example\nnameserver 127.0.0.53\n\
            nameserver\tfe80::1%eth0 # router\nnameserver 127.0.0.53\nnameserver nonsense\n\
            nameserver 0.0.0.0\nnameserver 192.0.2.4\n";
        assert_eq!(told(text), ["127.0.0.53", "fe80::1%eth0", "127.0.0.1"]);
        assert!(told("").is_empty());
    }

    #[test]
    fn nobody_asked_for_the_defaults_and_they_are_gentle() {
        let found = Defaults {
            gateways: vec![
                Gateway {
                    address: [192, 0, 2, 1].into(),
                    device: "eth0".into(),
                },
                Gateway {
                    address: "fe80::1".parse().unwrap(),
                    device: "eth1".into(),
                },
            ],
            resolvers: servers("nameserver 192.0.2.53\n"),
            ..Defaults::default()
        };
        let wishes: Vec<_> = found
            .planned()
            .into_iter()
            .map(|planned| planned.wish)
            .collect();
        let told: Vec<_> = wishes
            .iter()
            .map(|wish| {
                let device = wish.request.egress.interface.as_deref();
                (
                    &*wish.key.probe,
                    &*wish.host,
                    device,
                    wish.interval.as_secs(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("gateway", "192.0.2.1", None, 1),
                ("gateway", "fe80::1", Some("eth1"), 1),
                ("resolver", "192.0.2.53", None, 30),
            ]
        );
        assert!(wishes.iter().all(|wish| !wish.asked_for));
    }

    #[test]
    fn what_cannot_be_looked_up_stays() {
        let (mut known, mut told) = (vec![1], false);
        keep(&mut known, Err("no".into()), "numbers", &mut told);
        assert_eq!((known.as_slice(), told), (&[1][..], true));
        keep(&mut known, Ok(vec![2]), "numbers", &mut told);
        assert_eq!((known.as_slice(), told), (&[2][..], false));
        let directory = read(Path::new("/"));
        assert!(directory.is_err(), "{directory:?}");
        assert_eq!(
            read(Path::new("/nonexistent/resolv.conf")),
            Ok(String::new())
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(nameserver [ -~]{0,20}\n|[ -~]{0,20}\n){0,5}") {
            prop_assert!(servers(&text).len() <= MOST_RESOLVERS);
        }
    }
}
