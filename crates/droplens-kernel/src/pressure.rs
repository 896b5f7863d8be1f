//! Pressure stall information.

use std::time::Duration;

use droplens_model::sample::pressure::{Pressure, Stall};

use crate::error::ParseError;
use crate::text::{fields, lines, number};
use crate::{FileReader, ReadError, Reader, Root};

/// Parses one file of `/proc/pressure`, of which only the totals (in microseconds) are kept: the
/// kernel's averages say nothing that the totals do not.
pub fn parse(bytes: &[u8]) -> Result<Stall, ParseError> {
    let mut stall = Stall::default();
    for (line, text) in lines(bytes) {
        let mut words = fields(text);
        let total = match words.next() {
            Some(b"some") => &mut stall.some,
            Some(b"full") => &mut stall.full,
            _ => continue,
        };
        let micros = words
            .find_map(|word| word.strip_prefix(b"total="))
            .ok_or_else(|| ParseError::at("no total", line, text))?;
        *total = Some(Duration::from_micros(number(micros, line)?));
    }
    if stall == Stall::default() {
        return Err(ParseError::new("neither some nor full"));
    }
    Ok(stall)
}

/// Reads `/proc/pressure`.
#[derive(Debug)]
pub struct PressureReader {
    cpu: FileReader,
    memory: FileReader,
    io: FileReader,
    irq: FileReader,
}

impl PressureReader {
    /// A reader below this root.
    pub fn new(root: &Root) -> Self {
        let file = |name| FileReader::new(root.proc(name));
        Self {
            cpu: file("pressure/cpu"),
            memory: file("pressure/memory"),
            io: file("pressure/io"),
            irq: file("pressure/irq"),
        }
    }
}

impl Reader for PressureReader {
    type Sample = Pressure;

    /// A file that cannot be read is a resource that this kernel does not tell about; the reading
    /// fails if it tells about none (pressure is off at boot: `EOPNOTSUPP`).
    fn read(&mut self) -> Result<Pressure, ReadError> {
        let mut first = None;
        let pressure = Pressure {
            cpu: read_one(&mut self.cpu, &mut first)?,
            memory: read_one(&mut self.memory, &mut first)?,
            io: read_one(&mut self.io, &mut first)?,
            irq: read_one(&mut self.irq, &mut first)?,
        };
        match first {
            Some(error) if pressure == Pressure::default() => Err(error),
            _ => Ok(pressure),
        }
    }
}

fn read_one(
    file: &mut FileReader,
    first: &mut Option<ReadError>,
) -> Result<Option<Stall>, ReadError> {
    match file.parse(parse) {
        Ok(stall) => Ok(Some(stall)),
        Err(error @ ReadError::File { .. }) => {
            first.get_or_insert(error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MEMORY: &[u8] = b"\
some avg10=2.59 avg60=0.79 avg300=0.23 total=8327982
full avg10=1.36 avg60=0.46 avg300=0.15 total=7586458
";

    #[test]
    fn totals_are_microseconds() {
        assert_eq!(
            parse(MEMORY).unwrap(),
            Stall {
                some: Some(Duration::from_micros(8_327_982)),
                full: Some(Duration::from_micros(7_586_458)),
            }
        );
    }

    #[test]
    fn one_of_the_two_is_enough() {
        let irq = parse(b"full avg10=0.00 avg60=0.00 avg300=0.00 total=12\n").unwrap();
        assert_eq!(irq.some, None);
        assert_eq!(irq.full, Some(Duration::from_micros(12)));
        for bad in ["", "half total=1\n", "some avg10=0.00\n", "some total=x\n"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_cut_is_survived(cut in 0..MEMORY.len()) {
            let _ = parse(&MEMORY[..cut]);
        }
    }
}
