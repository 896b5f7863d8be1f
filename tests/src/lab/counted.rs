//! What the kernel counted, read by its own tools: the truth that droplens is compared with.

use super::Namespace;
use crate::json;

/// A counter as `nstat` names it, such as `IpOutRequests`, since the namespace was made.
pub fn nstat(namespace: &Namespace, name: &str) -> u64 {
    let all = json::parse(&namespace.sh("nstat -a -s -z --json"));
    json::number(&all, &format!("/kernel/{name}"))
}

/// Counts what a hook sees of a kind that `nft` describes, such as `udp dport 9000`.
#[derive(Debug)]
pub struct Counted<'a>(&'a Namespace);

impl<'a> Counted<'a> {
    /// Counts from now on, before any filter of the hook. One per namespace.
    pub fn at(namespace: &'a Namespace, hook: &str, what: &str) -> Self {
        namespace.nft(&format!(
            "add table inet truth
             add counter inet truth seen
             add chain inet truth c {{ type filter hook {hook} priority -50; }}
             add rule inet truth c {what} counter name seen"
        ));
        Self(namespace)
    }

    /// Packets seen until now.
    ///
    /// # Panics
    ///
    /// When the counter cannot be read.
    pub fn packets(&self) -> u64 {
        let listed = json::parse(&self.0.sh("nft -j list counter inet truth seen"));
        json::number(&listed, "/nftables/1/counter/packets")
    }
}
