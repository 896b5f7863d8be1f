//! One host's services, to be probed in every way there is.

use std::net::SocketAddr;

use crate::lab::Namespace;
use crate::scratch::Scratch;
use crate::servers::dns::DnsServer;
use crate::servers::http::{Log, page, secure};
use crate::servers::identity::{Authority, VALID};
use crate::servers::tcp::{Manner, TcpServer};
use crate::servers::tls;
use crate::servers::web::WebServer;

/// The name in the certificate.
const NAME: &str = "service.example";

/// A port that nobody listens at.
const REFUSED: u16 = 9_999;

/// A name server, a service over TCP and one over HTTPS.
#[derive(Debug)]
pub struct Services {
    ip: String,
    dns: DnsServer,
    tcp: TcpServer,
    web: WebServer,
    files: Scratch,
}

impl Services {
    /// Starts them at an IPv4 address of the namespace.
    ///
    /// # Panics
    ///
    /// When one of them cannot be started.
    pub fn start(namespace: &Namespace, ip: &str) -> Self {
        let authority = Authority::root();
        let files = Scratch::new();
        files.write("authority.pem", authority.pem());
        let identity = authority.issue(&[NAME], VALID);
        let answer = |_: &_| page("200 OK", &[], "well");
        let config = tls::config(identity, &tls::Manner::default());
        let serve = secure(config, &Log::default(), answer);
        Self {
            ip: ip.to_owned(),
            dns: DnsServer::start(namespace, &format!("{ip}:0"), |asked| {
                asked.addresses(60, &["192.0.2.1"]).into()
            }),
            tcp: TcpServer::start(namespace, &format!("{ip}:0"), Manner::Takes),
            web: WebServer::start(namespace, ip, serve),
            files,
        }
    }

    /// A configuration with a probe of every kind, and of one more service, which is not there.
    pub fn probes(&self) -> String {
        let Self {
            ip,
            dns,
            tcp,
            web,
            files,
        } = self;
        let refused: SocketAddr = SocketAddr::new(tcp.address().ip(), REFUSED);
        let (dns, tcp, web) = (dns.address(), tcp.address(), web.address());
        let authority = files.path().join("authority.pem");
        let trust = format!(
            "server_name = \"{NAME}\"\nauthorities = \"{}\"\n",
            authority.display()
        );
        let table = |kind: &str, of: &str, interval: &str, targets: &str, more: &str| {
            let name = if kind == "dns" { "servers" } else { "targets" };
            format!(
                "[[probe.{kind}]]\n{name} = [{targets}]\ninterval = \"{interval}\"\nlabels = {{ layer = \"{of}\" }}\n{more}"
            )
        };
        [
            table("icmp", "network", "200ms", &format!("\"{ip}\""), ""),
            table(
                "tcp",
                "service",
                "1s",
                &format!("\"{tcp}\", \"{refused}\""),
                "",
            ),
            table(
                "dns",
                "service",
                "1s",
                &format!("\"{dns}\""),
                "query = \"www.example\"\nexpect = [\"192.0.2.1\"]\n",
            ),
            table("tls", "service", "1s", &format!("\"{web}\""), &trust),
            table(
                "http",
                "service",
                "1s",
                &format!("\"https://{web}/health\""),
                &trust,
            ),
            table("pmtu", "network", "5s", &format!("\"{ip}\""), ""),
            table("path", "network", "5s", &format!("\"{ip}\""), ""),
        ]
        .concat()
    }
}
