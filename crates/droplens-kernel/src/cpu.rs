//! Softirq, interrupt and steal time per CPU.

use std::ops::RangeInclusive;
use std::time::Duration;

use droplens_model::CpuId;
use droplens_model::sample::cpu::{CpuTimes, Cpus};

use crate::error::ParseError;
use crate::text::{decimal, fields, lines, number};
use crate::{FileReader, ReadError, Reader, Root};

// Fields of a CPU's line, counted from 0 after its name.
const IRQ: usize = 5;
const SOFTIRQ: usize = 6;
const STEAL: usize = 7;

/// More than the kernel can be built for; a longer list is not one of CPUs.
const MOST_CPUS: usize = 1 << 16;

/// Parses `/proc/stat`, whose times are in ticks (`USER_HZ`) of which a second has so many.
///
/// The list of CPUs comes first; what follows (`intr` alone may be many KiB) is not looked at.
pub fn parse(bytes: &[u8], ticks_per_second: u64) -> Result<Cpus, ParseError> {
    let mut cpus = Vec::new();
    for (line, text) in lines(bytes) {
        let mut words = fields(text);
        let Some(name) = words.next().and_then(|name| name.strip_prefix(b"cpu")) else {
            break;
        };
        if name.is_empty() {
            continue;
        }
        let cpu = cpu_id(name).ok_or_else(|| ParseError::at("not a CPU", line, text))?;
        let mut times = [None; STEAL + 1];
        for (time, word) in times.iter_mut().zip(words) {
            *time = Some(duration(number(word, line)?, ticks_per_second));
        }
        let field = |index: usize| times.get(index).copied().flatten();
        let missing = || ParseError::at("too few fields", line, text);
        cpus.push(CpuTimes {
            cpu,
            irq: field(IRQ).ok_or_else(missing)?,
            softirq: field(SOFTIRQ).ok_or_else(missing)?,
            // Kernels without virtualisation support in their time keeping do not tell it.
            steal: field(STEAL).unwrap_or_default(),
        });
    }
    if cpus.is_empty() {
        return Err(ParseError::new("no CPU"));
    }
    Ok(Cpus { cpus })
}

/// Ticks, of which a second has so many, as time.
pub(crate) fn duration(ticks: u64, ticks_per_second: u64) -> Duration {
    let hertz = ticks_per_second.max(1);
    let rest = u128::from(ticks % hertz) * 1_000_000_000 / u128::from(hertz);
    Duration::new(ticks / hertz, u32::try_from(rest).unwrap_or_default())
}

/// A CPU's number.
pub(crate) fn cpu_id(field: &[u8]) -> Option<CpuId> {
    u32::try_from(decimal(field)?).ok().map(CpuId)
}

/// The CPUs of the columns of a table whose first line is `CPU0 CPU1 ...`.
pub(crate) fn columns(header: &[u8], line: usize) -> Result<Vec<CpuId>, ParseError> {
    fields(header)
        .map(|field| {
            field
                .strip_prefix(b"CPU")
                .and_then(cpu_id)
                .ok_or_else(|| ParseError::at("not a CPU", line, field))
        })
        .collect()
}

/// Parses a list of CPUs such as `0-3,8,10-11`.
pub(crate) fn parse_list(bytes: &[u8]) -> Result<Vec<CpuId>, ParseError> {
    let mut cpus = Vec::new();
    for part in bytes.trim_ascii().split(|&byte| byte == b',') {
        let range = range(part).ok_or_else(|| ParseError::at("not a list of CPUs", 1, part))?;
        cpus.extend(range.take(MOST_CPUS.saturating_sub(cpus.len())).map(CpuId));
    }
    Ok(cpus)
}

fn range(part: &[u8]) -> Option<RangeInclusive<u32>> {
    let mut ends = part.splitn(2, |&byte| byte == b'-').map(cpu_id);
    let CpuId(first) = ends.next()??;
    let CpuId(last) = match ends.next() {
        Some(last) => last?,
        None => CpuId(first),
    };
    Some(first..=last)
}

/// Reads `/proc/stat`.
#[derive(Debug)]
pub struct CpuReader {
    file: FileReader,
    ticks_per_second: u64,
}

impl CpuReader {
    /// A reader below this root.
    pub fn new(root: &Root) -> Self {
        Self {
            file: FileReader::new(root.proc("stat")),
            ticks_per_second: rustix::param::clock_ticks_per_second(),
        }
    }
}

impl Reader for CpuReader {
    type Sample = Cpus;

    fn read(&mut self) -> Result<Cpus, ReadError> {
        let ticks_per_second = self.ticks_per_second;
        self.file.parse(|bytes| parse(bytes, ticks_per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAT: &[u8] = b"\
cpu  23572 0 6731 403251 952 0 121 610 0 0
cpu0 11153 0 2789 203295 100 3 10 291 0 0
cpu5 12419 0 3941 199955 851 0 111 319 0 0
intr 311789 0 0
ctxt 499291
";

    fn list(text: &[u8]) -> Vec<u32> {
        parse_list(text).unwrap().iter().map(|cpu| cpu.0).collect()
    }

    #[test]
    fn times_are_in_ticks() {
        let sample = parse(STAT, 100).unwrap();
        assert_eq!(
            sample.cpus,
            [
                CpuTimes {
                    cpu: CpuId(0),
                    irq: Duration::from_millis(30),
                    softirq: Duration::from_millis(100),
                    steal: Duration::from_millis(2_910),
                },
                CpuTimes {
                    cpu: CpuId(5),
                    irq: Duration::ZERO,
                    softirq: Duration::from_millis(1_110),
                    steal: Duration::from_millis(3_190),
                },
            ]
        );
    }

    #[test]
    fn steal_may_be_absent_but_softirq_may_not() {
        let sample = parse(b"cpu0 1 2 3 4 5 6 7\n", 1_000).unwrap();
        assert_eq!(sample.cpus[0].softirq, Duration::from_millis(7));
        assert_eq!(sample.cpus[0].steal, Duration::ZERO);
        assert!(parse(b"cpu0 1 2 3 4 5 6\n", 100).is_err());
        assert!(parse(b"cpu0 1 2 3 4 5 6 -7\n", 100).is_err());
        assert!(parse(b"cpux 1 2 3 4 5 6 7\n", 100).is_err());
        assert!(parse(b"intr 1\n", 100).is_err());
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(list(b"0\n"), [0]);
        assert_eq!(list(b"0-2,5,7-8\n"), [0, 1, 2, 5, 7, 8]);
        for bad in [b"".as_slice(), b"-", b"0-", b"1,,2", b"a"] {
            assert!(parse_list(bad).is_err(), "{bad:?}");
        }
        assert_eq!(list(b"0-4294967295").len(), MOST_CPUS);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes, 100);
            let _ = parse_list(&bytes);
            let _ = columns(&bytes, 1);
        }

        #[test]
        fn a_cut_is_survived(cut in 0..STAT.len(), hertz in any::<u64>()) {
            let _ = parse(&STAT[..cut], hertz);
        }
    }
}
