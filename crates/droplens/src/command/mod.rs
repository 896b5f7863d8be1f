//! What the subcommands do.

pub(crate) mod check_config;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod man;
pub(crate) mod metrics;
pub(crate) mod probe;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod snapshot;
pub(crate) mod watch;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use droplens_diagnosis::Thresholds;
use droplens_kernel::Root;

use crate::cli::Options;
use crate::config::Config;
use crate::probing::Probed;
use crate::sampler::{Plan, Sampler};

/// How a command ends.
pub(crate) type Outcome = Result<ExitCode, Box<dyn Error>>;

/// How long commands that read once wait for the slowest source.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// An error with all its causes in one line, none of them twice.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Reads every source once, as the running agent would.
pub(crate) fn read_once(options: &Options, config: &Config) -> io::Result<Arc<Sampler>> {
    let sampler = Arc::new(Sampler::start(
        &Root::new(&options.root),
        &plan(config),
        Probed::default(),
        None,
    )?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    runtime.block_on(sampler.first_readings(PATIENCE));
    Ok(sampler)
}

/// What the configuration says about where unusual begins.
pub(crate) fn thresholds(config: &Config) -> Thresholds {
    config.thresholds.all()
}

/// What the configuration says about sampling.
pub(crate) fn plan(config: &Config) -> Plan {
    Plan {
        cpu_budget: config.sampler.cpu_budget.share(),
        disabled: config.sources.disabled.iter().map(|name| name.0).collect(),
    }
}
