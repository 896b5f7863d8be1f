//! The committed dashboards as Grafana would use them: every query with its variables filled in.

mod interpolate;

use std::path::Path;

use serde_json::Value;

pub use interpolate::Values;

/// What a query is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A panel shows its values over the time range.
    Range,
    /// A panel shows its values at the end.
    Instant,
    /// A variable has the values of this label.
    LabelValues(String),
    /// A variable has the names of the labels.
    LabelNames,
}

/// A query of a dashboard.
#[derive(Clone, Debug)]
pub struct Query {
    /// The dashboard's uid.
    pub dashboard: String,
    /// The panel's title; for others what they are.
    pub panel: String,
    /// Its letter.
    pub name: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The query with its variables.
    pub text: String,
    /// The labels that its legend shows.
    pub labels: Vec<String>,
    /// Whether the panel asks for few points, a minute apart at least.
    pub few_points: bool,
}

impl Query {
    /// The names of the series that it reads.
    pub fn series(&self) -> impl Iterator<Item = &str> {
        let words = self
            .text
            .split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
        words.filter(|word| {
            word.starts_with("droplens_")
                || word.starts_with("process_")
                || matches!(*word, "up" | "ALERTS")
        })
    }
}

/// Every query of every dashboard in a directory.
///
/// # Panics
///
/// When a dashboard cannot be read.
pub fn queries(directory: &Path) -> Vec<Query> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    let all = files.iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).expect("a dashboard");
        of_dashboard(&crate::json::parse(&text))
    });
    all.collect()
}

/// Text at a JSON pointer; empty if there is none.
fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

fn of_dashboard(dashboard: &Value) -> Vec<Query> {
    let uid = text(dashboard, "/uid");
    let panels = list(dashboard, "/panels").iter().flat_map(of_panel);
    let variables = list(dashboard, "/templating/list").iter();
    let variables = variables
        .filter(|variable| text(variable, "/type") == "query")
        .map(of_variable);
    let annotations = list(dashboard, "/annotations/list")
        .iter()
        .map(of_annotation);
    panels
        .chain(variables)
        .chain(annotations)
        .map(|query| Query {
            dashboard: uid.clone(),
            ..query
        })
        .collect()
}

fn of_panel(panel: &Value) -> Vec<Query> {
    let targets = list(panel, "/targets").iter();
    targets
        .map(|target| {
            let legend = text(target, "/legendFormat");
            let name = text(target, "/refId");
            Query {
                dashboard: String::new(),
                panel: text(panel, "/title"),
                purpose: match target["instant"] {
                    Value::Bool(true) => Purpose::Instant,
                    _ => Purpose::Range,
                },
                text: text(target, "/expr"),
                labels: shown(&legend),
                few_points: panel["interval"] == "1m",
                name,
            }
        })
        .collect()
}

fn of_variable(variable: &Value) -> Query {
    let query = text(variable, "/query/query");
    let inside = |function: &str| {
        query
            .strip_prefix(function)
            .and_then(|rest| rest.strip_suffix(')'))
    };
    let (purpose, text) = match (inside("label_values("), inside("label_names(")) {
        (Some(inside), _) => {
            let (series, label) = inside.rsplit_once(',').expect("series and a label");
            (Purpose::LabelValues(label.trim().to_owned()), series)
        }
        (None, Some(series)) => (Purpose::LabelNames, series),
        (None, None) => panic!("an unknown kind of variable: {query}"),
    };
    Query {
        dashboard: String::new(),
        panel: "variable".to_owned(),
        name: self::text(variable, "/name"),
        purpose,
        text: text.to_owned(),
        labels: Vec::new(),
        few_points: false,
    }
}

fn of_annotation(annotation: &Value) -> Query {
    Query {
        dashboard: String::new(),
        panel: "annotation".to_owned(),
        name: text(annotation, "/name"),
        purpose: Purpose::Range,
        text: text(annotation, "/expr"),
        labels: shown(&text(annotation, "/titleFormat")),
        few_points: true,
    }
}

/// The labels in a legend such as `{{device}} receive`.
fn shown(legend: &str) -> Vec<String> {
    let parts = legend.split("{{").skip(1);
    parts
        .filter_map(|part| part.split_once("}}"))
        .map(|(label, _)| label.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_of_a_legend_are_found() {
        assert_eq!(shown("{{a}} of {{ b }} {c}"), ["a", "b"]);
    }

    #[test]
    fn a_variable_is_taken_apart() {
        let variable = serde_json::json!({
            "name": "instance",
            "query": { "query": "label_values(up{job=~\"a,b\"}, instance)" },
        });
        let query = of_variable(&variable);
        assert_eq!(query.purpose, Purpose::LabelValues("instance".to_owned()));
        assert_eq!(query.text, "up{job=~\"a,b\"}");
    }
}
