//! Limits as a map from their path below `/proc/sys` to their numbers.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserializer, Serializer};

use crate::sample::limits::Limit;

type Values = Vec<(Limit, Vec<u64>)>;

pub(crate) fn serialize<S: Serializer>(values: &Values, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(limit, values)| (limit.path(), values)))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Values, D::Error> {
    input.deserialize_map(Paths)
}

struct Paths;

impl<'de> Visitor<'de> for Paths {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from paths below /proc/sys to lists of numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
        let mut values = Values::new();
        while let Some((path, numbers)) = map.next_entry::<Cow<'_, str>, Vec<u64>>()? {
            // What this version does not know, it has no use for.
            values.extend(Limit::from_path(&path).map(|limit| (limit, numbers)));
        }
        Ok(values)
    }
}
