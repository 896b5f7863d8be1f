//! Unit tests of the alerts for `promtool test rules`, several instances side by side.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::all;
use super::declaration::{Alert, RATE, Subject};
use super::proof::{Cases, Input, Proof};
use super::rules::{annotations, labels, quoted};

const INTRODUCTION: &str = "\
# Unit tests of droplens.rules.yml: promtool test rules droplens.rules.test.yml
#
# Made by `cargo xtask generate`. Each alert meets these instances at once:
#   above     beyond the bounds: it fires, and not before its time
#   reset     the same, but its counters start again meanwhile: it fires
#   gone      the same, but the instance disappears: it fires and ends
#   below     just below the bounds, with counters that start again: silent
#   idle      nothing to do, such as no traffic or no limit: silent
#   partial   beyond the bounds, but the other series that it takes are missing: silent

rule_files: [droplens.rules.yml]
evaluation_interval: 1m
group_eval_order: [droplens-thresholds, droplens-instances, droplens-probes, droplens-probes-slow, droplens-fleet, droplens-alerts, droplens-agents]

tests:
";

/// Tests that are written by hand.
const OWN: &str = include_str!("own.test.yml");

/// The whole file. Alerts that take equally long are tested together: it is much faster, and none
/// may be misled by the series of another one.
pub(crate) fn unit_tests() -> String {
    let alerts = all();
    let cases = alerts.iter().filter_map(|alert| match &alert.proof {
        Proof::Cases(cases) => Some((alert, cases)),
        Proof::Own => None,
    });
    let mut by_time = BTreeMap::<usize, Vec<_>>::new();
    for (alert, cases) in cases {
        let together = by_time.entry(cases.fires_by).or_default();
        together.push((alert, cases));
    }
    let mut out = INTRODUCTION.to_owned();
    for (minutes, together) in by_time {
        test(&mut out, minutes, &together);
    }
    out.push_str(OWN);
    out
}

fn test(out: &mut String, fires_by: usize, together: &[(&Alert, &Cases)]) {
    let end = 2 * fires_by;
    // Writing to a `String` cannot fail.
    let _ = writeln!(
        out,
        "  - name: alerts that fire within {fires_by} minutes\n    interval: 1m\n    input_series:"
    );
    for (alert, cases) in together {
        let _ = writeln!(out, "      # {}", alert.name);
        series(out, cases, end);
    }
    let _ = writeln!(out, "    alert_rule_test:");
    for (alert, cases) in together {
        let resets = cases.inputs.iter().any(|input| input.above.is_counter());
        let lasting: &[_] = if resets {
            &["above", "reset"]
        } else {
            &["above"]
        };
        let early = minutes(alert.hold).saturating_sub(1);
        if early > 0 {
            expect(out, alert, cases, early, &[]);
        }
        expect(out, alert, cases, fires_by, &[lasting, &["gone"]].concat());
        expect(out, alert, cases, end, lasting);
    }
}

/// Whole minutes of a duration.
fn minutes(duration: &str) -> usize {
    let number = |text: &str| text.parse().unwrap_or(0);
    match duration.split_at(duration.len().saturating_sub(1)) {
        (count, "m") => number(count),
        (count, "h") => number(count) * 60,
        _ => 0,
    }
}

fn series(out: &mut String, cases: &Cases, end: usize) {
    let mut put = |input: &Input, instance: &str, values: String| {
        let all = format!("job=\"droplens\",instance=\"{instance}\"");
        let series = match input.series.split_once('{') {
            Some((name, labels)) => format!("{name}{{{all},{labels}"),
            None => format!("{}{{{all}}}", input.series),
        };
        let _ = writeln!(
            out,
            "      - series: '{series}'\n        values: '{values}'"
        );
    };
    let resets = cases.inputs.iter().any(|input| input.above.is_counter());
    for (at, input) in cases.inputs.iter().enumerate() {
        put(input, "above", input.above.steady(end));
        if resets {
            put(input, "reset", input.above.restarting(end));
        }
        let until_gone = input.above.steady(cases.fires_by);
        put(input, "gone", format!("{until_gone} stale"));
        put(input, "below", input.below.restarting(end));
        put(input, "idle", input.idle.steady(end));
        if at == 0 && cases.inputs.len() > 1 {
            put(input, "partial", input.above.steady(end));
        }
    }
}

fn expect(out: &mut String, alert: &Alert, cases: &Cases, minute: usize, instances: &[&str]) {
    let _ = writeln!(
        out,
        "      - eval_time: {minute}m\n        alertname: {}",
        alert.name
    );
    if instances.is_empty() {
        let _ = writeln!(out, "        exp_alerts: []");
        return;
    }
    let told = if minute > cases.fires_by {
        cases.told_later
    } else {
        cases.told
    };
    let _ = writeln!(out, "        exp_alerts:");
    for instance in instances {
        let own = [("job", "droplens"), ("instance", instance)];
        let known: Vec<_> = own.iter().chain(&cases.labels).copied().collect();
        let added = labels(alert)
            .into_iter()
            .filter(|(key, _)| *key != "domain" || alert.subject != Subject::Blind);
        let _ = writeln!(out, "          - exp_labels:");
        for (key, value) in known.iter().copied().chain(added) {
            let _ = writeln!(out, "              {key}: {}", quoted(value));
        }
        let _ = writeln!(out, "            exp_annotations:");
        for (key, text) in annotations(alert) {
            let text = render(&text, &known, told);
            let _ = writeln!(out, "              {key}: {}", quoted(&text));
        }
    }
}

/// A text with its labels and its value filled in.
fn render(text: &str, labels: &[(&str, &str)], told: &str) -> String {
    let mut text = text.replace(RATE, told);
    for (key, value) in labels {
        text = text.replace(&format!("{{{{ $labels.{key} }}}}"), value);
        text = text.replace(&format!("{{{{ $labels.{key} | urlquery }}}}"), value);
    }
    match (text.find("{{ $value"), text.rfind("}}")) {
        (Some(start), Some(end)) => {
            text.replace_range(start..end + 2, told);
            text
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_filled_in() {
        let labels = [("instance", "a:1")];
        let text = "{{ $value | humanize }} of {{ $labels.instance }}";
        assert_eq!(render(text, &labels, "7"), "7 of a:1");
        assert_eq!(render(&format!("x {RATE}/s"), &labels, "7"), "x 7/s");
    }

    #[test]
    fn no_series_is_there_twice() {
        let text = unit_tests();
        let made = text.split(OWN).next().unwrap_or_default();
        for test in made.split("- name: ") {
            let mut seen = std::collections::BTreeSet::new();
            for line in test.lines().filter(|line| line.contains("- series:")) {
                assert!(seen.insert(line), "{line}");
            }
        }
    }

    #[test]
    fn durations_are_minutes() {
        assert_eq!(["0s", "5m", "1h", ""].map(minutes), [0, 5, 60, 0]);
    }
}
