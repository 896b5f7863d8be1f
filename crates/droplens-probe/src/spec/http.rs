//! HTTP requests.

mod url;

use droplens_model::Name;
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use regex::bytes::{Regex, RegexBuilder};

pub use self::url::{HttpUrl, UrlError};
use super::TlsSpec;

/// Redirects that are followed unless something else is said, as curl's manual proposes and Go does.
const REDIRECTS: u32 = 10;

/// Bytes of a body that are read unless something else is said.
const MOST_BYTES: u64 = 1 << 20;

/// The most memory that a compiled regular expression may take, in bytes.
const PATTERN_MEMORY: usize = 1 << 20;

/// Which version is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/2 if the server agrees to it in the TLS handshake, else HTTP/1.1.
    #[default]
    Any,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS the server is expected to know that (prior knowledge).
    Http2,
}

/// One request on a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSpec {
    /// The URL.
    pub url: Name,
    /// The port of the URL, stated or not.
    pub port: u16,
    /// The handshake, for `https`.
    pub tls: Option<TlsSpec>,
    /// The method.
    pub method: Name,
    /// Headers that are sent besides the usual ones.
    pub headers: Vec<(Name, Name)>,
    /// The body that is sent.
    pub body: Option<Name>,
    /// The version.
    pub version: HttpVersion,
    /// The status codes that are right; empty: 200 to 299.
    pub expect_status: Vec<u16>,
    /// Regular expressions that the body must match.
    pub expect_body: Vec<Name>,
    /// Regular expressions that the body must not match.
    pub refuse_body: Vec<Name>,
    /// Headers that must be there, with a regular expression for the value.
    pub expect_headers: Vec<(Name, Name)>,
    /// How many redirects are followed. A status that is expected is never followed.
    pub redirects: u32,
    /// How many bytes of the body are read at most.
    pub most_bytes: u64,
}

impl HttpSpec {
    /// A plain `GET` of this URL that any status from 200 to 299 satisfies.
    ///
    /// # Errors
    ///
    /// If this is no URL of a web page. The error says what is wrong and what to write instead.
    pub fn for_url(text: &str) -> Result<Self, UrlError> {
        let url = HttpUrl::parse(text)?;
        let tls = url.is_https().then(|| TlsSpec {
            port: url.port(),
            server_name: url.host().into(),
            verify: true,
            authorities: None,
        });
        Ok(Self {
            url: url.as_str().into(),
            port: url.port(),
            tls,
            method: "GET".into(),
            headers: Vec::new(),
            body: None,
            version: HttpVersion::Any,
            expect_status: Vec::new(),
            expect_body: Vec::new(),
            refuse_body: Vec::new(),
            expect_headers: Vec::new(),
            redirects: REDIRECTS,
            most_bytes: MOST_BYTES,
        })
    }

    /// Whether it can be asked at all.
    ///
    /// # Errors
    ///
    /// The first thing in it that cannot be sent or compared.
    pub fn check(&self) -> Result<(), HttpSpecError> {
        HttpUrl::parse(&self.url)?;
        method(&self.method)?;
        for (name, value) in &self.headers {
            header(name, value)?;
        }
        if let Some(status) = self
            .expect_status
            .iter()
            .find(|status| !(100..=999).contains(*status))
        {
            return Err(HttpSpecError::Status(*status));
        }
        for pattern in self.expect_body.iter().chain(&self.refuse_body) {
            compile(pattern)?;
        }
        for (name, pattern) in &self.expect_headers {
            header_name(name)?;
            compile(pattern)?;
        }
        Ok(())
    }
}

