//! Compares a response with what was expected.

use droplens_model::Name;
use droplens_model::sample::probes::FailureReason;
use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, HeaderMap, HeaderName};
use regex::bytes::Regex;

use super::patterns::ready;
use crate::spec::http::header_name;
use crate::spec::{HttpSpec, HttpSpecError};

/// Characters of a header that a sentence shows.
const SHOWN: usize = 120;

/// What is expected.
#[derive(Debug)]
pub(super) struct Expectations {
    statuses: Vec<u16>,
    body: Vec<Regex>,
    not_body: Vec<Regex>,
    headers: Vec<(HeaderName, Regex)>,
}

impl Expectations {
    pub(super) fn of(spec: &HttpSpec) -> Result<Self, HttpSpecError> {
        let all = |patterns: &[Name]| patterns.iter().map(ready).collect::<Result<Vec<_>, _>>();
        let header = |(name, pattern): &(Name, Name)| Ok((header_name(name)?, ready(pattern)?));
        let headers: Result<Vec<_>, HttpSpecError> =
            spec.expect_headers.iter().map(header).collect();
        Ok(Self {
            statuses: spec.expect_status.clone(),
            body: all(&spec.expect_body)?,
            not_body: all(&spec.refuse_body)?,
            headers: headers?,
        })
    }

    /// Whether the body is looked at.
    pub(super) fn need_body(&self) -> bool {
        !(self.body.is_empty() && self.not_body.is_empty())
    }

    /// Whether this very status is expected.
    pub(super) fn names(&self, status: StatusCode) -> bool {
        self.statuses.contains(&status.as_u16())
    }

    /// What is not as expected, if anything is not.
    pub(super) fn judge(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), (FailureReason, String)> {
        self.judge_status(status)
            .map_err(|why| (FailureReason::HttpStatus, why))?;
        self.judge_headers(headers)
            .map_err(|why| (FailureReason::HttpHeader, why))?;
        self.judge_body(headers, body)
            .map_err(|why| (FailureReason::HttpBody, why))
    }

    fn judge_status(&self, status: StatusCode) -> Result<(), String> {
        let right = if self.statuses.is_empty() {
            status.is_success()
        } else {
            self.names(status)
        };
        if right {
            return Ok(());
        }
        let expected = if self.statuses.is_empty() {
            "200 to 299".to_owned()
        } else {
            let all: Vec<String> = self.statuses.iter().map(ToString::to_string).collect();
            all.join(" or ")
        };
        Err(format!("the server answers {status} instead of {expected}"))
    }

    fn judge_headers(&self, headers: &HeaderMap) -> Result<(), String> {
        for (name, pattern) in &self.headers {
            let values = headers.get_all(name);
            if values
                .iter()
                .any(|value| pattern.is_match(value.as_bytes()))
            {
                continue;
            }
            return Err(match values.iter().next() {
                None => format!("the response has no header `{name}`"),
                Some(value) => {
                    let value = String::from_utf8_lossy(value.as_bytes());
                    let value: String = value.chars().take(SHOWN).collect();
                    format!("the header `{name}` is `{value}`, which `{pattern}` does not match")
                }
            });
        }
        Ok(())
    }

    fn judge_body(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
        let missing = self.body.iter().find(|pattern| !pattern.is_match(body));
        let unwanted = self.not_body.iter().find(|pattern| pattern.is_match(body));
        let why = match (missing, unwanted) {
            (Some(pattern), _) => format!("nothing in the body matches `{pattern}`"),
            (None, Some(pattern)) => format!("the body matches `{pattern}`, which it must not"),
            (None, None) => return Ok(()),
        };
        Err(
            match headers.get(CONTENT_ENCODING).map(|coding| coding.to_str()) {
                Some(Ok(coding)) if !coding.eq_ignore_ascii_case("identity") => {
                    format!(
                        "{why}; it is compressed ({coding}), though the request asks for plain content"
                    )
                }
                _ => why,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn judged(
        change: impl FnOnce(&mut HttpSpec),
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &[u8],
    ) -> Option<(FailureReason, String)> {
        let mut spec = HttpSpec::for_url("http://a.example/").unwrap();
        change(&mut spec);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let expectations = Expectations::of(&spec).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        expectations.judge(status, &map, body).err()
    }

    #[test]
    fn without_a_list_any_success_will_do() {
        for (status, right) in [
            (200, true),
            (204, true),
            (299, true),
            (199, false),
            (301, false),
            (503, false),
        ] {
            assert_eq!(
                judged(|_| (), status, &[], b"").is_none(),
                right,
                "{status}"
            );
        }
        let (reason, why) = judged(|_| (), 503, &[], b"").unwrap();
        assert_eq!(reason, FailureReason::HttpStatus);
        assert_eq!(
            why,
            "the server answers 503 Service Unavailable instead of 200 to 299"
        );
        let listed = |spec: &mut HttpSpec| spec.expect_status = vec![301, 404];
        assert_eq!(judged(listed, 404, &[], b""), None);
        assert!(
            judged(listed, 200, &[], b"")
                .unwrap()
                .1
                .ends_with("instead of 301 or 404")
        );
    }

    #[test]
    fn every_expression_counts() {
        let both = |spec: &mut HttpSpec| {
            spec.expect_body = vec!["^ok".into(), "[0-9]+$".into()];
            spec.refuse_body = vec!["(?i)error".into()];
        };
        assert_eq!(judged(both, 200, &[], b"ok 12"), None);
        assert_eq!(judged(both, 200, &[], b"ok 12\xff34"), None);
        let (reason, why) = judged(both, 200, &[], b"ok").unwrap();
        assert_eq!(
            (reason, &*why),
            (
                FailureReason::HttpBody,
                "nothing in the body matches `[0-9]+$`"
            )
        );
        let why = judged(both, 200, &[("content-encoding", "gzip")], b"ok ERROR 12")
            .unwrap()
            .1;
        assert!(
            why.starts_with("the body matches `(?i)error`") && why.contains("(gzip)"),
            "{why}"
        );
    }

    #[test]
    fn one_of_several_headers_of_a_name_is_enough() {
        let cached =
            |spec: &mut HttpSpec| spec.expect_headers = vec![("X-Cache".into(), "^HIT".into())];
        let two = [("x-cache", "MISS"), ("x-cache", "HIT from a")];
        assert_eq!(judged(cached, 200, &two, b""), None);
        let (reason, why) = judged(cached, 200, &[], b"").unwrap();
        assert_eq!(
            (reason, &*why),
            (
                FailureReason::HttpHeader,
                "the response has no header `x-cache`"
            )
        );
        let why = judged(cached, 200, &two[..1], b"").unwrap().1;
        assert_eq!(
            why,
            "the header `x-cache` is `MISS`, which `^HIT` does not match"
        );
    }
}
