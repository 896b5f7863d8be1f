//! From what the registry writes to what the formats demand.
//!
//! `prometheus-client` writes OpenMetrics 1.0 only, does not escape help texts, and leaves a comma
//! behind constant labels without others. The text format 0.0.4 differs by little, line by line.

use super::Format;

/// Appends the registry's output to `out` in the given format.
pub(crate) fn rewrite(registry: &str, format: Format, out: &mut String) {
    out.reserve(registry.len() + registry.len() / 8);
    let mut help = None;
    for line in registry.lines() {
        match Line::of(line) {
            Line::Help { name, text } => help = Some((name, text)),
            Line::Type { name, kind } => {
                let family = FamilyLine::new(name, kind, format);
                if let Some((_, text)) = help.take().filter(|(of, _)| *of == name) {
                    family.help(text, format, out);
                }
                family.kind(out);
            }
            Line::Comment(comment) => {
                if format == Format::OpenMetrics {
                    push(out, &[comment, "\n"]);
                }
            }
            Line::Sample(sample) => self::sample(sample, format, out),
        }
    }
}

enum Line<'l> {
    Help {
        name: &'l str,
        text: &'l str,
    },
    Type {
        name: &'l str,
        kind: &'l str,
    },
    /// `# UNIT` and `# EOF`, which the text format does not know.
    Comment(&'l str),
    Sample(&'l str),
}

impl<'l> Line<'l> {
    fn of(line: &'l str) -> Self {
        let Some(comment) = line.strip_prefix("# ") else {
            return Self::Sample(line);
        };
        let named = |rest: &'l str| rest.split_once(' ').unwrap_or((rest, ""));
        if let Some((name, text)) = comment.strip_prefix("HELP ").map(named) {
            Self::Help { name, text }
        } else if let Some((name, kind)) = comment.strip_prefix("TYPE ").map(named) {
            Self::Type { name, kind }
        } else {
            Self::Comment(line)
        }
    }
}

/// Name and type of a family, as one format writes them.
struct FamilyLine<'l> {
    name: &'l str,
    suffix: &'static str,
    kind: &'l str,
}

impl<'l> FamilyLine<'l> {
    fn new(name: &'l str, kind: &'l str, format: Format) -> Self {
        let (suffix, kind) = match (format, kind) {
            (Format::Text, "counter") => ("_total", kind),
            (Format::Text, "info") => ("_info", "gauge"),
            (Format::Text, "unknown") => ("", "untyped"),
            _ => ("", kind),
        };
        Self { name, suffix, kind }
    }

    fn help(&self, text: &str, format: Format, out: &mut String) {
        push(out, &["# HELP ", self.name, self.suffix, " "]);
        for character in text.chars() {
            match (character, format) {
                ('\\', _) => out.push_str(r"\\"),
                ('"', Format::OpenMetrics) => out.push_str("\\\""),
                (other, _) => out.push(other),
            }
        }
        out.push('\n');
    }

    fn kind(&self, out: &mut String) {
        push(
            out,
            &["# TYPE ", self.name, self.suffix, " ", self.kind, "\n"],
        );
    }
}

fn sample(line: &str, format: Format, out: &mut String) {
    let (head, value) = split_labels(line);
    let head = head
        .strip_suffix(",}")
        .map_or((head, ""), |labels| (labels, "}"));
    let value = match format {
        Format::OpenMetrics => value,
        Format::Text => value.split_once(" # ").map_or(value, |(value, _)| value),
    };
    push(out, &[head.0, head.1, value, "\n"]);
}

/// Splits a sample into name with labels, and the rest with the leading space.
fn split_labels(line: &str) -> (&str, &str) {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b' ' if !quoted => return line.split_at(at),
            _ => {}
        }
    }
    (line, "")
}

fn push(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rewritten(registry: &str, format: Format) -> String {
        let mut out = String::new();
        rewrite(registry, format, &mut out);
        out
    }

    const REGISTRY: &str = "\
# HELP a_requests Requests of \"all\" kinds\\paths.
# TYPE a_requests counter
a_requests_total{path=\"/ # {x} \\\" }\"} 3 # {trace=\"1\"} 0.5
a_requests_total{c=\"1\",} 4
# HELP a_build Build.
# TYPE a_build info
a_build_info{version=\"1\"} 1
# HELP a_wait_seconds Wait.
# TYPE a_wait_seconds histogram
# UNIT a_wait_seconds seconds
a_wait_seconds_sum 1.5
a_wait_seconds_count 2
a_wait_seconds_bucket{le=\"+Inf\"} 2
# HELP a_thing Thing.
# TYPE a_thing unknown
a_thing 1
# EOF
";

    #[test]
    fn text_is_0_0_4() {
        let expected = "\
# HELP a_requests_total Requests of \"all\" kinds\\\\paths.
# TYPE a_requests_total counter
a_requests_total{path=\"/ # {x} \\\" }\"} 3
a_requests_total{c=\"1\"} 4
# HELP a_build_info Build.
# TYPE a_build_info gauge
a_build_info{version=\"1\"} 1
# HELP a_wait_seconds Wait.
# TYPE a_wait_seconds histogram
a_wait_seconds_sum 1.5
a_wait_seconds_count 2
a_wait_seconds_bucket{le=\"+Inf\"} 2
# HELP a_thing Thing.
# TYPE a_thing untyped
a_thing 1
";
        assert_eq!(rewritten(REGISTRY, Format::Text), expected);
    }

    #[test]
    fn openmetrics_is_repaired_and_otherwise_left_alone() {
        let expected = REGISTRY
            .replace("\"all\" kinds\\paths", "\\\"all\\\" kinds\\\\paths")
            .replace("\"1\",}", "\"1\"}");
        assert_eq!(rewritten(REGISTRY, Format::OpenMetrics), expected);
    }

    proptest! {
        #[test]
        fn label_values_survive(value in "[ -~]{0,30}") {
            let escaped = value.replace('\\', r"\\").replace('"', "\\\"");
            let line = format!("a{{l=\"{escaped}\"}} 1\n");
            prop_assert_eq!(rewritten(&line, Format::Text), line.clone());
            prop_assert_eq!(rewritten(&line, Format::OpenMetrics), line);
        }
    }
}
