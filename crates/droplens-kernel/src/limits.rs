//! Sysctl limits.
