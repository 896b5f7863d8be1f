//! What the standard library has no words for: clocks, socket options, control messages. The only
//! module with `unsafe`.

pub mod clock;
