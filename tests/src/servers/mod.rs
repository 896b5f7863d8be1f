//! Servers that answer as a test wants. Each lives in a namespace and ends with its value.

pub mod http;
pub mod identity;
pub mod tls;
pub mod web;
