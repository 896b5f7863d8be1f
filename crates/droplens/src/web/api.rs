//! `/api/v1`: what the diagnosis has to say, as JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use droplens_kernel::Root;
use droplens_kernel::connections::{ConnectionsReader, TOP};
use droplens_model::Event;
use serde::{Deserialize, Serialize};

use super::App;
use crate::command::snapshot::saved;
use crate::sampler::{Follower, now};

/// Readings of slow sources older than this are made anew for a report.
const STALE: Duration = Duration::from_secs(5);

/// How long a report waits for them.
const PATIENCE: Duration = Duration::from_secs(5);

/// The window of a report that asks for none.
const WINDOW: Duration = Duration::from_secs(10);

/// What a report may be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// How far back it reaches: `60` or `60s` or `5min`.
    window: Option<String>,
    /// Whether the sockets that suffer are looked for: `1` or `true`.
    #[serde(default)]
    connections: String,
}

/// `/api/v1/report`: the verdict on a window that ends now.
pub(super) async fn report(
    State(app): State<Arc<App>>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let (length, connections) = match wanted.map_err(|error| error.body_text()).and_then(read) {
        Ok(wanted) => wanted,
        Err(why) => return (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
    };
    app.sampler.refresh(STALE, PATIENCE).await;
    let judge = Arc::clone(&app);
    let made = tokio::task::spawn_blocking(move || {
        let snapshot = judge.sampler.snapshot();
        let now = now();
        // What was read on request is taken in before the report is made of it.
        let _read_already = judge.judge.follow(&snapshot, now);
        let mut report = judge.judge.report(length, now)?;
        if connections {
            report.connections = read_connections(&judge.root);
        }
        Some(report)
    });
    match made.await {
        Ok(Some(report)) => json(&report),
        Ok(None) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "droplens has just started; ask again in a second.\n",
        )
            .into_response(),
        Err(error) => failed(&error),
    }
}

/// The sockets that suffer. A report without them is better than none.
pub(crate) fn read_connections(
    root: &Root,
) -> Option<droplens_model::sample::connections::Connections> {
    ConnectionsReader::new(root)
        .read(TOP)
        .inspect_err(|error| tracing::warn!(%error, "cannot read the sockets for a report"))
        .ok()
}

fn read(Query(wanted): Query<Wanted>) -> Result<(Duration, bool), String> {
    let length = match &wanted.window {
        None => WINDOW,
        Some(text) => window(text)?,
    };
    let connections = match &*wanted.connections {
        "" | "0" | "false" => false,
        "1" | "true" => true,
        other => return Err(format!("connections={other}: expected 1 or 0")),
    };
    Ok((length, connections))
}

/// Parses a length of time: seconds, or a number with a unit.
fn window(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok();
    let length = match number {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => humantime::parse_duration(text).ok(),
    };
    length
        .filter(|length| !length.is_zero())
        .ok_or_else(|| format!("window={text}: expected a length of time such as 10s or 5min"))
}

/// `/api/v1/events`: bursts, oldest first.
pub(super) async fn events(State(app): State<Arc<App>>) -> Response {
    #[derive(Serialize)]
    struct Events {
        schema: &'static str,
        events: Vec<Event>,
    }
    json(&Events {
        schema: "droplens.events/1",
        events: app.judge.events(),
    })
}

/// `/api/v1/history`: packets lost per second and domain.
pub(super) async fn history(State(app): State<Arc<App>>) -> Response {
    json(&app.judge.history())
}

/// `/api/v1/snapshot`: all readings, to be saved and compared.
pub(super) async fn snapshot(State(app): State<Arc<App>>) -> Response {
    app.sampler.refresh(STALE, PATIENCE).await;
    let saved = saved(app.judge.host().clone(), &app.sampler.snapshot());
    match crate::saved::document(&saved) {
        Ok(document) => ([(header::CONTENT_TYPE, "application/json")], document).into_response(),
        Err(error) => failed(&error),
    }
}

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (
            [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "no-store"),
            ],
            body,
        )
            .into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> Response {
    tracing::error!(%error, "cannot answer a request for JSON");
    let why = "The answer could not be made; see the log.\n";
    (StatusCode::INTERNAL_SERVER_ERROR, why).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_seconds_or_have_a_unit() {
        assert_eq!(window("60"), Ok(Duration::from_secs(60)));
        assert_eq!(window("1.5"), Ok(Duration::from_millis(1_500)));
        assert_eq!(window("5min"), Ok(Duration::from_secs(300)));
        for wrong in ["", "0", "-3", "soon", "NaN", "1e999"] {
            assert!(
                window(wrong).is_err_and(|why| why.contains("10s")),
                "{wrong}"
            );
        }
    }
}
