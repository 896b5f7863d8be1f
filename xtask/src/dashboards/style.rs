//! Colours, limits and words that panels share.

use serde_json::{Value, json};

/// What could not be looked at: neither good nor bad.
pub(super) const BLIND: &str = "purple";

/// Packets per second. Grafana's own unit makes milli-packets of few ones.
pub(super) const PACKETS: &str = "count:p/s";

/// What is not read, in a column of states: only a failure is a fault.
pub(super) fn states() -> Value {
    let words = [
        ("failed", "red"),
        ("unsupported", BLIND),
        ("disabled", BLIND),
        ("pending", "blue"),
    ];
    coloured("state", &words)
}

/// The column of severities of alerts.
pub(super) fn severities() -> Value {
    coloured("severity", &[("critical", "red"), ("warning", "orange")])
}

/// A column whose words have colours.
fn coloured(column: &str, colours: &[(&str, &str)]) -> Value {
    let as_they_are: Vec<_> = colours
        .iter()
        .map(|(word, color)| (*word, *word, *color))
        .collect();
    override_named(
        column,
        &[
            ("mappings", words(&as_they_are)),
            ("custom.cellOptions", json!({ "type": "color-text" })),
        ],
    )
}

/// From which value on a panel shows which colour.
pub(super) fn thresholds(base: &str, steps: &[(f64, &str)]) -> Value {
    let base = json!({ "color": base, "value": null });
    let steps = steps
        .iter()
        .map(|(value, color)| json!({ "color": color, "value": value }));
    let steps: Vec<Value> = [base].into_iter().chain(steps).collect();
    json!({ "mode": "absolute", "steps": steps })
}

/// A word and a colour instead of a number.
pub(super) fn words(words: &[(&str, &str, &str)]) -> Value {
    let options: serde_json::Map<String, Value> = words
        .iter()
        .enumerate()
        .map(|(index, (value, text, color))| {
            let word = json!({ "text": text, "color": color, "index": index });
            ((*value).to_owned(), word)
        })
        .collect();
    json!([{ "type": "value", "options": options }])
}

/// A word and a colour instead of what is a little below 0.
pub(super) fn below_zero(text: &str, color: &str) -> Value {
    let result = json!({ "text": text, "color": color, "index": 0 });
    json!([{ "type": "range", "options": { "from": -1, "to": -1e-9, "result": result } }])
}

/// A property of the fields whose names match a regular expression.
pub(super) fn override_matching(pattern: &str, properties: &[(&str, Value)]) -> Value {
    overriding("byRegexp", pattern, properties)
}

/// A property of the field of this name.
pub(super) fn override_named(name: &str, properties: &[(&str, Value)]) -> Value {
    overriding("byName", name, properties)
}

/// A property of all numbers, but not of words.
pub(super) fn override_numbers(properties: &[(&str, Value)]) -> Value {
    overriding("byType", "number", properties)
}

fn overriding(matcher: &str, options: &str, properties: &[(&str, Value)]) -> Value {
    let properties: Vec<Value> = properties
        .iter()
        .map(|(id, value)| json!({ "id": id, "value": value }))
        .collect();
    json!({ "matcher": { "id": matcher, "options": options }, "properties": properties })
}

/// One colour for good.
pub(super) fn fixed(color: &str) -> Value {
    json!({ "mode": "fixed", "fixedColor": color })
}
