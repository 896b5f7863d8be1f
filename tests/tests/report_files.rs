//! `droplens report` on files: two snapshots, and another host's report beside this one's.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use droplens_tests::binary::droplens;
use droplens_tests::lab::{Finished, Namespace};
use droplens_tests::verdict::{Impostor, Place};
use droplens_tests::wait::until;
use droplens_tests::{json, needs_root};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

fn judge(place: &Place, from: &Path, to: &Path, more: &str) -> Finished {
    place.run(&format!(
        "report --from {} --to {} {more}",
        from.display(),
        to.display()
    ))
}

#[test]
fn what_was_lost_between_two_snapshots_is_told_to_the_packet() {
    needs_root!();
    let place = Place::new();
    let first = place.snapshot("a.gz");
    let lost = place.lose();
    let second = place.snapshot("b.gz");
    let finished = judge(&place, &first, &second, "--json");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stderr, "");
    let report = json::parse(&finished.stdout);
    assert_eq!(report["schema"], "droplens.report/1");
    let findings = report["findings"].as_array().expect("findings");
    let queue = findings
        .iter()
        .find(|found| found["cause"] == "qdisc_overflow");
    let queue = queue.expect("the queue that overflowed");
    assert_eq!(queue["where"]["device"], "v0");
    assert_eq!(queue["packets"], lost);
    let domains = report["domains"].as_array().expect("domains");
    let qdisc = domains.iter().find(|domain| domain["domain"] == "qdisc");
    assert_eq!(qdisc.expect("its domain")["packets"], lost);

    let text = judge(&place, &first, &second, "");
    assert_eq!(text.code, Some(1), "{text:?}");
    let headline = format!("LOSS  queue overflow in tbf 7: on v0: {lost} packet");
    assert!(text.stdout.starts_with(&headline), "{text:?}");

    // Where nothing was lost, the same files in the same place say so.
    let third = place.snapshot("c.gz");
    let clean = judge(&place, &second, &third, "");
    assert_eq!(clean.code, Some(0), "{clean:?}");
    assert!(clean.stdout.starts_with("CLEAN  "), "{clean:?}");
}

#[test]
fn an_agents_snapshot_can_be_judged_too() {
    needs_root!();
    let place = Place::new();
    let agent = droplens_tests::agent::Options::new()
        .config(droplens_tests::verdict::ONLY_THIS_NAMESPACE)
        .start(&place.namespace);
    let keep = |name: &str| -> PathBuf {
        let answer = agent.get("/api/v1/snapshot", &[]).expect("a snapshot");
        assert_eq!(answer.status, 200);
        let path = place.file(name);
        std::fs::write(&path, answer.body).expect("a file");
        path
    };
    let first = keep("a.json");
    let lost = place.lose();
    // Queues are read every half a second.
    until("the loss", || {
        let finished = judge(&place, &first, &keep("b.json"), "--json");
        let report = json::parse(&finished.stdout);
        let told = report.pointer("/findings/0/packets");
        if told == Some(&lost.into()) {
            assert_eq!(finished.code, Some(1), "{finished:?}");
            return Ok(());
        }
        Err(format!("{told:?} of {lost}"))
    });
    agent.stop();
}

/// A snapshot taken where the host has another name, another boot, or both.
fn disguised(place: &Place, name: &str, host: bool, boot: bool) -> PathBuf {
    let path = place.file(name);
    let other = place.file("boot_id");
    std::fs::write(&other, "01234567-0123-4567-89ab-0123456789ab\n").expect("a file");
    let mut disguise = String::new();
    if host {
        disguise.push_str("hostname elsewhere && ");
    }
    if boot {
        disguise.push_str("mount --bind \"$0\" /proc/sys/kernel/random/boot_id && ");
    }
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--mount", "--uts", "sh", "-c"])
        .arg(format!("{disguise}exec \"$@\""))
        .arg(&other)
        .arg(droplens())
        .args(["snapshot", "--output"])
        .arg(&path);
    place.namespace.run(&mut command).success();
    path
}

