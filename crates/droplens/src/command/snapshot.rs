//! `droplens snapshot`: reads everything once and keeps it in a file.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use droplens_kernel::Root;
use droplens_model::{SAVED_SCHEMA, SavedSnapshot, Snapshot, Timestamp};

use super::{Outcome, print, read_once};
use crate::cli::Options;
use crate::config::Config;
use crate::host::Host;
use crate::privileges;
use crate::sampler::now;
use crate::saved::Output;

pub(crate) fn run(options: &Options, output: Option<&Path>) -> Outcome {
    let config = options.load()?;
    let output = output.map(Output::new).transpose()?;
    let saved = take(options, &config)?;
    let output = output.unwrap_or_else(|| Output::File(file_name(&saved)));
    output.write(&saved)?;
    if let Output::File(path) = output {
        print(&format!("{}\n", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Looks at the host and reads everything once.
pub(crate) fn take(options: &Options, config: &Config) -> io::Result<SavedSnapshot> {
    let host = Host::read(&Root::new(&options.root));
    // To write where its user may, this thread needs the privileges it has.
    let snapshot = privileges::without(|| Ok(read_once(options, config)?.snapshot()))?;
    Ok(saved(host, &snapshot))
}

pub(crate) fn saved(host: Host, snapshot: &Snapshot) -> SavedSnapshot {
    let Host {
        name,
        boot_id,
        kernel,
        namespace,
        others_not_seen,
    } = host;
    SavedSnapshot {
        schema: SAVED_SCHEMA.to_owned(),
        droplens: env!("CARGO_PKG_VERSION").to_owned(),
        host: name,
        boot_id,
        kernel,
        namespace,
        others_not_seen,
        taken: Timestamp::from(SystemTime::now()),
        at: now(),
        snapshot: snapshot.clone(),
    }
}

/// `droplens-db-7-2026-01-02T03-04-05.250Z.snapshot.gz`: without colons, which not every file
/// system and `scp` take.
fn file_name(saved: &SavedSnapshot) -> PathBuf {
    let plain = |char: char| match char {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => char,
        _ => '_',
    };
    let host: String = saved.host.chars().map(plain).collect();
    let time = saved.taken.to_string().replace(':', "-");
    format!("droplens-{host}-{time}.snapshot.gz").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_named_after_host_and_time() {
        let host = Host {
            name: "db/../7".into(),
            boot_id: String::new(),
            kernel: String::new(),
            namespace: 1,
            others_not_seen: None,
        };
        let mut saved = saved(host, &Snapshot::default());
        saved.taken = Timestamp(1_767_323_045_250);
        assert_eq!(
            file_name(&saved),
            Path::new("droplens-db_.._7-2026-01-02T03-04-05.250Z.snapshot.gz")
        );
    }
}
