//! Reading a snapshot, whatever the file may hold.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use droplens_model::{SAVED_SCHEMA, SavedSnapshot};
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::checksum;
use super::error::{Fault, ReadError};

/// No snapshot is larger when unpacked: one of 1 001 devices has 2 MiB. A file of a few kilobytes
/// could be made to unpack to more than the host's memory.
pub(super) const LARGEST: u64 = 256 << 20;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How every document begins that droplens wrote.
const HEAD: &[u8] = br#"{"schema":"droplens.snapshot/"#;

/// Reads the snapshot in a file, compressed or not.
pub(crate) fn read(path: &Path) -> Result<SavedSnapshot, ReadError> {
    let file = File::open(path).map_err(Fault::Unreadable);
    file.and_then(decode).map_err(|fault| ReadError {
        file: path.display().to_string(),
        fault,
    })
}

/// Reads a snapshot.
pub(super) fn decode(mut input: impl Read) -> Result<SavedSnapshot, Fault> {
    let mut start = Vec::new();
    let length = GZIP.len() as u64;
    (&mut input)
        .take(length)
        .read_to_end(&mut start)
        .map_err(Fault::Unreadable)?;
    let packed = !start.is_empty() && GZIP.starts_with(&start);
    let whole = start.as_slice().chain(input).take(LARGEST + 1);
    let document = if packed {
        unpacked(MultiGzDecoder::new(BufReader::new(whole)))
    } else {
        unpacked(whole)
    };
    body(&document?)
}

fn unpacked(input: impl Read) -> Result<Vec<u8>, Fault> {
    let mut document = Vec::new();
    match input.take(LARGEST + 1).read_to_end(&mut document) {
        Ok(length) if length as u64 > LARGEST => Err(Fault::TooLarge),
        Ok(_) => Ok(document),
        // The decoder's errors are of these kinds; the file system's are of others.
        Err(error) => Err(match error.kind() {
            io::ErrorKind::UnexpectedEof => Fault::Truncated,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Fault::Edited,
            _ => Fault::Unreadable(error),
        }),
    }
}

/// The document as far as every version must understand it.
#[derive(Deserialize)]
struct Document<'a> {
    schema: String,
    checksum: Option<String>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

fn body(document: &[u8]) -> Result<SavedSnapshot, Fault> {
    let Document {
        schema,
        checksum: expected,
        body,
    } = serde_json::from_slice(document).map_err(|error| unlike(document, error.classify()))?;
    if schema != SAVED_SCHEMA {
        let newer = version(&schema) > version(SAVED_SCHEMA);
        return Err(if newer {
            let droplens = writer(body);
            Fault::Newer { schema, droplens }
        } else {
            Fault::NotSnapshot
        });
    }
    let (Some(expected), Some(body)) = (expected, body) else {
        return Err(Fault::NotSnapshot);
    };
    if checksum(body.get()) != expected {
        return Err(Fault::Edited);
    }
    serde_json::from_str(body.get()).map_err(|error| Fault::Malformed {
        droplens: writer(Some(body)),
        error,
    })
}

/// What a document is that could not be taken apart.
fn unlike(document: &[u8], error: Category) -> Fault {
    let ours = document.starts_with(HEAD) || HEAD.starts_with(document);
    match error {
        Category::Eof if ours => Fault::Truncated,
        Category::Syntax if ours => Fault::Edited,
        _ => Fault::NotSnapshot,
    }
}

/// The number of a schema of ours.
fn version(schema: &str) -> Option<u32> {
    let (family, _) = SAVED_SCHEMA.split_once('/')?;
    let number = schema.strip_prefix(family)?.strip_prefix('/')?;
    number.parse().ok()
}

/// The version of droplens that wrote a body, even if it is not understood otherwise.
fn writer(body: Option<&RawValue>) -> String {
    #[derive(Deserialize)]
    struct Writer {
        droplens: String,
    }
    body.and_then(|body| serde_json::from_str(body.get()).ok())
        .map_or_else(
            || "of an unknown version".to_owned(),
            |writer: Writer| writer.droplens,
        )
}
