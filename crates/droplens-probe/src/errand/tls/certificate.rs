//! Reads certificates for people: whom they are for, who vouches, and until when.

use std::net::IpAddr;

use droplens_model::Timestamp;
use droplens_model::sample::probes::Certificate;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Version};
use x509_parser::time::ASN1Time;

/// Certificates of a chain that are told of. Real chains have up to four.
pub(super) const MOST: usize = 10;

/// Names of a certificate that are told of.
const MOST_NAMES: usize = 100;

/// Characters of a name that are told of; names in the domain name system have up to 253.
const LONGEST: usize = 256;

/// A certificate as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Read {
    /// What there is to tell.
    pub(super) told: Certificate,
    /// Whether it is of the first or second version of the standard, which have no extensions and
    /// so no list of names.
    pub(super) old: bool,
    /// Whether it vouches for itself.
    pub(super) self_issued: bool,
}

/// Reads one. None if it is not in the form of a certificate.
pub(super) fn read(der: &[u8]) -> Option<Read> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.map_or_else(Vec::new, |names| {
        let all = names.value.general_names.iter().filter_map(name);
        all.take(MOST_NAMES).collect()
    });
    let validity = parsed.validity();
    Some(Read {
        told: Certificate {
            subject: short(&parsed.subject().to_string()),
            issuer: short(&parsed.issuer().to_string()),
            names,
            not_before: instant(validity.not_before),
            not_after: instant(validity.not_after),
            fingerprint: fingerprint(der),
        },
        old: parsed.version() != X509Version::V3,
        self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
    })
}

fn fingerprint(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    let digits = digest
        .as_ref()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    digits.collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(short(name)),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Dates before 1970 become 1970.
fn instant(time: ASN1Time) -> Timestamp {
    let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
    Timestamp(seconds.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    fn made() -> Vec<u8> {
        let mut params = CertificateParams::new(vec![
            "www.example".to_owned(),
            "192.0.2.1".to_owned(),
            "fd90:1::2".to_owned(),
        ])
        .unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 2);
        params.not_after = rcgen::date_time_ymd(2031, 3, 4);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "a page");
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn names_and_dates_are_those_of_the_certificate() {
        let read = read(&made()).unwrap();
        assert_eq!(read.told.subject, "CN=a page");
        assert_eq!(read.told.issuer, "CN=a page");
        assert_eq!(read.told.names, ["www.example", "192.0.2.1", "fd90:1::2"]);
        assert_eq!(read.told.not_before.to_string(), "2020-01-02T00:00:00.000Z");
        assert_eq!(read.told.not_after.to_string(), "2031-03-04T00:00:00.000Z");
        assert!(read.self_issued && !read.old);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_certificate_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn a_certificate_with_broken_bytes_is_bounded_or_none(
            breaks in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            end in any::<prop::sample::Index>(),
        ) {
            let mut der = made();
            for (at, byte) in breaks {
                let at = at.index(der.len());
                der[at] = byte;
            }
            der.truncate(der.len() - end.index(8));
            if let Some(read) = read(&der) {
                prop_assert!(read.told.names.len() <= MOST_NAMES);
                prop_assert!(read.told.subject.chars().count() <= LONGEST);
            }
        }
    }
}
