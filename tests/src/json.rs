//! Reading what `ip -j`, `tc -j` and `nstat -j` print.

use serde_json::Value;

/// Parses JSON.
///
/// # Panics
///
/// When it is none.
#[track_caller]
pub fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON: {error}: {text:.200}"))
}

/// A whole number at a JSON pointer such as `/0/stats64/rx/packets`.
///
/// # Panics
///
/// When there is none.
#[track_caller]
pub fn number(value: &Value, pointer: &str) -> u64 {
    value
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no whole number at {pointer} in {value}"))
}
