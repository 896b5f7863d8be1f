//! The commands that end by themselves.

use std::process::Command;

use droplens_tests::agent::nobody;
use droplens_tests::binary::droplens;
use droplens_tests::exposition::Metrics;
use droplens_tests::lab::{Namespace, run};
use droplens_tests::needs_root;
use droplens_tests::scratch::Scratch;

#[test]
fn a_mistake_in_the_configuration_is_shown_where_it_is() {
    let scratch = Scratch::new();
    let file = scratch.write("bad.toml", "[web]\nmax_conections = 1\n");
    let finished = run(Command::new(droplens()).arg("check-config").arg(&file));
    assert_ne!(finished.code, Some(0));
    for told in [
        file.to_str().expect("a plain path"),
        "line 2",
        "max_conections",
        "^",
    ] {
        assert!(
            finished.stderr.contains(told),
            "{told} is not in {}",
            finished.stderr
        );
    }
}

#[test]
fn the_printed_configuration_is_accepted() {
    let scratch = Scratch::new();
    let printed = run(Command::new(droplens()).arg("config")).success();
    let file = scratch.write("printed.toml", printed);
    run(Command::new(droplens()).arg("check-config").arg(file)).success();
}

#[test]
fn metrics_are_printed_with_and_without_privileges() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    for mut command in [namespace.command(droplens()), nobody(&scratch)] {
        let text = namespace.run(command.arg("metrics")).success();
        let metrics = Metrics::parse(&text).expect("an exposition");
        assert_eq!(
            metrics.count("droplens_source_up", &[("source", "softnet")]),
            1
        );
        assert_eq!(metrics.count("droplens_link_up", &[("device", "lo")]), 1);
    }
}

#[test]
fn the_doctor_names_every_source_with_and_without_privileges() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    for mut command in [namespace.command(droplens()), nobody(&scratch)] {
        let finished = namespace.run(command.arg("doctor"));
        for source in ["softnet", "links", "conntrack", "sockets", "ethtool"] {
            assert!(finished.stdout.contains(source), "{source}: {finished:?}");
        }
    }
}

#[test]
fn a_wrong_flag_is_a_usage_error() {
    let finished = run(Command::new(droplens()).arg("--no-such-flag"));
    assert_eq!(finished.code, Some(2), "{finished:?}");
}
