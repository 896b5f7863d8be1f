//! Queries of panels.

use serde_json::{Value, json};

use super::promql;
use super::variable;

/// What a query asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Values over the time range, one line per series.
    Range,
    /// The values at its end, one row or number per series.
    Instant,
    /// Buckets of a histogram over the time range.
    Heatmap,
}

/// A query of a panel.
#[derive(Clone, Debug)]
pub(super) struct Target {
    query: String,
    legend: String,
    shape: Shape,
    /// Its letter, where the panel refers to it.
    name: Option<&'static str>,
}

impl Target {
    /// Values over the time range.
    pub(super) fn range(query: &str, legend: impl Into<String>) -> Self {
        Self::new(query, legend.into(), Shape::Range)
    }

    /// The values at the end of the time range.
    pub(super) fn instant(query: &str, legend: impl Into<String>) -> Self {
        Self::new(query, legend.into(), Shape::Instant)
    }

    /// Buckets over the time range; the query must keep the label `le`.
    pub(super) fn heatmap(query: &str) -> Self {
        Self::new(query, "{{le}}".to_owned(), Shape::Heatmap)
    }

    /// With this letter or word instead of the next letter.
    pub(super) fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    fn new(query: &str, legend: String, shape: Shape) -> Self {
        Self {
            query: promql::matched(query),
            legend,
            shape,
            name: None,
        }
    }

    /// Classic JSON. In a table, instant queries are rows.
    pub(super) fn json(&self, place: usize, table: bool) -> Value {
        let format = match self.shape {
            Shape::Heatmap => "heatmap",
            Shape::Instant if table => "table",
            Shape::Range | Shape::Instant => "time_series",
        };
        let instant = self.shape == Shape::Instant;
        json!({
            "refId": self.name.map_or_else(|| letter(place), ToOwned::to_owned),
            "datasource": variable::datasource(),
            "editorMode": "code",
            "expr": self.query,
            "legendFormat": self.legend,
            "format": format,
            "instant": instant,
            "range": !instant,
        })
    }
}

/// A, B, C and so on.
fn letter(place: usize) -> String {
    let place = u8::try_from(place).unwrap_or(25).min(25);
    char::from(b'A' + place).to_string()
}
