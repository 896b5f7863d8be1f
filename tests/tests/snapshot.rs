//! Snapshots in files, from outside.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use droplens_tests::agent::nobody;
use droplens_tests::binary::droplens;
use droplens_tests::lab::{Namespace, run};
use droplens_tests::needs_root;
use droplens_tests::scratch::Scratch;
use flate2::read::GzDecoder;
use serde_json::Value;

/// The document in a compressed snapshot.
fn unpack(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_reader(GzDecoder::new(bytes))
}

#[test]
fn a_snapshot_says_where_it_was_taken() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let path = scratch.path().join("a.gz");
    let mut command = namespace.command(droplens());
    command.args(["snapshot", "--output"]).arg(&path);
    let printed = namespace.run(&mut command).success();
    assert_eq!(Path::new(printed.trim_end()), path);

    let document = unpack(&std::fs::read(&path).expect("the file it named")).expect("a document");
    assert_eq!(document["schema"], "droplens.snapshot/1");
    let body = &document["body"];
    let inode = namespace.enter(|| {
        let link = std::fs::metadata("/proc/thread-self/ns/net");
        link.expect("a namespace").ino()
    });
    assert_eq!(body["namespace"], inode);
    // At least the one in which this test runs.
    assert!(body["others_not_seen"].as_u64() >= Some(1), "{body}");
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot");
    assert_eq!(body["boot_id"], boot_id.trim());
    let links = &body["snapshot"]["links"]["ok"]["value"]["links"];
    assert_eq!(links[0]["attributes"]["name"], "lo");
}

#[test]
fn anybody_can_take_one_and_pipe_it() {
    needs_root!();
    let scratch = Scratch::new();
    let mut command = nobody(&scratch);
    let taken = command.args(["snapshot", "--output", "-"]).output();
    let taken = taken.expect("running droplens");
    assert_eq!(taken.status.code(), Some(0), "{taken:?}");
    let document = unpack(&taken.stdout).expect("a document");
    assert!(document["body"]["snapshot"]["softnet"]["ok"].is_object());
}

#[test]
fn without_a_name_it_is_named_after_host_and_time() {
    let scratch = Scratch::new();
    let mut command = Command::new(droplens());
    command.arg("snapshot").current_dir(scratch.path());
    let printed = run(&mut command).success();
    let name = printed.trim_end();
    assert!(name.starts_with("droplens-") && name.ends_with("Z.snapshot.gz"));
    let files: Vec<_> = std::fs::read_dir(scratch.path())
        .expect("the directory")
        .map(|file| file.expect("a file").file_name())
        .collect();
    assert_eq!(files, [name], "nothing else is left there");
}

#[test]
fn a_place_where_nothing_can_be_written_is_a_usage_error() {
    let scratch = Scratch::new();
    let path = scratch.path().join("nowhere/a.gz");
    let finished = run(Command::new(droplens())
        .args(["snapshot", "--output"])
        .arg(&path));
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("nowhere/a.gz"), "{finished:?}");
}

#[test]
fn a_terminal_gets_no_binary() {
    // script(1) runs the command on a terminal of its own and passes its exit code on.
    let command = format!("{} snapshot --output -", droplens().display());
    let finished = run(Command::new("script").args(["-qec", &command, "/dev/null"]));
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stdout.contains("is a terminal"), "{finished:?}");
}
