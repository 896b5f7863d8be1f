//! Logging to standard error.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::config::{Log, LogFormat};

/// Changes the log level of the running agent.
pub(crate) struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// Takes over a changed level.
    pub(crate) fn set(&self, log: &Log) {
        if let Err(error) = self.0.reload(filter(log)) {
            tracing::warn!(%error, "cannot change the log level");
        }
    }
}

/// Starts logging.
pub(crate) fn start(log: &Log) -> Level {
    let (filter, handle) = reload::Layer::new(filter(log));
    let registry = tracing_subscriber::registry().with(filter);
    match log.format {
        LogFormat::Text => {
            let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            registry
                .with(
                    fmt::layer()
                        .with_writer(std::io::stderr)
                        .with_ansi(color)
                        .with_target(false),
                )
                .init();
        }
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stderr),
            )
            .init(),
    }
    Level(handle)
}

/// Libraries only speak up when something is wrong, except at `trace`.
fn filter(log: &Log) -> EnvFilter {
    let level = log.level.id();
    EnvFilter::new(match level {
        "trace" => "trace".to_owned(),
        "error" => "error".to_owned(),
        _ => format!("warn,droplens={level}"),
    })
}
