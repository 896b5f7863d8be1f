//! The handshake itself.

use std::sync::Arc;
use std::time::Duration;

use droplens_model::Name;
use droplens_model::sample::probes::{FailureReason, Phase, TlsDetails};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::fault;
use super::trust::{self, Trust};
use super::witness::Witness;
use crate::errand::Report;
use crate::errand::deadline::Deadline;
use crate::errand::meter::{Meter, View};
use crate::errand::trouble::Trouble;
use crate::spec::TlsSpec;
use crate::sys::clock::monotonic;

/// How long a server is listened to that asked for a certificate of the client, in case it says that
/// it wants one.
const SECOND_THOUGHTS: Duration = Duration::from_secs(1);

/// A connection that is shaken hands on.
pub(in crate::errand) struct Session {
    /// Boxed, since it is large and handed on.
    pub(in crate::errand) stream: Box<TlsStream<Meter<TcpStream>>>,
    /// The protocol that was agreed on.
    pub(in crate::errand) protocol: Option<String>,
    witness: Arc<Witness>,
    view: View,
}

/// Shakes hands, with one of these protocols to follow (ALPN). What the server shows goes to the
/// details, however it ends.
pub(in crate::errand) async fn shake(
    stream: TcpStream,
    spec: &TlsSpec,
    protocols: &[&[u8]],
    deadline: &Deadline,
    report: &mut Report,
) -> Result<Session, Trouble> {
    let name = server_name(&spec.server_name)?;
    let trust = trust::load(spec.authorities.clone()).await;
    let known = trust.clone().unwrap_or_else(|_| Arc::new(nobody()));
    let provider = Arc::new(ring::default_provider());
    let witness = Arc::new(Witness::new(
        known,
        provider.signature_verification_algorithms,
    ));
    let config = config(provider, &witness, protocols).map_err(|error| {
        Trouble::heard(
            FailureReason::Other,
            format!("TLS cannot be set up: {error}"),
        )
    })?;

    // A chain takes 64 kB at most.
    let (meter, view) = Meter::new(stream, u64::MAX);
    let begun = monotonic();
    let connector = TlsConnector::from(Arc::new(config));
    let step = async {
        let connected = connector.connect(name, meter).await;
        connected.map_err(|error| fault::of_handshake(&error, &view.look(), witness.was_asked()))
    };
    let shaken = deadline.keep(step, || fault::overdue(&view.look())).await;

    let mut details = TlsDetails::default();
    let distrust = witness.testimony().map(|told| {
        details.chain.clone_from(&told.chain);
        told.distrust.clone()
    });
    let sentences = match &trust {
        Ok(_) => distrust
            .iter()
            .flatten()
            .map(|(_, why)| why.clone())
            .collect(),
        Err(why) => vec![why.clone()],
    };
    details.distrust = (!sentences.is_empty()).then(|| sentences.join("; "));
    let failed = shaken.is_err() && witness.testimony().is_none();
    let shaken = shaken.inspect(|stream| {
        let (_, session) = stream.get_ref();
        details.version = session
            .protocol_version()
            .map(|version| format!("{version:?}").replace('_', "."));
        details.cipher = session
            .negotiated_cipher_suite()
            .map(|suite| cipher(&format!("{:?}", suite.suite())));
        details.protocol = session
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned());
    });
    let protocol = details.protocol.clone();
    if !failed {
        report.details.tls = Some(details);
    }
    let stream = Box::new(shaken?);
    report.spend(Phase::Tls, monotonic().since(begun));
    if spec.verify {
        if let Err(why) = trust {
            return Err(Trouble::heard(FailureReason::Other, why));
        }
        if let Some((reason, why)) = distrust.into_iter().flatten().next() {
            return Err(Trouble::heard(reason, why));
        }
    }
    Ok(Session {
        stream,
        protocol,
        witness,
        view,
    })
}

impl Session {
    /// Closes it. In TLS 1.3 the server tells only after the handshake that it insists on a
    /// certificate of the client.
    pub(super) async fn close(mut self, deadline: &Deadline) -> Result<(), Trouble> {
        let asked = self.witness.was_asked();
        let told = async {
            // The server may have closed it already, and have said why.
            let _ = self.stream.shutdown().await;
            if !asked {
                return Ok(());
            }
            let mut rest = [0; 256];
            loop {
                match self.stream.read(&mut rest).await {
                    Ok(0) => return Ok(()),
                    Ok(_) => {}
                    Err(error) if fault::is_alert(&error) => {
                        return Err(fault::of_handshake(&error, &self.view.look(), asked));
                    }
                    // Hands are shaken, and more is not of interest.
                    Err(_) => return Ok(()),
                }
            }
        };
        let patience = deadline.within(SECOND_THOUGHTS);
        patience.wait(told).await.unwrap_or(Ok(()))
    }
}

fn server_name(name: &Name) -> Result<ServerName<'static>, Trouble> {
    ServerName::try_from(name.to_string()).map_err(|_| {
        let message =
            format!("`{name}` cannot be the name of a server: neither a name nor an address");
        Trouble::heard(FailureReason::Other, message)
    })
}

fn config(
    provider: Arc<CryptoProvider>,
    witness: &Arc<Witness>,
    protocols: &[&[u8]],
) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(witness) as _)
        .with_client_cert_resolver(Arc::clone(witness) as _);
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    // Each handshake is a whole one.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn nobody() -> Trust {
    Trust {
        roots: RootCertStore::empty(),
        named: Vec::new(),
    }
}

/// The registered name: the library marks those of TLS 1.3.
fn cipher(name: &str) -> String {
    name.replacen("TLS13_", "TLS_", 1)
}
