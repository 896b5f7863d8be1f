//! URLs of web pages. What a browser takes for one is the `url` crate's to say; what it would guess
//! at is refused here, since a probe must not ask another place than the one that was meant.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// Longer ones are refused; servers refuse them as well.
const LONGEST: usize = 8192;

/// A URL of a web page: `http` or `https`, with a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpUrl {
    url: Url,
    host: String,
    port: u16,
}

/// Why something is no URL of a web page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// There is nothing.
    #[error("the URL is empty: write one such as https://www.example/")]
    Empty,
    /// It is too long.
    #[error("the URL has {0} bytes, which is more than {LONGEST}")]
    Long(usize),
    /// It has white space or control characters.
    #[error("the URL `{0}` contains a space, a line break or another control character")]
    Blank(String),
    /// It has no scheme.
    #[error("the URL `{0}` does not begin with http:// or https://")]
    NoScheme(String),
    /// Another protocol.
    #[error("the URL `{url}` begins with {scheme}://, but only http:// and https:// can be probed")]
    Scheme {
        /// The whole.
        url: String,
        /// What it begins with.
        scheme: String,
    },
    /// It has no host.
    #[error("the URL `{0}` names no host after the ://")]
    NoHost(String),
    /// It has a user or a password in it.
    #[error(
        "the URL of `{0}` contains a user name or a password, which would be shown to everybody: \
         send a header `authorization` instead"
    )]
    Credentials(String),
    /// The port is no number, or zero.
    #[error("the port of the URL `{0}` is no number from 1 to 65535")]
    Port(String),
    /// The scope of an address is given.
    #[error("the host of the URL `{0}` has a zone (%): choose the device with `interface` instead")]
    Zone(String),
    /// The host is neither a name nor an address.
    #[error("the host of the URL `{url}` is neither a name nor an address: {why}")]
    Host {
        /// The whole.
        url: String,
        /// What is wrong with it.
        why: String,
    },
}

impl HttpUrl {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// If it is none, with what is wrong.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let shown = || text.to_owned();
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        if text.len() > LONGEST {
            return Err(UrlError::Long(text.len()));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(UrlError::Blank(shown()));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| UrlError::NoScheme(shown()))?;
        if !["http", "https"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
        {
            // What stands before may be part of a path: `www.example/?from=http://a`.
            return Err(
                if scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
                {
                    UrlError::Scheme {
                        url: shown(),
                        scheme: scheme.to_owned(),
                    }
                } else {
                    UrlError::NoScheme(shown())
                },
            );
        }
        // Browsers look for a host further on.
        if rest.is_empty() || rest.starts_with(['/', '\\', '?', '#']) {
            return Err(UrlError::NoHost(shown()));
        }
        let parsed = Url::parse(text).map_err(|why| fault(text, rest, why))?;
        Self::checked(parsed)
    }

    /// Where a `location` header leads that the server at this URL sent.
    ///
    /// # Errors
    ///
    /// If that is no web page.
    pub fn join(&self, location: &str) -> Result<Self, UrlError> {
        if location.len() > LONGEST {
            return Err(UrlError::Long(location.len()));
        }
        let joined = self
            .url
            .join(location)
            .map_err(|why| fault(location, location, why))?;
        Self::checked(joined)
    }

