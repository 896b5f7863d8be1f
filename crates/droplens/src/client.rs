//! Asks another agent over HTTP.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long an answer may take: a report may read the slow sources first.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long the agent may take to accept. One on this host does so at once, but a firewall may drop
/// what is sent to it.
const CONNECT: Duration = Duration::from_secs(2);

/// No answer is larger: a report of a large host has well below a megabyte.
const LARGEST: usize = 256 << 20;

/// An agent that could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The address makes no sense.
    #[error("{0:?} is no address of an agent, expected http://HOST:PORT")]
    Address(String),
    /// Nobody there.
    #[error("cannot connect to the agent at {0}")]
    Connect(String, #[source] std::io::Error),
    /// The connection broke, or what came is no HTTP.
    #[error("the agent at {0} broke off")]
    Broken(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer in time.
    #[error("the agent at {0} did not answer within {PATIENCE:?}")]
    Slow(String),
    /// It knows no such page.
    #[error("the agent at {0} does not know {1}: it is older than droplens {version}", version = env!("CARGO_PKG_VERSION"))]
    TooOld(String, String),
    /// It refused or failed.
    #[error("the agent at {0} answered {1}: {2}")]
    Refused(String, StatusCode, String),
    /// A later version's report, in a form that means something else.
    #[error("the agent at {0} answered in the form {1:?}, which droplens {version} does not know", version = env!("CARGO_PKG_VERSION"))]
    OtherForm(String, String),
    /// The answer is not what it should be.
    #[error("the answer of the agent at {0} is not understood")]
    NotUnderstood(String, #[source] serde_json::Error),
}

/// Asks the agent at `base` for `path`, and parses its JSON.
pub(crate) async fn get<T: serde::de::DeserializeOwned>(
    base: &str,
    path: &str,
) -> Result<T, FetchError> {
    let asked = tokio::time::timeout(PATIENCE, fetch(base, path)).await;
    let body = asked.map_err(|_| FetchError::Slow(base.to_owned()))??;
    serde_json::from_slice(&body).map_err(|error| FetchError::NotUnderstood(base.to_owned(), error))
}

/// Whether an agent can be at this address at all.
pub(crate) fn check(base: &str) -> Result<(), FetchError> {
    authority(base).map_or_else(|| Err(FetchError::Address(base.to_owned())), |_| Ok(()))
}

/// Host and port of an address such as `http://db-7:13767`.
fn authority(base: &str) -> Option<String> {
    let uri: Uri = base.trim_end_matches('/').parse().ok()?;
    let plain = uri.scheme_str() == Some("http") && uri.path().trim_matches('/').is_empty();
    let authority = uri.authority().filter(|_| plain)?;
    let port = authority.port_u16().unwrap_or(80);
    Some(format!("{}:{port}", authority.host()))
}

async fn fetch(base: &str, path: &str) -> Result<Bytes, FetchError> {
    let to = || base.to_owned();
    let authority = authority(base).ok_or_else(|| FetchError::Address(to()))?;
    let connecting = tokio::time::timeout(CONNECT, TcpStream::connect(&authority)).await;
    let connecting = connecting.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    let stream = connecting.map_err(|error| FetchError::Connect(to(), error))?;
    let broken = |error: hyper::Error| FetchError::Broken(to(), error.into());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, &authority)
        .body(Body::empty())
        .map_err(|_| FetchError::Address(to()))?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    let body = axum::body::to_bytes(Body::new(response.into_body()), LARGEST)
        .await
        .map_err(|error| FetchError::Broken(to(), error.into()))?;
    match status {
        StatusCode::OK => Ok(body),
        StatusCode::NOT_FOUND => {
            let page = path.split('?').next().unwrap_or(path);
            Err(FetchError::TooOld(to(), page.to_owned()))
        }
        status => {
            let why = String::from_utf8_lossy(&body).trim().to_owned();
            Err(FetchError::Refused(to(), status, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_perhaps_a_port() {
        assert_eq!(
            authority("http://db-7:13767").as_deref(),
            Some("db-7:13767")
        );
        assert_eq!(
            authority("http://[::1]:13767/").as_deref(),
            Some("[::1]:13767")
        );
        assert_eq!(authority("http://db-7").as_deref(), Some("db-7:80"));
        for wrong in ["db-7:13767", "https://db-7", "http://db-7/x", "", "http://"] {
            assert_eq!(authority(wrong), None, "{wrong}");
        }
    }
}
