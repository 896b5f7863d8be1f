//! Lists of targets that a server gives.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use axum::http::{HeaderValue, Request, StatusCode};
use droplens_probe::spec::HttpUrl;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Reporter;
use super::group::{self, Group, LARGEST};
use crate::config::HttpDiscovery;

/// A request ends after this time, however little has come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest file with a secret that is read, in bytes.
const LARGEST_SECRET: u64 = 64 << 10;

/// Follows the list.
pub(super) async fn follow(place: HttpDiscovery, reporter: Reporter) {
    let mut ticks = tokio::time::interval(place.refresh.0);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let fetched = tokio::time::timeout(PATIENCE, fetch(&place)).await;
        let found = fetched.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
        if !reporter.found(found) {
            return;
        }
    }
}

async fn fetch(place: &HttpDiscovery) -> Result<Vec<Group>, String> {
    let url = HttpUrl::parse(&place.url.spec.url).map_err(|error| error.to_string())?;
    let mut request = Request::get(url.path_and_query())
        .header(HOST, url.authority())
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("droplens/", env!("CARGO_PKG_VERSION")))
        // As Prometheus says how often it asks.
        .header(
            "x-prometheus-refresh-interval-seconds",
            place.refresh.0.as_secs(),
        );
    if let Some(path) = &place.authorization_file {
        request = request.header(AUTHORIZATION, secret(path)?);
    }
    let request = request
        .body(Body::empty())
        .map_err(|error| error.to_string())?;
    let stream = TcpStream::connect((url.host(), url.port()))
        .await
        .map_err(|error| format!("cannot connect to {}: {error}", url.authority()))?;
    if !url.is_https() {
        return ask(stream, request).await;
    }
    let name = ServerName::try_from(url.host().to_owned()).map_err(|error| error.to_string())?;
    let authorities = place.authorities.clone();
    // Files can hang, on a network file system.
    let trusted = tokio::task::spawn_blocking(move || trust(authorities.as_deref())).await;
    let config = trusted.map_err(|error| error.to_string())??;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| format!("no TLS with {}: {error}", url.authority()))?;
    ask(stream, request).await
}

async fn ask<S>(stream: S, request: Request<Body>) -> Result<Vec<Group>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let told = |error: &dyn std::fmt::Display| format!("the server broke off: {error}");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| told(&error))?;
    // Dropped with this future, and with it the connection.
    let connection = async {
        let _ended = connection.await;
        std::future::pending::<()>().await;
    };
    let exchange = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| told(&error))?;
        let (head, body) = response.into_parts();
        if head.status != StatusCode::OK {
            return Err(format!("the server answered {}", head.status));
        }
        let kind = head.headers.get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("application/json")
        {
            return Err(format!(
                "the server answered {kind:?}, expected application/json"
            ));
        }
        let largest = usize::try_from(LARGEST).unwrap_or(usize::MAX);
        let bytes = axum::body::to_bytes(Body::new(body), largest).await;
        let bytes = bytes.map_err(|error| {
            format!("the list broke off, or is larger than {LARGEST} bytes: {error}")
        })?;
        group::json(&bytes)
    };
    tokio::select! {
        answer = exchange => answer,
        () = connection => Err("the connection ended".into()),
    }
}

/// The value of a header that nobody should see.
fn secret(path: &Path) -> Result<HeaderValue, String> {
    use std::io::Read;
    let told = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| told(&error))?;
    file.take(LARGEST_SECRET)
        .read_to_string(&mut text)
        .map_err(|error| told(&error))?;
    let mut value = HeaderValue::from_str(text.trim())
        .map_err(|_| told(&"its contents cannot be sent as a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whom to believe: the authorities of a file, or those of the system.
fn trust(authorities: Option<&str>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities {
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| format!("{path}: {error}"))?;
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(format!("{path} has no certificate"));
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests;
