//! One module per source: its families, and the code that fills them.

use std::fmt;

use droplens_model::Source;

use crate::context::Context;
use crate::encoder::Encoder;
use crate::{Family, Selection};

pub(crate) mod agent;
mod links;
mod softnet;

/// The families of every source, the most important first: when the cap is reached, what comes
/// last is cut.
pub(crate) static ALL: &[&[&Family]] = &[agent::FAMILIES, softnet::FAMILIES, links::FAMILIES];

/// What has to be remembered from scrape to scrape.
#[derive(Debug, Default)]
pub(crate) struct Memory {}

/// Encodes every source that has a good reading and was asked for.
pub(crate) fn encode(
    context: &Context<'_>,
    selection: Selection,
    _memory: &mut Memory,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let snapshot = context.snapshot;
    macro_rules! sources {
        ($($source:ident: $field:ident;)+) => { $(
            if let Some(sample) = snapshot.$field.ok().filter(|_| selection.contains(Source::$source)) {
                $field::encode(sample, context, encoder)?;
            }
        )+ };
    }
    sources! {
        Softnet: softnet;
        Links: links;
    }
    Ok(())
}
