//! Softirqs per CPU.

use droplens_model::CpuId;
use droplens_model::Name;
use droplens_model::sample::softirqs::{SoftirqVector, Softirqs};
use droplens_model::wrap::Unwrapper;

use crate::cpu::columns;
use crate::error::ParseError;
use crate::text::{fields, lines, low32, number32, utf8};
use crate::{FileReader, ReadError, Reader, Root};

/// Parses `/proc/softirqs`; the counts are left as the kernel prints them, in 32 bits. The columns
/// are all CPUs that there may ever be, online or not.
pub fn parse(bytes: &[u8]) -> Result<Softirqs, ParseError> {
    let mut lines = lines(bytes);
    let (line, header) = lines.next().ok_or_else(|| ParseError::new("empty"))?;
    let cpus = columns(header, line)?;
    let mut vectors = Vec::new();
    for (line, text) in lines {
        let mut words = fields(text);
        let name = words
            .next()
            .and_then(|word| word.strip_suffix(b":"))
            .ok_or_else(|| ParseError::at("no vector", line, text))?;
        let mut counts = Vec::with_capacity(cpus.len());
        for word in words {
            counts.push(u64::from(number32(word, line)?));
        }
        if counts.len() != cpus.len() {
            return Err(ParseError::at("not as many counts as CPUs", line, name));
        }
        let name = Name::from(utf8(name, line)?);
        vectors.push(SoftirqVector { name, counts });
    }
    if vectors.is_empty() {
        return Err(ParseError::new("no softirqs"));
    }
    Ok(Softirqs { cpus, vectors })
}

/// Reads `/proc/softirqs`.
#[derive(Debug)]
pub struct SoftirqsReader {
    file: FileReader,
    /// By vector, as its place in the file, and CPU.
    unwrapper: Unwrapper<(usize, CpuId), 1>,
}

impl SoftirqsReader {
    /// A reader below this root.
    pub fn new(root: &Root) -> Self {
        Self {
            file: FileReader::new(root.proc("softirqs")),
            unwrapper: Unwrapper::default(),
        }
    }
}

impl Reader for SoftirqsReader {
    type Sample = Softirqs;

    fn read(&mut self) -> Result<Softirqs, ReadError> {
        let mut sample = self.file.parse(parse)?;
        extend(&mut sample, &mut self.unwrapper);
        Ok(sample)
    }
}

/// Turns the 32-bit counts into 64-bit ones.
fn extend(sample: &mut Softirqs, unwrapper: &mut Unwrapper<(usize, CpuId), 1>) {
    for (place, vector) in sample.vectors.iter_mut().enumerate() {
        for (count, cpu) in vector.counts.iter_mut().zip(&sample.cpus) {
            [*count] = unwrapper.observe((place, *cpu), [low32(*count)]);
        }
    }
    unwrapper.finish();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOFTIRQS: &[u8] = b"                    CPU0       CPU7       
          HI:          0          0
      NET_RX:       2874 4294967295
";

    #[test]
    fn vectors_have_a_count_for_each_cpu() {
        let sample = parse(SOFTIRQS).unwrap();
        assert_eq!(sample.cpus, [CpuId(0), CpuId(7)]);
        assert_eq!(&*sample.vectors[1].name, "NET_RX");
        assert_eq!(sample.vectors[1].counts, [2874, 4_294_967_295]);
    }

    #[test]
    fn counts_go_on_where_32_bits_end() {
        let mut unwrapper = Unwrapper::default();
        let mut sample = parse(SOFTIRQS).unwrap();
        extend(&mut sample, &mut unwrapper);
        sample.vectors[1].counts = vec![2875, 4];
        extend(&mut sample, &mut unwrapper);
        assert_eq!(sample.vectors[1].counts, [2875, 4_294_967_300]);
        assert_eq!(sample.vectors[0].counts, [0, 0]);
    }

    #[test]
    fn a_table_that_does_not_add_up_is_refused() {
        for bad in [
            "",
            "CPU0\n",
            "CPU0 CPUx\nHI: 1 2\n",
            "CPU0\nHI: 1 2\n",
            "CPU0 CPU1\nHI: 1\n",
            "CPU0\nHI 1\n",
            "CPU0\nHI: 4294967296\n",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_cut_is_survived(cut in 0..SOFTIRQS.len()) {
            if let Ok(sample) = parse(&SOFTIRQS[..cut]) {
                prop_assert!(sample.vectors.iter().all(|vector| vector.counts.len() == sample.cpus.len()));
            }
        }
    }
}
