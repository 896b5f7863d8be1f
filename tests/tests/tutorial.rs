//! The tutorial is true: its commands are run, and what they print is what it shows.
//!
//! `UPDATE_GOLDEN=1` writes what they print into `docs/tutorial.md`. Numbers and times differ from
//! run to run, so they are not compared; everything else is.

use std::path::Path;
use std::process::{Command, Stdio};

use droplens_tests::binary::{droplens, repository};
use droplens_tests::lab::run;
use droplens_tests::needs_root;
use droplens_tests::scratch::Scratch;

const TUTORIAL: &str = "docs/tutorial.md";

/// Ends what one command printed.
const MARK: &str = "--8<--";

/// A world of its own: what the commands make, be it named or running, is gone when the shell ends.
const PRELUDE: &str = "mount -t tmpfs tutorial /run && mkdir /run/netns && echo shop > /proc/sys/kernel/hostname || exit 1\nexec 2>&1\n";

/// A part of the tutorial.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// A line for people.
    Prose(String),
    /// A command, in the lines in which it is typed, and what it prints.
    Command(Vec<String>, Vec<String>),
}

/// Takes the document apart: in a block of `console`, lines behind `$` are typed, those behind `>`
/// continue them, others are printed.
fn parse(document: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut console = false;
    for line in document.lines() {
        let typed = line.strip_prefix("$ ");
        match (console, typed, parts.last_mut()) {
            (true, Some(typed), _) => {
                parts.push(Part::Command(vec![typed.to_owned()], Vec::new()));
                continue;
            }
            (true, None, Some(Part::Command(typed, printed))) if line != "```" => {
                match line.strip_prefix("> ") {
                    Some(more) if printed.is_empty() => typed.push(more.to_owned()),
                    _ => printed.push(line.to_owned()),
                }
                continue;
            }
            _ => console = line == "```console",
        }
        parts.push(Part::Prose(line.to_owned()));
    }
    parts
}

fn write(parts: &[Part]) -> String {
    let mut out = String::new();
    let mut line = |prompt: &str, line: &str| {
        out.push_str(prompt);
        out.push_str(line);
        out.push('\n');
    };
    for part in parts {
        match part {
            Part::Prose(prose) => line("", prose),
            Part::Command(typed, printed) => {
                for (at, typed) in typed.iter().enumerate() {
                    line(if at == 0 { "$ " } else { "> " }, typed);
                }
                for printed in printed {
                    line("", printed);
                }
            }
        }
    }
    out
}

/// The commands as one script that marks where each one's output ends and keeps `$?`.
fn script(parts: &[Part]) -> String {
    let mut script = String::from(PRELUDE);
    let after = format!("\n(code=$?; echo '{MARK}'; exit $code)\n");
    for part in parts {
        if let Part::Command(typed, _) = part {
            script.push_str(&typed.join("\n"));
            script.push_str(&after);
        }
    }
    script
}

/// Runs the commands and puts what they print in place of what stands there.
fn performed(parts: &[Part]) -> Vec<Part> {
    let scratch = Scratch::new();
    let script = scratch.write("tutorial.sh", script(parts));
    let program = droplens();
    let beside = program.parent().unwrap_or(Path::new("/"));
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", beside.display());
    let isolation = [
        "--mount",
        "--net",
        "--uts",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ];
    let finished = run(Command::new("unshare")
        .args(isolation)
        .arg("bash")
        .arg(script)
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8"));
    let end = format!("{MARK}\n");
    let mut printed = finished.stdout.split(&end);
    let parts: Vec<Part> = parts
        .iter()
        .map(|part| match part {
            Part::Command(typed, _) => {
                let printed = printed.next().unwrap_or_default().lines();
                Part::Command(typed.clone(), printed.map(str::to_owned).collect())
            }
            prose @ Part::Prose(_) => prose.clone(),
        })
        .collect();
    assert_eq!(
        (finished.stderr.as_str(), printed.next(), printed.next()),
        ("", Some(""), None),
        "each command leaves one mark"
    );
    parts
}

/// What differs from run to run besides numbers: the unit of a short time, and whether a load in the
/// background has already entered its namespace.
const VARIANTS: &[(&str, &str)] = &[("# ms ", "# s "), ("others were", "other was")];

/// What a command printed without what differs from run to run: numbers and times, hence widths and
/// where lines end. A number alone in its line is an exit code and stays.
fn masked(printed: &[String]) -> String {
    let lines = printed.iter().map(|line| {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.parse::<u8>().is_ok() {
            line
        } else {
            without_numbers(&line)
        }
    });
    let all = lines.collect::<Vec<_>>().join(" ");
    VARIANTS
        .iter()
        .fold(all, |all, (one, other)| all.replace(one, other))
}

/// Numbers, grouped or broken, dates and times become `#`.
fn without_numbers(line: &str) -> String {
    let mut out = String::new();
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        if !character.is_ascii_digit() {
            out.push(character);
            continue;
        }
        out.push('#');
        while let Some(next) = characters.peek().copied() {
            let mut ahead = characters.clone();
            ahead.next();
            let goes_on = ahead.peek().is_some_and(char::is_ascii_digit);
            let is_part = next.is_ascii_digit() || (goes_on && " .:-".contains(next));
            if !is_part {
                break;
            }
            characters.next();
        }
    }
    out
}

#[test]
fn the_tutorial_is_true() {
    needs_root!();
    let path = repository().join(TUTORIAL);
    let document = std::fs::read_to_string(&path).expect("the tutorial");
    let written = parse(&document);
    let performed = performed(&written);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, write(&performed)).expect("the tutorial can be written");
        return;
    }
    for (written, performed) in written.iter().zip(&performed) {
        if let (Part::Command(typed, shown), Part::Command(_, printed)) = (written, performed) {
            assert_eq!(
                masked(shown),
                masked(printed),
                "{typed:?} printed (UPDATE_GOLDEN=1 rewrites {TUTORIAL})\n{}",
                printed.join("\n")
            );
        }
    }
}

#[test]
fn a_document_is_taken_apart_and_put_together_again() {
    let document = "A\n\n```console\n$ a <<E\n> b\n> E\nc\n$ d\n```\n```sh\n$ e\n```\n";
    let parts = parse(document);
    let command = |typed: &[&str], printed: &[&str]| {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        Part::Command(lines(typed), lines(printed))
    };
    assert!(parts.contains(&command(&["a <<E", "b", "E"], &["c"])));
    assert!(parts.contains(&command(&["d"], &[])));
    assert!(parts.contains(&Part::Prose("$ e".to_owned())));
    assert_eq!(write(&parts), document);
}

#[test]
fn only_numbers_are_masked() {
    let printed = |lines: &[&str]| {
        masked(
            &lines
                .iter()
                .map(|line| (*line).to_owned())
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        printed(&[
            "LOSS  1 204 packets (98.5/s) on eth0",
            "2026-11-21 07:33:45 UTC",
            "1"
        ]),
        "LOSS # packets (#/s) on eth# # UTC 1"
    );
    assert_eq!(printed(&["qdisc   7"]), printed(&["qdisc 12"]));
    assert_ne!(printed(&["0"]), printed(&["1"]));
    assert_ne!(printed(&["qdisc 7"]), printed(&["socket 7"]));
}
