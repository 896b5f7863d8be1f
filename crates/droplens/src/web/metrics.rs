//! `/metrics`.

use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use droplens_metrics::{Format, Selection, UnknownId, View};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::App;
use crate::sampler::now;

/// What Prometheus says about its patience, in seconds.
const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// Readings of slow sources older than this are made anew for a scrape.
const STALE: Duration = Duration::from_secs(5);

/// How long a scrape waits for them without being told a timeout: Prometheus's default is 10 s.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is left of the scrape timeout for encoding and sending.
const RESERVE: f64 = 0.2;

/// Answers a scrape.
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let selection = match select(&query) {
        Ok(selection) => selection,
        Err(message) => return (StatusCode::BAD_REQUEST, format!("{message}\n")).into_response(),
    };
    let patience = header_value::<f64>(&headers, SCRAPE_TIMEOUT)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds * (1.0 - RESERVE)).ok())
        .map_or(PATIENCE, |timeout| timeout.min(PATIENCE));
    app.sampler.refresh(STALE, patience).await;

    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let format = Format::negotiate(accept);
    let zip = accepts_gzip(&headers);
    // Encoding is pure computation of a few milliseconds at most, but it must not hold up the
    // runtime's other work.
    let body = tokio::task::spawn_blocking(move || body(&app, selection, format, zip)).await;
    match body {
        Ok(Ok(body)) => {
            let mut response = body.into_response();
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_TYPE,
                header::HeaderValue::from_static(format.content_type()),
            );
            headers.insert(
                header::VARY,
                header::HeaderValue::from_static("Accept, Accept-Encoding"),
            );
            if zip {
                headers.insert(
                    header::CONTENT_ENCODING,
                    header::HeaderValue::from_static("gzip"),
                );
            }
            response
        }
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

fn failed(error: &impl std::error::Error) -> Response {
    tracing::error!(%error, "cannot encode the metrics");
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "The metrics could not be encoded; see the log.\n",
    )
        .into_response()
}

fn body(app: &App, selection: Selection, format: Format, zip: bool) -> std::io::Result<Bytes> {
    let now = now();
    let view = View {
        snapshot: app.sampler.snapshot(),
        derived: app.sampler.derived(now).into(),
        judgement: Some(app.judge.judgement().into()),
        now,
    };
    let mut text = String::new();
    app.exposition
        .render(view, &selection, format, &mut text)
        .map_err(std::io::Error::other)?;
    if !zip {
        return Ok(text.into());
    }
    // Higher levels cost four times as much for a tenth less.
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?.into())
}

/// Reads `collect[]` and `exclude[]`.
fn select(query: &[(String, String)]) -> Result<Selection, UnknownId> {
    let named = |name: &'static str| {
        query
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    Selection::parse(named("collect[]"), named("exclude[]"))
}

fn header_value<T: FromStr>(headers: &HeaderMap, name: HeaderName) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Whether the client takes gzip: named, or by a wildcard, and not with a weight of zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|v| v.to_str().ok());
    let mut wildcard = false;
    for coding in values.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        if name.eq_ignore_ascii_case("gzip") {
            return weight > 0.0;
        }
        wildcard |= name == "*" && weight > 0.0;
    }
    wildcard
}

#[cfg(test)]
mod tests {
    use droplens_model::Source;

    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn sources_are_selected_as_exporters_do() {
        assert_eq!(select(&[]), Ok(Selection::ALL));
        let chosen = select(&query(&[("collect[]", "softnet"), ("collect[]", "links")])).unwrap();
        assert!(chosen.contains(Source::Links) && !chosen.contains(Source::Cpu));
        let chosen = select(&query(&[("exclude[]", "sockets"), ("other", "x")])).unwrap();
        assert!(chosen.contains(Source::Links) && !chosen.contains(Source::Sockets));
        let chosen = select(&query(&[("collect[]", "diagnosis")])).unwrap();
        assert!(chosen.contains_diagnosis() && !chosen.contains(Source::Links));
        let refusal = select(&query(&[("collect[]", "cpus")]))
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains("cpus") && refusal.contains("conntrack"),
            "{refusal}"
        );
    }

    #[test]
    fn gzip_is_used_when_it_is_wanted() {
        for (value, wanted) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("*", true),
            ("*;q=0", false),
            ("*, gzip;q=0", false),
            ("identity", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(accepts_gzip(&headers), wanted, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
