//! Network devices.
