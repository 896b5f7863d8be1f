//! Per-CPU receive work.

use droplens_model::CpuId;
use droplens_model::sample::softnet::{Softnet, SoftnetCpu};
use droplens_model::wrap::Unwrapper;

use crate::cpu::parse_list;
use crate::error::ParseError;
use crate::text::{fields, hexadecimal, lines, low32};
use crate::{FileReader, ReadError, Reader, Root};

// Columns, counted from 0. Kernels add them at the end: 9 in old ones, 11 since 3.11, 13 since
// 5.10 (backlog, CPU) and 15 since 6.4 (the two parts of the backlog).
const PROCESSED: usize = 0;
const DROPPED: usize = 1;
const TIME_SQUEEZED: usize = 2;
const RECEIVED_RPS: usize = 9;
const FLOW_LIMIT: usize = 10;
const BACKLOG: usize = 11;
const CPU: usize = 12;

/// More columns than any kernel prints; those after the last known one are not kept.
const KEPT: usize = 16;

/// Parses `/proc/net/softnet_stat`; the counters are left as the kernel prints them, in 32 bits.
///
/// Kernels before 5.10 do not name the CPU of a row. It is then taken from `online`, the CPUs that
/// are online, or is the row's number if there are not as many of those as rows.
pub fn parse(bytes: &[u8], online: &[CpuId]) -> Result<Softnet, ParseError> {
    let mut cpus = Vec::with_capacity(online.len());
    for (line, text) in lines(bytes) {
        cpus.push(parse_row(text, line, cpus.len())?);
    }
    if cpus.is_empty() {
        return Err(ParseError::new("no CPU"));
    }
    if !names_cpus(bytes) && online.len() == cpus.len() {
        for (row, cpu) in cpus.iter_mut().zip(online) {
            row.cpu = *cpu;
        }
    }
    Ok(Softnet { cpus })
}

fn parse_row(text: &[u8], line: usize, row: usize) -> Result<SoftnetCpu, ParseError> {
    let mut columns = [None; KEPT];
    for (column, field) in columns.iter_mut().zip(fields(text)) {
        let value = hexadecimal(field).and_then(|value| u32::try_from(value).ok());
        *column =
            Some(value.ok_or_else(|| ParseError::at("not a 32-bit hexadecimal", line, field))?);
    }
    let optional = |column: usize| columns.get(column).copied().flatten();
    let counter = |column| {
        optional(column)
            .map(u64::from)
            .ok_or_else(|| ParseError::at("too few columns", line, text))
    };
    let row = u32::try_from(row).map_err(|_| ParseError::new("too many rows"))?;
    Ok(SoftnetCpu {
        cpu: CpuId(optional(CPU).unwrap_or(row)),
        processed: counter(PROCESSED)?,
        dropped: counter(DROPPED)?,
        time_squeezed: counter(TIME_SQUEEZED)?,
        received_rps: optional(RECEIVED_RPS).map(u64::from),
        flow_limit: optional(FLOW_LIMIT).map(u64::from),
        backlog: optional(BACKLOG),
    })
}

/// Whether the rows tell their CPU.
fn names_cpus(bytes: &[u8]) -> bool {
    lines(bytes)
        .next()
        .is_some_and(|(_, line)| fields(line).nth(CPU).is_some())
}

/// Reads `/proc/net/softnet_stat`, and `/sys/devices/system/cpu/online` where it is needed.
#[derive(Debug)]
pub struct SoftnetReader {
    file: FileReader,
    online: FileReader,
    unwrapper: Unwrapper<CpuId, 5>,
}

impl SoftnetReader {
    /// A reader below this root.
    pub fn new(root: &Root) -> Self {
        Self {
            file: FileReader::new(root.net("softnet_stat")),
            online: FileReader::new(root.sys("devices/system/cpu/online")),
            unwrapper: Unwrapper::default(),
        }
    }
}

impl Reader for SoftnetReader {
    type Sample = Softnet;

    fn read(&mut self) -> Result<Softnet, ReadError> {
        let bytes = self.file.read()?;
        let online = if names_cpus(bytes) {
            Vec::new()
        } else {
            self.online.parse(parse_list).unwrap_or_default()
        };
        let parsed = parse(bytes, &online);
        let mut sample = parsed.map_err(|error| ReadError::parse(self.file.path(), error))?;
        for cpu in &mut sample.cpus {
            extend(cpu, &mut self.unwrapper);
        }
        self.unwrapper.finish();
        Ok(sample)
    }
}