#[test]
fn two_snapshots_that_do_not_fit_are_refused_with_their_names() {
    needs_root!();
    let place = Place::new();
    let (first, second) = (place.snapshot("a.gz"), place.snapshot("b.gz"));
    let elsewhere = place.file("elsewhere.gz");
    let other = Namespace::new();
    let mut command = other.command(droplens());
    command.args(["snapshot", "--output"]).arg(&elsewhere);
    other.run(&mut command).success();
    let renamed = disguised(&place, "renamed.gz", true, false);
    let rebooted = disguised(&place, "rebooted.gz", false, true);
    let foreign = disguised(&place, "foreign.gz", true, true);

    for (from, to, told) in [
        (&second, &first, "swap them"),
        (&first, &first, "the same snapshot"),
        (&first, &rebooted, "started anew"),
        (&first, &foreign, "on host \"elsewhere\""),
        (&first, &elsewhere, "in network namespace net:["),
    ] {
        let finished = judge(&place, from, to, "");
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert_eq!(finished.stdout, "");
        let names = [from, to].map(|path| path.display().to_string());
        for told in names.iter().map(String::as_str).chain([told]) {
            assert!(finished.stderr.contains(told), "{told}: {finished:?}");
        }
    }
    // A host that only got another name has the same counters.
    let finished = judge(&place, &first, &renamed, "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[test]
fn files_that_are_no_whole_snapshots_are_refused_by_name() {
    needs_root!();
    let place = Place::new();
    let good = place.snapshot("good.gz");
    let bytes = std::fs::read(&good).expect("the snapshot");
    let mut text = String::new();
    GzDecoder::new(&*bytes)
        .read_to_string(&mut text)
        .expect("its text");
    let write = |name: &str, bytes: &[u8]| {
        let path = place.file(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let half = bytes.get(..bytes.len() / 2).expect("a half");
    let edited = text.replacen("\"oper_state\":\"", "\"oper_state\":\"x", 1);
    assert_ne!(edited, text, "something was edited");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(edited.as_bytes()).expect("packing");
    let newer = text.replacen("droplens.snapshot/1", "droplens.snapshot/9", 1);
    for (bad, told) in [
        (write("half.gz", half), "ends early"),
        (
            write("edited.gz", &packed.finish().expect("packing")),
            "was edited or damaged",
        ),
        (write("newer.json", newer.as_bytes()), "droplens.snapshot/9"),
        (write("empty", b""), "ends early"),
        (
            write("report.json", b"{\"schema\":\"droplens.report/1\"}"),
            "is no snapshot",
        ),
        (write("noise", &[0x9b; 999]), "is no snapshot"),
        (place.file("missing.gz"), "cannot be read"),
        (place.file("."), "cannot be read"),
    ] {
        for (from, to) in [(&bad, &good), (&good, &bad)] {
            let finished = judge(&place, from, to, "--json");
            assert_eq!(finished.code, Some(2), "{finished:?}");
            assert_eq!(finished.stdout, "");
            for told in [told, &*bad.display().to_string()] {
                assert!(finished.stderr.contains(told), "{told}: {finished:?}");
            }
        }
    }
}

#[test]
fn an_unaffected_host_can_be_set_beside_this_one() {
    needs_root!();
    let place = Place::new();
    let (first, second) = (place.snapshot("a.gz"), place.snapshot("b.gz"));
    let lost = place.lose();
    let third = place.snapshot("c.gz");
    let clean = judge(&place, &first, &second, "--json").stdout;
    // Whatever another host says of itself, it cannot command the terminal.
    let mut other = json::parse(&clean);
    other["host"] = "db-8\u{1b}[2J".into();
    let file = place.file("other.json");
    std::fs::write(&file, other.to_string()).expect("a file");
    let impostor = Impostor::http(
        &place.namespace,
        "127.0.0.1:0",
        "200 OK",
        &other.to_string(),
    );

    for beside in [
        file.display().to_string(),
        format!("http://{}", impostor.address),
    ] {
        let compare = format!("--compare {beside}");
        let finished = judge(&place, &second, &third, &compare);
        // The exit code is this host's.
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(!finished.stdout.contains('\u{1b}'), "{finished:?}");
        let row = finished
            .stdout
            .lines()
            .find(|line| line.starts_with("qdisc_overflow"));
        let row = row.unwrap_or_else(|| panic!("no row for the queue: {}", finished.stdout));
        assert!(row.contains("/s  ") && row.contains("-  only "), "{row}");
        assert!(finished.stdout.contains("LOSS  ") && finished.stdout.contains("CLEAN  "));

        let finished = judge(&place, &second, &third, &format!("--json {compare}"));
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let comparison = json::parse(&finished.stdout);
        assert_eq!(comparison["schema"], "droplens.comparison/1");
        assert_eq!(comparison["other"], other);
        assert_eq!(
            json::number(&comparison, "/report/findings/0/packets"),
            lost
        );
        let difference = &comparison["differences"][0];
        assert_eq!(difference["cause"], "qdisc_overflow");
        assert_eq!(difference["here"]["found"], true);
        let absent = serde_json::json!({"found": false, "rate": 0.0, "observable": true});
        assert_eq!(difference["other"], absent);
    }

    let same = format!("--compare {}", file.display());
    let finished = judge(&place, &first, &second, &same);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("No difference"), "{finished:?}");
}

#[test]
fn another_report_that_cannot_be_had_is_told_by_name() {
    needs_root!();
    let place = Place::new();
    let (first, second) = (place.snapshot("a.gz"), place.snapshot("b.gz"));
    let first_name = first.display().to_string();
    for (beside, code) in [
        ("missing.json", 2),
        (&*first_name, 2),
        ("https://db-7:13767", 2),
        ("http://127.0.0.1:1", 3),
    ] {
        let finished = judge(&place, &first, &second, &format!("--compare {beside}"));
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert_eq!(finished.stdout, "", "{beside}");
        assert!(finished.stderr.contains(beside), "{beside}: {finished:?}");
    }
}
