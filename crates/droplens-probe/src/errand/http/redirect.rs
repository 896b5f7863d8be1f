//! Where servers send a probe on to, and when that is enough.

use std::net::IpAddr;

use droplens_model::sample::probes::{FailureReason, Phase};
use hyper::header::{HeaderMap, HeaderValue, LOCATION};
use hyper::{Method, StatusCode};

use crate::errand::deadline::Deadline;
use crate::errand::trouble::Trouble;
use crate::errand::{Report, Task};
use crate::resolve::Resolver;
use crate::spec::HttpUrl;
use crate::sys::clock::monotonic;

/// Redirects that are followed at most, whatever is configured: so many pages are remembered.
const MOST: u32 = 50;

/// Characters of a `location` that a sentence shows.
const SHOWN: usize = 200;

/// The pages on the way.
#[derive(Debug)]
pub(super) struct Trail {
    pages: Vec<(Method, HttpUrl)>,
    here: HttpUrl,
    most: u32,
}

/// Whether such a response sends on to another page.
pub(super) fn location(status: StatusCode, headers: &HeaderMap) -> Option<&HeaderValue> {
    match status {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => headers.get(LOCATION),
        _ => None,
    }
}

impl Trail {
    pub(super) fn new(start: HttpUrl, method: Method, most: u32) -> Self {
        Self {
            pages: vec![(method, start.clone())],
            here: start,
            most: most.min(MOST),
        }
    }

    /// The page that is asked for.
    pub(super) const fn here(&self) -> &HttpUrl {
        &self.here
    }

    /// Redirects that were followed.
    pub(super) fn followed(&self) -> u32 {
        u32::try_from(self.pages.len() - 1).unwrap_or(MOST)
    }

    /// Goes on to the next page.
    pub(super) fn follow(
        &mut self,
        location: &HeaderValue,
        method: &Method,
    ) -> Result<(), Trouble> {
        let text = String::from_utf8_lossy(location.as_bytes());
        let next = self.here.join(&text).map_err(|why| {
            let text: String = text.chars().take(SHOWN).collect();
            lost(format!("{} redirects to `{text}`: {why}", self.here))
        })?;
        if self
            .pages
            .iter()
            .any(|(known, url)| known == method && *url == next)
        {
            return Err(lost(format!(
                "{} redirects in a loop, back to {next}",
                self.here
            )));
        }
        if self.followed() >= self.most {
            let most = self.most;
            return Err(lost(format!(
                "more than {most} redirects, the last one to {next}"
            )));
        }
        self.pages.push((method.clone(), next.clone()));
        self.here = next;
        Ok(())
    }
}

/// The address of a page that the probe was redirected to: the one that is probed if the host is the
/// same.
pub(super) async fn locate(
    task: &Task,
    first: &HttpUrl,
    next: &HttpUrl,
    resolver: &Resolver,
    deadline: &Deadline,
    report: &mut Report,
) -> Result<IpAddr, Trouble> {
    if next.host() == first.host() {
        return Ok(task.address);
    }
    if let Some(address) = next.address() {
        return Ok(address);
    }
    let host = next.host();
    let begun = monotonic();
    let found = async {
        let found = resolver.lookup(host).await;
        found.map_err(|why| lost(format!("redirected to {next}, but {why}")))
    };
    let late = || {
        let text = format!("redirected to {next}, but its name does not resolve in time");
        Trouble::unheard(FailureReason::HttpTimeout, text)
    };
    let found = deadline.keep(found, late).await?;
    report.spend(Phase::Resolve, monotonic().since(begun));
    let same = |address: &&IpAddr| address.is_ipv4() == task.address.is_ipv4();
    let source = task.egress().source;
    let chosen = found.addresses.iter().find(same);
    let chosen = chosen.or_else(|| found.addresses.first().filter(|_| source.is_none()));
    chosen.copied().ok_or_else(|| {
        lost(format!(
            "redirected to {next}, which has no address of the source address's family"
        ))
    })
}

fn lost(why: String) -> Trouble {
    Trouble::heard(FailureReason::HttpRedirects, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(most: u32) -> Trail {
        Trail::new(
            HttpUrl::parse("http://a.example/0").unwrap(),
            Method::GET,
            most,
        )
    }

    fn follow(trail: &mut Trail, location: &str) -> Result<(), String> {
        let location = HeaderValue::from_bytes(location.as_bytes()).unwrap();
        trail.follow(&location, &Method::GET).map_err(|trouble| {
            assert_eq!(trouble.failure.0, FailureReason::HttpRedirects);
            trouble.failure.1
        })
    }

    #[test]
    fn loops_end_at_once_and_long_ways_at_the_limit() {
        let mut pages = trail(3);
        for page in ["/1", "/2"] {
            follow(&mut pages, page).unwrap();
        }
        let told = follow(&mut pages, "http://a.example/0").unwrap_err();
        assert_eq!(
            told,
            "http://a.example/2 redirects in a loop, back to http://a.example/0"
        );
        follow(&mut pages, "/3").unwrap();
        assert_eq!(pages.followed(), 3);
        let told = follow(&mut pages, "/4").unwrap_err();
        assert_eq!(
            told,
            "more than 3 redirects, the last one to http://a.example/4"
        );
        let mut endless = trail(u32::MAX);
        let ended = (1..=2 * MOST).find(|page| follow(&mut endless, &format!("/{page}")).is_err());
        assert_eq!(ended, Some(MOST + 1));
    }

    #[test]
    fn a_redirect_to_nowhere_says_where() {
        let told = follow(&mut trail(3), "ftp://a.example/").unwrap_err();
        assert!(
            told.starts_with("http://a.example/0 redirects to `ftp://a.example/`: "),
            "{told}"
        );
        let told = follow(&mut trail(3), "http://\u{e4}\u{ff}:0/").unwrap_err();
        assert!(told.contains("no number from 1"), "{told}");
    }
}
