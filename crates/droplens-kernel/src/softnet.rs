//! Per-CPU receive work.
