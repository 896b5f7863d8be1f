//! `/probe?target=...&module=...`: probes on request, with the metrics of `blackbox_exporter`.

mod metrics;
mod text;
mod visit;

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use droplens_probe::resolve::Resolver;
use tokio::sync::Semaphore;

use super::App;
use crate::config::{Allowed, Modules};
use visit::Visit;

/// Probes at the same time. Each has a few sockets, and one that looks at a body keeps up to 4 MiB.
const MOST_AT_ONCE: usize = 32;

/// What is left of the scrape timeout for everything but the probe, as `blackbox_exporter` has it.
const RESERVE: f64 = 0.5;

/// What Prometheus says about its patience, in seconds.
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

/// What probes on request need.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Replaced as a whole by a reload.
    modules: RwLock<Arc<Modules>>,
    resolver: Resolver,
    turns: Semaphore,
}

impl Endpoint {
    pub(crate) fn new(modules: Modules) -> Self {
        Self {
            modules: RwLock::new(Arc::new(modules)),
            resolver: Resolver::system(),
            turns: Semaphore::new(MOST_AT_ONCE),
        }
    }

    fn modules(&self) -> Arc<Modules> {
        let modules = self.modules.read();
        Arc::clone(&modules.unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over changed modules.
    pub(crate) fn set_modules(&self, modules: Modules) {
        let mut held = self.modules.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(modules);
    }
}

/// What is asked for.
struct Wanted {
    target: String,
    module: String,
    debug: bool,
}

type Refusal = (StatusCode, String);

/// Probes a target and tells what came of it.
pub(super) async fn probe(
    State(app): State<Arc<App>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    match answer(&app, &query, &headers).await {
        Ok(text) => (
            [(
                header::CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err((status, why)) => (status, format!("{why}\n")).into_response(),
    }
}

async fn answer(
    app: &App,
    query: &[(String, String)],
    headers: &HeaderMap,
) -> Result<String, Refusal> {
    let (endpoint, modules) = (&app.probing, app.probing.modules());
    let web = app.web();
    if modules.is_empty() {
        let why = "/probe is off: the configuration has no [modules] (see config.example.toml).";
        return Err((StatusCode::NOT_FOUND, why.into()));
    }
    if web.probe_targets.is_empty() {
        let why = "/probe is off: list the targets that may be probed as probe_targets in [web] of the configuration.";
        return Err((StatusCode::FORBIDDEN, why.into()));
    }
    let wanted = read(query)?;
    let module = modules.get(&wanted.module).ok_or_else(|| {
        let known: Vec<&str> = modules.names().collect();
        let why = format!(
            "Unknown module {:?}: [modules] of the configuration has {}.",
            wanted.module,
            known.join(", ")
        );
        (StatusCode::BAD_REQUEST, why)
    })?;
    let asked = module
        .query(&wanted.target)
        .map_err(|why| (StatusCode::BAD_REQUEST, format!("target: {why}.")))?;
    if !is_allowed(&web.probe_targets, &wanted.target, &asked.host) {
        let why = format!(
            "{:?} may not be probed: it is not among probe_targets in [web] of the configuration.",
            wanted.target
        );
        return Err((StatusCode::FORBIDDEN, why));
    }
    let timeout = timeout(module.timeout(), headers)?;
    let Ok(_turn) = endpoint.turns.try_acquire() else {
        let why = format!("{MOST_AT_ONCE} probes are under way, which is the most at a time.");
        return Err((StatusCode::SERVICE_UNAVAILABLE, why));
    };
    let visit = Visit::pay(asked, timeout, &endpoint.resolver).await;
    Ok(metrics::tell(&visit, wanted.debug).to_string())
}

fn read(query: &[(String, String)]) -> Result<Wanted, Refusal> {
    let bad = |why: &str| (StatusCode::BAD_REQUEST, why.to_owned());
    let value = |wanted: &str| {
        let found = query.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    if value("hostname").is_some() {
        return Err(bad(
            "hostname is not understood: set headers.host or tls_config.server_name in the module.",
        ));
    }
    let target = value("target").filter(|target| !target.is_empty());
    let module = value("module").filter(|module| !module.is_empty());
    Ok(Wanted {
        target: target
            .ok_or_else(|| bad("Target parameter is missing."))?
            .to_owned(),
        module: module
            .ok_or_else(|| bad("Module parameter is missing."))?
            .to_owned(),
        debug: value("debug") == Some("true"),
    })
}

fn is_allowed(allowed: &[Allowed], target: &str, host: &str) -> bool {
    // An address may be written in several ways; it is allowed as what it is.
    let address = host.parse::<IpAddr>().map(|address| address.to_string());
    let host = address.as_deref().unwrap_or(host);
    allowed.iter().any(|allowed| allowed.holds(target, host))
}

/// The module's timeout, or what is left of Prometheus's if that is less.
fn timeout(own: Duration, headers: &HeaderMap) -> Result<Duration, Refusal> {
    let Some(header) = headers.get(SCRAPE_TIMEOUT) else {
        return Ok(own);
    };
    let seconds = header
        .to_str()
        .ok()
        .and_then(|text| text.parse::<f64>().ok());
    let seconds = seconds
        .filter(|seconds| seconds.is_finite())
        .ok_or_else(|| {
            let why = format!("The header {SCRAPE_TIMEOUT} is no number of seconds.");
            (StatusCode::BAD_REQUEST, why)
        })?;
    let left = Duration::try_from_secs_f64(seconds - RESERVE).ok();
    // With less than the reserve there is nothing to gain by hurrying.
    let left = left.filter(|left| !left.is_zero());
    Ok(left.map_or(own, |left| left.min(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_can_shorten_the_timeout_and_not_extend_it() {
        let own = Duration::from_secs(5);
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(SCRAPE_TIMEOUT, text.parse().unwrap());
            timeout(own, &headers).ok()
        };
        assert_eq!(timeout(own, &HeaderMap::new()).ok(), Some(own));
        assert_eq!(of("3"), Some(Duration::from_millis(2_500)));
        assert_eq!(of("30"), Some(own));
        for short in ["0.5", "0.2", "-7"] {
            assert_eq!(of(short), Some(own), "{short}");
        }
        for wrong in ["soon", "NaN", "inf", ""] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn target_and_module_must_be_there() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            read(&pairs)
                .map(|wanted| (wanted.target, wanted.debug))
                .map_err(|(_, why)| why)
        };
        let good = [("target", "a"), ("module", "b"), ("debug", "true")];
        assert_eq!(of(&good), Ok(("a".into(), true)));
        assert!(of(&[("module", "b")]).is_err_and(|why| why.contains("Target")));
        assert!(of(&[("target", "a"), ("module", "")]).is_err_and(|why| why.contains("Module")));
        let host = [("target", "a"), ("module", "b"), ("hostname", "c")];
        assert!(of(&host).is_err_and(|why| why.contains("server_name")));
    }
}
