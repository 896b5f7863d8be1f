//! Driver statistics.
