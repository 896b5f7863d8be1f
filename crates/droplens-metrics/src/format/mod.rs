//! The exposition formats and the choice between them.

mod negotiate;
mod rewrite;

pub(crate) use rewrite::rewrite;

/// An exposition format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The Prometheus text format 0.0.4, which every scraper understands.
    Text,
}

impl Format {
    /// The value of the `Content-Type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The format that a client's `Accept` header prefers; the text format if it does not say, or
    /// asks for something else.
    pub fn negotiate(accept: Option<&str>) -> Self {
        negotiate::negotiate(accept)
    }
}
