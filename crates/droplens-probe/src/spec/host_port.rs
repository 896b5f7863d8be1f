//! `host`, `host:port`, `[address]:port`: targets that are no URLs.

use std::net::{IpAddr, Ipv6Addr};

/// A host, perhaps with a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The name or the address, without brackets and without a final dot.
    pub host: String,
    /// The port, if one is stated.
    pub port: Option<u16>,
}

/// Why something is no host with or without a port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostPortError {
    /// There is nothing.
    #[error("the target is empty: write a name or an address")]
    Empty,
    /// It is a URL.
    #[error("`{0}` is a URL: write the name or the address alone, or use an http probe")]
    Url(String),
    /// It has no port, and needs one.
    #[error("`{0}` has no port: write it as {0}:443, an IPv6 address as [2001:db8::1]:443")]
    NoPort(String),
    /// The port is no number, or zero.
    #[error("the port of `{0}` is no number from 1 to 65535")]
    Port(String),
    /// The scope of an address is given.
    #[error("`{0}` has a zone (%): choose the device with `interface` instead")]
    Zone(String),
    /// Brackets with something else than an IPv6 address.
    #[error("`{0}` is not of the form [2001:db8::1] or [2001:db8::1]:443")]
    Brackets(String),
    /// Neither a name nor an address.
    #[error("`{0}` is neither a name nor an address")]
    Host(String),
}

impl HostPort {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// If it is none, with what is wrong.
    pub fn parse(text: &str) -> Result<Self, HostPortError> {
        let shown = || text.to_owned();
        if text.is_empty() {
            return Err(HostPortError::Empty);
        }
        if text.contains("://") {
            return Err(HostPortError::Url(shown()));
        }
        if text.contains('%') {
            return Err(HostPortError::Zone(shown()));
        }
        let (host, port) = if let Some(inner) = text.strip_prefix('[') {
            let broken = || HostPortError::Brackets(shown());
            let (address, rest) = inner.split_once(']').ok_or_else(broken)?;
            let address: Ipv6Addr = address.parse().map_err(|_| broken())?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':').ok_or_else(broken)?),
            };
            (address.to_string(), port)
        } else if let Ok(address) = text.parse::<IpAddr>() {
            (address.to_string(), None)
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host.to_owned(), Some(port)),
                None => (shown(), None),
            }
        };
        let port = port.map(|port| number(port).ok_or_else(|| HostPortError::Port(shown())));
        let port = port.transpose()?;
        let host = if host.parse::<IpAddr>().is_ok() {
            host
        } else {
            name(&host).ok_or_else(|| HostPortError::Host(shown()))?
        };
        Ok(Self { host, port })
    }

    /// Reads one that must have a port.
    ///
    /// # Errors
    ///
    /// If it is none or has no port.
    pub fn with_port(text: &str) -> Result<(String, u16), HostPortError> {
        let Self { host, port } = Self::parse(text)?;
        let port = port.ok_or_else(|| HostPortError::NoPort(text.to_owned()))?;
        Ok((host, port))
    }
}

/// Digits only: `parse` alone takes a sign as well.
fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

/// A name as name servers know it: other alphabets become Punycode. Underscores are let through,
/// since hosts inside a site have them.
fn name(text: &str) -> Option<String> {
    let ascii = match url::Host::parse(text).ok()? {
        url::Host::Domain(name) => name,
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => return None,
    };
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fits = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(plain);
    (ascii.len() <= 253 && ascii.split('.').all(fits)).then(|| ascii.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (String, Option<u16>) {
        let HostPort { host, port } = HostPort::parse(text).unwrap();
        (host, port)
    }

    #[test]
    fn names_and_addresses_with_and_without_a_port() {
        for (text, host, port) in [
            ("db.example", "db.example", None),
            ("db.example:5432", "db.example", Some(5432)),
            ("db_1.example.:5432", "db_1.example", Some(5432)),
            ("192.0.2.1", "192.0.2.1", None),
            ("192.0.2.1:53", "192.0.2.1", Some(53)),
            ("fd90:1::2", "fd90:1::2", None),
            ("[FD90:1::2]", "fd90:1::2", None),
            ("[fd90:1::2]:53", "fd90:1::2", Some(53)),
            ("b\u{fc}cher.example:80", "xn--bcher-kva.example", Some(80)),
        ] {
            assert_eq!(read(text), (host.to_owned(), port), "{text}");
        }
        assert_eq!(HostPort::with_port("a:1"), Ok(("a".to_owned(), 1)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("", "is empty"),
            ("https://a.example/", "is a URL"),
            ("a.example:", "is no number from 1"),
            ("a.example:0", "is no number from 1"),
            ("a.example:+5", "is no number from 1"),
            ("a.example:65536", "is no number from 1"),
            ("a.example:5:6", "is no number from 1"),
            ("fe80::1%eth0", "`interface`"),
            ("[192.0.2.1]:53", "is not of the form"),
            ("[::1", "is not of the form"),
            ("[::1]53", "is not of the form"),
            ("a b", "neither a name nor an address"),
            ("a..b", "neither a name nor an address"),
            ("192.0.2.256", "neither a name nor an address"),
            ("a/b", "neither a name nor an address"),
            (":80", "neither a name nor an address"),
        ] {
            let told = HostPort::parse(text).unwrap_err().to_string();
            assert!(told.contains(part), "{text}: {told}");
        }
        let told = HostPort::with_port("a").unwrap_err().to_string();
        assert!(told.contains("has no port: write it as a:443"), "{told}");
    }

    proptest! {
        #[test]
        fn any_text_is_a_host_or_an_error(text in "[a-z0-9.:%@/\\[\\]_\u{e4}+-]{0,30}") {
            if let Ok(read) = HostPort::parse(&text) {
                prop_assert!(!read.host.is_empty());
                prop_assert_eq!(HostPort::parse(&read.host).map(|again| again.host), Ok(read.host));
            }
        }
    }
}
