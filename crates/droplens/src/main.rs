//! droplens: where are packets being lost?
//!
//! A host agent that reads the kernel's counters along the whole packet path and serves them to
//! Prometheus. The binary is wiring: [`command`]s, the [`sampler`] and its threads, and the
//! [`web`] server; what is read, and what is told, lives in crates of their own.

mod cli;
mod client;
mod command;
mod comparison;
mod config;
mod host;
mod inquiry;
mod judge;
mod log;
mod notify;
mod privileges;
mod probing;
mod render;
mod sampler;
mod saved;
mod web;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// Exit code for a wrong command line or configuration, as clap uses it.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let Cli { command, options } = Cli::parse();
    let result = match command.unwrap_or(Command::Run) {
        Command::Run => command::run::run(&options),
        Command::Metrics { openmetrics } => command::metrics::run(&options, openmetrics),
        Command::Report(wanted) => command::report::run(&options, &wanted),
        Command::Probe(wanted) => command::probe::run(&wanted),
        Command::Watch(wanted) => command::watch::run(&options, &wanted),
        Command::Snapshot { output } => command::snapshot::run(&options, output.as_deref()),
        Command::Doctor => command::doctor::run(&options),
        Command::CheckConfig { file } => command::check_config::run(file.as_deref(), &options),
        Command::Config => command::config::run(),
        Command::Completions { shell } => command::completions::run(shell),
        Command::Man => command::man::run(),
    };
    result.unwrap_or_else(|error| {
        eprintln!("droplens: {}", command::chain(&*error));
        if let Some(none) = error.downcast_ref::<command::report::NoReport>() {
            ExitCode::from(none.code())
        } else if is_usage(&*error) {
            ExitCode::from(USAGE)
        } else {
            ExitCode::FAILURE
        }
    })
}

/// Whether what went wrong is the command line or the configuration.
fn is_usage(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<config::ConfigError>()
        || error
            .downcast_ref::<saved::WriteError>()
            .is_some_and(saved::WriteError::is_usage)
}
