//! Running scenarios and telling how they were judged.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use droplens_diagnosis::rules::rule;
use droplens_model::Cause;

use crate::scenario::{Judged, Scenario, all, judge};

/// Where the matrix is kept.
pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/attribution.md");

/// So many scenarios run at the same time: they mostly wait. Some counters are the whole host's
/// (softnet, neighbour tables, time in softirqs), so they can disturb each other; one that is judged
/// wrong in company runs again on its own, and only that counts.
const BESIDE: usize = 5;

/// Runs the scenarios of these names, all of them if there are none, and judges each.
///
/// # Panics
///
/// When there is no scenario of a name.
pub fn run(names: &[String]) -> Vec<Judged> {
    let every = all();
    for name in names {
        let known = every.iter().any(|scenario| scenario.name == name);
        assert!(known, "there is no scenario {name:?}");
    }
    let chosen: Vec<Scenario> = every
        .into_iter()
        .filter(|scenario| names.is_empty() || names.iter().any(|name| name == scenario.name))
        .collect();
    let (alone, beside): (Vec<_>, Vec<_>) = chosen
        .iter()
        .enumerate()
        .partition(|(_, scenario)| scenario.alone);
    let judged = Mutex::new(Vec::new());
    let queue = Mutex::new(beside.into_iter());
    thread::scope(|scope| {
        for _ in 0..BESIDE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some((at, scenario)) = next else { break };
                    let result = attempt(scenario);
                    if let Ok(mut judged) = judged.lock() {
                        judged.push((at, result));
                    }
                }
            });
        }
    });
    let (mut judged, disturbed): (Vec<_>, Vec<_>) = judged
        .into_inner()
        .unwrap_or_default()
        .into_iter()
        .partition(|(_, judged)| judged.wrong.is_none());
    let again = disturbed
        .iter()
        .filter_map(|(at, _)| Some((*at, chosen.get(*at)?)));
    for (at, scenario) in alone.into_iter().chain(again) {
        judged.push((at, attempt(scenario)));
    }
    judged.sort_by_key(|(at, _)| *at);
    judged.into_iter().map(|(_, judged)| judged).collect()
}

/// Runs one scenario; one that panics is judged wrong.
fn attempt(scenario: &Scenario) -> Judged {
    match catch_unwind(AssertUnwindSafe(scenario.run)) {
        Ok(seen) => {
            let judged = judge(scenario, &seen);
            if judged.wrong.is_some() {
                let findings =
                    serde_json::to_string_pretty(&seen.report.findings).unwrap_or_default();
                eprintln!("--- findings of {} ---\n{findings}", scenario.name);
            }
            judged
        }
        Err(_) => Judged {
            name: scenario.name,
            about: scenario.about,
            fault: scenario.expect.is_fault(),
            expected: scenario.expect.cause(),
            found: None,
            truth: None,
            reported: 0,
            wrong: Some("the scenario itself failed".to_owned()),
        },
    }
}

/// One line for each scenario, in columns.
pub fn matrix(judged: &[Judged]) -> String {
    let mut out = String::from(
        "| scenario | what happens | expected | found first | packets lost | reported | verdict |\n|---|---|---|---|---|---|---|\n",
    );
    for line in judged {
        let cause = |cause: Option<Cause>| cause.map_or("nothing", |cause| cause.id());
        let truth = line
            .truth
            .map_or_else(String::new, |truth| truth.to_string());
        let verdict = line.wrong.as_deref().unwrap_or("right");
        // Writing to a String cannot fail.
        let _ok = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            line.name,
            line.about,
            cause(line.expected),
            cause(line.found),
            truth,
            line.reported,
            verdict
        );
    }
    out
}

/// The document.
pub fn document(judged: &[Judged]) -> String {
    let right = judged
        .iter()
        .filter(|judged| judged.wrong.is_none())
        .count();
    let faults = judged.iter().filter(|judged| judged.fault).count();
    format!(
        "# Attribution\n\nWritten by `make lab`, which provokes each fault for real in network namespaces, beside a running agent, and compares\nthe verdict with the truth. In each scenario the first finding must be the expected one, its packets within 2 % of the truth where the\nkernel counts exactly, and nothing else may be found. On healthy hosts nothing may be found at all.\n\n{right} of {} scenarios are judged right: {faults} faults and {} healthy hosts.\n\n{}{}",
        judged.len(),
        judged.len() - faults,
        matrix(judged),
        uncovered()
    )
}

/// The causes that no scenario provokes, as the document's last part.
pub fn uncovered() -> String {
    let provoked: Vec<Cause> = all()
        .iter()
        .filter_map(|scenario| scenario.expect.cause())
        .collect();
    let needs = |cause: &Cause| rule(*cause).map(|rule| rule.needs);
    let others = Cause::ALL.iter().filter(|cause| !provoked.contains(cause));
    let (by_probe, others): (Vec<&Cause>, Vec<&Cause>) =
        others.partition(|cause| needs(cause).is_some_and(|needs| needs.is_by_probe()));
    let (seen, blind): (Vec<&Cause>, Vec<&Cause>) = others
        .into_iter()
        .partition(|cause| needs(cause).is_some_and(|needs| !needs.is_later()));
    let list = |causes: Vec<&Cause>| -> String {
        let ids: Vec<String> = causes.iter().map(|cause| format!("`{cause}`")).collect();
        ids.join(", ")
    };
    let probes = if by_probe.is_empty() {
        String::new()
    } else {
        format!(
            "Only probes show these; unit tests prove their rules: {}.\n\n",
            list(by_probe)
        )
    };
    format!(
        "\n## Causes without a scenario\n\nTheir hardware is not here, or they cannot be provoked dependably; unit tests prove their rules: {}.\n\n{probes}Nothing that tells of them is read yet: {}.\n",
        list(seen),
        list(blind)
    )
}
