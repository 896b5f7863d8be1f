//! Probes of TLS and HTTP against servers that do everything right, and everything wrong.

#![expect(
    clippy::expect_used,
    reason = "a panic is the failure report of a test"
)]

#[path = "probe_web/asking.rs"]
mod asking;
#[path = "probe_web/http.rs"]
mod http;
#[path = "probe_web/redirects.rs"]
mod redirects;
#[path = "probe_web/tls.rs"]
mod tls;
#[path = "probe_web/versions.rs"]
mod versions;
