//! The options of the modules: names, meaning and defaults are those of `blackbox_exporter`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::probes::{Codes, DomainName, Payload, RecordType};

/// An address family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Family {
    Ip4,
    #[default]
    Ip6,
}

/// How a TLS session is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) insecure_skip_verify: bool,
    pub(super) ca_file: Option<String>,
    pub(super) server_name: Option<DomainName>,
}

macro_rules! options {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct $name {
            pub(super) preferred_ip_protocol: Family,
            pub(super) ip_protocol_fallback: bool,
            $(pub(super) $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    preferred_ip_protocol: Family::default(),
                    ip_protocol_fallback: true,
                    $($field: $default,)*
                }
            }
        }
    };
}

options! {
    /// Echo requests.
    Icmp {
        payload_size: Payload = Payload(56),
        dont_fragment: bool = false,
    }
}

options! {
    /// TCP connections.
    Tcp {
        tls: bool = false,
        tls_config: Tls = Tls::default(),
    }
}

/// How a question travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Transport {
    #[default]
    Udp,
    Tcp,
}

options! {
    /// Questions to the target.
    Dns {
        query_name: Option<DomainName> = None,
        query_type: Option<RecordType> = None,
        valid_rcodes: Codes = Codes::default(),
        transport_protocol: Transport = Transport::Udp,
        recursion_desired: bool = true,
    }
}

/// A version of HTTP, as Go writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum HttpProtocol {
    #[serde(rename = "HTTP/1.0")]
    OneZero,
    #[serde(rename = "HTTP/1.1")]
    OneOne,
    #[serde(rename = "HTTP/2.0")]
    Two,
}

impl HttpProtocol {
    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneZero => "HTTP/1.0",
            Self::OneOne => "HTTP/1.1",
            Self::Two => "HTTP/2.0",
        }
    }
}

options! {
    /// HTTP requests.
    Http {
        valid_status_codes: Vec<u16> = Vec::new(),
        valid_http_versions: Vec<HttpProtocol> = Vec::new(),
        enable_http2: bool = true,
        method: String = "GET".into(),
        headers: BTreeMap<String, String> = BTreeMap::new(),
        body: Option<String> = None,
        follow_redirects: bool = true,
        fail_if_ssl: bool = false,
        fail_if_not_ssl: bool = false,
        fail_if_body_matches_regexp: Vec<String> = Vec::new(),
        fail_if_body_not_matches_regexp: Vec<String> = Vec::new(),
        tls_config: Tls = Tls::default(),
    }
}
