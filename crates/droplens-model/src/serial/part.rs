//! Parts of a sample that may be missing: `{"ok": ...}` or `{"failed": ...}`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Failure, Part, Reason};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written<T, F> {
    Ok(T),
    Failed(F),
}

pub(crate) fn serialize<T: Serialize, S: Serializer>(
    part: &Part<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match part {
        Ok(value) => Written::Ok(value),
        Err(failure) => Written::Failed(failure),
    }
    .serialize(serializer)
}

pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    input: D,
) -> Result<Part<T>, D::Error> {
    Ok(match Written::<T, Failure>::deserialize(input)? {
        Written::Ok(value) => Ok(value),
        Written::Failed(failure) => Err(failure),
    })
}

/// What stands for a part that the snapshot does not have at all.
pub(crate) fn missing<T>() -> Part<T> {
    Err(Failure {
        reason: Reason::Missing,
        detail: "not in the saved snapshot".to_owned(),
    })
}
