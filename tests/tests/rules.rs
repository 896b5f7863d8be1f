//! What Prometheus and Alertmanager themselves make of the rules and examples in `deploy`.

use std::path::PathBuf;
use std::process::Command;

use droplens_tests::binary::repository;
use droplens_tests::lab::run;
use droplens_tests::monitoring::scaled;
use droplens_tests::scratch::Scratch;
use droplens_tests::tools;

fn deployed(path: &str) -> PathBuf {
    repository().join("deploy").join(path)
}

/// Runs a program on files in `deploy/prometheus`, which must be content with them.
fn promtool(test: &str, arguments: &[&str]) {
    let Some(promtool) = tools::find_or_skip(test, "promtool") else {
        return;
    };
    let mut command = Command::new(promtool);
    command.args(arguments).current_dir(deployed("prometheus"));
    run(&mut command).success();
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules() {
    promtool(
        "promtool check rules",
        &[
            "check",
            "rules",
            "--lint=all",
            "--lint-fatal",
            "droplens.rules.yml",
        ],
    );
}

#[test]
fn every_alert_fires_when_it_should_and_only_then() {
    promtool(
        "promtool test rules",
        &["test", "rules", "droplens.rules.test.yml"],
    );
}

/// A unit test that is satisfied with anything would pass, too.
#[test]
fn a_wrong_threshold_fails_the_unit_tests() {
    let Some(promtool) = tools::find_or_skip("promtool test rules", "promtool") else {
        return;
    };
    let scratch = Scratch::new();
    let read = |name: &str| {
        let path = deployed("prometheus").join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let threshold = "expr: 0.8\n        labels: {alert: ConntrackNearFull, bound: ratio}";
    let rules = read("droplens.rules.yml");
    assert!(rules.contains(threshold), "where is the threshold?");
    let wrong = threshold.replace("0.8", "0.9");
    scratch.write("droplens.rules.yml", rules.replace(threshold, &wrong));
    let tests = scratch.write("test.yml", read("droplens.rules.test.yml"));
    let failed = run(Command::new(promtool).args(["test", "rules"]).arg(tests));
    assert_ne!(failed.code, Some(0));
    assert!(
        failed.stderr.contains("alertname: ConntrackNearFull"),
        "{failed:?}"
    );
}

#[test]
fn promtool_finds_nothing_wrong_with_the_example() {
    promtool(
        "promtool check config",
        &["check", "config", "prometheus.yml"],
    );
}

/// The rules that the alerting test loads are as good as those that users load.
#[test]
fn rules_in_fast_motion_are_rules() {
    let Some(promtool) = tools::find_or_skip("promtool check rules", "promtool") else {
        return;
    };
    let scratch = Scratch::new();
    let rules = std::fs::read_to_string(deployed("prometheus/droplens.rules.yml"));
    let rules = rules.unwrap_or_else(|error| panic!("the rules: {error}"));
    let fast = scratch.write("fast.yml", scaled(&rules, 60));
    run(Command::new(promtool).args(["check", "rules"]).arg(fast)).success();
}

#[test]
fn amtool_finds_nothing_wrong_with_the_example() {
    let Some(amtool) = tools::find_or_skip("amtool check-config", "amtool") else {
        return;
    };
    let config = deployed("alertmanager/alertmanager.yml");
    run(Command::new(amtool).arg("check-config").arg(config)).success();
}

#[test]
fn alerts_reach_who_should_be_told() {
    let Some(amtool) = tools::find_or_skip("amtool config routes test", "amtool") else {
        return;
    };
    let config = deployed("alertmanager/alertmanager.yml");
    for (receiver, labels) in [
        ("pager", "alertname=SoftnetDrops severity=critical"),
        ("tickets", "alertname=LinkFlapping severity=warning"),
        ("nobody", "alertname=DroplensVanished severity=info"),
        ("watchdog", "alertname=Watchdog severity=info"),
        ("tickets", "alertname=OfSomebodyElse"),
    ] {
        let mut command = Command::new(&amtool);
        command
            .args(["config", "routes", "test"])
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--verify.receivers={receiver}"))
            .args(labels.split(' '));
        run(&mut command).success();
    }
}
