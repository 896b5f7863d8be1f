//! Panels.

use serde_json::{Map, Value, json};

use super::style::{self, BLIND};
use super::target::Target;
use super::variable;

/// Points of a panel whose queries read many series: a minute each in the last hour.
const FEW_POINTS: u32 = 60;

/// How a panel shows its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TimeSeries,
    Stat,
    Table,
    StateTimeline,
    BarGauge,
    Heatmap,
}

impl Kind {
    const fn id(self) -> &'static str {
        match self {
            Self::TimeSeries => "timeseries",
            Self::Stat => "stat",
            Self::Table => "table",
            Self::StateTimeline => "state-timeline",
            Self::BarGauge => "bargauge",
            Self::Heatmap => "heatmap",
        }
    }

    const fn size(self) -> (u32, u32) {
        match self {
            Self::Stat => (4, 4),
            Self::TimeSeries => (8, 8),
            Self::Table | Self::StateTimeline | Self::BarGauge | Self::Heatmap => (12, 8),
        }
    }
}

/// A panel: what it asks and how it shows the answer.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    kind: Kind,
    title: &'static str,
    description: &'static str,
    unit: &'static str,
    size: (u32, u32),
    targets: Vec<Target>,
    /// Of `fieldConfig.defaults`.
    defaults: Map<String, Value>,
    /// Of `fieldConfig.defaults.custom`.
    custom: Map<String, Value>,
    overrides: Vec<Value>,
    options: Map<String, Value>,
    transformations: Vec<Value>,
    max_points: Option<u32>,
}

impl Panel {
    /// Lines over time.
    pub(super) fn lines(title: &'static str, unit: &'static str) -> Self {
        let panel = match unit {
            // Without them a line at zero has an axis to 100, and a wavering one looks like none and all.
            style::PACKETS | "cps" | "ops" | "short" => Self::new(Kind::TimeSeries, title, unit)
                .custom("axisSoftMin", 0)
                .custom("axisSoftMax", 1),
            _ => Self::new(Kind::TimeSeries, title, unit),
        };
        panel
            .default("color", json!({ "mode": "palette-classic" }))
            .custom("lineWidth", 1)
            .custom("fillOpacity", 10)
            .custom("showPoints", "never")
            .option(
                "legend",
                json!({ "displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": [] }),
            )
            .option("tooltip", json!({ "mode": "multi", "sort": "desc" }))
    }

    /// Bars over time, one on the other: things that happened.
    pub(super) fn bars(title: &'static str, unit: &'static str) -> Self {
        Self::lines(title, unit)
            .custom("drawStyle", "bars")
            .custom("fillOpacity", 80)
            .stacked()
    }

    /// One number.
    pub(super) fn stat(title: &'static str, unit: &'static str) -> Self {
        Self::new(Kind::Stat, title, unit)
            .option("colorMode", "value")
            .option("graphMode", "none")
            .option("justifyMode", "auto")
            .option("textMode", "auto")
            .option("orientation", "auto")
            .option("reduceOptions", last_value())
    }

    /// Rows of labels and values. The unit is that of the values: labels are words, even if they look like
    /// numbers or dates.
    pub(super) fn table(title: &'static str, unit: &'static str) -> Self {
        Self::new(Kind::Table, title, "string")
            .overriding(style::override_numbers(&[("unit", json!(unit))]))
            .custom("align", "auto")
            .custom("filterable", true)
            // Without it an empty cell would say what the whole table says when it is empty.
            .overriding(style::override_matching("/.*/", &[("noValue", json!("–"))]))
            .option("showHeader", true)
            .option("cellHeight", "sm")
            .option(
                "footer",
                json!({ "show": false, "reducer": ["sum"], "countRows": false, "fields": "" }),
            )
    }

    /// What was so when.
    pub(super) fn timeline(title: &'static str, unit: &'static str) -> Self {
        Self::new(Kind::StateTimeline, title, unit)
            .custom("lineWidth", 0)
            .custom("fillOpacity", 80)
            .option("mergeValues", true)
            .option("showValue", "never")
            .option("rowHeight", json!(0.85))
            .option("alignValue", "left")
            .option(
                "legend",
                json!({ "displayMode": "list", "placement": "bottom", "showLegend": false }),
            )
            .option("tooltip", json!({ "mode": "single", "sort": "none" }))
    }

