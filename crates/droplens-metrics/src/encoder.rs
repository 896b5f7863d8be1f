//! Writes families and their series: no allocation per series, no empty families, and never more
//! series than the cap allows.

use std::fmt::{self, Write};
use std::net::IpAddr;

use droplens_model::sample::qdiscs::TcHandle;
use droplens_model::{CpuId, IfIndex, Name};
use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet,
    GaugeValueEncoder, LabelSetEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;

use crate::family::{Descriptor, Family, Kind};

/// A label's value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label<'l> {
    /// A word.
    Text(&'l str),
    /// A number.
    Number(u64),
    /// All devices of a virtual kind: `kind:veth`. No device can be called that, since the kernel
    /// allows no colon in a device's name.
    DevicesOf(&'l str),
    /// A device whose name is not known, since the device list cannot be read.
    Unnamed(IfIndex),
    /// A traffic control handle, as `tc` prints it.
    Handle(TcHandle),
    /// Something that has a number for a name: `handle 7`.
    Numbered(&'static str, u64),
    /// An address.
    Address(IpAddr),
}

impl<'l> From<&'l str> for Label<'l> {
    fn from(text: &'l str) -> Self {
        Self::Text(text)
    }
}

impl<'l> From<&'l Name> for Label<'l> {
    fn from(name: &'l Name) -> Self {
        Self::Text(name)
    }
}

impl From<IpAddr> for Label<'_> {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl From<CpuId> for Label<'_> {
    fn from(cpu: CpuId) -> Self {
        Self::Number(u64::from(cpu.0))
    }
}

impl From<u16> for Label<'_> {
    fn from(number: u16) -> Self {
        Self::Number(u64::from(number))
    }
}

impl Label<'_> {
    fn write(self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Number(number) => write!(out, "{number}"),
            Self::DevicesOf(kind) => {
                out.write_str("kind:")?;
                out.write_str(kind)
            }
            Self::Unnamed(index) => write!(out, "ifindex:{index}"),
            Self::Handle(handle) => write!(out, "{handle}"),
            Self::Numbered(what, number) => write!(out, "{what} {number}"),
            Self::Address(address) => write!(out, "{address}"),
        }
    }
}

/// A sample's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// A whole number, as every kernel counter is.
    Whole(u64),
    /// A whole number that may be negative.
    Signed(i64),
    /// Seconds and rates.
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Whole(u64::from(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(u64::from(value))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<std::time::Duration> for Value {
    fn from(value: std::time::Duration) -> Self {
        Self::Real(value.as_secs_f64())
    }
}

impl From<i128> for Value {
    fn from(value: i128) -> Self {
        u64::try_from(value).map_or_else(
            |_| i64::try_from(value).map_or(Self::Real(value as f64), Self::Signed),
            Self::Whole,
        )
    }
}

impl EncodeCounterValue for Value {
    fn encode(&self, encoder: &mut CounterValueEncoder) -> fmt::Result {
        match *self {
            Self::Whole(value) => EncodeCounterValue::encode(&value, encoder),
            Self::Signed(value) => EncodeCounterValue::encode(&(value as f64), encoder),
            Self::Real(value) => EncodeCounterValue::encode(&value, encoder),
        }
    }
}

impl EncodeGaugeValue for Value {
    fn encode(&self, encoder: &mut GaugeValueEncoder) -> fmt::Result {
        match *self {
            Self::Whole(value) => EncodeGaugeValue::encode(&value, encoder),
            Self::Signed(value) => value.encode(encoder),
            Self::Real(value) => EncodeGaugeValue::encode(&value, encoder),
        }
    }
}

/// A histogram with classic buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Histogram<'h> {
    /// The sum of all values.
    pub(crate) sum: f64,
    /// How many values there are.
    pub(crate) count: u64,
    /// The upper bound of each bucket, rising to infinity, and how many values are in it and in no lower one.
    pub(crate) buckets: &'h [(f64, u64)],
}

/// Shorthand for the cells of a [`Encoder::table`] row.
#[expect(clippy::unnecessary_wraps, reason = "cells of a row are optional")]
pub(crate) fn cell(value: impl Into<Value>) -> Option<Value> {
    Some(value.into())
}

/// Shorthand for the cells of a [`Encoder::table`] row that this kernel may not tell.
pub(crate) fn maybe(value: Option<impl Into<Value>>) -> Option<Value> {
    value.map(Into::into)
}

/// How many series were written and cut in one scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Written.
    pub(crate) written: u64,
    /// Not written, since the cap was reached.
    pub(crate) cut: u64,
}

