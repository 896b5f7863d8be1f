//! What to do about a failing answer, in one sentence each.

use droplens_model::sample::probes::{FailureReason, HopVerdict};

use super::evidence::{Host, NameEvidence};
use super::subject::Subject;

pub(super) fn name(name: &NameEvidence) -> String {
    let asked = name.error.as_ref().is_some_and(|error| error.not_asked);
    if asked {
        return "look at `ip route` and at the name servers in /etc/resolv.conf".to_owned();
    }
    if !name.addresses.is_empty() {
        return "leave the family to droplens (no -4, -6 or --source), or choose the other one"
            .to_owned();
    }
    "check the spelling, then ask the name server itself: `dig NAME @SERVER`, with the servers of \
     /etc/resolv.conf"
        .to_owned()
}

pub(super) fn route(host: &Host) -> String {
    format!(
        "look at `ip route get {}` and add the route that is missing",
        host.address
    )
}

pub(super) fn way() -> String {
    "check --source and --interface against `ip address`".to_owned()
}

pub(super) fn permission() -> String {
    "grant CAP_NET_RAW, or let your group into net.ipv4.ping_group_range; or give a port, which needs \
     neither"
        .to_owned()
}

pub(super) fn loss(host: &Host) -> String {
    let lossy = host.path().and_then(|path| {
        let mut hops = path.hops.iter();
        hops.find(|hop| hop.verdict == HopVerdict::Loses)
    });
    let first = match lossy {
        Some(hop) => format!("the path loses from hop {} on", hop.ttl),
        None => "no hop on the way stands out".to_owned(),
    };
    format!("{first}; run `droplens report` here to see whether this host drops them itself")
}

pub(super) fn silence(host: &Host, subject: &Subject) -> String {
    let last = host.path().and_then(|path| {
        let mut hops = path.hops.iter().rev();
        hops.find(|hop| hop.answered > 0)
    });
    let last = last.and_then(|hop| Some((hop.ttl, hop.addresses.first().copied()?)));
    match last {
        Some((ttl, address)) => {
            format!("the last hop that answers is {ttl} ({address}): look behind it")
        }
        None if subject.port.is_none() => format!(
            "many hosts ignore pings: ask a port as well, such as {}",
            with_port(&subject.host)
        ),
        None => format!(
            "nothing answers on the way: is the host up, and does `ip neigh` know it or its router \
             (`ip route get {}`)?",
            host.address
        ),
    }
}

fn with_port(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]:443")
    } else {
        format!("{host}:443")
    }
}

pub(super) fn blackhole(host: &Host, bytes: u32) -> String {
    // The headers of IP and TCP without options.
    let headers = if host.address.is_ipv4() { 40 } else { 60 };
    format!(
        "a router or tunnel on the way drops large packets silently: let ICMP \"too big\" through, or \
         clamp the MSS to {}",
        bytes.saturating_sub(headers)
    )
}

pub(super) fn port(reason: FailureReason, port: u16) -> String {
    match reason {
        FailureReason::ConnectRefused => format!(
            "the host is there but nothing listens: see `ss -ltn sport = :{port}` on it, or a firewall that \
             rejects"
        ),
        FailureReason::ConnectTimeout | FailureReason::Timeout => {
            "a firewall drops it, the listener's queue is full, or the host is down: look at both on the \
             host itself"
                .to_owned()
        }
        FailureReason::NotPermitted | FailureReason::LocalDrop => {
            "look at the output rules of this host (`nft list ruleset`) and at its queues (`tc -s qdisc`)"
                .to_owned()
        }
        FailureReason::NoRoute | FailureReason::Unreachable => {
            "look at `ip neigh` and at the router on the way".to_owned()
        }
        _ => "look at the log of the service, and at firewalls and load balancers before it".to_owned(),
    }
}

pub(super) fn handshake(reason: FailureReason) -> String {
    match reason {
        FailureReason::TlsExpired => "renew the certificate and reload the service".to_owned(),
        FailureReason::TlsNotYetValid => {
            "check the clocks of both hosts, then the dates of the certificate".to_owned()
        }
        FailureReason::TlsWrongName => {
            "ask by a name that the certificate has, or issue one for this name".to_owned()
        }
        FailureReason::TlsUntrusted => {
            "let the server send its whole chain, or give the authority with --ca-file".to_owned()
        }
        _ => "check whether the port speaks TLS at all, and its versions".to_owned(),
    }
}

pub(super) fn no_datagrams() -> String {
    "let UDP port 53 through firewalls on the way, both ways: nearly all questions come by UDP"
        .to_owned()
}

pub(super) fn name_server(reason: FailureReason) -> String {
    match reason {
        FailureReason::DnsTimeout | FailureReason::Timeout => {
            "a firewall drops it, or no name server listens: look at UDP port 53 on the host itself"
                .to_owned()
        }
        FailureReason::DnsServerFailure => {
            "the network is fine: look at the servers that this one asks (forwarders, root), and at its log"
                .to_owned()
        }
        _ => "look at the answer with `dig . NS @SERVER`, and at the server's log".to_owned(),
    }
}

pub(super) fn application(reason: FailureReason) -> String {
    match reason {
        FailureReason::HttpStatus => {
            "the network is fine: look at the log of the application".to_owned()
        }
        FailureReason::HttpTimeout | FailureReason::Timeout => {
            "the connection stands but no answer comes: look at the application's load and at what it waits \
             for"
            .to_owned()
        }
        FailureReason::HttpRedirects => "look at the redirects with `curl -vL`".to_owned(),
        _ => "look at the answer with `curl -v`".to_owned(),
    }
}
