//! A dashboard as a whole.

use serde_json::{Value, json};

use super::layout::{self, Row};
use super::variable::{self, Variable};
use super::{annotation, link};

/// The newest form of classic JSON that file provisioning of Grafana 10.4 and later takes.
const SCHEMA: u32 = 39;

/// A dashboard.
pub(super) struct Dashboard {
    /// Its uid and the name of its file.
    pub(super) uid: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// What it has besides data source, job and instance.
    pub(super) variables: Vec<Variable>,
    /// The time range at first.
    pub(super) range: &'static str,
    pub(super) rows: Vec<Row>,
}

impl Dashboard {
    /// The name of its file.
    pub(super) fn file(&self) -> String {
        format!("{}.json", self.uid)
    }

    /// Classic JSON.
    pub(super) fn json(&self) -> Value {
        json!({
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["droplens"],
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": false,
            "graphTooltip": 1,
            "timezone": "browser",
            "refresh": "1m",
            "time": { "from": format!("now-{}", self.range), "to": "now" },
            "fiscalYearStartMonth": 0,
            "liveNow": false,
            "weekStart": "",
            "annotations": { "list": annotation::list() },
            "templating": { "list": variable::list(&self.variables) },
            "links": link::others(),
            "panels": layout::place(&self.rows),
        })
    }
}
