//! One probe: finds the address, asks, and keeps what came of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use droplens_model::sample::probes::FailureReason;
use droplens_probe::errand::{self, Deadline, Echoed, Ending, Report, Task};
use droplens_probe::flight::Patience;
use droplens_probe::resolve::Resolver;
use droplens_probe::spec::{Ask, Egress, Request};
use droplens_probe::sys::clock::monotonic;

use crate::config::{PreferredFamily, Query};

/// What came of a probe.
#[derive(Debug)]
pub(super) struct Visit {
    /// What was asked.
    pub(super) query: Query,
    /// Whom, if the name resolves.
    pub(super) address: Option<IpAddr>,
    /// How long it took to find the address.
    pub(super) lookup: Duration,
    /// How long all took.
    pub(super) whole: Duration,
    /// What became of it, with what only echo requests have.
    pub(super) echoed: Echoed,
    /// Why it failed, if it did.
    pub(super) failure: Option<(FailureReason, String)>,
}

impl Visit {
    /// Probes.
    pub(super) async fn pay(query: Query, timeout: Duration, resolver: &Resolver) -> Self {
        let begun = Instant::now();
        let deadline = Deadline::after(timeout);
        let found = deadline.wait(locate(&query, resolver)).await;
        let lookup = begun.elapsed();
        let found = found.unwrap_or_else(|| Err("the name does not resolve in time".to_owned()));
        let mut visit = Self {
            query,
            address: None,
            lookup,
            whole: lookup,
            echoed: nothing(Report::new(monotonic())),
            failure: None,
        };
        match found {
            Ok(address) => {
                let left = deadline.left();
                visit.address = Some(address);
                visit.echoed = match task(&visit.query, address, left) {
                    Ok(task) => run(task, resolver).await,
                    Err(error) => {
                        let mut report = Report::new(monotonic());
                        report.failure = Some((FailureReason::Other, error.to_string()));
                        nothing(report)
                    }
                };
                visit.failure = judge(&visit.query, &visit.echoed.report);
            }
            Err(why) => visit.failure = Some((FailureReason::Other, why)),
        }
        visit.whole = begun.elapsed();
        visit
    }
}

/// Of what is no echo request.
const fn nothing(report: Report) -> Echoed {
    Echoed {
        report,
        setup: Duration::ZERO,
        hop_limit: None,
    }
}

/// The address that is probed: the first one of the preferred family.
async fn locate(query: &Query, resolver: &Resolver) -> Result<IpAddr, String> {
    let found = resolver.lookup(&query.host).await;
    let found = found.map_err(|error| error.to_string())?;
    let wanted = |address: &&IpAddr| match query.family {
        PreferredFamily::Ip4 => address.is_ipv4(),
        PreferredFamily::Ip6 => address.is_ipv6(),
    };
    let preferred = found.addresses.iter().find(wanted);
    // An address that was asked for is no matter of preference.
    let other = || found.addresses.first().filter(|_| query.fallback);
    preferred.or_else(other).copied().ok_or_else(|| {
        format!(
            "{} has no address of the preferred_ip_protocol, and ip_protocol_fallback is false",
            query.host
        )
    })
}

fn task(
    query: &Query,
    address: IpAddr,
    timeout: Duration,
) -> Result<Task, droplens_probe::prober::ProbeError> {
    let mut random = droplens_probe::prober::random()?;
    let request = Request {
        ask: query.ask.clone(),
        egress: Egress {
            interface: query.zone.clone(),
            ..Egress::default()
        },
        patience: Patience {
            timeout,
            late: Duration::ZERO,
        },
    };
    Ok(Task {
        request: Arc::new(request),
        address,
        nonce: random.number(),
        sequence: 1,
    })
}

async fn run(task: Task, resolver: &Resolver) -> Echoed {
    match &task.request.ask {
        Ask::Icmp(spec) => errand::echo(&task, spec).await,
        _ => nothing(errand::run(task, resolver).await),
    }
}

/// Why a probe is a failure, if it is.
fn judge(query: &Query, report: &Report) -> Option<(FailureReason, String)> {
    if let Some(failure) = &report.failure {
        return Some(failure.clone());
    }
    if !matches!(report.ending, Ending::Answered(_)) {
        return Some((FailureReason::Timeout, "no answer in time".to_owned()));
    }
    let http = report.details.http.as_ref()?;
    let secure = is_secure(http.url.as_deref().unwrap_or_default());
    match query.tls {
        Some(wanted) if wanted != secure => {
            let text = if secure {
                "the last page is over TLS, and fail_if_ssl is set"
            } else {
                "the last page is not over TLS, and fail_if_not_ssl is set"
            };
            Some((FailureReason::Other, text.to_owned()))
        }
        _ => judge_version(query, http.version.as_deref().unwrap_or_default()),
    }
}

fn judge_version(query: &Query, version: &str) -> Option<(FailureReason, String)> {
    let mut valid = query.versions.iter().map(|version| version.name());
    if query.versions.is_empty() || valid.any(|valid| valid == version) {
        return None;
    }
    let text = format!("the response is {version}, which valid_http_versions does not name");
    Some((FailureReason::Other, text))
}

/// Whether a page is asked for over TLS.
pub(super) fn is_secure(url: &str) -> bool {
    url.starts_with("https://")
}
