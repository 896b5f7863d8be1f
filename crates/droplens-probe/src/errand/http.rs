//! Makes one HTTP request.

use super::{Report, Task};
use crate::spec::HttpSpec;
use crate::sys::clock::monotonic;

pub(super) async fn run(_task: &Task, _spec: &HttpSpec) -> Report {
    Report::new(monotonic())
}