/// Writes families.
#[derive(Debug)]
pub(crate) struct Encoder<'a> {
    descriptors: DescriptorEncoder<'a>,
    limit: u64,
    count: Count,
}

impl<'a> Encoder<'a> {
    /// An encoder that writes at most `limit` series.
    pub(crate) fn new(descriptors: DescriptorEncoder<'a>, limit: u64) -> Self {
        Self {
            descriptors,
            limit,
            count: Count::default(),
        }
    }

    /// What was written so far.
    pub(crate) const fn count(&self) -> Count {
        self.count
    }

    /// Lifts the cap, for the few series that tell about it.
    pub(crate) const fn lift_limit(&mut self) {
        self.limit = u64::MAX;
    }

    /// Writes one family; `fill` pushes its series. Without any, nothing is written.
    pub(crate) fn family(
        &mut self,
        descriptor: Descriptor<'_>,
        fill: impl FnOnce(&mut Series<'_, 'a>) -> fmt::Result,
    ) -> fmt::Result {
        let mut series = Series {
            descriptor,
            target: Target::Unopened(&mut self.descriptors),
            limit: self.limit,
            count: &mut self.count,
        };
        fill(&mut series)
    }

    /// Writes a family of one series without labels.
    pub(crate) fn single(&mut self, family: &Family, value: impl Into<Value>) -> fmt::Result {
        let value = value.into();
        self.family(family.descriptor(), |series| series.push([], value))
    }

