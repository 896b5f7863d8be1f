//! Configurations of probes, right and wrong, from outside.

use std::process::Command;

use droplens_tests::binary::droplens;
use droplens_tests::lab::{Finished, Namespace, run};
use droplens_tests::needs_root;
use droplens_tests::scratch::Scratch;

fn check(text: &str) -> Finished {
    let scratch = Scratch::new();
    let file = scratch.write("probes.toml", text);
    run(Command::new(droplens()).arg("check-config").arg(file))
}

#[test]
fn mistakes_in_probes_are_shown_with_line_and_caret() {
    for (text, line, told) in [
        (
            "[[probe.tcp]]\ntargets = [\"db.example\"]\n",
            "line 2, column 12",
            "no port",
        ),
        (
            "[[probe.http]]\ntargets = [\"api.example\"]\n",
            "line 2",
            "https://",
        ),
        (
            "[[probe.icmp]]\ntargets = [\"a\"]\ninterval = \"5ms\"\n",
            "line 3",
            "10ms",
        ),
        (
            "[[probe.icmp]]\nlabels = { __x = \"y\" }\n",
            "line 2",
            "two underscores",
        ),
        (
            "[[probe.icmp]]\ntargets = [\"a\"]\n\n[[probe.icmp]]\ntargets = [\"a\"]\n",
            "line 5",
            "line 2",
        ),
        ("[[probe.ping]]\n", "line 1", "`icmp`"),
        ("[probes]\npackets_per_second = 0.0\n", "line 2", "above 0"),
        (
            "[discovery.file]\nprobe = \"db\"\nfiles = [\"/t/a.json\"]\n",
            "line 2",
            "no probe \"db\"",
        ),
    ] {
        let finished = check(text);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        for part in [line, told, "^"] {
            assert!(
                finished.stderr.contains(part),
                "{part}: {}",
                finished.stderr
            );
        }
    }
}

#[test]
fn thresholds_of_probes_that_make_no_sense_are_shown_with_file_line_and_key() {
    for (key, value, told) in [
        ("probe_loss_ratio", "5", "above 0 and at most 1"),
        ("certificate_warning_days", "0", "above 0"),
        ("certificate_critical_days", "\"a week\"", "expected f64"),
        ("dns_query", "\"2 min\"", "to 1m"),
        ("resolve", "50", "expected a string"),
        ("connect", "\"0s\"", "from 1us"),
        ("tls", "\"fast\"", "expected a time"),
        ("first_byte", "\"-1s\"", "expected a time"),
        ("probe_loss", "0.1", "unknown field"),
    ] {
        let finished = check(&format!("[thresholds]\n# Ours.\n{key} = {value}\n"));
        assert_eq!(finished.code, Some(2), "{finished:?}");
        for part in ["probes.toml", "line 3", key, told, "^"] {
            assert!(
                finished.stderr.contains(part),
                "{part}: {}",
                finished.stderr
            );
        }
    }
}

#[test]
fn every_kind_is_accepted_with_its_targets_only() {
    let text = "[[probe.icmp]]\ntargets = [\"10.90.1.2\", \"fd90:1::2\", \"gw.example\"]\n\
        [[probe.tcp]]\ntargets = [\"db.example:5432\"]\n\
        [[probe.dns]]\nservers = [\"10.90.1.2:53\"]\n\
        [[probe.tls]]\ntargets = [\"api.example:443\"]\n\
        [[probe.http]]\ntargets = [\"https://api.example/health\"]\n\
        [[probe.pmtu]]\ntargets = [\"10.90.1.2\"]\n\
        [[probe.path]]\ntargets = [\"10.90.1.2\"]\n";
    check(text).success();
}

#[test]
fn the_doctor_tells_what_is_probed_and_how() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let file = scratch.write(
        "c.toml",
        "[[probe.icmp]]\ntargets = [\"a.example\", \"b.example\"]\n",
    );
    let mut command = namespace.command(droplens());
    let told = namespace.run(command.arg("--config").arg(&file).arg("doctor"));
    let line = told
        .stdout
        .lines()
        .find(|line| line.starts_with("probes   "))
        .expect("a line");
    for part in [
        "2 targets configured",
        "name servers of this host",
        "sockets",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // Nobody may open ping sockets in a new namespace.
    let mut command = droplens_tests::agent::nobody(&scratch);
    let told = namespace.run(command.arg("doctor"));
    for part in ["impossible", "CAP_NET_RAW", "ping_group_range"] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
}