    /// A bar for each series.
    pub(super) fn bar_gauge(title: &'static str, unit: &'static str) -> Self {
        Self::new(Kind::BarGauge, title, unit)
            .option("displayMode", "basic")
            .option("orientation", "horizontal")
            .option("valueMode", "text")
            // Beside the bars, names are cut off.
            .option("namePlacement", "top")
            .option("showUnfilled", false)
            .option("reduceOptions", last_value())
    }

    /// How values are distributed over time.
    pub(super) fn heatmap(title: &'static str, unit: &'static str) -> Self {
        Self::new(Kind::Heatmap, title, unit)
            .option("calculate", false)
            .option("cellGap", 1)
            .option("color", json!({ "mode": "scheme", "scheme": "Oranges", "steps": 64, "reverse": false, "exponent": 0.5, "fill": "dark-orange", "scale": "exponential" }))
            .option("rowsFrame", json!({ "layout": "auto" }))
            .option("yAxis", json!({ "axisPlacement": "left", "reverse": false, "unit": unit }))
            .option("tooltip", json!({ "mode": "single", "yHistogram": true, "showColorScale": true }))
            .option("legend", json!({ "show": true }))
            .option("filterValues", json!({ "le": 1e-9 }))
            .option("exemplars", json!({ "color": "rgba(255,0,255,0.7)" }))
            .option("showValue", "never")
    }

    fn new(kind: Kind, title: &'static str, unit: &'static str) -> Self {
        Self {
            kind,
            title,
            description: "",
            unit,
            size: kind.size(),
            targets: Vec::new(),
            defaults: Map::new(),
            custom: Map::new(),
            overrides: Vec::new(),
            options: Map::new(),
            transformations: Vec::new(),
            max_points: None,
        }
        .default("thresholds", style::thresholds("green", &[]))
    }

