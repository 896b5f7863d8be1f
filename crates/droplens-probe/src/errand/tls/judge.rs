//! What is to be thought of a chain of certificates.

use droplens_model::Timestamp;
use droplens_model::sample::probes::FailureReason;
use rustls::CertificateError;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::certificate::{self, Read};
use super::trust::Trust;

/// Names that a sentence lists.
const LISTED: usize = 4;

/// A reason not to trust a chain, with a sentence.
pub(super) type Distrust = (FailureReason, String);

/// A chain as it was sent, the server's own certificate first.
pub(super) struct Sent<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    pub(super) others: &'a [CertificateDer<'a>],
}

/// All reasons not to trust the chain, the gravest first.
pub(super) fn judge(
    sent: &Sent<'_>,
    name: &ServerName<'_>,
    trust: &Trust,
    now: UnixTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Vec<Distrust> {
    let Some(leaf) = certificate::read(sent.leaf) else {
        let message = "the server's certificate is not in the form of one (X.509)";
        return vec![(FailureReason::TlsUntrusted, message.to_owned())];
    };
    let parsed = match ParsedCertificate::try_from(sent.leaf) {
        Ok(parsed) => parsed,
        Err(why) => return vec![unreadable(&leaf, name, &why)],
    };
    let mut reasons = Vec::new();
    let path = verify_server_cert_signed_by_trust_anchor(
        &parsed,
        &trust.roots,
        sent.others,
        now,
        algorithms.all,
    );
    // The very certificate is named as trusted: its dates still count.
    let named = trust.named.iter().any(|known| known == sent.leaf);
    match path {
        Err(why) if !named || is_date(&why) => reasons.push(path_fault(&leaf, sent, &why, now)),
        _ => {}
    }
    if let Err(why) = verify_server_name(&parsed, name) {
        reasons.push((FailureReason::TlsWrongName, wrong_name(&leaf, name, &why)));
    }
    reasons
}

fn is_date(why: &rustls::Error) -> bool {
    date_reason(why).is_some()
}

fn date_reason(why: &rustls::Error) -> Option<FailureReason> {
    let rustls::Error::InvalidCertificate(why) = why else {
        return None;
    };
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Some(FailureReason::TlsExpired)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Some(FailureReason::TlsNotYetValid)
        }
        _ => None,
    }
}

/// Certificates of the first version name no host in a way that counts.
fn unreadable(leaf: &Read, name: &ServerName<'_>, why: &rustls::Error) -> Distrust {
    if leaf.old {
        let message = format!(
            "the certificate of `{}` is X.509 version 1, which cannot list the names that it is for \
             (subject alternative names), so it is not for {}",
            leaf.told.subject,
            name.to_str()
        );
        return (FailureReason::TlsWrongName, message);
    }
    let message = format!(
        "the certificate of `{}` cannot be used: {why}",
        leaf.told.subject
    );
    (FailureReason::TlsUntrusted, message)
}

fn path_fault(leaf: &Read, sent: &Sent<'_>, why: &rustls::Error, now: UnixTime) -> Distrust {
    if let Some(reason) = date_reason(why) {
        return (reason, out_of_date(leaf, sent, reason, now));
    }
    let subject = &leaf.told.subject;
    let message = match why {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) if leaf.self_issued => {
            format!("the certificate of `{subject}` is self-signed and not among the trusted ones")
        }
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            let issuer = &leaf.told.issuer;
            let sent_along = if sent.others.is_empty() {
                ", and the server sends no intermediate certificate along"
            } else {
                ""
            };
            format!(
                "no trusted authority vouches for the certificate, whose issuer is `{issuer}`{sent_along}"
            )
        }
        _ if leaf.self_issued => {
            format!("the certificate of `{subject}` is self-signed and not among the trusted ones")
        }
        rustls::Error::InvalidCertificate(CertificateError::BadSignature) => format!(
            "the signature of the certificate is wrong: it is not by the trusted `{}`, but perhaps by \
             another authority of the same name",
            leaf.told.issuer
        ),
        rustls::Error::InvalidCertificate(why) => format!("the certificate is not trusted: {why}"),
        why => format!("the certificate is not trusted: {why}"),
    };
    (FailureReason::TlsUntrusted, message)
}

/// Which one of the chain is meant is not in the error.
fn out_of_date(leaf: &Read, sent: &Sent<'_>, reason: FailureReason, now: UnixTime) -> String {
    let now = Timestamp(now.as_secs().saturating_mul(1000));
    let expired = reason == FailureReason::TlsExpired;
    let wrong = |read: &Read| {
        if expired {
            read.told.not_after < now
        } else {
            read.told.not_before > now
        }
    };
    let others = sent.others.iter().take(certificate::MOST);
    let others = others.filter_map(|der| certificate::read(der));
    let found = if wrong(leaf) {
        Some((leaf.clone(), "certificate"))
    } else {
        let mut others = others.filter(wrong);
        others.next().map(|read| (read, "intermediate certificate"))
    };
    match found {
        Some((read, what)) if expired => {
            format!(
                "the {what} of `{}` expired on {}",
                read.told.subject, read.told.not_after
            )
        }
        Some((read, what)) => {
            format!(
                "the {what} of `{}` is not valid before {}",
                read.told.subject, read.told.not_before
            )
        }
        None if expired => "a certificate of the chain has expired".to_owned(),
        None => "a certificate of the chain is not valid yet".to_owned(),
    }
}

fn wrong_name(leaf: &Read, name: &ServerName<'_>, why: &rustls::Error) -> String {
    let wanted = name.to_str();
    let names = &leaf.told.names;
    if names.is_empty() {
        return format!(
            "the certificate of `{}` lists no names that it is for (subject alternative names; a common \
             name does not count), so it is not for {wanted}",
            leaf.told.subject
        );
    }
    let listed: Vec<&str> = names.iter().take(LISTED).map(String::as_str).collect();
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let listed = listed.join(", ");
    match why {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => format!("the certificate is not for {wanted}, only for {listed}{more}"),
        why => format!("the certificate, for {listed}{more}, is not for {wanted}: {why}"),
    }
}
