//! A prober in a namespace, without the agent around it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::sample::probes::{Address, Limits, Outcomes, Probes};
use droplens_probe::echo::Sockets;
use droplens_probe::engine::Rules;
use droplens_probe::flight::Patience;
use droplens_probe::prober::{Prober, Settings, random};
use droplens_probe::random::Random;
use droplens_probe::resolve::Resolver;
use droplens_probe::schedule::Budget;
use droplens_probe::spec::{Ask, EchoSpec, Egress, Request};
use droplens_probe::sys::egress::EchoKind;
use droplens_probe::targets::{TargetKey, TargetWish};
use tokio::runtime::{Builder, Runtime};

use crate::lab::Namespace;
use crate::wait;

/// An interval so long that nothing is sent any more.
const NEVER: Duration = Duration::from_secs(100_000);

/// A prober that sends echo requests to addresses.
#[derive(Debug)]
pub struct Probing {
    // Its tasks run on the runtime, so it goes first.
    prober: Prober,
    _runtime: Runtime,
}

/// Does it with either kind of socket for echo requests, both at the same time.
pub fn for_both_kinds(check: impl Fn(EchoKind) + Send + Sync) {
    std::thread::scope(|scope| {
        let check = &check;
        for kind in [EchoKind::Ping, EchoKind::Raw] {
            scope.spawn(move || check(kind));
        }
    });
}

/// An echo request to an address every so many milliseconds.
pub fn wish(target: &str, millis: u64, patience: Patience) -> TargetWish {
    TargetWish {
        key: TargetKey {
            probe: "icmp".into(),
            target: target.into(),
        },
        host: target.into(),
        request: Arc::new(Request {
            ask: Ask::Icmp(EchoSpec::default()),
            egress: Egress::default(),
            patience,
        }),
        interval: Duration::from_millis(millis),
        bytes: 84,
        asked_for: true,
        labels: Vec::new(),
        limits: Limits::default(),
    }
}

/// The same, asked otherwise.
#[must_use]
pub fn with(mut wish: TargetWish, change: impl FnOnce(&mut Request)) -> TargetWish {
    change(Arc::make_mut(&mut wish.request));
    wish
}

impl Probing {
    /// Starts one in a namespace, with the sockets that `open` opens there.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(namespace: &Namespace, open: impl FnOnce(&mut Random) -> Sockets + Send) -> Self {
        namespace.enter(|| Self::start_here(open))
    }

    /// Starts one in the namespace of the calling thread.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start_here(open: impl FnOnce(&mut Random) -> Sockets) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let sockets = open(&mut random().expect("random numbers"));
        let settings = Settings {
            rules: rules(),
            runtime: runtime.handle().clone(),
            sockets,
            resolver: Arc::new(Resolver::system()),
        };
        let prober = Prober::start(settings).expect("a prober");
        Self {
            prober,
            _runtime: runtime,
        }
    }

    /// What is to be probed from now on.
    pub fn aim(&self, wishes: Vec<TargetWish>) {
        self.prober.reload(wishes, rules());
    }

    /// Sends no more to these targets and waits until the last probe has ended.
    pub fn settle(&self, wishes: Vec<TargetWish>) -> Probes {
        let mut last = wishes;
        for wish in &mut last {
            wish.interval = NEVER;
        }
        self.aim(last);
        let mut before = u64::MAX;
        wait::until("all probes have ended", || {
            let sample = self.sample();
            let sent: u64 = addresses(&sample).map(|address| address.sent).sum();
            let flying: u64 = addresses(&sample).map(|address| address.in_flight).sum();
            // What was due just then may still be sent.
            if flying == 0 && std::mem::replace(&mut before, sent) == sent {
                Ok(sample)
            } else {
                Err(format!("{flying} in flight"))
            }
        })
    }

    /// What it knows.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub fn sample(&self) -> Probes {
        self.prober.sample().expect("a sample")
    }
}

/// A budget that stretches nothing.
fn rules() -> Rules {
    Rules {
        budget: Budget {
            packets: 1e6,
            bytes: 1e9,
        },
    }
}

/// All addresses of all targets.
pub fn addresses(sample: &Probes) -> impl Iterator<Item = &Address> {
    sample.targets.iter().flat_map(|target| &target.addresses)
}

/// The only address of a target.
///
/// # Panics
///
/// When it is not there.
pub fn address(sample: &Probes, address: impl Into<IpAddr>) -> &Address {
    let wanted = address.into();
    let found = addresses(sample).find(|address| address.address == wanted);
    found.unwrap_or_else(|| panic!("{wanted} is not probed: {sample:?}"))
}

/// The outcomes of all addresses together.
pub fn outcomes(sample: &Probes) -> Outcomes {
    addresses(sample).fold(Outcomes::default(), |mut sum, address| {
        let one = address.outcomes;
        sum.ok += one.ok;
        sum.late += one.late;
        sum.lost += one.lost;
        sum.send_error += one.send_error;
        sum.icmp_error += one.icmp_error;
        sum.local_drop += one.local_drop;
        sum.aborted += one.aborted;
        sum
    })
}
