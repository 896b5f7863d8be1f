//! `make lab`: runs every scenario of the fault lab, prints the confusion matrix and writes it to
//! `docs/attribution.md`. Names as arguments choose scenarios; then nothing is written.

use std::process::ExitCode;

use droplens_tests::lineup;

fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    if !droplens_tests::skip::unless_root("the fault lab") {
        return ExitCode::FAILURE;
    }
    let judged = lineup::run(&chosen);
    let matrix = lineup::matrix(&judged);
    println!("{matrix}");
    let wrong = judged
        .iter()
        .filter(|judged| judged.wrong.is_some())
        .count();
    if chosen.is_empty()
        && let Err(error) = std::fs::write(lineup::PATH, lineup::document(&judged))
    {
        eprintln!("cannot write {}: {error}", lineup::PATH);
        return ExitCode::FAILURE;
    }
    if wrong == 0 && !judged.is_empty() {
        ExitCode::SUCCESS
    } else {
        eprintln!("{wrong} of {} scenarios are judged wrongly", judged.len());
        ExitCode::FAILURE
    }
}
