//! Where panels stand: from left to right in their row, and on the next line when there is no more
//! room. The panels of a line share what is left of it.

use serde_json::{Value, json};

use super::panel::Panel;

/// Columns of the grid.
const COLUMNS: u32 = 24;

/// Panels under one heading.
pub(super) struct Row {
    title: &'static str,
    panels: Vec<Panel>,
}

impl Row {
    pub(super) fn new(title: &'static str, panels: impl Into<Vec<Panel>>) -> Self {
        Self {
            title,
            panels: panels.into(),
        }
    }
}

/// Every row and panel with an id and a place.
pub(super) fn place(rows: &[Row]) -> Vec<Value> {
    let mut placed = Vec::new();
    let mut y = 0;
    for row in rows {
        let id = placed.len() + 1;
        placed.push(json!({
            "id": id,
            "type": "row",
            "title": row.title,
            "collapsed": false,
            "panels": [],
            "gridPos": grid(0, y, COLUMNS, 1),
        }));
        y += 1;
        for line in lines(&row.panels) {
            let wanted: u32 = line.iter().map(|panel| panel.size().0).sum();
            let height = line.iter().map(|panel| panel.size().1).max().unwrap_or(0);
            // How much of the line is wanted by the panels so far.
            let mut so_far = 0;
            for panel in line {
                let x = so_far * COLUMNS / wanted;
                so_far += panel.size().0;
                let width = so_far * COLUMNS / wanted - x;
                let id = placed.len() + 1;
                placed.push(panel.json(id, &grid(x, y, width, height)));
            }
            y += height;
        }
    }
    placed
}

/// The panels that stand side by side.
fn lines(panels: &[Panel]) -> Vec<Vec<&Panel>> {
    let mut lines: Vec<Vec<&Panel>> = Vec::new();
    let mut room = 0;
    for panel in panels {
        let width = panel.size().0;
        match lines.last_mut() {
            Some(line) if width <= room => line.push(panel),
            _ => {
                lines.push(vec![panel]);
                room = COLUMNS;
            }
        }
        room = room.saturating_sub(width);
    }
    lines
}

fn grid(x: u32, y: u32, width: u32, height: u32) -> Value {
    json!({ "x": x, "y": y, "w": width, "h": height })
}
