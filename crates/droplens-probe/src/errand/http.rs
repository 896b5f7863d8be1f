//! Makes one HTTP request, and follows where the server sends it.

mod exchange;
mod expect;
mod fault;
mod patterns;
mod redirect;
mod request;

use std::net::IpAddr;

use droplens_model::Moment;
use droplens_model::sample::probes::{FailureReason, HttpDetails};
use hyper::header::HeaderMap;
use hyper::{StatusCode, Version};

use super::deadline::Deadline;
use super::trouble::Trouble;
use super::{Ending, Report, Task, connection, tls};
use crate::resolve::Resolver;
use crate::spec::{HttpSpec, HttpSpecError, HttpUrl, HttpVersion, TlsSpec};
use crate::sys::clock::monotonic;
use exchange::{Answer, Limits, exchange};
use expect::Expectations;
use redirect::Trail;
use request::Wanted;

pub(super) async fn run(task: &Task, spec: &HttpSpec, resolver: &Resolver) -> Report {
    let mut report = Report::new(monotonic());
    let visited = match Visit::new(task, spec, resolver) {
        Ok(visit) => Box::pin(visit.go(&mut report)).await,
        // The configuration refuses such a probe.
        Err(why) => Err(Trouble::heard(FailureReason::Other, why.to_string())),
    };
    match visited {
        Ok(at) => report.ending = Ending::Answered(at),
        Err(trouble) => trouble.note(&mut report),
    }
    report
}

/// What does not change from page to page.
struct Visit<'a> {
    task: &'a Task,
    spec: &'a HttpSpec,
    resolver: &'a Resolver,
    deadline: Deadline,
    expectations: Expectations,
    first: HttpUrl,
    limits: Limits,
}

impl<'a> Visit<'a> {
    fn new(
        task: &'a Task,
        spec: &'a HttpSpec,
        resolver: &'a Resolver,
    ) -> Result<Self, HttpSpecError> {
        let expectations = Expectations::of(spec)?;
        Ok(Self {
            task,
            spec,
            resolver,
            deadline: Deadline::of(task),
            first: HttpUrl::parse(&spec.url)?,
            limits: Limits {
                body: spec.most_bytes,
                keep: expectations.need_body(),
            },
            expectations,
        })
    }

    /// Goes from page to page until one does not send it on, and judges that one. Tells when its
    /// response was complete.
    async fn go(&self, report: &mut Report) -> Result<Moment, Trouble> {
        let mut wanted = Wanted::of(self.spec)
            .map_err(|why| Trouble::heard(FailureReason::Other, why.to_string()))?;
        let mut trail = Trail::new(
            self.first.clone(),
            wanted.method.clone(),
            self.spec.redirects,
        );
        let mut address = self.task.address;
        loop {
            let here = trail.here().clone();
            let answer = Box::pin(self.ask(address, &trail, &wanted, report)).await?;
            if self.is_last(answer.status, &answer.headers) {
                let judged = self
                    .expectations
                    .judge(answer.status, &answer.headers, &answer.body);
                let at = answer.at;
                return judged.map(|()| at).map_err(|failure| Trouble {
                    ending: Ending::Answered(at),
                    failure,
                });
            }
            wanted.redirected(answer.status);
            if let Some(location) = redirect::location(answer.status, &answer.headers) {
                trail.follow(location, &wanted.method)?;
            }
            let next = trail.here();
            if !next.same_origin(&here) {
                wanted.forget_secrets();
            }
            let (task, first) = (self.task, &self.first);
            address =
                redirect::locate(task, first, next, self.resolver, &self.deadline, report).await?;
        }
    }

    /// Whether a response is judged, and not followed.
    fn is_last(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        self.spec.redirects == 0
            || self.expectations.names(status)
            || redirect::location(status, headers).is_none()
    }

    /// Asks for one page, on a connection of its own.
    async fn ask(
        &self,
        address: IpAddr,
        trail: &Trail,
        wanted: &Wanted,
        report: &mut Report,
    ) -> Result<Answer, Trouble> {
        let (deadline, url) = (&self.deadline, trail.here());
        let stream = connection::open(self.task, address, url.port(), deadline, report).await?;
        report.details.http = Some(HttpDetails {
            redirects: trail.followed(),
            url: Some(url.to_string()),
            ..HttpDetails::default()
        });
        let is_last = |status: StatusCode, headers: &HeaderMap| self.is_last(status, headers);
        let request = |version| {
            wanted.request(url, version).map_err(|why| {
                Trouble::heard(
                    FailureReason::Other,
                    format!("the request for {url} cannot be sent: {why}"),
                )
            })
        };
        let Some(spec) = self.tls(url) else {
            // Without TLS there is nothing to agree by.
            let version = match self.spec.version {
                HttpVersion::Any | HttpVersion::Http1 => Version::HTTP_11,
                HttpVersion::Http2 => Version::HTTP_2,
            };
            return exchange(
                stream,
                request(version)?,
                self.limits,
                deadline,
                report,
                is_last,
            )
            .await;
        };
        let session = tls::shake(stream, &spec, self.offered(), deadline, report).await?;
        let version = match session.protocol.as_deref() {
            Some("h2") => Version::HTTP_2,
            _ if self.spec.version == HttpVersion::Http2 => {
                let text = "the server does not agree to HTTP/2 in the TLS handshake (ALPN)";
                return Err(Trouble::heard(FailureReason::TlsHandshake, text));
            }
            _ => Version::HTTP_11,
        };
        exchange(
            session.stream,
            request(version)?,
            self.limits,
            deadline,
            report,
            is_last,
        )
        .await
    }

    /// The protocols that are offered in the TLS handshake, the preferred one first.
    const fn offered(&self) -> &'static [&'static [u8]] {
        match self.spec.version {
            HttpVersion::Any => &[b"h2", b"http/1.1"],
            HttpVersion::Http1 => &[b"http/1.1"],
            HttpVersion::Http2 => &[b"h2"],
        }
    }

    /// The handshake with the server of a page. The name that is configured is for the first one
    /// only.
    fn tls(&self, url: &HttpUrl) -> Option<TlsSpec> {
        if !url.is_https() {
            return None;
        }
        let configured = self.spec.tls.as_ref();
        let same = url.same_origin(&self.first);
        Some(TlsSpec {
            port: url.port(),
            server_name: configured
                .filter(|_| same)
                .map_or_else(|| url.host().into(), |tls| tls.server_name.clone()),
            verify: configured.is_none_or(|tls| tls.verify),
            authorities: configured.and_then(|tls| tls.authorities.clone()),
        })
    }
}
