//! The HTTP server.

mod api;
mod connections;
mod host;
mod instruments;
mod listen;
mod metrics;
mod page;
mod pages;
mod probe;
mod server;

use std::sync::{Arc, RwLock};
use std::time::Instant;

use axum::Router;
use axum::routing::get;
use droplens_kernel::Root;
use droplens_metrics::Exposition;

use crate::config::{Modules, Web};
use crate::judge::Judge;
use crate::sampler::Sampler;

pub(crate) use api::read_connections;
pub(crate) use instruments::Instruments;
pub(crate) use listen::{Listener, listen};
pub(crate) use server::serve;

/// What every request may need.
pub(crate) struct App {
    pub(crate) sampler: Arc<Sampler>,
    pub(crate) judge: Arc<Judge>,
    /// Where sockets' owners are looked up.
    pub(crate) root: Root,
    pub(crate) exposition: Exposition,
    pub(crate) instruments: Instruments,
    pub(crate) started: Instant,
    /// What `/probe` needs.
    pub(crate) probing: probe::Endpoint,
    /// Replaced as a whole by a reload.
    web: RwLock<Arc<Web>>,
}

impl App {
    pub(crate) fn new(
        sampler: Arc<Sampler>,
        judge: Arc<Judge>,
        root: Root,
        exposition: Exposition,
        instruments: Instruments,
        web: Web,
        modules: Modules,
    ) -> Self {
        let web = RwLock::new(Arc::new(web));
        Self {
            sampler,
            judge,
            root,
            exposition,
            instruments,
            started: Instant::now(),
            probing: probe::Endpoint::new(modules),
            web,
        }
    }

    /// The settings in force.
    pub(crate) fn web(&self) -> Arc<Web> {
        Arc::clone(
            &self
                .web
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }

    /// Takes over changed settings.
    pub(crate) fn set_web(&self, web: Web) {
        *self
            .web
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(web);
    }
}

/// All pages.
pub(crate) fn router(app: Arc<App>) -> Router {
    let details = Router::new()
        .route("/", get(page::page))
        .route("/api/v1/report", get(api::report))
        .route("/api/v1/events", get(api::events))
        .route("/api/v1/history", get(api::history))
        .route("/api/v1/snapshot", get(api::snapshot))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&app),
            host::guard,
        ));
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .route("/probe", get(probe::probe))
        .route("/-/healthy", get(pages::healthy))
        .route("/-/ready", get(pages::ready))
        .merge(details)
        .fallback(pages::not_found)
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&app),
            instruments::count,
        ))
        .with_state(app)
}
