//! `droplens config`: the annotated defaults.

use std::process::ExitCode;

use super::{Outcome, print};
use crate::config::TEMPLATE;

pub(crate) fn run() -> Outcome {
    print(TEMPLATE)?;
    Ok(ExitCode::SUCCESS)
}
