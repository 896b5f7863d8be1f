//! Writing a snapshot, all or nothing.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use droplens_model::SavedSnapshot;

use super::encode;
use super::error::WriteError;

/// Where a snapshot goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Standard output, which is no terminal.
    Standard,
    /// A file.
    File(PathBuf),
}

impl Output {
    /// What `--output` names.
    pub(crate) fn new(path: &Path) -> Result<Self, WriteError> {
        if path != Path::new("-") {
            return Ok(Self::File(path.to_owned()));
        }
        if io::stdout().is_terminal() {
            return Err(WriteError::Terminal);
        }
        Ok(Self::Standard)
    }

    /// Writes a snapshot there. A file appears once it is whole, in place of an older one.
    pub(crate) fn write(&self, saved: &SavedSnapshot) -> Result<(), WriteError> {
        let path = match self {
            Self::Standard => Path::new("standard output"),
            Self::File(path) => path,
        };
        let failed = |source| WriteError::Write {
            path: path.to_owned(),
            source,
        };
        let bytes = encode(saved).map_err(failed)?;
        match self {
            Self::Standard => match pour(&mut io::stdout().lock(), &bytes) {
                // A reader that has seen enough is no error.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                result => result.map_err(failed),
            },
            Self::File(path) => file(path, &bytes),
        }
    }
}

fn pour(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    out.flush()
}

fn file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    // What a symbolic link points to is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let create = |source| WriteError::Create {
        path: path.to_owned(),
        source,
    };
    let failed = |source| WriteError::Write {
        path: path.to_owned(),
        source,
    };
    // A device or a pipe is written to; a file must not take its place.
    if fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
        let mut file = File::options().write(true).open(&target).map_err(create)?;
        if file.is_terminal() {
            return Err(WriteError::Terminal);
        }
        return pour(&mut file, bytes).map_err(failed);
    }
    let (mut file, temporary) = Temporary::beside(&target).map_err(create)?;
    pour(&mut file, bytes)
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    temporary.take_place_of(&target).map_err(failed)
}

/// A file that is removed again unless it takes its place.
struct Temporary(Option<PathBuf>);

impl Temporary {
    /// A new file in the same directory, so that it can be renamed.
    fn beside(target: &Path) -> io::Result<(File, Self)> {
        let name = target.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let path = target.with_file_name(hidden);
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok((file, Self(Some(path))))
    }

    fn take_place_of(mut self, target: &Path) -> io::Result<()> {
        if let Some(path) = &self.0 {
            fs::rename(path, target)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // The reason why it is left over has been told already.
            let _left = fs::remove_file(path);
        }
    }
}
