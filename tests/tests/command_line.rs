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

/// The subcommands that `--help` lists.
fn subcommands() -> Vec<String> {
    let help = run(Command::new(droplens()).arg("--help")).success();
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    let name = |line: &str| {
        line.strip_prefix("  ")?
            .split(' ')
            .next()
            .map(str::to_owned)
    };
    let names: Vec<_> = listed
        .filter_map(name)
        .filter(|name| !name.is_empty() && name != "help")
        .collect();
    assert!(names.contains(&"report".to_owned()), "{help}");
    names
}

#[test]
fn completions_know_every_subcommand() {
    for shell in ["bash", "zsh", "fish"] {
        let mut command = Command::new(droplens());
        let script = run(command.args(["completions", shell])).success();
        for name in subcommands() {
            assert!(script.contains(&name), "{shell}: {name}");
        }
        assert!(script.contains("interval"), "{shell}");
    }
    let unknown = run(Command::new(droplens()).args(["completions", "command.com"]));
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("zsh"), "{unknown:?}");
}

#[test]
fn bash_completes_by_the_script() {
    let mut command = Command::new(droplens());
    let script = run(command.args(["completions", "bash"])).success();
    let complete = "COMP_WORDS=(droplens rep); COMP_CWORD=1; _droplens droplens rep droplens; \
                    echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    let completed = run(bash.args(["--norc", "-c", &format!("{script}\n{complete}")])).success();
    assert_eq!(completed.trim(), "report");
}

#[test]
fn the_manual_page_tells_every_subcommand_and_option() {
    let page = run(Command::new(droplens()).arg("man")).success();
    for name in subcommands() {
        assert!(page.contains(&format!("droplens {name}")), "{name}");
    }
    for option in ["interval", "json", "compare", "openmetrics", "output"] {
        assert!(page.contains(&format!("\\-\\-{option}")), "{option}");
    }
}
