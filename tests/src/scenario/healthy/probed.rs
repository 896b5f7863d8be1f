//! Hosts whose probes find nothing wrong.

use droplens_model::sample::probes::TargetState;

use super::clean;
use crate::agent::Options;
use crate::lab::{Chain, Namespace, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch};
use crate::scratch::Scratch;
use crate::servers::dns::DnsServer;
use crate::servers::http::{Log, page, plain};
use crate::servers::identity::{Authority, VALID};
use crate::servers::tcp::{Manner, TcpServer};
use crate::servers::tls::{self, shakes};
use crate::servers::web::WebServer;

pub(super) const ALL: &[Scenario] = &[
    clean(
        "probes-of-all-kinds",
        "probes of every kind to hosts three routers away",
        || of_all_kinds(Chain::TARGET_V4, Chain::TARGET_V4),
    ),
    clean(
        "probes-of-all-kinds6",
        "probes of every kind over IPv6 to hosts three routers away",
        || of_all_kinds(Chain::TARGET_V6, "[fd93:4::2]"),
    ),
    clean(
        "probe-gateway-silent",
        "the default gateway never answers echo requests",
        silent_gateway,
    ),
];

/// `address` is the target, and `host` the same before a port.
fn of_all_kinds(address: &str, host: &str) -> Seen {
    let chain = Chain::new();
    let (root, scratch) = (Authority::root(), Scratch::new());
    let trusted = scratch.write("root.pem", root.pem());
    let trusted = trusted.display();
    let server = chain.server();
    let config = tls::config(root.issue(&[address], VALID), &tls::Manner::default());
    let _tcp = TcpServer::start(server, &format!("{host}:9000"), Manner::Takes);
    let _dns = DnsServer::start(server, &format!("{host}:53"), |asked| asked.reply().into());
    let tls = WebServer::start(server, address, shakes(config));
    let answer = plain(&Log::default(), |_| page("200 OK", &[], "hello"));
    let http = WebServer::start(server, address, answer);
    let (tls, http) = (tls.address(), http.address());
    let toml = format!(
        "[[probe.icmp]]\ninterval = \"50ms\"\nclass = \"continent\"\ntargets = [\"{address}\"]\n\
         [[probe.tcp]]\ninterval = \"100ms\"\ntargets = [\"{host}:9000\"]\n\
         [[probe.dns]]\ninterval = \"100ms\"\nservers = [\"{host}:53\"]\n\
         [[probe.tls]]\ninterval = \"500ms\"\ntargets = [\"{tls}\"]\nauthorities = \"{trusted}\"\n\
         [[probe.http]]\ninterval = \"500ms\"\ntargets = [\"http://{http}/\"]\n\
         [[probe.pmtu]]\ninterval = \"1s\"\ntargets = [\"{address}\"]\n\
         [[probe.path]]\ninterval = \"1s\"\ntargets = [\"{address}\"]\n"
    );
    let watch = Watch::probing(&toml, chain.client());
    watch.agent().probes_until("answers to all", |probes| {
        let targets = probes.targets.iter();
        let addresses = targets.flat_map(|target| &target.addresses);
        let answered = addresses.filter(|one| one.outcomes.ok > 0).count();
        (answered == 7).then_some(()).ok_or(format!("{answered}"))
    });
    watch.verdict(&Expect::Clean, None)
}

fn silent_gateway() -> Seen {
    let (host, router) = (Namespace::new(), Namespace::new());
    veth(&host, "v0", &router, "v1", 1);
    router.nft("add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c icmp type echo-request drop");
    host.ip("route add default via 10.9.1.2");
    let options = Options::new()
        .default_probes()
        .file("/etc/resolv.conf", "# none\n");
    let watch = Watch::with(options, &host);
    watch.agent().probes_until("silence", |probes| {
        let gateway = probes.targets.first().ok_or("no target")?;
        let silent: u64 = gateway.addresses.iter().map(|one| one.silent).sum();
        assert_eq!(gateway.state, TargetState::Silent);
        (silent >= 3).then_some(()).ok_or(format!("{silent}"))
    });
    watch.verdict(&Expect::Clean, None)
}
