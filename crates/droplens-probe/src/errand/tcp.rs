//! Opens a TCP connection and closes it.

use super::{Report, Task};
use crate::spec::TcpSpec;
use crate::sys::clock::monotonic;

pub(super) async fn run(_task: &Task, _spec: &TcpSpec) -> Report {
    Report::new(monotonic())
}
