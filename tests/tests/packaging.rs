//! What is shipped besides the binary.

use std::process::Command;

use droplens_tests::binary::{droplens, repository};
use droplens_tests::lab::run;
use droplens_tests::scratch::Scratch;
use droplens_tests::tools;

const UNIT: &str = "systemd/droplens.service";

/// The exposure that `systemd-analyze security` may find, of 10.
const EXPOSURE: f64 = 2.5;

#[test]
fn the_unit_is_confined() {
    let Some(analyze) = tools::find_or_skip("the_unit_is_confined", "systemd-analyze") else {
        return;
    };
    let said = run(Command::new(analyze)
        .args(["security", "--offline=true", "--no-pager"])
        .arg(repository().join(UNIT)))
    .success();
    let exposure: f64 = said
        .lines()
        .find_map(|line| line.split_once("Overall exposure level for droplens.service: "))
        .and_then(|(_, rest)| rest.split(' ').next())
        .expect("an exposure level")
        .parse()
        .expect("a number");
    assert!(exposure <= EXPOSURE, "{said}");
}

#[test]
fn the_unit_is_valid() {
    let Some(analyze) = tools::find_or_skip("the_unit_is_valid", "systemd-analyze") else {
        return;
    };
    let unit = std::fs::read_to_string(repository().join(UNIT)).expect("the unit");
    let scratch = Scratch::new();
    let binary = droplens();
    let installed = unit.replace("/usr/bin/droplens", binary.to_str().expect("a plain path"));
    assert_ne!(installed, unit);
    let path = scratch.write("droplens.service", installed);
    let finished = run(Command::new(analyze).args(["verify", "--man=no"]).arg(path));
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
}
