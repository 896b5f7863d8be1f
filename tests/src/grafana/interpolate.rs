//! Variables of Grafana in a query.

/// What each variable is.
#[derive(Clone, Debug)]
pub struct Values(Vec<(&'static str, String)>);

impl Values {
    /// These.
    pub fn new(values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(values.into_iter().collect())
    }

    /// With another value of a variable, as Grafana writes several chosen ones for Prometheus: a
    /// regular expression whose own backslashes are in a string.
    #[must_use]
    pub fn choosing(mut self, name: &'static str, chosen: &[&str]) -> Self {
        let escaped: Vec<String> = chosen
            .iter()
            .map(|value| value.replace('.', "\\\\."))
            .collect();
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, format!("({})", escaped.join("|"))));
        self
    }

    /// The query with every `$name` and `${name}` replaced.
    ///
    /// # Panics
    ///
    /// When there is no such variable: Grafana would send it as it is.
    pub fn fill(&self, query: &str) -> String {
        let mut out = String::with_capacity(query.len());
        let mut rest = query;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let (name, tail) = name(after);
            let value = self.0.iter().find(|(known, _)| *known == name);
            let (_, value) = value.unwrap_or_else(|| panic!("no variable ${name} for {query}"));
            out.push_str(value);
            rest = tail;
        }
        out.push_str(rest);
        out
    }
}

/// The name after a dollar sign, and what follows it.
fn name(after: &str) -> (&str, &str) {
    if let Some((name, tail)) = after
        .strip_prefix('{')
        .and_then(|inside| inside.split_once('}'))
    {
        return (name, tail);
    }
    let end = after.find(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    after.split_at(end.unwrap_or(after.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_wherever_they_stand() {
        let values = Values::new([("job", ".+".to_owned()), ("__range", "60s".to_owned())]);
        assert_eq!(
            values.fill("a{job=~\"$job|\"}[$__range]${job}"),
            "a{job=~\".+|\"}[60s].+"
        );
        let chosen = values.choosing("job", &["a.b", "c"]);
        assert_eq!(chosen.fill("$job"), "(a\\\\.b|c)");
    }

    #[test]
    #[should_panic(expected = "no variable $other")]
    fn an_unknown_variable_is_told() {
        Values::new([]).fill("$other");
    }
}
