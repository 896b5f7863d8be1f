//! The little of `PromQL` that a dashboard has to know: which series a query selects, and over which
//! windows.

/// What every selector of a dashboard must match, so that its variables work.
const MATCHERS: &str = "job=~\"$job\",instance=~\"$instance\"";

/// The same for alerts, some of which are about a whole job and have no instance.
const ALERT_MATCHERS: &str = "job=~\"$job|\",instance=~\"$instance|\"";

/// A selector as it stands in a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selector<'q> {
    /// The name of the series.
    pub(super) name: &'q str,
    /// What is between the braces; empty if there are none.
    pub(super) matchers: &'q str,
}

/// The query with the dashboard's job and instance matched in every selector.
pub(super) fn matched(query: &str) -> String {
    let mut out = String::with_capacity(query.len() * 2);
    let mut copied = 0;
    for (at, token) in tokens(query) {
        let Token::Word(name) = token else { continue };
        if !is_series(name) {
            continue;
        }
        let end = at + name.len();
        let tail = query.get(end..).unwrap_or_default();
        out.push_str(query.get(copied..end).unwrap_or_default());
        out.push('{');
        out.push_str(match name {
            "ALERTS" => ALERT_MATCHERS,
            _ => MATCHERS,
        });
        copied = if let Some(inside) = tail.strip_prefix('{') {
            if !inside.starts_with('}') {
                out.push(',');
            }
            end + 1
        } else {
            out.push('}');
            end
        };
    }
    out.push_str(query.get(copied..).unwrap_or_default());
    out
}

/// The sums by a label that are not 0, or while there are none, a word in its place with 0: naming all that
/// did not happen would be a legend that nobody can read. `of` is what is kept of each besides.
pub(super) fn some_or(word: &str, label: &str, of: &str, values: &str) -> String {
    let by = [of, label]
        .iter()
        .filter(|by| !by.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        "sum by ({by}) ({values}) > 0 or label_replace(sum by ({of}) ({values}) == 0, \"{label}\", \"{word}\", \"\", \"\")"
    )
}

/// Every selector of a query.
pub(super) fn selectors(query: &str) -> Vec<Selector<'_>> {
    let tokens = tokens(query);
    let next = tokens.iter().skip(1).map(|(_, token)| Some(*token));
    let pairs = tokens.iter().zip(next.chain([None]));
    pairs
        .filter_map(|((_, token), next)| {
            let Token::Word(name) = *token else {
                return None;
            };
            let matchers = match next {
                Some(Token::Braces(matchers)) => matchers,
                _ => "",
            };
            is_series(name).then_some(Selector { name, matchers })
        })
        .collect()
}

/// Every window of a query, with the function it is given to: `("rate", "$__rate_interval")`.
pub(super) fn windows(query: &str) -> Vec<(&str, &str)> {
    let mut functions = Vec::new();
    let mut word = "";
    let mut found = Vec::new();
    for (_, token) in tokens(query) {
        match token {
            Token::Word(name) => word = name,
            Token::Open => functions.push(word),
            Token::Close => {
                functions.pop();
            }
            Token::Window(window) => {
                found.push((functions.last().copied().unwrap_or_default(), window));
            }
            Token::Braces(_) => {}
        }
    }
    found
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'q> {
    Word(&'q str),
    /// What is between braces.
    Braces(&'q str),
    /// What is between brackets.
    Window(&'q str),
    Open,
    Close,
}

/// The words, braces, brackets and parentheses of a query, with where they begin.
fn tokens(query: &str) -> Vec<(usize, Token<'_>)> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(char) = rest.chars().next() {
        let at = query.len() - rest.len();
        let (token, length) = match char {
            '{' => enclosed(rest, '}').map_or((None, 1), |(inside, length)| {
                (Some(Token::Braces(inside)), length)
            }),
            '[' => enclosed(rest, ']').map_or((None, 1), |(inside, length)| {
                (Some(Token::Window(inside)), length)
            }),
            '(' => (Some(Token::Open), 1),
            ')' => (Some(Token::Close), 1),
            '"' => (None, string(rest)),
            _ if is_of_word(char) => {
                let length = rest.find(|char| !is_of_word(char)).unwrap_or(rest.len());
                (rest.get(..length).map(Token::Word), length)
            }
            _ => (None, char.len_utf8()),
        };
        found.extend(token.map(|token| (at, token)));
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

fn is_of_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | ':' | '$')
}

/// What stands between the first character and the closing one, strings skipped, and the length
/// of all.
fn enclosed(text: &str, close: char) -> Option<(&str, usize)> {
    let mut quoted = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            '"' => quoted = !quoted,
            _ if char == close && !quoted => {
                return text.get(1..at).map(|inside| (inside, at + 1));
            }
            _ => {}
        }
    }
    None
}

/// The length of the string that the text begins with. Dashboards need no escaped quotes.
fn string(text: &str) -> usize {
    let end = text.char_indices().skip(1).find(|(_, char)| *char == '"');
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// Whether a word names series rather than a function, a label or a number.
fn is_series(word: &str) -> bool {
    matches!(word, "up" | "ALERTS") || word.starts_with("droplens_") || word.starts_with("process_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selector_gets_the_matchers() {
        for (query, expected) in [
            ("up", "up{job=~\"$job\",instance=~\"$instance\"}"),
            (
                "sum by (up_to) (rate(droplens_a_total{b=\"droplens_c\"}[$__rate_interval])) / droplens_d{}",
                "sum by (up_to) (rate(droplens_a_total{job=~\"$job\",instance=~\"$instance\",b=\"droplens_c\"}[$__rate_interval])) / droplens_d{job=~\"$job\",instance=~\"$instance\"}",
            ),
            (
                "ALERTS{alertstate=\"firing\"}",
                "ALERTS{job=~\"$job|\",instance=~\"$instance|\",alertstate=\"firing\"}",
            ),
        ] {
            assert_eq!(matched(query), expected);
        }
    }

    #[test]
    fn a_word_stands_for_what_did_not_happen() {
        assert_eq!(
            some_or("none", "target", "", "x"),
            "sum by (target) (x) > 0 or label_replace(sum by () (x) == 0, \"target\", \"none\", \"\", \"\")"
        );
        assert_eq!(
            some_or("no loss", "cause", "instance", "x"),
            "sum by (instance, cause) (x) > 0 or label_replace(sum by (instance) (x) == 0, \"cause\", \"no loss\", \"\", \"\")"
        );
    }

    #[test]
    fn selectors_are_found_with_what_they_match() {
        let query = "rate(droplens_a_total[5m]) + on (job) group_left up{x=\"}\"}";
        let found: Vec<_> = selectors(query)
            .iter()
            .map(|selector| (selector.name, selector.matchers))
            .collect();
        assert_eq!(found, [("droplens_a_total", ""), ("up", "x=\"}\"")]);
    }

    #[test]
    fn windows_are_found_with_their_functions() {
        let query = "sum(rate(a_total{b=\"c\"}[$__rate_interval])) / increase(d_total[$__range]) + max_over_time(e[5m:1m])";
        assert_eq!(
            windows(query),
            [
                ("rate", "$__rate_interval"),
                ("increase", "$__range"),
                ("max_over_time", "5m:1m")
            ]
        );
    }
}
