//! What is sent.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderMap, HeaderValue,
    PROXY_AUTHORIZATION, USER_AGENT,
};
use hyper::{Method, Request, StatusCode, Uri, Version};

use crate::spec::http;
use crate::spec::{HttpSpec, HttpSpecError, HttpUrl};

/// What the probe says it is.
const AGENT: &str = concat!("droplens/", env!("CARGO_PKG_VERSION"));

/// What is asked for, but not where.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Wanted {
    /// As the configuration has it.
    pub(super) fn of(spec: &HttpSpec) -> Result<Self, HttpSpecError> {
        let mut own = HeaderMap::new();
        for (name, value) in &spec.headers {
            let (name, value) = http::header(name, value)?;
            own.append(name, value);
        }
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        // Expectations are of the body as it is.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for name in own.keys() {
            headers.remove(name);
        }
        headers.extend(own);
        Ok(Self {
            method: http::method(&spec.method)?,
            headers,
            body: spec.body.as_deref().unwrap_or_default().to_owned().into(),
        })
    }

    /// As it is asked of the next page after such a redirect (RFC 9110, section 15.4).
    pub(super) fn redirected(&mut self, status: StatusCode) {
        let becomes_get = match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            let of_the_body = |name: &str| name.starts_with("content-");
            let gone: Vec<_> = (self
                .headers
                .keys()
                .filter(|name| of_the_body(name.as_str()))
                .cloned())
            .collect();
            for name in gone {
                self.headers.remove(name);
            }
        }
    }

    /// The next page is another server's: it gets no secrets.
    pub(super) fn forget_secrets(&mut self) {
        for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, HOST] {
            self.headers.remove(name);
        }
    }

    /// The request for a page.
    pub(super) fn request(
        &self,
        url: &HttpUrl,
        version: Version,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut headers = self.headers.clone();
        let host = headers.remove(HOST);
        let authority = url.authority();
        let uri = if version == Version::HTTP_2 {
            let host = host.as_ref().and_then(|host| host.to_str().ok());
            let scheme = if url.is_https() { "https" } else { "http" };
            Uri::builder()
                .scheme(scheme)
                .authority(host.unwrap_or(&authority))
                .path_and_query(url.path_and_query())
                .build()?
        } else {
            let host = host.map_or_else(|| HeaderValue::try_from(authority), Ok)?;
            headers.insert(HOST, host);
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
            Uri::try_from(url.path_and_query())?
        };
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = version;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(url: &str) -> HttpSpec {
        HttpSpec::for_url(url).unwrap()
    }

    fn url(text: &str) -> HttpUrl {
        HttpUrl::parse(text).unwrap()
    }

    #[test]
    fn a_request_says_who_asks_for_what() {
        let page = url("http://[fd90:1::2]:8080/a?b");
        let wanted = Wanted::of(&spec(page.as_str())).unwrap();
        let request = wanted.request(&page, Version::HTTP_11).unwrap();
        assert_eq!(request.uri().to_string(), "/a?b");
        assert_eq!(request.headers()[HOST], "[fd90:1::2]:8080");
        assert_eq!(request.headers()[ACCEPT_ENCODING], "identity");
        assert!(
            request.headers()[USER_AGENT]
                .to_str()
                .unwrap()
                .starts_with("droplens/0.")
        );
        let request = wanted.request(&page, Version::HTTP_2).unwrap();
        assert_eq!(request.uri().to_string(), "http://[fd90:1::2]:8080/a?b");
        assert!(
            !request.headers().contains_key(HOST) && !request.headers().contains_key(CONNECTION)
        );
    }

    #[test]
    fn own_headers_replace_the_usual_ones() {
        let page = url("https://www.example/");
        let mut spec = spec(page.as_str());
        spec.headers = vec![
            ("User-Agent".into(), "a".into()),
            ("host".into(), "other.example".into()),
            ("x".into(), "1".into()),
            ("x".into(), "2".into()),
        ];
        let wanted = Wanted::of(&spec).unwrap();
        let request = wanted.request(&page, Version::HTTP_11).unwrap();
        assert_eq!(request.headers()[USER_AGENT], "a");
        assert_eq!(request.headers()[HOST], "other.example");
        assert_eq!(request.headers().get_all("x").iter().count(), 2);
        let request = wanted.request(&page, Version::HTTP_2).unwrap();
        assert_eq!(request.uri().authority().unwrap(), "other.example");
    }

    #[test]
    fn secrets_and_bodies_do_not_follow_a_redirect_elsewhere() {
        let mut spec = spec("https://www.example/");
        spec.method = "POST".into();
        spec.body = Some("word".into());
        spec.headers = ["authorization", "cookie", "content-type", "x"]
            .map(|name| (name.into(), "1".into()))
            .into();
        let mut wanted = Wanted::of(&spec).unwrap();
        wanted.redirected(StatusCode::TEMPORARY_REDIRECT);
        assert_eq!((&wanted.method, wanted.body.len()), (&Method::POST, 4));
        wanted.redirected(StatusCode::FOUND);
        assert_eq!((&wanted.method, wanted.body.len()), (&Method::GET, 0));
        wanted.forget_secrets();
        let names = ["authorization", "cookie", "content-type", "x"];
        let kept = names.map(|name| wanted.headers.contains_key(name));
        assert_eq!(kept, [false, false, false, true]);
    }
}
