//! `droplens report`: the verdict, from the running agent or from snapshots.

mod compare;
mod own;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use droplens_diagnosis::verdict::judge;
use droplens_kernel::Root;
use droplens_model::{REPORT_SCHEMA, Report, SavedSnapshot, Status, pair};

use super::{Outcome, print, thresholds};
use crate::cli::Options;
use crate::client::{self, FetchError};
use crate::config::Config;
use crate::judge::context;
use crate::render::{self, Style};
use crate::saved;
use crate::web::read_connections;

/// What a report is made of.
#[derive(Clone, Debug, Args)]
pub(crate) struct Wanted {
    /// How far back the report reaches; without a running agent, how long it looks
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = interval)]
    interval: Duration,
    /// Print JSON (schema droplens.report/1)
    #[arg(long)]
    json: bool,
    /// Judge saved snapshots: the earlier one
    #[arg(long, value_name = "FILE", requires = "to", conflicts_with = "url")]
    from: Option<std::path::PathBuf>,
    /// Judge saved snapshots: the later one
    #[arg(long, value_name = "FILE", requires = "from")]
    to: Option<std::path::PathBuf>,
    /// Ask the agent at this address instead of the one on this host, such as <http://db-7:13767>
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Show beside this the report of an unaffected host: an agent's address, or a file with its
    /// report as JSON
    #[arg(long, value_name = "URL|FILE")]
    compare: Option<String>,
}

/// Between a tenth of a second and an hour.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let length = seconds.or_else(|| humantime::parse_duration(text).ok());
    let sensible = Duration::from_millis(100)..=Duration::from_secs(3600);
    length
        .filter(|length| sensible.contains(length))
        .ok_or_else(|| "expected a length of time such as 10s or 5min, up to 1h".to_owned())
}

/// Why there is no report, with the exit code that tells.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(crate) struct NoReport {
    code: u8,
    source: Box<dyn std::error::Error>,
}

impl NoReport {
    /// What was asked for makes no sense.
    pub(super) fn usage(source: impl Into<Box<dyn std::error::Error>>) -> Self {
        Self {
            code: 2,
            source: source.into(),
        }
    }

    /// Nothing could be looked at.
    pub(super) fn blind(source: impl Into<Box<dyn std::error::Error>>) -> Self {
        Self {
            code: 3,
            source: source.into(),
        }
    }

    /// The exit code.
    pub(crate) const fn code(&self) -> u8 {
        self.code
    }
}

pub(crate) fn run(options: &Options, wanted: &Wanted) -> Outcome {
    let config = options.load()?;
    let report = report(options, &config, wanted)?;
    let shown = match &wanted.compare {
        Some(other) => compare::shown(&report, other, wanted)?,
        None if wanted.json => json(&report)?,
        None => render::report(&report, Style::detect()),
    };
    print(&shown)?;
    Ok(exit_code(report.status))
}

/// 0 clean or pressure, 1 loss, 3 nothing could be looked at.
pub(super) fn exit_code(status: Status) -> ExitCode {
    match status {
        Status::Clean | Status::Pressure => ExitCode::SUCCESS,
        Status::Loss => ExitCode::from(1),
        Status::Blind => ExitCode::from(3),
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, NoReport> {
    let text = serde_json::to_string_pretty(value).map_err(NoReport::blind)?;
    Ok(text + "\n")
}

fn report(options: &Options, config: &Config, wanted: &Wanted) -> Result<Report, NoReport> {
    if let (Some(from), Some(to)) = (&wanted.from, &wanted.to) {
        return of_files(config, from, to);
    }
    if let Some(url) = &wanted.url {
        return of_agent(url, wanted.interval);
    }
    // Recorded files are nothing that an agent could know of.
    if options.root == Path::new("/") {
        let path = path(wanted.interval, false);
        match ask(&local(config), &path) {
            Ok(mut report) => {
                // The agent may not look at other users' processes; whoever asks it perhaps may.
                report.connections = read_connections(&Root::default());
                return Ok(report);
            }
            Err(error) => eprintln!(
                "droplens: {}; looking for {} instead",
                super::chain(&error),
                humantime::format_duration(wanted.interval)
            ),
        }
    }
    own::look(options, config, wanted.interval).map_err(NoReport::blind)
}

/// The address of the agent on this host.
pub(super) fn local(config: &Config) -> String {
    let address = config
        .web
        .listen_addresses
        .first()
        .copied()
        .unwrap_or_default()
        .0;
    match address.ip() {
        ip if ip.is_unspecified() => format!("http://127.0.0.1:{}", address.port()),
        _ => format!("http://{address}"),
    }
}

/// The report of another host's agent.
fn of_agent(url: &str, interval: Duration) -> Result<Report, NoReport> {
    ask(url, &path(interval, true)).map_err(|error| match error {
        FetchError::Address(_) => NoReport::usage(error),
        error => NoReport::blind(error),
    })
}

/// Where an agent has its report, with or without the sockets that suffer.
pub(super) fn path(interval: Duration, connections: bool) -> String {
    format!(
        "/api/v1/report?window={}&connections={}",
        interval.as_secs_f64(),
        u8::from(connections)
    )
}

/// Asks a running agent.
fn ask(url: &str, path: &str) -> Result<Report, FetchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| FetchError::Connect(url.to_owned(), error))?;
    let report: Report = runtime.block_on(client::get(url, path))?;
    if report.schema == REPORT_SCHEMA {
        Ok(report)
    } else {
        Err(FetchError::OtherForm(url.to_owned(), report.schema))
    }
}

/// Judges two saved snapshots.
fn of_files(config: &Config, from: &Path, to: &Path) -> Result<Report, NoReport> {
    let read = |path| saved::read::read(path).map_err(NoReport::usage);
    let (first, second): (SavedSnapshot, SavedSnapshot) = (read(from)?, read(to)?);
    let name = |path: &Path| path.display().to_string();
    let delta = pair(&first, &second)
        .map_err(|error| NoReport::usage(error.told(&name(from), &name(to))))?;
    let host = crate::host::Host::of(&second);
    let context = context(&host, first.taken, second.at.since(first.at));
    Ok(judge(delta, &context, &thresholds(config)))
}
