//! Softirqs per CPU.