/// What of an HTTP probe cannot be sent or compared.
#[derive(Debug, thiserror::Error)]
pub enum HttpSpecError {
    /// The URL.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The method.
    #[error("`{0}` is no HTTP method: write one word such as GET, HEAD or POST")]
    Method(Name),
    /// The name of a header.
    #[error("`{0}` is no name of an HTTP header: letters, digits and hyphens only")]
    HeaderName(Name),
    /// The value of a header.
    #[error(
        "the value of the header `{0}` has characters that cannot be sent, such as a line break"
    )]
    HeaderValue(Name),
    /// A status.
    #[error("{0} is no HTTP status: they are from 100 to 999")]
    Status(u16),
    /// A regular expression.
    #[error("the regular expression `{pattern}` does not work: {why}")]
    Pattern {
        /// As it was written.
        pattern: Name,
        /// What is wrong with it.
        why: regex::Error,
    },
}

/// A method that can be sent.
pub(crate) fn method(text: &Name) -> Result<Method, HttpSpecError> {
    let known = Method::from_bytes(text.as_bytes()).ok();
    // What comes after a CONNECT is no HTTP.
    known
        .filter(|method| method != Method::CONNECT)
        .ok_or_else(|| HttpSpecError::Method(text.clone()))
}

/// A name of a header that can be sent or looked for.
pub(crate) fn header_name(text: &Name) -> Result<HeaderName, HttpSpecError> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| HttpSpecError::HeaderName(text.clone()))
}

/// A header that can be sent.
pub(crate) fn header(
    name: &Name,
    value: &Name,
) -> Result<(HeaderName, HeaderValue), HttpSpecError> {
    let known = header_name(name)?;
    let value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| HttpSpecError::HeaderValue(name.clone()))?;
    Ok((known, value))
}

/// A regular expression, made ready. It takes time proportional to the text it is applied to.
pub(crate) fn compile(pattern: &Name) -> Result<Regex, HttpSpecError> {
    RegexBuilder::new(pattern)
        .size_limit(PATTERN_MEMORY)
        .dfa_size_limit(PATTERN_MEMORY)
        .build()
        .map_err(|why| HttpSpecError::Pattern {
            pattern: pattern.clone(),
            why,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_port_handshake_and_name() {
        let spec = HttpSpec::for_url("https://api.example/health?full=1").unwrap();
        assert_eq!(&*spec.url, "https://api.example/health?full=1");
        assert_eq!(spec.port, 443);
        let tls = spec.tls.clone().unwrap();
        assert_eq!(
            (&*tls.server_name, tls.port, tls.verify),
            ("api.example", 443, true)
        );
        assert_eq!(spec.check().map_err(|error| error.to_string()), Ok(()));

        let spec = HttpSpec::for_url("http://[fd90:1::2]:8080").unwrap();
        assert_eq!((&*spec.url, spec.port), ("http://[fd90:1::2]:8080/", 8080));
        assert_eq!(spec.tls, None);
        let spec = HttpSpec::for_url("https://[fd90:1::2]/").unwrap();
        assert_eq!(&*spec.tls.unwrap().server_name, "fd90:1::2");
    }

    #[test]
    fn what_cannot_be_sent_or_compared_is_named() {
        let good = HttpSpec::for_url("http://a.example/").unwrap();
        let told = |change: fn(&mut HttpSpec)| {
            let mut spec = good.clone();
            change(&mut spec);
            spec.check().unwrap_err().to_string()
        };
        assert!(told(|spec| spec.method = "GE T".into()).contains("`GE T` is no HTTP method"));
        assert!(told(|spec| spec.headers = vec![("a b".into(), "c".into())]).contains("`a b`"));
        assert!(told(|spec| spec.headers = vec![("a".into(), "b\nc".into())]).contains("`a`"));
        assert!(told(|spec| spec.expect_status = vec![200, 20]).contains("20 is no HTTP status"));
        assert!(told(|spec| spec.expect_body = vec!["(".into()]).contains("`(`"));
        assert!(told(|spec| spec.refuse_body = vec!["\\p{Greek}{9999}".into()]).contains("`\\p"));
        assert!(
            told(|spec| spec.expect_headers = vec![("a:".into(), ".".into())]).contains("`a:`")
        );
    }
}