    /// Writes a family from labels and values.
    pub(crate) fn series<'l, const L: usize, V: Into<Value>>(
        &mut self,
        family: &Family,
        rows: impl IntoIterator<Item = ([Label<'l>; L], V)>,
    ) -> fmt::Result {
        self.family(family.descriptor(), |series| {
            rows.into_iter()
                .try_for_each(|(labels, value)| series.push(labels, value))
        })
    }

    /// Writes several families with the same labels from rows: each row has one cell for each
    /// family, empty where there is no value.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an iterator, cloned for each family"
    )]
    pub(crate) fn table<'l, const L: usize, const F: usize>(
        &mut self,
        families: [&Family; F],
        rows: impl Iterator<Item = ([Label<'l>; L], [Option<Value>; F])> + Clone,
    ) -> fmt::Result {
        for (column, family) in families.into_iter().enumerate() {
            self.family(family.descriptor(), |series| {
                for (labels, cells) in rows.clone() {
                    if let Some(value) = cells.get(column).copied().flatten() {
                        series.push(labels, value)?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// The series of the family being written.
#[derive(Debug)]
pub(crate) struct Series<'s, 'a> {
    descriptor: Descriptor<'s>,
    target: Target<'s, 'a>,
    limit: u64,
    count: &'s mut Count,
}

#[derive(Debug)]
enum Target<'s, 'a> {
    Unopened(&'s mut DescriptorEncoder<'a>),
    Opening,
    Open(MetricEncoder<'s>),
}

impl<'s> Series<'s, '_> {
    /// Writes one series; the labels are the values of the family's labels, in its order.
    pub(crate) fn push<const L: usize>(
        &mut self,
        labels: [Label<'_>; L],
        value: impl Into<Value>,
    ) -> fmt::Result {
        let Descriptor {
            kind,
            labels: names,
            ..
        } = self.descriptor;
        let Some(metric) = self.room(1, L)? else {
            return Ok(());
        };
        let value = value.into();
        let labels = Labels {
            names,
            values: &labels,
        };
        match kind {
            Kind::Info => metric.encode_info(&labels),
            kind if L == 0 => write_value(metric, kind, value),
            kind => write_value(&mut metric.encode_family(&labels)?, kind, value),
        }
    }

    /// Writes one information with labels that only it has, after those of the family.
    pub(crate) fn push_info_with<const L: usize>(
        &mut self,
        labels: [Label<'_>; L],
        more: &[(&str, Label<'_>)],
    ) -> fmt::Result {
        debug_assert_eq!(self.descriptor.kind, Kind::Info);
        let names = self.descriptor.labels;
        let Some(metric) = self.room(1, L)? else {
            return Ok(());
        };
        let values = labels.iter().copied();
        let own = names.iter().copied().zip(values);
        let (names, values): (Vec<_>, Vec<_>) = own.chain(more.iter().copied()).unzip();
        metric.encode_info(&Labels {
            names: &names,
            values: &values,
        })
    }

    /// Writes one histogram: all of its series or, if the cap has no room for them, none.
    pub(crate) fn push_histogram<const L: usize>(
        &mut self,
        labels: [Label<'_>; L],
        histogram: Histogram<'_>,
    ) -> fmt::Result {
        let names = self.descriptor.labels;
        let Histogram {
            sum,
            count,
            buckets,
        } = histogram;
        // The sum and the count are series, too.
        let series = buckets.len() as u64 + 2;
        let Some(metric) = self.room(series, L)? else {
            return Ok(());
        };
        let labels = Labels {
            names,
            values: &labels,
        };
        let mut metric = metric.encode_family(&labels)?;
        metric.encode_histogram::<NoLabelSet>(sum, count, buckets, None)
    }

    /// Where to write so many more series with so many labels; none if the cap has no room for
    /// all of them.
    fn room(
        &mut self,
        series: u64,
        labels: usize,
    ) -> Result<Option<&mut MetricEncoder<'s>>, fmt::Error> {
        let Descriptor {
            name,
            labels: names,
            ..
        } = self.descriptor;
        debug_assert_eq!(labels, names.len(), "{name}");
        if self.count.written.saturating_add(series) > self.limit {
            self.count.cut += series;
            return Ok(None);
        }
        self.count.written += series;
        self.open()?;
        match &mut self.target {
            Target::Open(metric) => Ok(Some(metric)),
            Target::Unopened(_) | Target::Opening => Err(fmt::Error),
        }
    }

    /// Writes the family's description before its first series.
    fn open(&mut self) -> fmt::Result {
        let target = std::mem::replace(&mut self.target, Target::Opening);
        self.target = match target {
            Target::Unopened(descriptors) => {
                let Descriptor {
                    name, kind, help, ..
                } = self.descriptor;
                let (name, kind) = match kind {
                    Kind::Counter => (stem(name, "_total"), MetricType::Counter),
                    Kind::Gauge => (name, MetricType::Gauge),
                    Kind::Histogram => (name, MetricType::Histogram),
                    Kind::Info => (stem(name, "_info"), MetricType::Info),
                    Kind::Unknown => (name, MetricType::Unknown),
                };
                Target::Open(descriptors.encode_descriptor(name, help, None, kind)?)
            }
            opened => opened,
        };
        Ok(())
    }
}

/// The family's name in OpenMetrics, which gives the suffix back to each series.
fn stem<'n>(name: &'n str, suffix: &str) -> &'n str {
    name.strip_suffix(suffix).unwrap_or(name)
}

fn write_value(metric: &mut MetricEncoder<'_>, kind: Kind, value: Value) -> fmt::Result {
    match kind {
        Kind::Counter => metric.encode_counter::<NoLabelSet, _, f64>(&value, None),
        Kind::Gauge | Kind::Info | Kind::Unknown => metric.encode_gauge(&value),
        // It has more than one value: `Series::push_histogram`.
        Kind::Histogram => Err(fmt::Error),
    }
}

#[derive(Debug)]
struct Labels<'l> {
    names: &'l [&'l str],
    values: &'l [Label<'l>],
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        for (name, value) in self.names.iter().zip(self.values) {
            let mut label = encoder.encode_label();
            let mut key = label.encode_label_key()?;
            key.write_str(name)?;
            let mut out = key.encode_label_value()?;
            value.write(&mut out)?;
            out.finish()?;
        }
        Ok(())
    }
}
