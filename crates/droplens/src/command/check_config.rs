//! `droplens check-config`: says whether a configuration file can be used.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Outcome, print};
use crate::cli::Options;
use crate::config::{Config, DEFAULT_PATH};

pub(crate) fn run(file: Option<&Path>, options: &Options) -> Outcome {
    let file = file
        .map(Path::to_owned)
        .or_else(|| options.config.clone())
        .unwrap_or_else(|| PathBuf::from(DEFAULT_PATH));
    Config::load(Some(&file))?;
    print(&format!("{}: OK\n", file.display()))?;
    Ok(ExitCode::SUCCESS)
}
