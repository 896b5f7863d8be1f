//! Hardware interrupts.

mod owners;

use std::collections::BTreeMap;

use droplens_model::sample::interrupts::{DeviceInterrupts, Interrupts};
use droplens_model::totals::Totals;
use droplens_model::wrap::Unwrapper;
use droplens_model::{CpuId, Name};

use crate::cpu::columns;
use crate::error::ParseError;
use crate::text::{decimal, fields, lines, number32};
use crate::{FileReader, ReadError, Reader, Root};

use owners::Owners;

/// Lines that have one number for the whole host, which on a host of one CPU looks like that
/// CPU's: errors and misrouted interrupts of the interrupt controller.
const GLOBAL: [&[u8]; 3] = [b"ERR", b"MIS", b"Err"];

/// `/proc/interrupts` with its header parsed.
#[derive(Debug)]
pub struct Table<'a> {
    /// The CPUs of the columns: those that are online.
    pub cpus: Vec<CpuId>,
    bytes: &'a [u8],
}

/// The interrupts of one line.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The interrupt's number, or the architecture's name for it (`NMI`, `LOC`).
    pub label: &'a [u8],
    /// Controller, type and the names of those who handle it.
    pub description: &'a [u8],
    number: usize,
    counts: &'a [u8],
}

/// Parses the header of `/proc/interrupts`; [`Table::lines`] goes through the rest, which may be
/// some MiB, without copying it.
pub fn parse(bytes: &[u8]) -> Result<Table<'_>, ParseError> {
    let (line, header) = lines(bytes)
        .next()
        .ok_or_else(|| ParseError::new("empty"))?;
    let cpus = columns(header, line)?;
    if cpus.is_empty() {
        return Err(ParseError::new("no CPU"));
    }
    Ok(Table { cpus, bytes })
}

impl<'a> Table<'a> {
    /// The lines that count interrupts for each CPU.
    pub fn lines(&self) -> impl Iterator<Item = Result<Line<'a>, ParseError>> {
        let cpus = self.cpus.len();
        lines(self.bytes)
            .skip(1)
            .filter_map(move |(number, text)| parse_line(text, number, cpus).transpose())
    }
}

impl Line<'_> {
    /// The counts above zero with their column. Each is 32 bits wide in the kernel.
    pub fn counts(&self) -> impl Iterator<Item = Result<(usize, u32), ParseError>> {
        fields(self.counts)
            .enumerate()
            .map(|(column, field)| Ok((column, number32(field, self.number)?)))
            .filter(|count| !matches!(count, Ok((_, 0))))
    }

    fn irq(&self) -> Option<u32> {
        u32::try_from(decimal(self.label)?).ok()
    }
}

/// A line, or none if it has no count for each CPU.
fn parse_line(text: &[u8], number: usize, cpus: usize) -> Result<Option<Line<'_>>, ParseError> {
    let colon = text
        .iter()
        .position(|&byte| byte == b':')
        .ok_or_else(|| ParseError::at("no interrupt", number, text))?;
    let (label, rest) = text.split_at(colon);
    let label = label.trim_ascii_start();
    let rest = rest.get(1..).unwrap_or_default();
    if GLOBAL.contains(&label) {
        return Ok(None);
    }
    Ok(end_of_counts(rest, cpus).map(|end| {
        let (counts, description) = rest.split_at(end);
        Line {
            label,
            description: description.trim_ascii_start(),
            number,
            counts,
        }
    }))
}

/// Where the last of so many numbers ends, if there are as many.
fn end_of_counts(text: &[u8], cpus: usize) -> Option<usize> {
    let mut end = 0;
    for _ in 0..cpus {
        let rest = text.get(end..)?;
        let start = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let digits = rest
            .iter()
            .skip(start)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 {
            return None;
        }
        end += start + digits;
    }
    Some(end)
}

/// A label, cut to a size that needs no allocation; no kernel's is longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Label([u8; 16]);

impl Label {
    fn new(text: &[u8]) -> Self {
        let mut label = [0; 16];
        for (to, from) in label.iter_mut().zip(text) {
            *to = *from;
        }
        Self(label)
    }
}

/// Reads `/proc/interrupts`, and from `/sys/class/net` whose they are.
#[derive(Debug)]
pub struct InterruptsReader {
    root: Root,
    file: FileReader,
    counters: Counters,
}

impl InterruptsReader {
    /// A reader below this root.
    pub fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            file: FileReader::new(root.proc("interrupts")),
            counters: Counters::default(),
        }
    }
}

impl Reader for InterruptsReader {
    type Sample = Interrupts;

    fn read(&mut self) -> Result<Interrupts, ReadError> {
        let owners = Owners::read(&self.root);
        let counters = &mut self.counters;
        self.file
            .parse(|bytes| counters.observe(&parse(bytes)?, &owners))
    }
}

/// Interrupts as 64-bit sums that never fall: lines wrap, and go when a driver frees them.
#[derive(Debug, Default)]
struct Counters {
    lines: Unwrapper<(Label, CpuId), 1>,
    cpus: Totals<CpuId, (Label, CpuId), 1>,
    devices: Totals<(Name, CpuId), (Label, CpuId), 1>,
}

