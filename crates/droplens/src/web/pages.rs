//! The status page and the pages for health checks.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use droplens_model::State as ReadingState;

use super::App;
use crate::sampler::now;

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
        "No such page. There are: /, /metrics, /-/healthy, /-/ready.\n",
    )
}

/// `/`: version, sources and their state, links.
pub(super) async fn status(State(app): State<Arc<App>>) -> Response {
    let page = render(&app);
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

const HEAD: &str = include_str!("status.html");

fn render(app: &App) -> String {
    let now = now();
    let snapshot = app.sampler.snapshot();
    let derived = app.sampler.derived(now);
    let gaps = snapshot.gaps();
    let mut rows = String::new();
    for (source, state) in snapshot.states() {
        let interval = derived
            .paces
            .iter()
            .find(|pace| pace.source == source)
            .map(|pace| format!("{:?}", pace.interval))
            .unwrap_or_default();
        let (age, took) = match state {
            ReadingState::Ok { at, took } => (
                format!("{:.1} s", now.since(at).as_secs_f64()),
                format!("{:.0} µs", took.as_secs_f64() * 1e6),
            ),
            _ => (String::new(), String::new()),
        };
        let mut notes: Vec<String> = state
            .failure()
            .map(|failure| failure.detail.clone())
            .into_iter()
            .collect();
        notes.extend(
            gaps.iter()
                .filter(|gap| gap.source == source)
                .map(|gap| format!("no {}: {}", gap.what, gap.failure)),
        );
        let about = source.spec().about;
        // Writing to a String cannot fail.
        let _ok = writeln!(
            rows,
            "<tr><th scope=row>{source}<td class={state}>{state}<td class=n>{age}<td class=n>{took}<td class=n>{interval}<td>{about}{notes}",
            state = state.id(),
            about = escape(about),
            notes = notes.iter().fold(String::new(), |all, note| {
                format!("{all}<div class=note>{}</div>", escape(note))
            }),
        );
    }
    let uptime = humantime::format_duration(std::time::Duration::from_secs(
        app.started.elapsed().as_secs(),
    ));
    let host = rustix::system::uname();
    HEAD.replace("{{host}}", &escape(&host.nodename().to_string_lossy()))
        .replace("{{kernel}}", &escape(&host.release().to_string_lossy()))
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
        .replace("{{uptime}}", &uptime.to_string())
        .replace("{{rows}}", &rows)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<b a=\"&\">"), "&lt;b a=&quot;&amp;&quot;&gt;");
    }

    #[test]
    fn the_page_has_every_placeholder_once() {
        for name in ["{{kernel}}", "{{version}}", "{{uptime}}", "{{rows}}"] {
            assert_eq!(HEAD.matches(name).count(), 1, "{name}");
        }
    }
}