    fn checked(mut url: Url) -> Result<Self, UrlError> {
        let shown = || url.as_str().to_owned();
        if !["http", "https"].contains(&url.scheme()) {
            return Err(UrlError::Scheme {
                scheme: url.scheme().to_owned(),
                url: shown(),
            });
        }
        let host = match url.host() {
            None => return Err(UrlError::NoHost(shown())),
            Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
        };
        if host.is_empty() {
            return Err(UrlError::NoHost(shown()));
        }
        if host.len() > 253
            || host
                .split('.')
                .any(|label| label.is_empty() || label.len() > 63)
        {
            return Err(UrlError::Host {
                url: shown(),
                why: "a part of the name is empty or too long".to_owned(),
            });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials(host));
        }
        let port = url.port_or_known_default().filter(|port| *port > 0);
        let port = port.ok_or_else(|| UrlError::Port(shown()))?;
        // It is not sent.
        url.set_fragment(None);
        Ok(Self { url, host, port })
    }

    /// Whether TLS is spoken.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The name or the address, without brackets and without a final dot.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host, if it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// The port, stated or not.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as a `host` header has them: without the port if it is the usual one.
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// What is asked for: path and query.
    pub fn path_and_query(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    /// Whether both are of one scheme, host and port, so that what is secret to one is known to the
    /// other.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.url.origin() == other.url.origin()
    }

    /// The whole.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn fault(text: &str, rest: &str, why: url::ParseError) -> UrlError {
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let url = text.to_owned();
    match why {
        url::ParseError::EmptyHost => UrlError::NoHost(url),
        url::ParseError::InvalidPort => UrlError::Port(url),
        url::ParseError::InvalidIpv6Address if authority.contains('%') => UrlError::Zone(url),
        why => UrlError::Host {
            url,
            why: why.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> HttpUrl {
        HttpUrl::parse(text).unwrap()
    }

    #[test]
    fn the_parts_are_what_a_request_needs() {
        let page = url("https://www.example:8443/a/b?c=d#e");
        assert_eq!(
            (page.host(), page.port(), page.is_https()),
            ("www.example", 8443, true)
        );
        assert_eq!(page.authority(), "www.example:8443");
        assert_eq!(page.path_and_query(), "/a/b?c=d");
        assert_eq!(url("http://www.example:80").authority(), "www.example");
        assert_eq!(url("http://www.example.").host(), "www.example");
        assert_eq!(
            url("HTTP://B\u{fc}cher.example").host(),
            "xn--bcher-kva.example"
        );
    }

    #[test]
    fn addresses_are_told_from_names() {
        let page = url("http://[FD90:1::2]:8080/x");
        assert_eq!(page.host(), "fd90:1::2");
        assert_eq!(page.address(), Some("fd90:1::2".parse().unwrap()));
        assert_eq!(page.authority(), "[fd90:1::2]:8080");
        assert_eq!(
            url("http://192.0.2.1/").address(),
            Some("192.0.2.1".parse().unwrap())
        );
        assert_eq!(url("http://www.example/").address(), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("", "is empty"),
            ("www.example", "does not begin with http://"),
            (
                "www.example/?to=http://other",
                "does not begin with http://",
            ),
            ("http:www.example", "does not begin with http://"),
            ("ftp://www.example/", "begins with ftp://"),
            ("http://", "names no host"),
            ("http:///www.example", "names no host"),
            ("http://:80/", "names no host"),
            ("http://?a", "names no host"),
            ("http://www.example/a b", "a space"),
            ("http://www.example/\n", "control character"),
            ("http://user:hush@www.example/", "a password"),
            ("http://www.example:0/", "is no number from 1"),
            ("http://www.example:65536/", "is no number from 1"),
            ("http://www.example:http/", "is no number from 1"),
            ("http://[fe80::1%25eth0]/", "`interface`"),
            ("http://[fe80::1/", "neither a name nor an address"),
            ("http://192.0.2.256/", "neither a name nor an address"),
            ("http://a..example/", "neither a name nor an address"),
        ] {
            let told = HttpUrl::parse(text).unwrap_err().to_string();
            assert!(told.contains(part), "{text}: {told}");
            assert!(!told.contains("hush"), "{told}");
        }
        let long = format!("http://a.example/{}", "a".repeat(LONGEST));
        assert!(matches!(HttpUrl::parse(&long), Err(UrlError::Long(_))));
    }

    #[test]
    fn redirects_lead_where_a_browser_would_go() {
        let page = url("https://www.example/a/b?c");
        for (location, whole) in [
            ("/x", "https://www.example/x"),
            ("x?y", "https://www.example/a/x?y"),
            ("//other.example", "https://other.example/"),
            ("http://other.example:8080/z", "http://other.example:8080/z"),
            ("", "https://www.example/a/b?c"),
            ("?d", "https://www.example/a/b?d"),
        ] {
            assert_eq!(page.join(location).unwrap().as_str(), whole, "{location}");
        }
        assert!(page.join("javascript:alert(1)").is_err());
        assert!(page.join("ftp://www.example/").is_err());
        assert!(page.join("http://").is_err());
        assert!(page.same_origin(&url("https://www.example:443/z")));
        assert!(!page.same_origin(&url("http://www.example/a/b?c")));
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_read_again_the_same(text in "https?://[a-z0-9.:%@/?#\\[\\]\u{e4}-]{0,40}") {
            if let Ok(url) = HttpUrl::parse(&text) {
                prop_assert!(url.port() > 0);
                prop_assert!(!url.host().is_empty());
                prop_assert_eq!(HttpUrl::parse(url.as_str()), Ok(url));
            }
        }

        #[test]
        fn any_text_is_a_url_or_an_error(text in any::<String>()) {
            let _ = HttpUrl::parse(&text);
            let _ = url("http://www.example/a").join(&text);
        }

        #[test]
        fn any_location_leads_to_a_web_page_or_nowhere(location in "(http|ftp|//)?:?/{0,3}[ -~]{0,30}") {
            if let Ok(url) = url("https://www.example/a").join(&location) {
                prop_assert!(["http", "https"].contains(&url.url.scheme()));
                prop_assert!(hyper::Uri::try_from(url.path_and_query()).is_ok(), "{}", url);
            }
        }
    }
}
