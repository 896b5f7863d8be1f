//! Durations that may be unknown, as whole nanoseconds or null.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

use super::nanoseconds;

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(crate) fn serialize<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => nanoseconds::serialize(time, serializer),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<u64>::deserialize(input)?.map(Duration::from_nanos))
}
