//! Whom to probe: hosts, hosts with ports, name servers, URLs.

use std::net::IpAddr;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use droplens_model::Name;
use droplens_probe::spec::{HttpSpec, HttpUrl};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

/// Bytes of a domain name at most (RFC 1035, without the final dot).
const LONGEST_NAME: usize = 253;
/// Bytes of a label of it at most.
const LONGEST_LABEL: usize = 63;

/// A place that is probed.
pub(crate) trait Place: FromStr<Err = String> + Clone {
    /// As it was written.
    fn text(&self) -> &Name;
}

/// A place in the configuration, and where it stands. What is wrong with it is kept until the whole is
/// checked: an error on the way would only say in which list it is.
#[derive(Clone, Debug)]
pub(crate) struct Given<T> {
    pub(crate) at: Range<usize>,
    pub(crate) place: Result<T, String>,
}

/// Wherever they stand.
impl<T: PartialEq> PartialEq for Given<T> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl<'de, T: Place> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self {
            at: text.span(),
            place: text.get_ref().parse(),
        })
    }
}

/// A place that is read from text and keeps it.
macro_rules! place {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* } $read:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(try_from = "String")]
        pub(crate) struct $name {
            text: Name,
            $($(#[$field_doc])* pub(crate) $field: $type,)*
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let read: fn(&str) -> Result<($($type,)*), String> = $read;
                let ($($field,)*) = read(text)?;
                Ok(Self { text: text.into(), $($field,)* })
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl Place for $name {
            fn text(&self) -> &Name {
                &self.text
            }
        }
    };
}

/// A name or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// What is to be resolved.
    pub(crate) name: Name,
    /// The device of a link-local address (`fe80::1%eth0`).
    pub(crate) zone: Option<Name>,
}

place! {
    /// A host.
    HostOnly {
        host: Host,
    }
    |text| match host_and_port(text)? {
        (host, None) => Ok((host,)),
        (_, Some(_)) => Err(format!("{text:?} has a port, expected a name or an address alone")),
    }
}

place! {
    /// A host and a port.
    HostPort {
        host: Host,
        port: u16,
    }
    |text| match host_and_port(text)? {
        (host, Some(port)) => Ok((host, port)),
        (_, None) => Err(format!(
            "{text:?} has no port, expected a host and a port such as \"db.example:5432\" or \"[2001:db8::1]:22\""
        )),
    }
}

place! {
    /// A host that speaks TLS; port 443 unless another one is given.
    TlsServer {
        host: Host,
        port: u16,
    }
    |text| host_and_port(text).map(|(host, port)| (host, port.unwrap_or(443)))
}

place! {
    /// A name server; port 53 unless another one is given.
    NameServer {
        host: Host,
        port: u16,
    }
    |text| host_and_port(text).map(|(host, port)| (host, port.unwrap_or(53)))
}

place! {
    /// A web page.
    Url {
        /// The host in it, without brackets.
        host: Name,
        /// A plain request of it.
        spec: HttpSpec,
    }
    |text| {
        let url = HttpUrl::parse(text).map_err(|error| error.to_string())?;
        let spec = HttpSpec::for_url(text).map_err(|error| error.to_string())?;
        one_host(url.address())?;
        Ok((url.host().into(), spec))
    }
}

fn host_and_port(text: &str) -> Result<(Host, Option<u16>), String> {
    let (plain, zone) = without_zone(text);
    let read = droplens_probe::spec::HostPort::parse(&plain).map_err(|error| error.to_string())?;
    let address: Option<IpAddr> = read.host.parse().ok();
    one_host(address)?;
    let host = Host {
        name: read.host.into(),
        zone,
    };
    Ok((host, read.port))
}

/// Takes out the zone of a link-local address: `fe80::1%eth0`, `[fe80::1%eth0]:53`.
fn without_zone(text: &str) -> (String, Option<Name>) {
    let Some((before, after)) = text.split_once('%') else {
        return (text.to_owned(), None);
    };
    let (zone, rest) = after.split_at(after.find(']').unwrap_or(after.len()));
    let address = before.strip_prefix('[').unwrap_or(before);
    match address.parse() {
        Ok(IpAddr::V6(address)) if address.is_unicast_link_local() && !zone.is_empty() => {
            (format!("{before}{rest}"), Some(zone.into()))
        }
        _ => (text.to_owned(), None),
    }
}

/// Refuses addresses that are not those of one host.
fn one_host(address: Option<IpAddr>) -> Result<(), String> {
    match address {
        Some(address) if address.is_unspecified() => Err(format!(
            "{address} is nobody's address, expected that of a host"
        )),
        Some(address) if address.is_multicast() || address == IpAddr::from([255; 4]) => Err(
            format!("{address} is the address of many hosts, expected that of one"),
        ),
        _ => Ok(()),
    }
}

/// A domain name; "." is the root.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct DomainName(pub(crate) Name);

impl TryFrom<String> for DomainName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let name = text.strip_suffix('.').unwrap_or(&text);
        let fits = |label: &str| (1..=LONGEST_LABEL).contains(&label.len());
        let printable = name.bytes().all(|byte| byte.is_ascii_graphic());
        if text == "." || (printable && name.len() <= LONGEST_NAME && name.split('.').all(fits)) {
            return Ok(Self(Arc::from(text)));
        }
        Err(format!(
            "{text:?} is no domain name, expected one such as \"www.example\" or \".\" for the root"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_and_addresses() {
        for (text, name, zone) in [
            ("gw.example", "gw.example", None),
            ("10.90.1.2", "10.90.1.2", None),
            ("fd90:1::2", "fd90:1::2", None),
            ("[fd90:1::2]", "fd90:1::2", None),
            ("fe80::1%eth0", "fe80::1", Some("eth0")),
        ] {
            let parsed: HostOnly = text.parse().unwrap();
            let host = &parsed.host;
            assert_eq!((&*host.name, host.zone.as_deref()), (name, zone));
            assert_eq!(&**parsed.text(), text);
        }
        let server: NameServer = "[fe80::1%eth0]:5353".parse().unwrap();
        assert_eq!(
            (server.host.zone.as_deref(), server.port),
            (Some("eth0"), 5353)
        );
    }

    #[test]
    fn ports_are_demanded_refused_or_usual() {
        assert_eq!("[fd00::1]:22".parse::<HostPort>().unwrap().port, 22);
        assert_eq!("fd00::1".parse::<NameServer>().unwrap().port, 53);
        assert_eq!("mail.example:993".parse::<TlsServer>().unwrap().port, 993);
        assert_eq!("mail.example".parse::<TlsServer>().unwrap().port, 443);
        let error = "db.example".parse::<HostPort>().unwrap_err();
        assert!(error.contains("no port") && error.contains("db.example:5432"));
        let error = "gw.example:7".parse::<HostOnly>().unwrap_err();
        assert!(error.contains("has a port"), "{error}");
    }

    #[test]
    fn what_is_no_host_is_told_why() {
        for (text, told) in [
            ("", "empty"),
            ("gw example", "neither a name nor an address"),
            ("10.0.0.256", "neither a name nor an address"),
            ("10.0.0.1%eth0", "zone"),
            ("fd00::1%eth0", "zone"),
            ("fe80::1%", "zone"),
            ("0.0.0.0", "nobody's"),
            ("ff02::1", "many hosts"),
            ("255.255.255.255", "many hosts"),
        ] {
            let error = text.parse::<HostOnly>().unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        let error = "http://0.0.0.0/".parse::<Url>().unwrap_err();
        assert!(error.contains("nobody's"), "{error}");
    }
}
