//! Makes one HTTP request, and follows where the server sends it.

mod exchange;
mod expect;
mod fault;
mod patterns;
mod redirect;
mod request;

use droplens_model::sample::probes::{FailureReason, HttpDetails};
use hyper::header::{HeaderMap, LOCATION};

use super::fault::{Deadline, Fault};
use super::tls::shake;
use super::{Ending, Report, Task, connection};
use crate::resolve::Resolver;
use crate::spec::{HttpSpec, HttpUrl, HttpVersion, TlsSpec};
use crate::sys::clock::monotonic;
use exchange::{Answer, Limits, Wire};
use expect::Expectations;
use redirect::Trail;
use request::Wanted;

/// The protocols that are offered in the TLS handshake, the preferred one first.
const fn offered(version: HttpVersion) -> &'static [&'static [u8]] {
    match version {
        HttpVersion::Any => &[b"h2", b"http/1.1"],
        HttpVersion::Http1 => &[b"http/1.1"],
        HttpVersion::Http2 => &[b"h2"],
    }
}

pub(super) async fn run(task: &Task, spec: &HttpSpec, resolver: &Resolver) -> Report {
    let deadline = Deadline::of(task);
    let mut report = Report::new(monotonic());
    let visited = visit(task, spec, resolver, deadline, &mut report).await;
    let now = monotonic();
    report.ending = Ending::Answered(now);
    if let Err(fault) = visited {
        fault.tell(&mut report, now);
    }
    report
}

/// Goes from page to page until one does not send it on, and judges that.
async fn visit(
    task: &Task,
    spec: &HttpSpec,
    resolver: &Resolver,
    deadline: Deadline,
    report: &mut Report,
) -> Result<(), Fault> {
    let start = HttpUrl::parse(&spec.url).map_err(unusable)?;
    let expectations = Expectations::of(spec).map_err(unusable)?;
    let mut wanted = Wanted::of(spec).map_err(unusable)?;
    let mut trail = Trail::new(start, &wanted.method, spec.redirects);
    let limits = Limits::new(spec.most_bytes, expectations.need_body());
    let mut address = task.address;
    loop {
        let url = trail.here().clone();
        let mut stops = |status, headers: &HeaderMap| {
            spec.redirects == 0 || !redirect::is_one(status, headers) || expectations.names(status)
        };
        let tls = tls_for(spec, &url, trail.first());
        let answer = ask(task, spec, tls.as_ref(), address, &url, &wanted, limits, deadline, report, &mut stops)
            .await?;
        let Some(location) = answer.location() else {
            return expectations.judge(&answer);
        };
        wanted.redirected(answer.status);
        let next = trail.follow(location, &wanted.method)?;
        if !next.same_origin(&url) {
            wanted.forget_secrets();
        }
        address = redirect::locate(task, trail.first(), &next, resolver, deadline, report).await?;
        if let Some(http) = &mut report.details.http {
            http.redirects = trail.followed();
        }
    }
}