impl Counters {
    fn observe(&mut self, table: &Table<'_>, owners: &Owners) -> Result<Interrupts, ParseError> {
        let mut lines = BTreeMap::<Name, u32>::new();
        for line in table.lines() {
            let line = line?;
            let owner = line
                .irq()
                .and_then(|irq| owners.find(irq, line.description));
            if let Some(owner) = owner {
                *lines.entry(Name::clone(owner)).or_default() += 1;
            }
            self.observe_line(&line, owner, &table.cpus)?;
        }
        self.lines.finish();
        self.cpus.finish();
        self.devices.finish();
        Ok(Interrupts {
            cpus: table
                .cpus
                .iter()
                .map(|cpu| (*cpu, self.cpu(*cpu)))
                .collect(),
            devices: lines
                .into_iter()
                .map(|(device, lines)| self.device(device, lines, &table.cpus))
                .collect(),
        })
    }

    fn observe_line(
        &mut self,
        line: &Line<'_>,
        owner: Option<&Name>,
        cpus: &[CpuId],
    ) -> Result<(), ParseError> {
        let label = Label::new(line.label);
        for count in line.counts() {
            let (column, count) = count?;
            let Some(cpu) = cpus.get(column).copied() else {
                continue;
            };
            let total = self.lines.observe((label, cpu), [count]);
            self.cpus.observe(&cpu, (label, cpu), total);
            if let Some(owner) = owner {
                self.devices
                    .observe(&(Name::clone(owner), cpu), (label, cpu), total);
            }
        }
        Ok(())
    }

    fn cpu(&self, cpu: CpuId) -> u64 {
        self.cpus.get(&cpu).map_or(0, |[sum]| *sum)
    }

    fn device(&self, device: Name, lines: u32, cpus: &[CpuId]) -> DeviceInterrupts {
        let cpus = cpus
            .iter()
            .filter_map(|cpu| {
                let [sum] = self.devices.get(&(Name::clone(&device), *cpu))?;
                Some((*cpu, *sum))
            })
            .collect();
        DeviceInterrupts {
            device,
            lines,
            cpus,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INTERRUPTS: &[u8] = b"           CPU0       CPU3       
 24:          1          0  IO-APIC   5-edge      ACPI:Ged
 38:          0       4656 PCI-MSIX-0000:00:03.0   1-edge      eth0-TxRx-0
 39:       3040          2 PCI-MSIX-0000:00:03.0   2-edge      eth0-TxRx-1
NMI:          0          0   Non-maskable interrupts
LOC:      61792      65453   Local timer interrupts
ERR:          7
FIQ:              usb_fiq
";

    fn owners() -> Owners {
        Owners::of_names(&["eth0"])
    }

    fn observe(counters: &mut Counters, bytes: &[u8]) -> Interrupts {
        counters.observe(&parse(bytes).unwrap(), &owners()).unwrap()
    }

    #[test]
    fn interrupts_are_summed_by_cpu_and_spread_by_device() {
        let sample = observe(&mut Counters::default(), INTERRUPTS);
        let (cpu0, cpu3) = (CpuId(0), CpuId(3));
        assert_eq!(
            sample.cpus,
            [(cpu0, 1 + 3040 + 61_792), (cpu3, 4656 + 2 + 65_453)]
        );
        assert_eq!(
            sample.devices,
            [DeviceInterrupts {
                device: "eth0".into(),
                lines: 2,
                cpus: vec![(cpu0, 3040), (cpu3, 4658)],
            }]
        );
    }

    #[test]
    fn sums_survive_wraps_and_lines_that_go() {
        let mut counters = Counters::default();
        let first = b"CPU0\n5: 4294967295 x eth0-0\n6: 10 x eth0-1\n";
        assert_eq!(
            observe(&mut counters, first).cpus,
            [(CpuId(0), 4_294_967_305)]
        );
        let second = observe(&mut counters, b"CPU0\n5: 1 x eth0-0\n");
        assert_eq!(second.cpus, [(CpuId(0), 4_294_967_307)]);
        assert_eq!(second.devices[0].lines, 1);
        assert_eq!(second.devices[0].cpus, [(CpuId(0), 4_294_967_307)]);
    }

    #[test]
    fn a_single_cpu_is_not_charged_with_the_hosts_errors() {
        let sample = observe(
            &mut Counters::default(),
            b"CPU0\nERR: 5\nMIS: 6\n  1: 2 x\n",
        );
        assert_eq!(sample.cpus, [(CpuId(0), 2)]);
    }

    #[test]
    fn what_is_not_a_table_is_refused() {
        for bad in ["", "CPUx\n", "CPU0\nnothing\n", "CPU0\n1: 4294967296 x\n"] {
            let result = parse(bad.as_bytes())
                .and_then(|table| Counters::default().observe(&table, &owners()));
            assert!(result.is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(table) = parse(&bytes) {
                let _ = Counters::default().observe(&table, &owners());
            }
        }

        #[test]
        fn any_lines_are_survived(lines in "(1|LOC|9: ?| 1| 4294967296|[a-z]|\n){0,40}") {
            let text = format!("CPU0 CPU1\n{lines}");
            let _ = Counters::default().observe(&parse(text.as_bytes()).unwrap(), &owners());
        }

        #[test]
        fn a_cut_counts_no_more_than_the_whole(cut in 34..INTERRUPTS.len()) {
            let whole = observe(&mut Counters::default(), INTERRUPTS);
            let table = parse(&INTERRUPTS[..cut]).unwrap();
            if let Ok(part) = Counters::default().observe(&table, &owners()) {
                for ((_, part), (_, whole)) in part.cpus.iter().zip(&whole.cpus) {
                    prop_assert!(part <= whole);
                }
            }
        }
    }
}
