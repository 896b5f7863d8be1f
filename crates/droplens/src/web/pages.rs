//! The pages for health checks, and the one that is not there.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::App;

/// `/-/healthy`: the process serves.
pub(super) async fn healthy() -> &'static str {
    "droplens is healthy.\n"
}

/// `/-/ready`: every source has been read, or has said why not.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.sampler.is_complete() {
        (StatusCode::OK, "droplens is ready.\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "droplens has not read every source yet.\n",
        )
    }
}

/// Any page that does not exist.
pub(super) async fn not_found() -> (StatusCode, &'static str) {
    (
        StatusCode::NOT_FOUND,
        "No such page. There are: /, /metrics, /probe, /api/v1/report, /api/v1/events, /api/v1/history, /api/v1/snapshot, /-/healthy, /-/ready.\n",
    )
}
