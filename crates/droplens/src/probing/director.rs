//! Decides what is probed, and sees to it that everybody knows.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use droplens_probe::echo::Sockets;
use droplens_probe::engine::Rules;
use droplens_probe::prober::{Prober, Settings};
use droplens_probe::resolve::Resolver;
use droplens_probe::targets::TargetWish;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::AbortHandle;

use super::defaults::{Defaults, LOOKED_UP, RESOLV_CONF};
use super::discovery::{Finding, Instruments, Scouts};
use super::names::Names;
use super::{Probed, rules, targets};
use crate::config::{Config, Planned};

/// How often routes are looked up, a bounded number at a time.
const ROUND: Duration = Duration::from_secs(1);

/// What the director is told.
#[derive(Debug)]
pub(super) enum Command {
    /// This is the configuration now.
    Configure(Box<Config>),
    /// These targets of this host were found.
    Defaults(Vec<Planned>),
    /// This was discovered, or not.
    Discovered(Finding),
}

/// Decides what is probed.
#[derive(Debug)]
pub(super) struct Director {
    runtime: Handle,
    sockets: Option<Sockets>,
    probed: Probed,
    names: Names,
    scouts: Scouts,
    commands: UnboundedSender<Command>,
    config: Box<Config>,
    defaults: Vec<Planned>,
    watching_defaults: Option<AbortHandle>,
    planned: Vec<Planned>,
    /// What the prober was told with them.
    resolver: Arc<Resolver>,
    rules: Option<Rules>,
    complaints: Vec<String>,
}

impl Director {
    pub(super) fn new(
        runtime: &Handle,
        sockets: Sockets,
        probed: Probed,
        instruments: Instruments,
        commands: UnboundedSender<Command>,
    ) -> Self {
        let resolver = Arc::new(Resolver::system());
        let listener = Arc::clone(&probed.prober);
        Self {
            runtime: runtime.clone(),
            sockets: Some(sockets),
            probed,
            names: Names::new(runtime.clone(), Arc::clone(&resolver), listener),
            resolver,
            scouts: Scouts::new(runtime.clone(), instruments),
            commands,
            config: Box::default(),
            defaults: Vec::new(),
            watching_defaults: None,
            planned: Vec::new(),
            rules: None,
            complaints: Vec::new(),
        }
    }

    /// Works until nobody can tell it anything any more.
    pub(super) async fn run(mut self, mut commands: UnboundedReceiver<Command>) {
        while let Some(command) = commands.recv().await {
            match command {
                Command::Configure(config) => self.configure(config),
                Command::Defaults(found) => {
                    // What was found before it was switched off is too late.
                    if self.watching_defaults.is_some() {
                        self.defaults = found;
                    }
                }
                Command::Discovered(finding) => self.scouts.learn(finding),
            }
            self.decide();
        }
    }

    fn configure(&mut self, config: Box<Config>) {
        if !config.probes.defaults {
            if let Some(task) = self.watching_defaults.take() {
                task.abort();
            }
            self.defaults.clear();
        } else if self.watching_defaults.is_none() {
            let task = watch_defaults(self.commands.clone());
            self.watching_defaults = Some(self.runtime.spawn(task).abort_handle());
        }
        self.scouts.apply(&config.discovery, &self.commands);
        self.config = config;
    }

    /// Puts the targets together anew and tells everybody if they changed.
    fn decide(&mut self) {
        let discovered = self.scouts.found();
        let all = targets::together(&self.config, discovered, &self.defaults);
        if all.complaints != self.complaints {
            for complaint in &all.complaints {
                if !self.complaints.contains(complaint) {
                    tracing::warn!("{complaint}");
                }
            }
            self.complaints = all.complaints;
        }
        let rules = rules(&self.config);
        let same_targets = all.all == self.planned;
        if same_targets && self.rules == Some(rules) {
            return;
        }
        if all.all.is_empty() && self.probed.prober.get().is_none() {
            return;
        }
        let Some(prober) = self.prober(rules) else {
            return;
        };
        let wishes: Vec<TargetWish> = all.all.iter().map(|planned| planned.wish.clone()).collect();
        prober.reload(wishes, rules);
        self.rules = Some(rules);
        if !same_targets {
            self.probed.routes.apply(&all.all);
            self.names.apply(&all.all);
            tracing::info!(targets = all.all.len(), "targets of probes changed");
            self.planned = all.all;
        }
    }

    /// The prober, which is started when it is first needed.
    fn prober(&mut self, rules: Rules) -> Option<&Prober> {
        if self.probed.prober.get().is_none() {
            let settings = Settings {
                rules,
                runtime: self.runtime.clone(),
                sockets: self.sockets.take()?,
                resolver: Arc::clone(&self.resolver),
            };
            match Prober::start(settings) {
                Ok(prober) => {
                    let _first = self.probed.prober.set(prober);
                    let routes = look_up_routes(self.probed.clone());
                    self.runtime.spawn(routes);
                }
                Err(error) => {
                    tracing::error!("nothing is probed: {error}");
                    return None;
                }
            }
        }
        self.probed.prober.get()
    }
}

/// Looks the defaults up from time to time, off the threads that serve.
async fn watch_defaults(commands: UnboundedSender<Command>) {
    let mut defaults = Defaults::default();
    let mut ticks = tokio::time::interval(LOOKED_UP);
    loop {
        ticks.tick().await;
        let looked_up = tokio::task::spawn_blocking(move || {
            let found = defaults.look_up(Path::new(RESOLV_CONF));
            (defaults, found)
        });
        let Ok((again, found)) = looked_up.await else {
            tracing::error!("looking up the gateways panicked; please report this");
            return;
        };
        defaults = again;
        if commands.send(Command::Defaults(found)).is_err() {
            return;
        }
    }
}

/// Looks up the ways that probes go, off the threads that serve.
async fn look_up_routes(probed: Probed) {
    let mut kernel = droplens_kernel::routes::Routes::new();
    let mut ticks = tokio::time::interval(ROUND);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let routes = Arc::clone(&probed.routes);
        let round = tokio::task::spawn_blocking(move || {
            routes.round(crate::sampler::now(), |address, egress| {
                kernel.route(address, egress.source, egress.interface.as_deref())
            });
            kernel
        });
        let Ok(again) = round.await else {
            tracing::error!("looking up routes panicked; please report this");
            return;
        };
        kernel = again;
    }
}
