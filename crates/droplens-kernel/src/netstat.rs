//! Protocol counters by group and key.
