//! Whom strangers may have probed.

use std::net::IpAddr;

use serde::Deserialize;

/// Targets that `/probe` may be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Allowed {
    /// This host, or this whole target.
    Exact(String),
    /// Every name under this domain, which begins with a dot here.
    Under(String),
    /// Every address with this many leading bits.
    Network(IpAddr, u8),
}

impl Allowed {
    /// Whether a target with this host is one of them.
    pub(crate) fn holds(&self, target: &str, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::Exact(text) => text == target || text.eq_ignore_ascii_case(host),
            Self::Under(domain) => {
                let start = host.len().checked_sub(domain.len());
                let end = start
                    .filter(|start| *start > 0)
                    .and_then(|at| host.get(at..));
                // An address is under no domain.
                host.parse::<IpAddr>().is_err()
                    && end.is_some_and(|end| end.eq_ignore_ascii_case(domain))
            }
            Self::Network(network, bits) => host
                .parse::<IpAddr>()
                .is_ok_and(|address| same_bits(*network, address.to_canonical(), *bits)),
        }
    }
}

impl TryFrom<String> for Allowed {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = || {
            format!(
                "{text:?} is no target to allow, expected a host, a whole target, \"*.example\" or a network such as \"10.90.0.0/16\""
            )
        };
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(address, width(address)));
        }
        if let Some(domain) = text.strip_prefix('*') {
            let fits = domain.len() > 1 && domain.starts_with('.') && is_plain(domain);
            return fits
                .then(|| Self::Under(domain.trim_end_matches('.').to_owned()))
                .ok_or_else(wrong);
        }
        if !text.contains("://")
            && let Some((address, bits)) = text.split_once('/')
        {
            let network: IpAddr = address.parse().map_err(|_| wrong())?;
            let bits: u8 = bits.parse().map_err(|_| wrong())?;
            if bits > width(network) {
                return Err(wrong());
            }
            return Ok(Self::Network(network, bits));
        }
        if is_plain(&text) {
            Ok(Self::Exact(text))
        } else {
            Err(wrong())
        }
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains('*') && text.bytes().all(|byte| byte.is_ascii_graphic())
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Whether two addresses begin with the same bits.
fn same_bits(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    let rest = 128_u32.saturating_sub(u32::from(bits));
    let start = |address| number(address).checked_shr(rest).unwrap_or(0);
    one.is_ipv4() == other.is_ipv4() && start(one) == start(other)
}
