//! Lets every handshake go on, and keeps what the server showed.

use std::sync::{Arc, OnceLock};

use droplens_model::sample::probes::Certificate;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::certificate;
use super::judge::{Distrust, Sent, judge};
use super::trust::Trust;

/// What the server showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Testimony {
    /// The certificates, its own first.
    pub(super) chain: Vec<Certificate>,
    /// Why they are not trusted, the gravest reason first.
    pub(super) distrust: Vec<Distrust>,
}

/// One connection's witness.
#[derive(Debug)]
pub(super) struct Witness {
    trust: Arc<Trust>,
    algorithms: WebPkiSupportedAlgorithms,
    testimony: OnceLock<Testimony>,
    asked: OnceLock<()>,
}

impl Witness {
    pub(super) fn new(trust: Arc<Trust>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self {
            trust,
            algorithms,
            testimony: OnceLock::new(),
            asked: OnceLock::new(),
        }
    }

    /// What the server showed; none if it did not get so far.
    pub(super) fn testimony(&self) -> Option<&Testimony> {
        self.testimony.get()
    }

    /// Whether the server asked for a certificate of the client.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.get().is_some()
    }

    /// Whether the signature can be verified at all. If not, the chain is not trusted either, and
    /// that is what is reported.
    fn is_usable(certificate: &CertificateDer<'_>) -> bool {
        ParsedCertificate::try_from(certificate).is_ok()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = std::iter::once(end_entity).chain(intermediates);
        let chain = all.take(certificate::MOST);
        let chain = chain.filter_map(|der| Some(certificate::read(der)?.told));
        let sent = Sent {
            leaf: end_entity,
            others: intermediates,
        };
        // Only the first is kept; there is one handshake.
        let _ = self.testimony.set(Testimony {
            chain: chain.collect(),
            distrust: judge(&sent, server_name, &self.trust, now, &self.algorithms),
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if !Self::is_usable(cert) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if !Self::is_usable(cert) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ResolvesClientCert for Witness {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        // Only the first time is kept, which is enough.
        let _ = self.asked.set(());
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
