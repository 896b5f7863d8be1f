//! Services that do not answer a probe, answer badly, or slowly.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use droplens_model::Cause;
use droplens_model::sample::probes::OutcomeKind;
use hickory_proto::op::ResponseCode;

use super::{uncounted, until_ended};
use crate::lab::{Namespace, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, scenario};
use crate::scratch::Scratch;
use crate::servers::dns::{Answer, Asked, DnsServer};
use crate::servers::http::{Log, page, plain};
use crate::servers::identity::{Authority, EXPIRED};
use crate::servers::tcp::{Manner, TcpServer};
use crate::servers::tls::{self, shakes};
use crate::servers::web::WebServer;

const REFUSED: Expect = uncounted(Cause::ConnectRefused).at("10.9.1.2:9000");
const NO_ANSWER: Expect = uncounted(Cause::ConnectTimeout).at("10.9.1.2:9000");
const DNS: Expect = uncounted(Cause::DnsFailure);
const DNS_SLOW: Expect = uncounted(Cause::DnsSlow);
const EXPIRING: Expect = uncounted(Cause::TlsCertificateExpiring);
const FAILURE: Expect = uncounted(Cause::HttpFailure);
const SLOW: Expect = uncounted(Cause::ServiceSlow);

pub(super) const ALL: &[Scenario] = &[
    scenario(
        "probe-connect-refused",
        "nobody listens at a probed port any more",
        REFUSED,
        refused,
    ),
    scenario(
        "probe-connect-timeout",
        "a firewall far away swallows all SYN segments to a probed port",
        NO_ANSWER,
        unanswered,
    ),
    scenario(
        "probe-connect-silenced",
        "a firewall far away begins to swallow the SYN segments to a probed port that answered",
        NO_ANSWER,
        silenced,
    ),
    scenario(
        "probe-dns-servfail",
        "a name server says that it failed",
        DNS,
        || dns(&DNS, |asked| asked.code(ResponseCode::ServFail).into()),
    ),
    scenario(
        "probe-dns-silent",
        "a name server does not answer",
        DNS,
        || dns(&DNS, |_| Answer::Nothing),
    ),
    scenario(
        "probe-dns-slow",
        "a name server takes 60 ms where 30 ms are the limit",
        DNS_SLOW,
        || {
            dns(&DNS_SLOW, |asked| {
                Answer::Later(Duration::from_millis(60), asked.reply())
            })
        },
    ),
    scenario(
        "probe-name-gone",
        "the name of a target does not resolve any more; its address answers on",
        DNS,
        name_gone,
    ),
    scenario(
        "probe-certificate-expiring",
        "a certificate expires in 5 days",
        EXPIRING,
        || certificate(&EXPIRING, |root| root.issue_for_days(&["10.9.1.2"], 5)),
    ),
    scenario(
        "probe-certificate-expired",
        "a certificate has expired",
        FAILURE,
        || certificate(&FAILURE, |root| root.issue(&["10.9.1.2"], EXPIRED)),
    ),
    scenario(
        "probe-http-failure",
        "a service answers 503",
        FAILURE,
        || web(&FAILURE, "503 Service Unavailable", Duration::ZERO),
    ),
    scenario(
        "probe-service-slow",
        "a service takes 300 ms where 100 ms are the limit",
        SLOW,
        || web(&SLOW, "200 OK", Duration::from_millis(300)),
    ),
];

/// A client that probes, 10.9.1.1, and a server, 10.9.1.2.
fn pair() -> (Namespace, Namespace) {
    let (client, server) = (Namespace::new(), Namespace::new());
    veth(&client, "v0", &server, "v1", 1);
    (client, server)
}

const TCP: &str =
    "[[probe.tcp]]\ninterval = \"100ms\"\ntimeout = \"500ms\"\ntargets = [\"10.9.1.2:9000\"]\n";

fn refused() -> Seen {
    let (client, server) = pair();
    let service = TcpServer::start(&server, "10.9.1.2:9000", Manner::Takes);
    let watch = Watch::probing(TCP, &client);
    drop(service);
    watch.verdict(&REFUSED, None)
}

