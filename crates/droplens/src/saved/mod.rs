//! Snapshots in files: one JSON document, compressed with gzip.
//!
//! ```json
//! {"schema":"droplens.snapshot/1","checksum":"89abcdef","body":{...}}
//! ```
//!
//! The body is a [`SavedSnapshot`]. The checksum is the CRC-32 of the body's very bytes, in
//! hexadecimal: gzip has one too, but a document that was unpacked, edited and packed again has
//! not. It guards against accidents, not against forgers.

mod error;
pub(crate) mod read;
mod write;

use std::io::{self, Write};

use droplens_model::{SAVED_SCHEMA, SavedSnapshot};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

pub(crate) use error::WriteError;
pub(crate) use write::Output;

/// The document around a snapshot.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'a str,
    checksum: &'a str,
    body: &'a RawValue,
}

/// The document, not compressed.
pub(crate) fn document(saved: &SavedSnapshot) -> io::Result<Vec<u8>> {
    let body = to_raw_value(saved)?;
    let document = Document {
        schema: SAVED_SCHEMA,
        checksum: &checksum(body.get()),
        body: &body,
    };
    Ok(serde_json::to_vec(&document)?)
}

/// The contents of the file.
fn encode(saved: &SavedSnapshot) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&document(saved)?)?;
    packed.finish()
}

fn checksum(body: &str) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(body.as_bytes());
    format!("{:08x}", crc.sum())
}

#[cfg(test)]
mod tests;
