//! What the server counts about itself.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use droplens_metrics::own;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::App;

type Labels = [(&'static str, String); 2];

/// The server's own metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instruments {
    requests: Family<Labels, Counter>,
    connections: Gauge,
    refused: Counter,
    reloads: Counter,
    reload_failures: Counter,
}

impl Instruments {
    /// Puts them into the registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        own::register(registry, &own::HTTP_REQUESTS, self.requests.clone());
        own::register(registry, &own::HTTP_CONNECTIONS, self.connections.clone());
        own::register(
            registry,
            &own::HTTP_CONNECTIONS_REFUSED,
            self.refused.clone(),
        );
        own::register(registry, &own::CONFIG_RELOADS, self.reloads.clone());
        own::register(
            registry,
            &own::CONFIG_RELOAD_FAILURES,
            self.reload_failures.clone(),
        );
    }

    pub(super) fn connections(&self, number: usize) {
        self.connections
            .set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    pub(super) fn connection_refused(&self) {
        self.refused.inc();
    }

    /// Notes a reload of the configuration.
    pub(crate) fn reloaded(&self, success: bool) {
        self.reloads.inc();
        if !success {
            self.reload_failures.inc();
        }
    }
}

/// Counts each request by page and status.
pub(super) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    // Only pages that exist have a name of their own: strangers cannot make series.
    let page = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let code = response.status().as_str().to_owned();
    app.instruments
        .requests
        .get_or_create(&[("handler", page), ("code", code)])
        .inc();
    response
}
