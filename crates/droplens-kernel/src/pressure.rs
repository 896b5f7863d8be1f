//! Pressure stall information.
