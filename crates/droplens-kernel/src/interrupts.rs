//! Hardware interrupts.
