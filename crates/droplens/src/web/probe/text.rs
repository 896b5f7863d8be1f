//! Gauges in Prometheus's text format.

use std::fmt;

/// The gauges of an answer, and remarks that are no metrics.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    gauges: Vec<Gauge>,
    remarks: Vec<String>,
}

#[derive(Debug)]
struct Gauge {
    name: &'static str,
    help: &'static str,
    series: Vec<Series>,
}

#[derive(Debug)]
struct Series {
    labels: Vec<(&'static str, String)>,
    value: f64,
}

impl Gauges {
    /// Adds one without labels.
    pub(super) fn add(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.add_labelled(name, help, Vec::new(), value);
    }

    /// Adds a series; those of a name must come one after the other.
    pub(super) fn add_labelled(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: Vec<(&'static str, String)>,
        value: f64,
    ) {
        let series = Series { labels, value };
        match self.gauges.last_mut() {
            Some(last) if last.name == name => last.series.push(series),
            _ => self.gauges.push(Gauge {
                name,
                help,
                series: vec![series],
            }),
        }
    }

    /// Adds a comment.
    pub(super) fn remark(&mut self, text: &str) {
        // One that begins like this would be read as something else.
        let line: String = text
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .collect();
        self.remarks.push(format!("droplens: {line}"));
    }
}

impl fmt::Display for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for remark in &self.remarks {
            writeln!(f, "# {remark}")?;
        }
        for Gauge { name, help, series } in &self.gauges {
            writeln!(f, "# HELP {name} {help}\n# TYPE {name} gauge")?;
            for Series { labels, value } in series {
                f.write_str(name)?;
                for (place, (label, text)) in labels.iter().enumerate() {
                    let open = if place == 0 { '{' } else { ',' };
                    write!(f, "{open}{label}=\"{}\"", escaped(text))?;
                }
                let close = if labels.is_empty() { "" } else { "}" };
                writeln!(f, "{close} {value}")?;
            }
        }
        Ok(())
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\");
    text.replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_server_says_can_end_a_line_or_a_label() {
        let mut gauges = Gauges::default();
        gauges.remark("a\nprobe_success 1");
        gauges.add_labelled(
            "a",
            "Help.",
            vec![("x", "q\"\\\nb".into()), ("y", "2".into())],
            1.5,
        );
        gauges.add_labelled("a", "Help.", vec![("x", "2".into())], -1.0);
        gauges.add("b", "Help.", 0.0);
        assert_eq!(
            gauges.to_string(),
            "# droplens: a probe_success 1\n# HELP a Help.\n# TYPE a gauge\n\
             a{x=\"q\\\"\\\\\\nb\",y=\"2\"} 1.5\na{x=\"2\"} -1\n# HELP b Help.\n# TYPE b gauge\nb 0\n"
        );
    }
}
