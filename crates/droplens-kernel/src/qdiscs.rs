//! Queueing disciplines and classes.
