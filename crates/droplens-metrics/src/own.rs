//! The agent's own state: ordinary metrics that the binary keeps up to date itself.
//!
//! Their families stand here with all the others; the binary puts the metrics that fill them into
//! the same registry with [`register`].

use prometheus_client::registry::{Metric, Registry};

use crate::{Bound, Family, Kind, Origin};

const fn counter(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    bound: Bound,
) -> Family {
    Family {
        name,
        kind: Kind::Counter,
        help,
        labels,
        bound,
        origin: Origin::Agent,
    }
}

/// Requests answered, by page and status.
pub static HTTP_REQUESTS: Family = counter(
    "droplens_http_requests_total",
    "HTTP requests answered, by page and status code.",
    &["handler", "code"],
    Bound::Rule("pages x status codes"),
);
/// Open connections.
pub static HTTP_CONNECTIONS: Family = Family {
    name: "droplens_http_connections",
    kind: Kind::Gauge,
    help: "HTTP connections open now.",
    labels: &[],
    bound: Bound::Constant(1),
    origin: Origin::Agent,
};
/// Connections refused because all others were busy.
pub static HTTP_CONNECTIONS_REFUSED: Family = counter(
    "droplens_http_connections_refused_total",
    "HTTP connections refused because web.max_connections was reached and none was idle.",
    &[],
    Bound::Constant(1),
);
/// Whether targets of probes could be discovered.
pub static DISCOVERY_UP: Family = Family {
    name: "droplens_discovery_up",
    kind: Kind::Gauge,
    help: "Whether the newest attempt to discover targets for this probe worked (1); if not, the last list is kept (0). Several sources of a kind are taken together.",
    labels: &["probe", "source"],
    bound: Bound::Rule("discovery tables"),
    origin: Origin::Agent,
};
/// Targets of probes that were discovered.
pub static DISCOVERY_TARGETS: Family = Family {
    name: "droplens_discovery_targets",
    kind: Kind::Gauge,
    help: "Targets that were discovered for this probe, before those that cannot be probed are left out.",
    labels: &["probe", "source"],
    bound: Bound::Rule("discovery tables"),
    origin: Origin::Agent,
};
/// Reloads of the configuration.
pub static CONFIG_RELOADS: Family = counter(
    "droplens_config_reloads_total",
    "Times the configuration was to be reloaded.",
    &[],
    Bound::Constant(1),
);
/// Reloads that failed.
pub static CONFIG_RELOAD_FAILURES: Family = counter(
    "droplens_config_reload_failures_total",
    "Times a reload found the configuration wrong and changed nothing.",
    &[],
    Bound::Constant(1),
);

/// The families above.
pub(crate) static FAMILIES: &[&Family] = &[
    &HTTP_REQUESTS,
    &HTTP_CONNECTIONS,
    &HTTP_CONNECTIONS_REFUSED,
    &DISCOVERY_UP,
    &DISCOVERY_TARGETS,
    &CONFIG_RELOADS,
    &CONFIG_RELOAD_FAILURES,
];

/// Puts the metric that fills one of the families into the registry.
pub fn register(registry: &mut Registry, family: &Family, metric: impl Metric) {
    let name = family.name.strip_suffix("_total").unwrap_or(family.name);
    // The registry ends the help text with a full stop of its own.
    let help = family.help.strip_suffix('.').unwrap_or(family.help);
    registry.register(name, help, metric);
}
