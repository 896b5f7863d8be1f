//! Every scenario of the fault lab is judged right, and `docs/attribution.md` lists them all.

use droplens_tests::{lineup, needs_root, scenario};

#[test]
fn every_fault_is_attributed_and_no_healthy_host_is_accused() {
    needs_root!();
    let judged = lineup::run(&[]);
    let wrong: Vec<String> = judged
        .iter()
        .filter_map(|judged| Some(format!("{}: {}", judged.name, judged.wrong.as_ref()?)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{}\n{}",
        wrong.join("\n"),
        lineup::matrix(&judged)
    );
}

#[test]
fn the_document_lists_every_scenario() {
    let document = std::fs::read_to_string(lineup::PATH).unwrap_or_default();
    let all = scenario::all();
    for scenario in &all {
        let row = format!("| {} | {} |", scenario.name, scenario.about);
        assert!(
            document.contains(&row),
            "{} is not in docs/attribution.md; run `make lab`",
            scenario.name
        );
    }
    assert!(
        document.ends_with(&lineup::uncovered()),
        "the causes without a scenario changed; run `make lab`:\n{}",
        lineup::uncovered()
    );
    let rows = document
        .lines()
        .filter(|line| line.starts_with("| "))
        .count();
    assert_eq!(rows, all.len() + 1, "rows of scenarios that are gone");
}
