//! Shakes hands: the server shows its certificates, and both agree on a version and a cipher.

mod certificate;
mod fault;
mod judge;
mod shake;
mod trust;
mod witness;

use super::fault::Deadline;
use super::{Ending, Report, Task, connection};
use crate::spec::TlsSpec;
use crate::sys::clock::monotonic;

pub(super) use fault::of_stream;
pub(super) use shake::{Session, shake};

pub(super) async fn run(task: &Task, spec: &TlsSpec) -> Report {
    let deadline = Deadline::of(task);
    let mut report = Report::new(monotonic());
    let opened = connection::open(task, task.address, spec.port, deadline, &mut report).await;
    let shaken = match opened {
        Ok(stream) => shake(stream, spec, &[], deadline, &mut report).await,
        Err(fault) => Err(fault),
    };
    let now = monotonic();
    report.ending = Ending::Answered(now);
    match shaken {
        Ok(session) => {
            if let Err(fault) = session.close(deadline).await {
                fault.tell(&mut report, now);
            }
        }
        Err(fault) => fault.tell(&mut report, now),
    }
    report
}
