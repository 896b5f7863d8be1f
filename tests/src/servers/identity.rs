//! Certificates of all kinds, good and bad.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// From when until when: first of January of these years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Years(pub i32, pub i32);

/// Valid now.
pub const VALID: Years = Years(2020, 2199);
/// Has expired.
pub const EXPIRED: Years = Years(2019, 2021);
/// Will be valid one day.
pub const NOT_YET: Years = Years(2150, 2199);

/// Somebody who issues certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
    /// What a server sends along, so that clients find the way to the root.
    along: Vec<CertificateDer<'static>>,
}

/// What a server shows, and the key for it.
#[derive(Debug)]
pub struct Identity {
    /// The certificates, its own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

fn params(name: &str, names: &[&str], years: Years) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names of hosts");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    params
}

fn authority(name: &str, years: Years) -> CertificateParams {
    let mut params = params(name, &[], years);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn identity(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Identity {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    Identity {
        chain,
        key: key.into(),
    }
}

impl Authority {
    /// One that vouches for itself.
    ///
    /// # Panics
    ///
    /// When no certificate can be made.
    pub fn root() -> Self {
        Self::named("the root")
    }

    /// One of this name that vouches for itself.
    ///
    /// # Panics
    ///
    /// When no certificate can be made.
    pub fn named(name: &str) -> Self {
        let (key, params) = (key(), authority(name, VALID));
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            issuer: Issuer::new(params, key),
            certificate,
            along: Vec::new(),
        }
    }

    /// One that this one vouches for. Its certificate goes along with those that it issues.
    ///
    /// # Panics
    ///
    /// When no certificate can be made.
    #[must_use]
    pub fn intermediate(&self, years: Years) -> Self {
        let (key, params) = (key(), authority("the middle", years));
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let own = certificate.der().clone();
        Self {
            issuer: Issuer::new(params, key),
            along: std::iter::once(own).chain(self.along.clone()).collect(),
            certificate,
        }
    }

    /// Its certificate, as text (PEM).
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A server's certificate for these names and addresses; the first one is its common name too.
    ///
    /// # Panics
    ///
    /// When no certificate can be made.
    pub fn issue(&self, names: &[&str], years: Years) -> Identity {
        self.make(&params(names.first().unwrap_or(&"nobody"), names, years))
    }

    /// A server's certificate for these names and addresses that expires in so many days.
    ///
    /// # Panics
    ///
    /// When the clock is before 1970.
    pub fn issue_for_days(&self, names: &[&str], days: u64) -> Identity {
        let mut params = params(names.first().unwrap_or(&"nobody"), names, VALID);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let left = Duration::from_secs(days * 86_400);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + now.expect("a date") + left;
        self.make(&params)
    }

    /// A server's certificate with a common name and no other names.
    pub fn issue_common_name(&self, name: &str) -> Identity {
        self.make(&params(name, &[], VALID))
    }

    fn make(&self, params: &CertificateParams) -> Identity {
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let own = certificate.der().clone();
        identity(
            std::iter::once(own).chain(self.along.clone()).collect(),
            &key,
        )
    }
}

impl Identity {
    /// A certificate that vouches for itself.
    ///
    /// # Panics
    ///
    /// When no certificate can be made.
    pub fn self_signed(name: &str, years: Years) -> Self {
        let key = key();
        let made = params(name, &[name], years).self_signed(&key);
        identity(vec![made.expect("a certificate").der().clone()], &key)
    }

    /// A certificate that vouches for itself and may vouch for others, as OpenSSL makes them.
    ///
    /// # Panics
    ///
    /// When no certificate can be made.
    pub fn self_signed_authority(name: &str) -> Self {
        let key = key();
        let mut params = params(name, &[name], VALID);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let made = params.self_signed(&key).expect("a certificate");
        identity(vec![made.der().clone()], &key)
    }

    /// A certificate of the first version of X.509, which has no names but the common name. Its
    /// signature is wrong: clients do not get to look at it.
    ///
    /// # Panics
    ///
    /// When no certificate can be made.
    pub fn of_version_1(name: &str) -> Self {
        let key = key();
        let made = params(name, &[], VALID)
            .self_signed(&key)
            .expect("a certificate");
        let mut der = made.der().to_vec();
        // The version stands first: [0] EXPLICIT INTEGER 2.
        let at = der.windows(5).position(|bytes| bytes == [0xa0, 3, 2, 1, 2]);
        let version = at.and_then(|at| der.get_mut(at + 4));
        *version.expect("a version") = 0;
        identity(vec![der.into()], &key)
    }

    /// The server's own certificate as text (PEM).
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn pem(&self) -> String {
        use std::fmt::Write as _;
        let der = self.chain.first().expect("a certificate");
        let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
        for line in encode(der).as_bytes().chunks(64) {
            let _ = writeln!(text, "{}", String::from_utf8_lossy(line));
        }
        text + "-----END CERTIFICATE-----\n"
    }

    /// For a server, whatever is wrong with it.
    pub(super) fn certified(self) -> Arc<rustls::sign::CertifiedKey> {
        let key = rustls::crypto::ring::sign::any_supported_type(&self.key).expect("a key");
        Arc::new(rustls::sign::CertifiedKey::new(self.chain, key))
    }
}

/// Base64.
fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let whole = three
            .iter()
            .fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        let whole = whole << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = (whole >> (18 - 6 * place)) & 63;
            let digit = DIGITS.get(digit as usize).filter(|_| place <= three.len());
            text.push(digit.map_or('=', |digit| char::from(*digit)));
        }
    }
    text
}