/// The port never answers; the host is there, and answers echo requests.
fn unanswered() -> Seen {
    let (client, server) = pair();
    let _service = TcpServer::start(&server, "10.9.1.2:9000", Manner::Takes);
    swallow(&server);
    let watch = Watch::probing(&with_echo(), &client);
    until_ended(&watch, OutcomeKind::Lost, 2);
    watch.verdict(&NO_ANSWER, None)
}

/// The same, but the port answered until the fault.
fn silenced() -> Seen {
    let (client, server) = pair();
    let _service = TcpServer::start(&server, "10.9.1.2:9000", Manner::Takes);
    let watch = Watch::probing(&with_echo(), &client);
    swallow(&server);
    // Only those that are given up show segments that were sent again, which look like a lossy path.
    until_ended(&watch, OutcomeKind::Lost, 16);
    watch.verdict(&NO_ANSWER, None)
}

fn with_echo() -> String {
    format!("{TCP}[[probe.icmp]]\ninterval = \"200ms\"\ntargets = [\"10.9.1.2\"]\n")
}

fn swallow(server: &Namespace) {
    server.nft("add table ip t; add chain ip t c { type filter hook prerouting priority 0; }; add rule ip t c tcp dport 9000 drop");
}

/// A name server that is fine until the fault.
fn dns(expect: &Expect, bad: fn(&Asked) -> Answer) -> Seen {
    let (client, server) = pair();
    let broken = Arc::new(AtomicBool::new(false));
    let is_broken = Arc::clone(&broken);
    let _server = DnsServer::start(&server, "10.9.1.2:53", move |asked| {
        if is_broken.load(Ordering::SeqCst) {
            bad(asked)
        } else {
            asked.reply().into()
        }
    });
    // Without records to be expected, an empty answer of the root is good.
    let toml = "[[probe.dns]]\ninterval = \"100ms\"\ntimeout = \"500ms\"\nservers = [\"10.9.1.2:53\"]\nlimits = { resolve = \"30ms\" }\n";
    let watch = Watch::probing(toml, &client);
    broken.store(true, Ordering::SeqCst);
    watch.verdict(expect, None)
}

fn name_gone() -> Seen {
    let (client, server) = pair();
    let broken = Arc::new(AtomicBool::new(false));
    let is_broken = Arc::clone(&broken);
    let _server = DnsServer::start(&server, "10.9.1.2:53", move |asked| {
        if is_broken.load(Ordering::SeqCst) {
            asked.code(ResponseCode::NXDomain).into()
        } else {
            asked.addresses(1, &["10.9.1.2"]).into()
        }
    });
    let options = crate::agent::Options::new()
        .config("[[probe.icmp]]\ninterval = \"100ms\"\ntargets = [\"peer.example\"]\n")
        .file("/etc/resolv.conf", "nameserver 10.9.1.2\n");
    let watch = Watch::with(options, &client);
    broken.store(true, Ordering::SeqCst);
    watch.verdict(&DNS, None)
}

/// A TLS server that shows this certificate.
fn certificate(
    expect: &Expect,
    issue: fn(&Authority) -> crate::servers::identity::Identity,
) -> Seen {
    let (client, server) = pair();
    let (root, scratch) = (Authority::root(), Scratch::new());
    let trusted = scratch.write("root.pem", root.pem());
    let trusted = trusted.display();
    let config = tls::config(issue(&root), &tls::Manner::default());
    let service = WebServer::start(&server, "10.9.1.2", shakes(config));
    let toml = format!(
        "[[probe.tls]]\ninterval = \"200ms\"\ntargets = [\"{}\"]\nauthorities = \"{trusted}\"\n",
        service.address()
    );
    Watch::probing(&toml, &client).verdict(expect, None)
}

/// A web server with this status, which takes this long.
fn web(expect: &Expect, status: &'static str, takes: Duration) -> Seen {
    let (client, server) = pair();
    let answer = plain(&Log::default(), move |_| page(status, &[], "hello"));
    let service = WebServer::start(&server, "10.9.1.2", move |stream: TcpStream| {
        std::thread::sleep(takes);
        answer(stream);
    });
    let toml = format!(
        "[[probe.http]]\ninterval = \"200ms\"\ntargets = [\"http://{}/\"]\nlimits = {{ first_byte = \"100ms\" }}\n",
        service.address()
    );
    Watch::probing(&toml, &client).verdict(expect, None)
}
