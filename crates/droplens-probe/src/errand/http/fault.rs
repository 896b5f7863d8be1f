//! What errors of HTTP mean, in words.

use std::error::Error;
use std::io;

use droplens_model::sample::probes::FailureReason;

use crate::errand::meter::Seen;
use crate::errand::tls::of_stream;
use crate::errand::trouble::Trouble;

/// Why a request failed, given what came.
pub(super) fn of(error: &hyper::Error, seen: &Seen) -> Trouble {
    if seen.flooded {
        return Trouble::heard(
            FailureReason::HttpTooLarge,
            format!(
                "the server sends without end ({} bytes until now)",
                seen.bytes
            ),
        );
    }
    if error.is_parse_too_large() {
        return malformed("the head of the response is too large");
    }
    if error.is_parse() {
        return malformed(&format!("the answer is no HTTP{}", begins(seen)));
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(inner) = inner.downcast_ref::<h2::Error>() {
            return of_h2(inner, seen);
        }
        if let Some(inner) = inner.downcast_ref::<io::Error>() {
            return of_io(inner, seen);
        }
        cause = inner.source();
    }
    if error.is_user() {
        return Trouble::heard(
            FailureReason::Other,
            format!("the request cannot be sent: {error}"),
        );
    }
    // Incomplete, closed, canceled: all of these mean that the connection ended.
    let text = match seen.bytes {
        0 => "the server closed the connection without an answer",
        _ => "the server closed the connection before the response was complete",
    };
    Trouble::heard(FailureReason::Reset, text)
}

fn of_io(error: &io::Error, seen: &Seen) -> Trouble {
    let unreadable = matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
    );
    // Errors of TLS are there in other clothes.
    let of_tls = matches!(error.get_ref(), Some(inner) if inner.is::<rustls::Error>());
    if unreadable && !of_tls {
        return malformed(&format!("the response is no HTTP: {error}"));
    }
    let trouble = of_stream(error);
    if trouble.failure.0 == FailureReason::Timeout {
        return Trouble::unheard(FailureReason::HttpTimeout, trouble.failure.1);
    }
    if trouble.failure.0 == FailureReason::Reset && seen.bytes == 0 {
        return Trouble::heard(
            FailureReason::Reset,
            format!("{}, without an answer", trouble.failure.1),
        );
    }
    trouble
}

fn of_h2(error: &h2::Error, seen: &Seen) -> Trouble {
    if let Some(error) = error.get_io() {
        return of_io(error, seen);
    }
    if error.is_remote() {
        return Trouble::heard(
            FailureReason::Reset,
            format!("the server gave up the request (HTTP/2: {error})"),
        );
    }
    malformed(&format!(
        "the answer is no HTTP/2 ({error}){}",
        begins(seen)
    ))
}

fn malformed(why: &str) -> Trouble {
    Trouble::heard(FailureReason::HttpMalformed, why)
}

fn begins(seen: &Seen) -> String {
    format!(": it begins with \"{}\"", seen.start.escape_ascii())
}
