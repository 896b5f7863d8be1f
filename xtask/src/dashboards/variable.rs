//! The variables at the top of a dashboard.

use serde_json::{Value, json};

use super::promql;

/// The data source that everything in a dashboard asks.
pub(super) fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// A variable with the values of a query.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    name: &'static str,
    label: &'static str,
    description: &'static str,
    query: String,
    /// What it is at first; everything if none.
    first: Option<&'static str>,
    /// Values that it does not have.
    regex: &'static str,
}

impl Variable {
    /// The values that a label has in these series.
    pub(super) fn values(
        name: &'static str,
        label: &'static str,
        series: &str,
        description: &'static str,
    ) -> Self {
        Self {
            name,
            label,
            description,
            query: format!("label_values({}, {name})", promql::matched(series)),
            first: None,
            regex: "",
        }
    }

    /// The names of the labels that these series have, those that match nothing of the regular
    /// expression; one is chosen, at first this one.
    pub(super) fn label_names(
        name: &'static str,
        label: &'static str,
        series: &str,
        (first, regex): (&'static str, &'static str),
        description: &'static str,
    ) -> Self {
        Self {
            name,
            label,
            description,
            query: format!("label_names({})", promql::matched(series)),
            first: Some(first),
            regex,
        }
    }

    fn json(&self) -> Value {
        let many = self.first.is_none();
        let (text, value) = match self.first {
            Some(first) => (json!(first), json!(first)),
            None => (json!(["All"]), json!(["$__all"])),
        };
        let mut variable = json!({
            "type": "query",
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "datasource": datasource(),
            "definition": self.query,
            "query": { "query": self.query, "refId": "PrometheusVariableQueryEditor-VariableQuery", "qryType": 5 },
            "current": { "selected": true, "text": text, "value": value },
            "includeAll": many,
            "multi": many,
            "options": [],
            // Whenever the time range changes: nodes come and go.
            "refresh": 2,
            "regex": self.regex,
            "skipUrlSync": false,
            "sort": 1,
            "hide": 0,
        });
        if many && let Some(object) = variable.as_object_mut() {
            object.insert("allValue".to_owned(), json!(".+"));
        }
        variable
    }
}

/// The variables of every dashboard and those of this one: data source, job and instance first.
pub(super) fn list(own: &[Variable]) -> Vec<Value> {
    let source = json!({
        "type": "datasource",
        "name": "datasource",
        "label": "Data Source",
        "description": "The Prometheus that scrapes droplens.",
        "query": "prometheus",
        "current": {},
        "includeAll": false,
        "multi": false,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": false,
        "hide": 0,
    });
    [source]
        .into_iter()
        .chain([job(), instance()].iter().map(Variable::json))
        .chain(own.iter().map(Variable::json))
        .collect()
}

/// The jobs whose targets are droplens. It is the first choice, so that no other narrows it down.
fn job() -> Variable {
    Variable {
        query: "label_values(droplens_build_info, job)".to_owned(),
        ..Variable::values("job", "Job", "", "Jobs of Prometheus that scrape droplens.")
    }
}

fn instance() -> Variable {
    Variable {
        query: "label_values(droplens_build_info{job=~\"$job\"}, instance)".to_owned(),
        ..Variable::values("instance", "Node", "", "Nodes on which droplens runs.")
    }
}
