//! Where /proc and /sys are (and /lib/modules), and how files in them are read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::ReadError;

/// The directory below which `proc` and `sys` are found: `/`, or another one in a container that
/// has the host's mounted elsewhere, or for recorded fixtures.
///
/// It stands for files only: netlink and ioctl always ask the running kernel, in the network
/// namespace of the calling thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Default for Root {
    fn default() -> Self {
        Self::new("/")
    }
}

impl Root {
    /// The root at this directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    /// A file below `proc`.
    pub fn proc(&self, file: &str) -> PathBuf {
        self.0.join("proc").join(file)
    }

    /// A file below `sys`.
    pub fn sys(&self, file: &str) -> PathBuf {
        self.0.join("sys").join(file)
    }

    /// A file below `lib`.
    pub fn lib(&self, file: &str) -> PathBuf {
        self.0.join("lib").join(file)
    }

    /// A file below `proc/net` of the calling thread's network namespace. `/proc/net` itself
    /// would show that of the main thread.
    pub fn net(&self, file: &str) -> PathBuf {
        let thread = self.0.join("proc/thread-self/net");
        if thread.is_dir() {
            thread.join(file)
        } else {
            self.0.join("proc/net").join(file)
        }
    }
}

/// No file that is read whole is larger: /proc/interrupts of 512 CPUs is a few MiB.
const LARGEST: usize = 64 << 20;

/// The buffer before the first reading; it grows with the file.
const SMALLEST: usize = 1 << 10;

/// Reads one file again and again, into the same buffer and through the same descriptor.
///
/// Files of /proc are made anew when read from the start, so reading there again is enough; it
/// saves the path walk and the allocation at each reading.
#[derive(Debug)]
pub struct FileReader {
    path: PathBuf,
    file: Option<File>,
    /// As large as any contents so far, and a little more.
    buffer: Vec<u8>,
}

impl FileReader {
    /// A reader of this file; nothing is opened yet.
    pub const fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            buffer: Vec::new(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole contents now.
    pub fn read(&mut self) -> Result<&[u8], ReadError> {
        match self.fill() {
            Ok(length) => Ok(self.buffer.get(..length).unwrap_or_default()),
            Err(error) => {
                self.file = None;
                Err(ReadError::file(&self.path, error))
            }
        }
    }

    /// The contents now, parsed; what the parser minds is told with the path.
    pub fn parse<T>(
        &mut self,
        parse: impl FnOnce(&[u8]) -> Result<T, crate::error::ParseError>,
    ) -> Result<T, ReadError> {
        let parsed = parse(self.read()?);
        parsed.map_err(|error| ReadError::parse(&self.path, error))
    }

    /// Reads the contents into the buffer and tells how long they are.
    fn fill(&mut self) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::open(&self.path)?),
        };
        let mut length = 0;
        loop {
            if length == self.buffer.len() {
                if length >= LARGEST {
                    let error = "larger than 64 MiB";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
                self.buffer.resize((2 * length).max(SMALLEST), 0);
            }
            let space = self.buffer.get_mut(length..).unwrap_or_default();
            // Some files come in pieces: only an empty one is the end.
            match file.read_at(space, length as u64) {
                Ok(0) => return Ok(length),
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_from_its_start() {
        let mut reader = FileReader::new(Root::default().proc("self/comm"));
        let first = reader.read().unwrap().to_vec();
        assert!(!first.is_empty());
        assert_eq!(reader.read().unwrap(), first);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = FileReader::new(Root::new("/nowhere").proc("net/snmp"))
            .read()
            .map(drop);
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("/nowhere/proc/net/snmp")
        );
    }
}
