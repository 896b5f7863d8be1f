//! `droplens run`: the agent.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use droplens_kernel::Root;
use droplens_metrics::{Build, Exposition, Options as ExpositionOptions};
use prometheus_client::registry::Registry;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::{Outcome, plan, thresholds};
use crate::cli::Options;
use crate::config::Config;
use crate::host::Host;
use crate::judge::Judge;
use crate::privileges::{self, Keep};
use crate::probing::{self, Probed, Probing};
use crate::sampler::{Follower, Sampler, now};
use crate::web::{App, Instruments, Listener};
use crate::{log, notify, web};

/// Threads of the async runtime: it only shuffles bytes, readers have their own.
const RUNTIME_THREADS: usize = 2;

/// The thread that encodes stays from one scrape to the next: making one costs more than a scrape.
const ENCODER_STAYS: Duration = Duration::from_secs(120);

/// Threads for what may block: encoders, files, netlink. The unit allows 64 threads in all.
const BLOCKING_THREADS: usize = 32;

pub(crate) fn run(options: &Options) -> Outcome {
    let config = options.load()?;
    let level = log::start(&config.log);
    // Ports below 1024 need a capability that is dropped next, and capabilities belong to
    // threads, so none may have been started yet.
    let listeners = web::listen(&config.web.listen_addresses)?;
    let sockets = probing::sockets()?;
    let root = Root::new(&options.root);
    let host = Host::read(&root);
    privileges::drop_unneeded(kept(&config))?;
    let judge = Arc::new(Judge::new(host, thresholds(&config)));
    let follower = Arc::clone(&judge) as Arc<dyn Follower>;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("web")
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(ENCODER_STAYS)
        .enable_all()
        .build()?;
    let (probed, discovery) = (Probed::default(), probing::Instruments::default());
    let probing = Probing::start(
        runtime.handle(),
        &config,
        sockets,
        probed.clone(),
        discovery.clone(),
    );
    let sampler = Sampler::start(&root, &plan(&config), probed, Some(follower))?;
    let sampler = Arc::new(sampler);
    let agent = Agent {
        options: options.clone(),
        config,
        level,
        root,
        sampler,
        judge,
        probing,
        discovery,
    };
    runtime.block_on(agent.serve(listeners))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The privileges that the probes of the configuration need later; the sockets for echo requests are
/// open already.
fn kept(config: &Config) -> Keep {
    if config.probe.templates().is_empty() && !config.modules.send_echoes() {
        Keep::Nothing
    } else {
        Keep::RawSockets
    }
}

/// What the configuration says about metrics.
pub(crate) fn exposition_options(config: &Config) -> ExpositionOptions {
    ExpositionOptions {
        build: Build {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: option_env!("DROPLENS_REVISION")
                .unwrap_or_default()
                .to_owned(),
        },
        fold_kinds: config.devices.fold_kinds.clone(),
        series_limit: config.metrics.series_limit.get() as u64,
        top_ports: config.metrics.top_ports.get(),
        per_queue: config.metrics.per_queue,
        raw_driver: config.metrics.raw_driver_statistics,
    }
}

/// The agent once it has its sockets and privileges.
struct Agent {
    options: Options,
    config: Config,
    level: log::Level,
    root: Root,
    sampler: Arc<Sampler>,
    judge: Arc<Judge>,
    probing: Probing,
    discovery: probing::Instruments,
}

impl Agent {
    /// Serves until a signal says stop, then drains.
    async fn serve(mut self, listeners: Vec<Listener>) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;

        let app = Arc::new(self.app());
        let addresses: Vec<_> = listeners.iter().map(|l| l.address().to_string()).collect();
        let (stop, stopped) = watch::channel(false);
        let server = web::serve(
            listeners,
            web::router(Arc::clone(&app)),
            Arc::clone(&app),
            stopped,
        );
        let server = tokio::spawn(server);
        let addresses = addresses.join(", ");
        tracing::info!(version = env!("CARGO_PKG_VERSION"), %addresses, "serving");
        notify::ready(&format!("serving on {addresses}"));

        let mut heartbeat = heartbeat();
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                () = received(&mut hangup) => self.reload(&app, &addresses),
                _ = heartbeat.tick() => {
                    if self.sampler.is_alive(now()) {
                        notify::alive();
                    }
                }
            }
        }
        tracing::info!("stopping");
        notify::stopping();
        stop.send_replace(true);
        server.await.map_err(std::io::Error::other)?
    }

    fn app(&self) -> App {
        let mut registry = Registry::default();
        let instruments = Instruments::default();
        instruments.register(&mut registry);
        self.discovery.register(&mut registry);
        let exposition = Exposition::new(registry, exposition_options(&self.config));
        App::new(
            Arc::clone(&self.sampler),
            Arc::clone(&self.judge),
            self.root.clone(),
            exposition,
            instruments,
            self.config.web.clone(),
            self.config.modules.clone(),
        )
    }

    /// Reads the configuration again. A wrong one is reported and changes nothing; readings and
    /// counters go on either way.
    fn reload(&mut self, app: &App, addresses: &str) {
        notify::reloading();
        match self.options.load() {
            Ok(config) => {
                if config.web.listen_addresses != self.config.web.listen_addresses {
                    tracing::warn!("web.listen_addresses changed; this takes a restart");
                }
                if config.log.format != self.config.log.format {
                    tracing::warn!("log.format changed; this takes a restart");
                }
                self.level.set(&config.log);
                self.sampler.apply(plan(&config));
                self.judge.set_thresholds(thresholds(&config));
                if kept(&config) == Keep::RawSockets
                    && kept(&self.config) == Keep::Nothing
                    && !privileges::may_open_raw_sockets()
                {
                    tracing::warn!(
                        "probes were added: if they need raw sockets or a device of their own, this takes a restart"
                    );
                }
                self.probing.apply(&config);
                app.exposition.set_options(exposition_options(&config));
                app.set_web(config.web.clone());
                app.probing.set_modules(config.modules.clone());
                self.config = config;
                app.instruments.reloaded(true);
                tracing::info!("configuration reloaded");
            }
            Err(error) => {
                app.instruments.reloaded(false);
                tracing::error!("configuration not reloaded: {}", super::chain(&error));
            }
        }
        notify::ready(&format!("serving on {addresses}"));
    }
}

async fn received(signal: &mut Signal) {
    signal.recv().await;
}

/// Ticks as often as systemd's watchdog wants to hear; without one, rarely and to no effect.
fn heartbeat() -> tokio::time::Interval {
    let interval = notify::watchdog_interval().unwrap_or(Duration::from_secs(3600));
    tokio::time::interval(interval)
}
