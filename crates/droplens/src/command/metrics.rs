//! `droplens metrics`: reads everything once and prints it.

use std::process::ExitCode;

use droplens_metrics::{Exposition, Format, Selection, View};

use super::{Outcome, print, read_once};
use crate::cli::Options;
use crate::command::run::exposition_options;
use crate::privileges::{self, Keep};
use crate::sampler::now;

pub(crate) fn run(options: &Options, openmetrics: bool) -> Outcome {
    let config = options.load()?;
    privileges::drop_unneeded(Keep::Nothing)?;
    let sampler = read_once(options, &config)?;
    let exposition = Exposition::new(
        prometheus_client::registry::Registry::default(),
        exposition_options(&config),
    );
    let now = now();
    let view = View {
        snapshot: sampler.snapshot(),
        derived: sampler.derived(now).into(),
        judgement: None,
        now,
    };
    let format = if openmetrics {
        Format::OpenMetrics
    } else {
        Format::Text
    };
    let mut text = String::new();
    exposition.render(view, &Selection::ALL, format, &mut text)?;
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
