//! What errors of TLS mean, in words.

use std::io::{self, ErrorKind};

use droplens_model::sample::probes::FailureReason;
use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};

use crate::errand::meter::Seen;
use crate::errand::trouble::Trouble;

/// Why a handshake failed, given what came and whether the server asked for a certificate.
pub(super) fn of_handshake(error: &io::Error, seen: &Seen, asked: bool) -> Trouble {
    match inner(error) {
        Some(why) => Trouble::heard(FailureReason::TlsHandshake, sentence(why, seen, asked)),
        // What the server said before it hung up can be lost with the connection.
        None if asked => of_io(
            error,
            "in the middle of the TLS handshake, after it asked for a client certificate, which a probe \
             does not have",
        ),
        None => of_io(error, "in the middle of the TLS handshake"),
    }
}

/// Why reading or writing failed on a connection in use.
pub(in crate::errand) fn of_stream(error: &io::Error) -> Trouble {
    match inner(error) {
        Some(why) => Trouble::heard(
            FailureReason::TlsHandshake,
            sentence(why, &Seen::default(), false),
        ),
        None => of_io(error, "before the response was complete"),
    }
}

/// No complete handshake until the deadline.
pub(super) fn overdue(seen: &Seen) -> Trouble {
    let message = match seen.bytes {
        0 => "the connection is open, but the server never answers the TLS handshake".to_owned(),
        bytes => {
            format!(
                "the server began to answer the TLS handshake and went no further ({bytes} bytes)"
            )
        }
    };
    Trouble::unheard(FailureReason::TlsTimeout, message)
}

/// Whether the server said why it refuses.
pub(super) fn is_alert(error: &io::Error) -> bool {
    matches!(inner(error), Some(Error::AlertReceived(_)))
}

fn inner(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn of_io(error: &io::Error, when: &str) -> Trouble {
    match error.kind() {
        ErrorKind::UnexpectedEof => Trouble::heard(
            FailureReason::Reset,
            format!("the server closed the connection {when}"),
        ),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Trouble::heard(
                FailureReason::Reset,
                format!("the server reset the connection {when}"),
            )
        }
        ErrorKind::TimedOut => Trouble::unheard(
            FailureReason::Timeout,
            format!("the server stopped to acknowledge packets {when}"),
        ),
        _ => Trouble::heard(
            FailureReason::Other,
            format!("the connection broke {when}: {error}"),
        ),
    }
}

fn sentence(why: &Error, seen: &Seen, asked: bool) -> String {
    match why {
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server insists on a client certificate, and a probe has none".to_owned()
        }
        Error::AlertReceived(alert) if asked => {
            format!("the server refuses the handshake ({alert:?}) after it asked for a client certificate, and a probe has none")
        }
        Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the server speaks neither TLS 1.2 nor TLS 1.3 (alert: ProtocolVersion)".to_owned()
        }
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "the server does not know this name (alert: UnrecognisedName)".to_owned()
        }
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "the server does not speak the protocol that is asked for (alert: NoApplicationProtocol)".to_owned()
        }
        Error::AlertReceived(alert) => format!("the server refuses the handshake (alert: {alert:?})"),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            "the server speaks neither TLS 1.2 nor TLS 1.3".to_owned()
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion | InvalidMessage::MessageTooLarge)
        | Error::PeerSentOversizedRecord if !seen.start.is_empty() && seen.start.first() != Some(&22) => {
            let speaks = if seen.start.starts_with(b"HTTP/") { "plain HTTP" } else { "something else than TLS" };
            let start = seen.start.escape_ascii();
            format!("the server speaks {speaks} on this port: its answer begins with \"{start}\"")
        }
        why => format!("the TLS handshake failed: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errand::Ending;

    fn seen(start: &[u8]) -> Seen {
        Seen {
            start: start.to_vec(),
            bytes: start.len() as u64,
            ..Seen::default()
        }
    }

    fn failed(why: Error, start: &[u8]) -> Trouble {
        let error = io::Error::new(ErrorKind::InvalidData, why);
        of_handshake(&error, &seen(start), false)
    }

    #[test]
    fn what_is_spoken_instead_of_tls_is_shown() {
        let why = || Error::InvalidMessage(InvalidMessage::InvalidContentType);
        let fault = failed(why(), b"HTTP/1.1 400 Bad Request\r\n");
        assert_eq!(fault.failure.0, FailureReason::TlsHandshake);
        assert!(
            fault.failure.1.contains("plain HTTP on this port"),
            "{}",
            fault.failure.1
        );
        assert!(
            fault
                .failure
                .1
                .ends_with("\"HTTP/1.1 400 Bad Request\\r\\n\""),
            "{}",
            fault.failure.1
        );
        let fault = failed(why(), b"220 mail\x1b[2J");
        assert!(fault.failure.1.contains("\\x1b[2J"), "{}", fault.failure.1);
        assert!(
            fault.failure.1.contains("something else than TLS"),
            "{}",
            fault.failure.1
        );
    }

    #[test]
    fn a_closed_connection_is_no_silence() {
        for kind in [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset] {
            let fault = of_stream(&kind.into());
            assert_eq!(fault.failure.0, FailureReason::Reset);
            assert!(matches!(fault.ending, Ending::Answered(_)));
        }
        let fault = of_stream(&ErrorKind::TimedOut.into());
        assert_eq!(fault.ending, Ending::Silent);
    }
}
