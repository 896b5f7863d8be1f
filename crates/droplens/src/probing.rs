//! The own probes, as part of the agent.

use droplens_kernel::{ReadError, Reader};
use droplens_model::sample::probes::Probes;

/// Takes what the prober knows.
pub(crate) struct ProbesReader;

impl Reader for ProbesReader {
    type Sample = Probes;

    fn read(&mut self) -> Result<Probes, ReadError> {
        Err(ReadError::Absent {
            what: "no probes are configured",
        })
    }
}
