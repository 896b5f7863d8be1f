//! Shakes hands: the server shows its certificates, and both agree on a version and a cipher.

mod certificate;
mod fault;
mod judge;
mod shake;
mod trust;
mod witness;

use super::deadline::Deadline;
use super::{Ending, Report, Task, connection};
use crate::spec::TlsSpec;
use crate::sys::clock::monotonic;

pub(super) use fault::of_stream;
pub(super) use shake::shake;

pub(super) async fn run(task: &Task, spec: &TlsSpec) -> Report {
    let deadline = Deadline::of(task);
    let mut report = Report::new(monotonic());
    let opened = connection::open(task, task.address, spec.port, &deadline, &mut report).await;
    let shaken = match opened {
        Ok(stream) => shake(stream, spec, &[], &deadline, &mut report).await,
        Err(trouble) => Err(trouble),
    };
    match shaken {
        Ok(session) => {
            report.ending = Ending::Answered(monotonic());
            if let Err(trouble) = session.close(&deadline).await {
                trouble.note(&mut report);
            }
        }
        Err(trouble) => trouble.note(&mut report),
    }
    report
}
