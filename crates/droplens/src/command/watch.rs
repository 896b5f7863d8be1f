//! `droplens watch`: the report, live in the terminal.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use droplens_kernel::Root;
use droplens_model::Report;

use super::report::{NoReport, local, path};
use super::{Outcome, PATIENCE, plan, thresholds};
use crate::cli::Options;
use crate::client;
use crate::config::Config;
use crate::host::Host;
use crate::judge::Judge;
use crate::privileges::{self, Keep};
use crate::probing::Probed;
use crate::render::live::{Live, Wish};
use crate::render::{self, Style};
use crate::sampler::{Follower, Sampler, now};

/// How often the report is made anew.
const EVERY: Duration = Duration::from_secs(1);

/// Readings of slow sources older than this are made anew for it.
const STALE: Duration = Duration::from_secs(5);

/// What is watched.
#[derive(Clone, Debug, Args)]
pub(crate) struct Wanted {
    /// How far back each report reaches
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = super::report::interval)]
    interval: Duration,
    /// Ask the agent at this address instead of the one on this host, such as <http://db-7:13767>
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Where reports come from.
enum Eye {
    Agent(String),
    Own { sampler: Sampler, judge: Arc<Judge> },
}

pub(crate) fn run(options: &Options, wanted: &Wanted) -> Outcome {
    let config = options.load()?;
    if let Some(url) = &wanted.url {
        client::check(url).map_err(NoReport::usage)?;
    }
    let host = Host::read(&Root::new(&options.root));
    privileges::drop_unneeded(Keep::Nothing)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let eye = Eye::open(options, &config, wanted, host).await?;
        watch(&eye, wanted.interval).await
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn watch(eye: &Eye, interval: Duration) -> std::io::Result<()> {
    let mut live = Live::start()?;
    let mut text = "Looking...\n".to_owned();
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            wish = live.wish() => match wish {
                Wish::Quit => return Ok(()),
                Wish::Redraw => {}
            },
            _ = tick.tick() => match eye.look(interval).await {
                Ok(Some(report)) => text = render::report(&report, Style::detect()),
                Ok(None) => {}
                Err(error) => text = format!("{}\n", super::chain(&error)),
            },
        }
        live.show(&text)?;
    }
}

impl Eye {
    /// The agent if there is one, else eyes of our own.
    async fn open(
        options: &Options,
        config: &Config,
        wanted: &Wanted,
        host: Host,
    ) -> std::io::Result<Self> {
        if let Some(url) = &wanted.url {
            return Ok(Self::Agent(url.clone()));
        }
        let agent = Self::Agent(local(config));
        if agent.look(wanted.interval).await.is_ok() {
            return Ok(agent);
        }
        let judge = Arc::new(Judge::new(host, thresholds(config)));
        let follower = Arc::clone(&judge) as Arc<dyn Follower>;
        let sampler = Sampler::start(
            &Root::new(&options.root),
            &plan(config),
            Probed::default(),
            Some(follower),
        )?;
        sampler.first_readings(PATIENCE).await;
        Ok(Self::Own { sampler, judge })
    }

    async fn look(&self, interval: Duration) -> Result<Option<Report>, client::FetchError> {
        match self {
            Self::Agent(url) => client::get(url, &path(interval, false)).await.map(Some),
            Self::Own { sampler, judge } => {
                sampler.refresh(STALE, PATIENCE).await;
                Ok(judge.report(interval, now()))
            }
        }
    }
}
