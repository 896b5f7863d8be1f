//! The agent's own process.
