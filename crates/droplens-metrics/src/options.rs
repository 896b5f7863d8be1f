//! What the operator chooses about the exposition.

/// Which build of droplens is running.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// The version, such as `0.1.0`.
    pub version: String,
    /// The commit it was built from, empty if unknown.
    pub revision: String,
}

/// What the operator chooses about the exposition. Can be replaced while running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which build is running, for `droplens_build_info`.
    pub build: Build,
    /// Kinds of virtual devices that are shown as one: there may be a device per container, and
    /// their names mean nothing to a dashboard. Empty shows each device.
    pub fold_kinds: Vec<String>,
    /// The most series of one scrape; what is over is cut, most detailed families first.
    pub series_limit: u64,
    /// How many TCP listeners and UDP ports are shown one by one; the rest is added up as `other`.
    pub top_ports: usize,
    /// Whether the qdiscs of each transmit queue below `mq` and `mqprio` are shown, too.
    pub per_queue: bool,
    /// Whether every driver statistic is shown as the driver calls it.
    pub raw_driver: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            build: Build::default(),
            fold_kinds: ["veth", "tun", "netkit", "ipvlan", "macvlan", "nlmon"]
                .map(str::to_owned)
                .to_vec(),
            series_limit: 20_000,
            top_ports: 20,
            per_queue: false,
            raw_driver: false,
        }
    }
}