    /// What it means, and what to think of it.
    pub(super) fn about(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Columns of 24 and rows of 30 pixels.
    pub(super) fn sized(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// One more query of values over time, or in a table or of a number, at its end.
    pub(super) fn query(self, query: &str, legend: &str) -> Self {
        let target = match self.kind {
            Kind::TimeSeries | Kind::StateTimeline => Target::range(query, legend),
            Kind::Stat | Kind::Table | Kind::BarGauge => Target::instant(query, legend),
            Kind::Heatmap => Target::heatmap(query),
        };
        self.target(target)
    }

    /// One more query.
    pub(super) fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Says so where this source could not be read, instead of showing nothing.
    pub(super) fn seen_by(self, source: &str) -> Self {
        let query = format!("0 * droplens_source_info{{source=\"{source}\",state!=\"ok\"}}");
        let legend = format!("{source} {{{{state}}}} on {{{{instance}}}} {{{{reason}}}}");
        self.blind(&query, &legend)
    }

    /// A dashed line at zero, whose legend says what could not be looked at.
    pub(super) fn blind(self, query: &str, legend: &str) -> Self {
        let style = style::override_matching(
            "/^blind: /",
            &[
                ("color", style::fixed(BLIND)),
                ("custom.fillOpacity", json!(0)),
                ("custom.drawStyle", json!("line")),
                ("custom.lineStyle", dashed(4, 8)),
                ("custom.stacking", json!({ "mode": "none", "group": "A" })),
            ],
        );
        self.target(Target::range(query, format!("blind: {legend}")).named("Blind"))
            .overriding(style)
    }

    /// What it says when there is nothing to show.
    pub(super) fn otherwise(self, words: &str) -> Self {
        self.default("noValue", words)
    }

    /// From zero, and up to this value at least.
    pub(super) fn zero_to(self, top: f64) -> Self {
        self.default("min", 0).custom("axisSoftMax", top)
    }

    /// On a logarithmic axis, on which what is a hundred times less is seen as well.
    pub(super) fn logarithmic(self) -> Self {
        self.custom("scaleDistribution", json!({ "type": "log", "log": 10 }))
            .custom("fillOpacity", 0)
    }

    /// With points where a value has no neighbours, since a line would not show it.
    pub(super) fn with_points(self) -> Self {
        self.custom("showPoints", "auto")
    }

    /// Lines on top of each other: their sum is what matters.
    pub(super) fn stacked(self) -> Self {
        self.custom("stacking", json!({ "mode": "normal", "group": "A" }))
    }

    /// The series of this legend is there to compare the others with.
    pub(super) fn reference(self, legend: &str) -> Self {
        self.overriding(style::override_named(
            legend,
            &[
                ("color", style::fixed("text")),
                ("custom.fillOpacity", json!(0)),
            ],
        ))
    }

    /// The series of these legends have these colours.
    pub(super) fn coloured(self, colours: &[(&str, &str)]) -> Self {
        colours.iter().fold(self, |panel, (legend, color)| {
            panel.overriding(style::override_named(
                legend,
                &[("color", style::fixed(color))],
            ))
        })
    }

    /// Series whose legend matches go downwards.
    pub(super) fn downwards(self, pattern: &str) -> Self {
        self.overriding(style::override_matching(
            pattern,
            &[("custom.transform", json!("negative-Y"))],
        ))
    }

    /// Series whose legend matches are limits: dashed lines without a fill.
    pub(super) fn limit(self, pattern: &str) -> Self {
        self.overriding(style::override_matching(
            pattern,
            &[
                ("color", style::fixed("red")),
                ("custom.fillOpacity", json!(0)),
                ("custom.lineStyle", dashed(10, 10)),
            ],
        ))
    }

    /// Colours from these values on.
    pub(super) fn colours(self, base: &str, steps: &[(f64, &str)]) -> Self {
        self.default("thresholds", style::thresholds(base, steps))
            .default("color", json!({ "mode": "thresholds" }))
    }

    /// Words instead of numbers.
    pub(super) fn words(self, words: &[(&str, &str, &str)]) -> Self {
        self.default("mappings", style::words(words))
    }

    /// A link at each value.
    pub(super) fn links(self, links: &[Value]) -> Self {
        self.default("links", links)
    }

    /// A property of some fields.
    pub(super) fn overriding(mut self, rule: Value) -> Self {
        self.overrides.push(rule);
        self
    }

    /// A step between the answers and the panel.
    pub(super) fn transform(mut self, id: &str, options: &Value) -> Self {
        self.transformations
            .push(json!({ "id": id, "options": options }));
        self
    }

    /// A table without these columns, the others renamed, in this order.
    pub(super) fn columns(self, columns: &[(&str, &str)], without: &[&str]) -> Self {
        let order: Map<String, Value> = columns
            .iter()
            .enumerate()
            .map(|(at, (name, _))| ((*name).to_owned(), json!(at)))
            .collect();
        let names: Map<String, Value> = columns
            .iter()
            .filter(|(name, shown)| name != shown)
            .map(|(name, shown)| ((*name).to_owned(), json!(shown)))
            .collect();
        let hidden: Map<String, Value> = ["Time"]
            .iter()
            .chain(without)
            .map(|name| ((*name).to_owned(), json!(true)))
            .collect();
        self.transform(
            "organize",
            &json!({ "excludeByName": hidden, "indexByName": order, "renameByName": names }),
        )
    }

    /// A panel that reads many series has few points, so that a large fleet answers in time.
    pub(super) fn few_points(mut self) -> Self {
        self.max_points = Some(FEW_POINTS);
        self
    }

    /// An entry of `fieldConfig.defaults`.
    pub(super) fn default(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.defaults.insert(key.to_owned(), value.into());
        self
    }

    /// An entry of `fieldConfig.defaults.custom`.
    pub(super) fn custom(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.custom.insert(key.to_owned(), value.into());
        self
    }

    /// An entry of `options`.
    pub(super) fn option(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.options.insert(key.to_owned(), value.into());
        self
    }

    /// Its width and height.
    pub(super) const fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Classic JSON.
    pub(super) fn json(&self, id: usize, grid: &Value) -> Value {
        let table = self.kind == Kind::Table;
        let targets: Vec<Value> = self
            .targets
            .iter()
            .enumerate()
            .map(|(place, target)| target.json(place, table))
            .collect();
        let mut defaults = self.defaults.clone();
        defaults.insert("unit".to_owned(), json!(self.unit));
        defaults.insert("custom".to_owned(), json!(self.custom));
        let mut panel = json!({
            "id": id,
            "type": self.kind.id(),
            "title": self.title,
            "description": self.description,
            "gridPos": grid,
            "datasource": variable::datasource(),
            "targets": targets,
            "fieldConfig": { "defaults": defaults, "overrides": self.overrides },
            "options": self.options,
            "transformations": self.transformations,
        });
        if let (Some(points), Some(panel)) = (self.max_points, panel.as_object_mut()) {
            panel.insert("maxDataPoints".to_owned(), json!(points));
            panel.insert("interval".to_owned(), json!("1m"));
        }
        panel
    }
}

fn dashed(on: u32, off: u32) -> Value {
    json!({ "fill": "dash", "dash": [on, off] })
}

fn last_value() -> Value {
    json!({ "calcs": ["lastNotNull"], "fields": "", "values": false })
}
