//! Servers of TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};

use super::identity::{Authority, Identity};
use super::web::{Line, hold};

/// How a server shakes hands.
#[derive(Debug, Default)]
pub struct Manner {
    /// The versions it speaks; none: all.
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// The protocols it agrees to, such as `h2`.
    pub protocols: Vec<&'static str>,
    /// Whether it insists on a client certificate.
    pub wants_client: bool,
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// What a server needs to shake hands so.
///
/// # Panics
///
/// When it does not fit together.
pub fn config(identity: Identity, manner: &Manner) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = match &manner.versions[..] {
        [] => builder.with_safe_default_protocol_versions(),
        some => builder.with_protocol_versions(some),
    };
    let builder = builder.expect("a version");
    let builder = if manner.wants_client {
        let mut roots = RootCertStore::empty();
        let nobody = Authority::root().issue(&["nobody.example"], super::identity::VALID);
        roots.add_parsable_certificates(nobody.chain);
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_cert_resolver(Arc::new(Always(identity.certified())));
    config.alpn_protocols = manner
        .protocols
        .iter()
        .map(|name| name.as_bytes().into())
        .collect();
    Arc::new(config)
}

/// A connection with TLS.
#[derive(Debug)]
pub struct Secure(StreamOwned<ServerConnection, TcpStream>);

impl Read for Secure {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Write for Secure {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Line for Secure {
    fn socket(&self) -> &TcpStream {
        &self.0.sock
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.0.conn.send_close_notify();
        let _ = self.0.flush();
    }
}

/// Shakes hands and does that with the connection.
///
/// # Panics
///
/// When the configuration does not work.
pub fn over(
    config: Arc<ServerConfig>,
    serve: impl Fn(&mut Secure) + Send + Sync + 'static,
) -> impl Fn(TcpStream) + Send + Sync + 'static {
    move |stream: TcpStream| {
        let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
        let mut line = Secure(StreamOwned::new(connection, stream));
        let shaken = {
            let StreamOwned { conn, sock } = &mut line.0;
            conn.complete_io(sock)
        };
        if shaken.is_ok() {
            serve(&mut line);
        }
    }
}

/// Shakes hands and waits for the end.
pub fn shakes(config: Arc<ServerConfig>) -> impl Fn(TcpStream) + Send + Sync + 'static {
    over(config, hold)
}

/// Sends what comes before the end of the handshake, and then resets the connection (TLS 1.2, where
/// certificates come in the clear before the client has its turn).
///
/// # Panics
///
/// When the configuration does not work.
pub fn resets_after_certificate(
    config: Arc<ServerConfig>,
) -> impl Fn(TcpStream) + Send + Sync + 'static {
    move |mut stream: TcpStream| {
        let mut connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
        while !connection.wants_write() {
            match connection.read_tls(&mut stream) {
                Ok(read) if read > 0 => {}
                _ => return,
            }
            if connection.process_new_packets().is_err() {
                return;
            }
        }
        while connection.wants_write() {
            if connection.write_tls(&mut stream).is_err() {
                return;
            }
        }
        // The client's answer: by then it has read the certificate.
        let _ = stream.read(&mut [0; 4096]);
        stream.reset();
    }
}
