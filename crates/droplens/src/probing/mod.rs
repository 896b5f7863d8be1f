//! The own probes, as part of the agent.
//!
//! ```text
//! configuration, discovery, defaults -> director -> prober -> reader -> snapshot
//!                                           |          ^
//!                                           +-> names -+
//! ```
//!
//! The [`director`] puts the targets together and hands them to the prober, [`names`] tells it their
//! addresses, and the [`reader`] takes what it knows into the snapshot, with the [`routes`] by which the
//! packets leave.

mod ability;
mod defaults;
mod director;
mod discovery;
mod names;
mod reader;
mod routes;
mod targets;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use droplens_probe::echo::Sockets;
use droplens_probe::engine::Rules;
use droplens_probe::prober::{ProbeError, Prober, random};
use droplens_probe::schedule::Budget;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::config::Config;
use director::{Command, Director};
use routes::Routes;

pub(crate) use ability::describe;
pub(crate) use discovery::Instruments;
pub(crate) use reader::ProbesReader;

/// The prober, once there is something to probe, and what is known beside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probed {
    prober: Arc<OnceLock<Prober>>,
    routes: Arc<Routes>,
    /// Whether the configuration wants anything to be probed.
    wanted: Arc<AtomicBool>,
}

/// Whether the configuration wants anything to be probed.
fn is_wanted(config: &Config) -> bool {
    config.probes.defaults || !config.probe.templates().is_empty()
}

/// Opens the sockets for echo requests, which may take a privilege that is dropped afterwards.
pub(crate) fn sockets() -> Result<Sockets, ProbeError> {
    Ok(Sockets::open(&mut random()?))
}

/// What the configuration says about all probes together.
fn rules(config: &Config) -> Rules {
    Rules {
        budget: Budget {
            packets: config.probes.packets_per_second.0,
            bytes: config.probes.bytes_per_second.0,
        },
    }
}

/// The running probes; they end with the runtime.
#[derive(Debug)]
pub(crate) struct Probing {
    commands: UnboundedSender<Command>,
    wanted: Arc<AtomicBool>,
}

impl Probing {
    /// Starts what the configuration says. Nothing is sent, nor any thread started, before there is a
    /// target.
    pub(crate) fn start(
        runtime: &Handle,
        config: &Config,
        sockets: Sockets,
        probed: Probed,
        instruments: Instruments,
    ) -> Self {
        let (commands, received) = unbounded_channel();
        let wanted = Arc::clone(&probed.wanted);
        let director = Director::new(runtime, sockets, probed, instruments, commands.clone());
        runtime.spawn(director.run(received));
        let probing = Self { commands, wanted };
        probing.apply(config);
        probing
    }

    /// Takes over a changed configuration. Targets that stay keep their counters.
    pub(crate) fn apply(&self, config: &Config) {
        self.wanted.store(is_wanted(config), Ordering::Relaxed);
        // It only fails when the runtime is being shut down.
        let _stopped = self
            .commands
            .send(Command::Configure(Box::new(config.clone())));
    }
}
