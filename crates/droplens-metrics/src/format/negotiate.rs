//! `Accept` headers (RFC 9110, section 12.5.1), as far as metrics need them.

use super::Format;

pub(super) fn negotiate(accept: Option<&str>) -> Format {
    let (mut open_metrics, mut text) = (Wish::default(), Wish::default());
    for range in accept.unwrap_or_default().split(',').map(Range::parse) {
        let (open_rank, text_rank) = range.ranks();
        open_metrics.consider(open_rank, range.quality);
        text.consider(text_rank, range.quality);
    }
    if open_metrics.quality > 0.0 && open_metrics.quality >= text.quality {
        Format::OpenMetrics
    } else {
        Format::Text
    }
}

/// How much a format is wanted: the most exact range that matches it decides.
#[derive(Clone, Copy, Debug, Default)]
struct Wish {
    rank: u8,
    quality: f32,
}

impl Wish {
    fn consider(&mut self, rank: u8, quality: f32) {
        if rank > self.rank {
            *self = Self { rank, quality };
        } else if rank > 0 && rank == self.rank {
            self.quality = self.quality.max(quality);
        }
    }
}

/// One media range of the header.
#[derive(Debug)]
struct Range<'h> {
    media: &'h str,
    version: Option<&'h str>,
    quality: f32,
}

impl<'h> Range<'h> {
    fn parse(text: &'h str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let mut range = Self {
            media: parts.next().unwrap_or_default(),
            version: None,
            quality: 1.0,
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "q" | "Q" => range.quality = quality(value),
                "version" => range.version = Some(value),
                _ => {}
            }
        }
        range
    }

    /// How exactly the range names OpenMetrics and the text format; 0 is not at all. A range for
    /// everything means text: only those who name OpenMetrics are known to read it.
    fn ranks(&self) -> (u8, u8) {
        let is = |media: &str| self.media.eq_ignore_ascii_case(media);
        let version = |ours: &str| self.version.is_none_or(|theirs| theirs == ours);
        if is("application/openmetrics-text") && version("1.0.0") {
            (1, 0)
        } else if is("text/plain") && version("0.0.4") {
            (0, 3)
        } else if is("text/*") {
            (0, 2)
        } else if is("*/*") {
            (0, 1)
        } else {
            (0, 0)
        }
    }
}

/// A quality between 0 and 1; what is not one counts as not wanted.
fn quality(text: &str) -> f32 {
    text.parse()
        .ok()
        .filter(|quality| (0.0..=1.0).contains(quality))
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const PROMETHEUS_2_42_PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const PROMETHEUS_3_5: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    const PROMETHEUS_3_5_PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    const PROMETHEUS_3_5_TEXT_ONLY: &str = "text/plain;version=0.0.4;q=0.6,*/*;q=0.5";
    const FIREFOX: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    #[test]
    fn real_clients_get_what_they_read() {
        for (accept, format) in [
            (None, Format::Text),
            (Some(""), Format::Text),
            (Some("*/*"), Format::Text),
            (Some(FIREFOX), Format::Text),
            (Some(PROMETHEUS_2_42), Format::OpenMetrics),
            (Some(PROMETHEUS_2_42_PROTOBUF), Format::OpenMetrics),
            (Some(PROMETHEUS_3_5), Format::OpenMetrics),
            (Some(PROMETHEUS_3_5_PROTOBUF), Format::OpenMetrics),
            (Some(PROMETHEUS_3_5_TEXT_ONLY), Format::Text),
        ] {
            assert_eq!(negotiate(accept), format, "{accept:?}");
        }
    }

    #[test]
    fn quality_and_version_decide() {
        for (accept, format) in [
            ("application/openmetrics-text", Format::OpenMetrics),
            (
                "Application/OpenMetrics-Text; version=\"1.0.0\" ; charset=utf-8",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text;version=0.0.1", Format::Text),
            ("application/openmetrics-text;q=0", Format::Text),
            (
                "application/openmetrics-text;q=0.1,text/plain;q=0",
                Format::OpenMetrics,
            ),
            (
                "application/openmetrics-text;q=0.3,text/plain;q=0.4",
                Format::Text,
            ),
            (
                "application/openmetrics-text;q=0.3,*/*;q=0.4,text/plain;version=0.0.4;q=0.2",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text;q=nonsense", Format::Text),
        ] {
            assert_eq!(negotiate(Some(accept)), format, "{accept}");
        }
    }

    #[test]
    fn content_types_are_exact() {
        assert_eq!(
            Format::OpenMetrics.content_type(),
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        assert_eq!(
            Format::Text.content_type(),
            "text/plain; version=0.0.4; charset=utf-8"
        );
    }

    proptest! {
        #[test]
        fn headers_without_openmetrics_get_text(accept in "[ -~]{0,80}") {
            prop_assume!(!accept.to_lowercase().contains("openmetrics"));
            prop_assert_eq!(negotiate(Some(&accept)), Format::Text);
        }
    }
}
