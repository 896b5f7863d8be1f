//! Links between the dashboards: they keep what was chosen, and the time range.

use serde_json::{Value, json};

/// Where a link leads.
#[derive(Clone, Copy, Debug)]
pub(super) enum To {
    /// The dashboard of a node.
    Node,
    /// The dashboard of its probes.
    Probes,
    /// The dashboard of the agents.
    Agent,
}

impl To {
    /// The dashboard's uid and the words for a person.
    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Node => ("droplens-node", "Look at ${node} in packet order"),
            Self::Probes => ("droplens-probes", "Look at the probes of ${node}"),
            Self::Agent => ("droplens-agent", "Look at the agent on ${node}"),
        }
    }

    /// The link to the dashboard with the node that this expression of Grafana names.
    fn with(self, node: &str) -> Value {
        let (uid, title) = self.parts();
        let title = title.replace("${node}", &format!("${{{node}}}"));
        json!({
            "title": title,
            "url": format!("/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}&${{job:queryparam}}&var-instance=${{{node}:percentencode}}"),
            "targetBlank": false,
        })
    }

    /// At a series that has the label `instance`.
    pub(super) fn of_series(self) -> Value {
        self.with("__field.labels.instance")
    }

    /// In a row of a table with the column `instance`.
    pub(super) fn of_row(self) -> Value {
        self.with("__data.fields.instance")
    }

    /// In a row of a table whose first column is the node.
    pub(super) fn of_first_column(self) -> Value {
        self.with("__data.fields[0]")
    }
}

/// At the top of each dashboard: the others.
pub(super) fn others() -> Value {
    json!([{
        "type": "dashboards",
        "title": "droplens",
        "tags": ["droplens"],
        "asDropdown": false,
        "includeVars": true,
        "keepTime": true,
        "targetBlank": false,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }])
}
