//! Rules and routes in fast motion: their durations divided, nothing else changed.

use std::fmt::Write;
use std::time::Duration;

/// What stands before a duration in rules and in the configuration of Alertmanager.
const BEFORE: &[&str] = &["[", "offset ", "for: ", "group_wait: ", "interval: "];

/// The text with its durations divided by `factor`: `for`, `keep_firing_for`, intervals and waits, and
/// the ranges, subqueries and offsets of expressions.
pub fn scaled(text: &str, factor: u32) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let plain = rest.len()
            - rest
                .trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
                .len();
        let (before, word) = rest.split_at(plain);
        out.push_str(before);
        let length = word
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(word.len());
        let (word, after) = word.split_at(length);
        match duration(word) {
            Some(time) if begins(&out) || ends(&out, after) => {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "{}ms", (time / factor).as_millis().max(1));
            }
            _ => out.push_str(word),
        }
        rest = after;
    }
    out
}

fn begins(before: &str) -> bool {
    BEFORE.iter().any(|end| before.ends_with(end))
}

/// Whether this is the step of a subquery.
fn ends(before: &str, after: &str) -> bool {
    before.ends_with("ms:") && after.starts_with(']')
}

/// A duration of one unit, such as `5m`.
fn duration(word: &str) -> Option<Duration> {
    let digits = word.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = word.split_at(digits);
    let count: u64 = count.parse().ok()?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(count * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_rules_are_divided() {
        for (rule, fast) in [
            ("for: 10m\n", "for: 10000ms\n"),
            ("keep_firing_for: 15m", "keep_firing_for: 15000ms"),
            ("interval: 30s", "interval: 500ms"),
            ("rate(a_total[5m]) > 0", "rate(a_total[5000ms]) > 0"),
            (
                "max_over_time(a[1d:10m])",
                "max_over_time(a[1440000ms:10000ms])",
            ),
            ("up offset 1h unless", "up offset 60000ms unless"),
            ("group_wait: 0s", "group_wait: 1ms"),
        ] {
            assert_eq!(scaled(rule, 60), fast);
        }
    }

    #[test]
    fn nothing_else_is_changed() {
        for text in [
            "a:b:rate5m{cause=\"x\"} > 0.01",
            "description: lost within 1h [metrics] series_limit",
            "expr: 1814400",
        ] {
            assert_eq!(scaled(text, 60), text);
        }
    }
}
