//! One module per source: its families, and the code that fills them.

use std::fmt;

use droplens_model::Source;

use crate::context::Context;
use crate::encoder::Encoder;
use crate::{Family, Selection};

pub(crate) mod agent;
mod driver;
mod ethtool;
mod limits;
mod links;
mod neighbours;
mod pressure;
mod process;
mod softnet;

/// The families of every source, the most important first: when the cap is reached, what comes
/// last is cut.
pub(crate) static ALL: &[&[&Family]] = &[
    agent::FAMILIES,
    crate::own::FAMILIES,
    process::FAMILIES,
    softnet::FAMILIES,
    links::FAMILIES,
    neighbours::FAMILIES,
    limits::FAMILIES,
    pressure::FAMILIES,
    ethtool::FAMILIES,
    driver::FAMILIES,
];

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
        Process: process;
        Softnet: softnet;
        Links: links;
        Neighbours: neighbours;
        Limits: limits;
        Pressure: pressure;
        Ethtool: ethtool;
        Driver: driver;
    }
    Ok(())
}
