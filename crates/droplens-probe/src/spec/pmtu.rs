//! The largest packet that gets through.

/// A search for the path MTU (RFC 8899).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PmtuSpec {
    /// The largest size that is tried, in bytes with the IP header; none: the MTU of the route.
    pub most: Option<u32>,
}
