//! A wire between two namespaces that loses, delays and spoils packets, and tells exactly which.
//!
//! It is two TAP devices joined by a thread of the test process. Unlike netem it needs no kernel
//! module, works in each direction on its own, and its [`Counts`] are the ground truth that what
//! droplens says is compared with.
//!
//! ```no_run
//! use droplens_tests::lab::Namespace;
//! use droplens_tests::wire::{Impairment, Loss, Wire};
//!
//! let (client, server) = (Namespace::new(), Namespace::new());
//! let wire = Wire::join(&client, "w0", &server, "w1", 1);
//! wire.forward.set(Impairment::loss(Loss::Random(0.01)));
//! // ... traffic from 10.91.1.1 to 10.91.1.2 ...
//! println!("{:?}", wire.forward.counts().lost);
//! ```

mod control;
mod counts;
mod impairment;
mod lane;
mod loss;
mod packet;
mod pump;
mod random;
mod tap;
mod worker;

use std::path::Path as FilePath;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::lab::Namespace;
use crate::{json, wait};

pub use control::Control;
pub use counts::{Counts, Protocol, Tally};
pub use impairment::{Filter, GilbertElliott, Impairment, Loss, Rate, Reorder};

use lane::Lane;
use pump::Path;
pub(crate) use tap::Tap;
use worker::Worker;

/// The seed of a wire unless `WIRE_SEED` sets another one.
const SEED: u64 = 0x5eed;

/// A wire. Dropping it removes its devices.
#[derive(Debug)]
pub struct Wire {
    /// From the left namespace to the right one.
    pub forward: Direction,
    /// From the right namespace to the left one.
    pub backward: Direction,
    seed: u64,
    _pump: Worker,
}

impl Wire {
    /// Joins two namespaces by devices `a` on the left, with `10.91.{net}.1/24` and
    /// `fd91:{net}::1/64`, and `b` on the right, with `.2` and `::2`. The wire begins without
    /// impairments.
    ///
    /// Each end knows the other for good: while a neighbour is looked for, a fast sender would lose
    /// packets before they reach the wire.
    ///
    /// # Panics
    ///
    /// When a device cannot be made.
    pub fn join(left: &Namespace, a: &str, right: &Namespace, b: &str, net: u8) -> Self {
        let wire = Self::plug(left, a, right, b);
        let ends = [(left, a, 1), (right, b, 2)];
        for (side, device, host) in ends {
            side.ip(&format!("addr add 10.91.{net}.{host}/24 dev {device}"));
            side.ip(&format!(
                "addr add fd91:{net}::{host}/64 dev {device} nodad"
            ));
        }
        let [one, other] = ends;
        for ((side, device, _), (peer, its, host)) in [(one, other), (other, one)] {
            let lladdr = hardware_address(peer, its);
            for address in [format!("10.91.{net}.{host}"), format!("fd91:{net}::{host}")] {
                side.ip(&format!("neigh add {address} lladdr {lladdr} dev {device}"));
            }
        }
        wire
    }

    /// Joins two namespaces by devices without addresses.
    ///
    /// # Panics
    ///
    /// When a device cannot be made.
    pub fn plug(left: &Namespace, a: &str, right: &Namespace, b: &str) -> Self {
        let seed = std::env::var("WIRE_SEED").map_or(SEED, |seed| {
            seed.parse().expect("WIRE_SEED is a whole number")
        });
        let [one, other] = [(left, a), (right, b)].map(|(side, device)| {
            // Nobody else has these addresses, and no router answers.
            side.sysctl("net/ipv6/conf/default/accept_dad", "0");
            side.sysctl("net/ipv6/conf/default/router_solicitations", "0");
            Arc::new(Tap::new(side, device))
        });
        let now = Instant::now();
        let lane = |seed| Arc::new(Mutex::new(Lane::new(seed, now)));
        let (forward, backward) = (lane(seed), lane(!seed));
        let paths = [
            Path {
                from: Arc::clone(&one),
                lane: Arc::clone(&forward),
                to: Arc::clone(&other),
            },
            Path {
                from: other,
                lane: Arc::clone(&backward),
                to: one,
            },
        ];
        let pump = Worker::start("wire", move |stop| pump::run(&paths, stop));
        Self {
            forward: Direction(forward),
            backward: Direction(backward),
            seed,
            _pump: pump,
        }
    }

    /// Impairs both directions alike.
    pub fn set(&self, impairment: Impairment) {
        self.forward.set(impairment);
        self.backward.set(impairment);
    }

    /// Both directions, forward first.
    pub fn counts(&self) -> [Counts; 2] {
        [self.forward.counts(), self.backward.counts()]
    }

    /// The seed of all that is random on this wire; `WIRE_SEED` in the environment sets it.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Lets other processes impair and watch the wire through a Unix socket at this path, for as
    /// long as what is returned lives; see [`Control`].
    ///
    /// # Panics
    ///
    /// When the socket cannot be bound.
    pub fn control(&self, path: &FilePath) -> Control {
        Control::new(path, self.forward.clone(), self.backward.clone(), self.seed)
    }
}

pub(crate) fn hardware_address(namespace: &Namespace, device: &str) -> String {
    let links = json::parse(&namespace.ip(&format!("-j link show {device}")));
    let address = links.pointer("/0/address").and_then(|value| value.as_str());
    address.expect("a device's address").to_owned()
}

/// One direction of a wire. A clone is the same direction.
#[derive(Debug, Clone)]
pub struct Direction(Arc<Mutex<Lane>>);

impl Direction {
    /// Impairs what comes from now on like this; packets in flight keep their time, and later
    /// ones do not overtake them.
    pub fn set(&self, impairment: Impairment) {
        pump::lock(&self.0).set(impairment, Instant::now());
    }

    /// The impairment in force.
    pub fn impairment(&self) -> Impairment {
        pump::lock(&self.0).impairment()
    }

    /// What has happened until now.
    pub fn counts(&self) -> Counts {
        pump::lock(&self.0).counts()
    }

    /// Waits until the counts are as wanted and nothing is in flight, and gives them.
    ///
    /// # Panics
    ///
    /// When that does not happen, with the last counts.
    #[track_caller]
    pub fn settle(&self, wanted: impl Fn(&Counts) -> bool) -> Counts {
        wait::until("the wire", || {
            let counts = self.counts();
            if counts.in_flight == 0 && wanted(&counts) {
                Ok(counts)
            } else {
                Err(format!("{counts:?}"))
            }
        })
    }
}
