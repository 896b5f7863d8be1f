//! Names that stand for many targets.

use std::collections::BTreeMap;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::RData;

use super::Reporter;
use super::group::Group;
use crate::config::{DnsDiscovery, Lookup, MOST_TARGETS};

/// Lookups of one name end after this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Follows the names. A name that cannot be looked up keeps the targets it had.
pub(super) async fn follow(place: DnsDiscovery, reporter: Reporter) {
    let mut known: BTreeMap<String, Group> = BTreeMap::new();
    let mut ticks = tokio::time::interval(place.refresh.0);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut failures = Vec::new();
        for name in &place.names {
            let looked_up = tokio::time::timeout(PATIENCE, look_up(&place, &name.0)).await;
            match looked_up.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}"))) {
                Ok(targets) => {
                    let group = Group {
                        targets,
                        labels: BTreeMap::new(),
                    };
                    known.insert(name.0.to_string(), group);
                }
                Err(why) => failures.push(format!("{}: {why}", name.0)),
            }
        }
        let failure = (!failures.is_empty()).then(|| failures.join("; "));
        if !reporter.tell(Some(known.values().cloned().collect()), failure) {
            return;
        }
    }
}

async fn look_up(place: &DnsDiscovery, name: &str) -> Result<Vec<String>, String> {
    let told = |error: hickory_resolver::net::NetError| error.to_string();
    // Made anew, so that a changed resolv.conf counts and nothing is kept beyond the refresh.
    let mut builder = TokioResolver::builder_tokio().map_err(told)?;
    builder.options_mut().cache_size = 0;
    let resolver = builder.build().map_err(told)?;
    let found = match place.lookup {
        Lookup::Services => resolver.srv_lookup(name).await,
        Lookup::Ipv4 => resolver.ipv4_lookup(name).await,
        Lookup::Ipv6 => resolver.ipv6_lookup(name).await,
    };
    let found = found.map_err(told)?;
    let records = found.answers().iter().map(|record| &record.data);
    let port = place.port.map(|port| port.0);
    let mut targets: Vec<String> = records
        .filter_map(|data| target(data, port))
        .take(MOST_TARGETS)
        .collect();
    targets.sort_unstable();
    targets.dedup();
    Ok(targets)
}

/// The target that a record names; none for records of other types, such as aliases on the way.
fn target(data: &RData, port: Option<u16>) -> Option<String> {
    match data {
        RData::SRV(service) => {
            let host = service.target.to_ascii();
            let host = host.strip_suffix('.').unwrap_or(&host);
            // A root as target says that there is no such service (RFC 2782).
            (!host.is_empty()).then(|| format!("{host}:{}", port.unwrap_or(service.port)))
        }
        RData::A(address) => Some(port.map_or_else(
            || address.0.to_string(),
            |port| format!("{}:{port}", address.0),
        )),
        RData::AAAA(address) => Some(port.map_or_else(
            || address.0.to_string(),
            |port| format!("[{}]:{port}", address.0),
        )),
        _ => None,
    }
}