/// Turns the 32-bit counters of one CPU into 64-bit ones.
fn extend(cpu: &mut SoftnetCpu, unwrapper: &mut Unwrapper<CpuId, 5>) {
    let raw = [
        cpu.processed,
        cpu.dropped,
        cpu.time_squeezed,
        cpu.received_rps.unwrap_or_default(),
        cpu.flow_limit.unwrap_or_default(),
    ];
    let [processed, dropped, time_squeezed, received_rps, flow_limit] =
        unwrapper.observe(cpu.cpu, raw.map(low32));
    cpu.processed = processed;
    cpu.dropped = dropped;
    cpu.time_squeezed = time_squeezed;
    cpu.received_rps = cpu.received_rps.map(|_| received_rps);
    cpu.flow_limit = cpu.flow_limit.map(|_| flow_limit);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: &[u8] = b"\
0001f2a4 00000003 00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000007 00000001
0000000a 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
";
    const NEW: &[u8] = b"\
fffffffe 00000001 00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000005 00000006 00000007 0000000c 00000004 00000003
";

    fn cpus(sample: &Softnet) -> Vec<u32> {
        sample.cpus.iter().map(|cpu| cpu.cpu.0).collect()
    }

    #[test]
    fn eleven_columns_take_the_cpu_from_the_list() {
        let sample = parse(OLD, &[CpuId(1), CpuId(4)]).unwrap();
        assert_eq!(cpus(&sample), [1, 4]);
        assert_eq!(
            sample.cpus[0],
            SoftnetCpu {
                cpu: CpuId(1),
                processed: 0x1_f2a4,
                dropped: 3,
                time_squeezed: 2,
                received_rps: Some(7),
                flow_limit: Some(1),
                backlog: None,
            }
        );
        assert_eq!(cpus(&parse(OLD, &[CpuId(1)]).unwrap()), [0, 1]);
    }

    #[test]
    fn fifteen_columns_name_the_cpu_and_tell_the_backlog() {
        let sample = parse(NEW, &[CpuId(0)]).unwrap();
        assert_eq!(cpus(&sample), [12]);
        assert_eq!(sample.cpus[0].backlog, Some(7));
        assert_eq!(sample.cpus[0].flow_limit, Some(6));
    }

    #[test]
    fn nine_columns_leave_the_rest_unknown() {
        let sample = parse(b"1 2 3 0 0 0 0 0 0\n", &[]).unwrap();
        assert_eq!(sample.cpus[0].time_squeezed, 3);
        assert_eq!(sample.cpus[0].received_rps, None);
        assert_eq!(sample.cpus[0].flow_limit, None);
    }

    #[test]
    fn what_is_not_understood_is_cited() {
        let error = parse(b"1 2 3\n1 2 xyz\n", &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "not a 32-bit hexadecimal in line 2: \"xyz\""
        );
        assert!(parse(b"1 2\n", &[]).is_err());
        assert!(parse(b"1 2 100000000\n", &[]).is_err());
        assert!(parse(b"", &[]).is_err());
    }

    #[test]
    fn counters_go_on_where_32_bits_end() {
        let mut unwrapper = Unwrapper::default();
        let mut first = parse(NEW, &[]).unwrap();
        extend(&mut first.cpus[0], &mut unwrapper);
        assert_eq!(first.cpus[0].processed, 0xffff_fffe);
        let mut second = first.clone();
        second.cpus[0].processed = 8;
        second.cpus[0].dropped = 4;
        extend(&mut second.cpus[0], &mut unwrapper);
        assert_eq!(second.cpus[0].processed, 0x1_0000_0008);
        assert_eq!(second.cpus[0].dropped, 4);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes, &[CpuId(0)]);
        }

        #[test]
        fn a_cut_is_survived(cut in 0..NEW.len()) {
            if let Ok(sample) = parse(&NEW[..cut], &[]) {
                prop_assert_eq!(sample.cpus.len(), 1);
            }
        }
    }
}
