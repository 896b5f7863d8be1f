//! Reading metrics back from the text formats.

use std::collections::BTreeMap;

/// One scrape: every series with its value.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    series: Vec<Series>,
    types: BTreeMap<String, String>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The name.
    pub name: String,
    /// The labels, in the order given.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: f64,
}

impl Series {
    fn has(&self, wanted: &[(&str, &str)]) -> bool {
        wanted
            .iter()
            .all(|(name, value)| self.label(name) == Some(value))
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Metrics {
    /// Parses text 0.0.4 or OpenMetrics, strictly enough to find nonsense.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut metrics = Self::default();
        for (number, line) in text.lines().enumerate() {
            let fault = |what: &str| format!("{what} in line {}: {line}", number + 1);
            if let Some(comment) = line.strip_prefix('#') {
                metrics.comment(comment).map_err(|what| fault(&what))?;
            } else if !line.is_empty() {
                metrics
                    .series
                    .push(series(line).ok_or_else(|| fault("not a series"))?);
            }
        }
        Ok(metrics)
    }

    fn comment(&mut self, comment: &str) -> Result<(), String> {
        let Some(rest) = comment.strip_prefix(" TYPE ") else {
            return Ok(());
        };
        let (name, kind) = rest.split_once(' ').ok_or("no type")?;
        match self.types.insert(name.to_owned(), kind.to_owned()) {
            Some(_) => Err(format!("a second TYPE for {name}")),
            None => Ok(()),
        }
    }

    /// Every series.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// Every series of this name with at least these labels.
    pub fn all<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a Series> {
        self.series
            .iter()
            .filter(move |series| series.name == name && series.has(labels))
    }

    /// The value of the one series of this name with these labels, `None` if there is none.
    ///
    /// # Panics
    ///
    /// When more than one fits.
    #[track_caller]
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut found = self.all(name, labels);
        let first = found.next()?;
        let more = found.count();
        assert_eq!(more, 0, "{more} more series than one are {name}{labels:?}");
        Some(first.value)
    }

    /// The value of the one series of this name with these labels.
    ///
    /// # Panics
    ///
    /// When there is none, or more than one.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.get(name, labels)
            .unwrap_or_else(|| panic!("no series {name}{labels:?}"))
    }

    /// The value of the one series of this name with these labels, as the whole number it is.
    ///
    /// # Panics
    ///
    /// When there is none, or more than one, or it is no whole number.
    #[track_caller]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        whole(self.value(name, labels))
            .unwrap_or_else(|| panic!("{name}{labels:?} is no whole number"))
    }

    /// The sum of all series of this name with at least these labels, as a whole number.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[track_caller]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let sum = self.all(name, labels).map(|series| series.value).sum();
        whole(sum).unwrap_or_else(|| panic!("the sum of {name}{labels:?} is no whole number"))
    }
}

/// A float as the whole number it is, as far as every whole number is exact in a float.
pub fn whole(value: f64) -> Option<u64> {
    let exact = (0.0..9.0e15).contains(&value) && value.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a whole number in the range of u64, as was just checked"
    )]
    exact.then_some(value as u64)
}

fn series(line: &str) -> Option<Series> {
    let name_end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(name_end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    let value = rest.strip_prefix(' ')?.split(' ').next()?;
    Some(Series {
        name: name.to_owned(),
        labels,
        value: value.parse().ok()?,
    })
}

type Labels = Vec<(String, String)>;

/// Parses what follows the opening brace; gives the labels and what follows the closing one.
fn labels(mut text: &str) -> Option<(Labels, &str)> {
    let mut labels = Vec::new();
    loop {
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once("=\"")?;
        let (value, rest) = quoted(rest)?;
        labels.push((name.to_owned(), value));
        text = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// Parses a label value after its opening quote; gives it and what follows the closing quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP a_total Things.\n# TYPE a_total counter\na_total{device=\"v0\",kind=\"x\"} 7\na_total{device=\"q\\\"\\\\,}\"} 1e3\n# TYPE b gauge\nb 0.5\nb_created 1 17\n# EOF\n";

    #[test]
    fn values_are_looked_up_by_name_and_labels() {
        let metrics = Metrics::parse(TEXT).unwrap();
        assert_eq!(metrics.count("a_total", &[("device", "v0")]), 7);
        assert_eq!(metrics.count("a_total", &[("device", "q\"\\,}")]), 1000);
        assert_eq!(metrics.count("b_created", &[]), 1);
        assert_eq!(metrics.get("b", &[]).map(whole), Some(None));
        assert_eq!(metrics.get("c", &[]), None);
        assert_eq!(metrics.sum("a_total", &[]), 1007);
    }

    #[test]
    #[should_panic(expected = "more series than one")]
    fn an_ambiguous_look_up_fails() {
        Metrics::parse(TEXT).unwrap().value("a_total", &[]);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "a",
            "a{b=\"c} 1",
            "a{b=c} 1",
            "a x",
            "# TYPE a gauge\n# TYPE a gauge",
        ] {
            assert!(Metrics::parse(bad).is_err(), "{bad}");
        }
    }
}
