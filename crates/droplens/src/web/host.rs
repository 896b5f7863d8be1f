//! Who may see pages that show details of this host.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;

/// Lets a request through to a detail page, or refuses it naming the setting that would allow it.
pub(super) async fn guard(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let web = app.web();
    if !web.remote_details && !peer.ip().to_canonical().is_loopback() {
        return refuse(
            "This page shows details of the host and answers clients on the host only. Set remote_details = true in [web] of the configuration to allow others.",
        );
    }
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let Some(host) = host else {
        return (StatusCode::BAD_REQUEST, "The request has no Host header.\n").into_response();
    };
    if is_allowed(host, &own_name(), &web.allowed_hosts) {
        next.run(request).await
    } else {
        refuse(
            "The Host header names another host. If this host is really reached by that name, add it to allowed_hosts in [web] of the configuration.",
        )
    }
}

fn refuse(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, format!("{why}\n")).into_response()
}

fn own_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// Whether the host of a Host header is one that a browser cannot have been tricked into: an
/// address, localhost, this host's own name or a configured one.
fn is_allowed(header: &str, own: &str, configured: &[String]) -> bool {
    let host = without_port(header);
    if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return true;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let short = own.split('.').next().unwrap_or(own);
    host.eq_ignore_ascii_case("localhost")
        || (!own.is_empty()
            && [own, short]
                .iter()
                .any(|name| host.eq_ignore_ascii_case(name)))
        || configured
            .iter()
            .any(|name| host.eq_ignore_ascii_case(name))
}

fn without_port(header: &str) -> &str {
    match header.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') =>
        {
            host
        }
        _ => header,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_served_are_allowed() {
        let configured = ["droplens.example".to_owned()];
        for host in [
            "localhost:13767",
            "LOCALHOST",
            "127.0.0.1:13767",
            "[::1]:13767",
            "[::1]",
            "192.0.2.7",
            "db-7",
            "db-7.example:80",
            "droplens.example.",
        ] {
            assert!(is_allowed(host, "db-7.example", &configured), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:13767",
            "",
            "db-7.evil.example",
        ] {
            assert!(!is_allowed(host, "db-7.example", &configured), "{host}");
        }
        assert!(!is_allowed("", "", &[]));
    }
}
