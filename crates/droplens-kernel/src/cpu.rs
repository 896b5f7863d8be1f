//! Softirq, interrupt and steal time per CPU.
