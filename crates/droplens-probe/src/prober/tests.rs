//! What the prober makes of a runtime that does not run.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use droplens_model::sample::probes::Limits;
use tokio::runtime::Builder;

use super::{Prober, Settings, random};
use crate::echo::Sockets;
use crate::engine::Rules;
use crate::flight::Patience;
use crate::resolve::Resolver;
use crate::schedule::Budget;
use crate::spec::{
    Ask, DnsSpec, DnsTransport, Egress, HttpSpec, PathSpec, PmtuSpec, Request, TcpSpec, TlsSpec,
};
use crate::targets::{TargetKey, TargetWish};

fn wish(ask: Ask) -> TargetWish {
    TargetWish {
        key: TargetKey {
            probe: ask.kind().id().into(),
            target: "127.0.0.1".into(),
        },
        host: "127.0.0.1".into(),
        request: Arc::new(Request {
            ask,
            egress: Egress::default(),
            patience: Patience {
                timeout: Duration::from_millis(100),
                late: Duration::ZERO,
            },
        }),
        interval: Duration::from_millis(200),
        bytes: 60,
        asked_for: true,
        labels: Vec::new(),
        limits: Limits::default(),
    }
}

/// Long enough for any machine.
const GIVE_UP: Duration = Duration::from_secs(60);

#[test]
fn errands_on_a_runtime_that_hangs_are_aborted_and_nothing_is_lost() {
    // Nobody drives it, so its tasks are begun and never go on.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut random = random().unwrap();
    let rules = Rules {
        budget: Budget {
            packets: 1e6,
            bytes: 1e9,
        },
    };
    let prober = Prober::start(Settings {
        rules,
        runtime: runtime.handle().clone(),
        sockets: Sockets::open(&mut random),
        resolver: Arc::new(Resolver::of_servers(Vec::new())),
    })
    .unwrap();
    let tls = TlsSpec {
        port: 443,
        server_name: "127.0.0.1".into(),
        verify: true,
        authorities: None,
    };
    let asks = [
        Ask::Tcp(TcpSpec { port: 80 }),
        Ask::Dns(DnsSpec::any_server(53, DnsTransport::Udp)),
        Ask::Tls(tls),
        Ask::Http(HttpSpec::for_url("http://127.0.0.1/").unwrap()),
        Ask::Pmtu(PmtuSpec::default()),
        Ask::Path(PathSpec::default()),
    ];
    let kinds = asks.len();
    prober.reload(asks.map(wish).into(), rules);
    let begun = Instant::now();
    loop {
        let sample = prober.sample().unwrap();
        assert_eq!(sample.targets.len(), kinds);
        let all: Vec<_> = sample.targets.iter().map(|one| &one.addresses[0]).collect();
        for one in &all {
            assert_eq!(one.loss().of, 0, "nothing can be said: {one:?}");
            assert_eq!(one.failures.total(), 0, "{one:?}");
        }
        if all.iter().all(|one| one.outcomes.aborted >= 2) {
            return;
        }
        assert!(begun.elapsed() < GIVE_UP, "{all:?}");
        sleep(Duration::from_millis(20));
    }
}
