//! Takes what the prober knows into the snapshot.

use std::sync::atomic::Ordering;
use std::time::Duration;

use droplens_kernel::{ReadError, Reader};
use droplens_model::sample::probes::{Prober, Probes};

use super::Probed;

/// Takes what the prober knows.
#[derive(Debug)]
pub(crate) struct ProbesReader(Probed);

impl ProbesReader {
    /// Of these probes; without any, it says so.
    pub(crate) const fn new(probed: Probed) -> Self {
        Self(probed)
    }
}

impl Reader for ProbesReader {
    type Sample = Probes;

    fn read(&mut self) -> Result<Probes, ReadError> {
        if !self.0.wanted.load(Ordering::Relaxed) {
            return Err(ReadError::Absent {
                what: "no probes are configured",
            });
        }
        let Some(prober) = self.0.prober.get() else {
            // There is no target yet: none was found or discovered so far.
            let prober = Prober {
                stretch: 1.0,
                ..Prober::default()
            };
            return Ok(Probes {
                prober,
                ..Probes::default()
            });
        };
        let mut sample = prober.sample().ok_or(ReadError::Overdue {
            what: "the prober's thread",
            patience: Duration::from_secs(1),
        })?;
        self.0.routes.fill(&mut sample);
        Ok(sample)
    }
}

#[cfg(test)]
mod tests {
    use droplens_model::Reason;

    use super::*;

    #[test]
    fn without_probes_it_says_so_and_without_targets_there_are_none() {
        let probed = Probed::default();
        let mut reader = ProbesReader::new(probed.clone());
        assert_eq!(reader.read().unwrap_err().reason(), Reason::Missing);
        probed.wanted.store(true, Ordering::Relaxed);
        assert!(reader.read().unwrap().targets.is_empty());
    }
}
