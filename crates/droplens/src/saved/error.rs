//! What can be wrong with a snapshot file.

use std::io;
use std::path::PathBuf;

use super::read::LARGEST;

/// A file that cannot be used as a snapshot.
#[derive(Debug, thiserror::Error)]
#[error("{file} {fault}")]
pub(crate) struct ReadError {
    /// The file, as it was named.
    pub(crate) file: String,
    /// What is wrong with it.
    pub(crate) fault: Fault,
}

/// What is wrong with a file, and what to do about it; continues the file's name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The system refuses.
    #[error("cannot be read: {0}; check its name and permissions")]
    Unreadable(io::Error),
    /// It is something else.
    #[error("is no snapshot: give a file that `droplens snapshot` wrote")]
    NotSnapshot,
    /// Its end is missing.
    #[error("ends early: copy it again, or take another snapshot")]
    Truncated,
    /// It is not what was written.
    #[error("was edited or damaged after it was written: copy it again, or take another snapshot")]
    Edited,
    /// It is too large to be one.
    #[error("has more than {} MiB when unpacked, which no snapshot has: check where it comes from", LARGEST >> 20)]
    TooLarge,
    /// A later version wrote it in a form that this one does not know.
    #[error(
        "was written by droplens {droplens} in the form {schema:?}, which droplens {} does not \
         know: use that version or a later one",
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// Its form.
        schema: String,
        /// The version that wrote it.
        droplens: String,
    },
    /// The form is right and the contents are not.
    #[error(
        "was written by droplens {droplens} and is not understood by droplens {}: {error}; use \
         the version that wrote it, or take another snapshot",
        env!("CARGO_PKG_VERSION")
    )]
    Malformed {
        /// The version that wrote it.
        droplens: String,
        /// What is wrong and where in the body.
        error: serde_json::Error,
    },
}

/// Why a snapshot could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// Standard output is a terminal.
    #[error("a snapshot is binary and standard output is a terminal: give a file, or a pipe")]
    Terminal,
    /// Nothing can be made there.
    #[error("cannot make {}: check the directory, or give another --output", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Writing failed half-way.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl WriteError {
    /// Whether another `--output` would help.
    pub(crate) const fn is_usage(&self) -> bool {
        matches!(self, Self::Terminal | Self::Create { .. })
    }
}
