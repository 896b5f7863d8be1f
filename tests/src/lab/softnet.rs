//! The receive work of the CPUs: counters and limits of the whole host.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::Namespace;

/// `/proc/net/softnet_stat` of all CPUs together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Softnet {
    /// Packets that did not fit into a backlog, those of the flow limit included.
    pub dropped: u64,
    /// Times that work was left when time or budget was used up.
    pub time_squeezed: u64,
    /// Packets dropped by the flow limit.
    pub flow_limit: u64,
}

impl Softnet {
    /// As it stands now.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/net/softnet_stat").expect("softnet_stat");
        let column = |column: usize| {
            let fields = text
                .lines()
                .filter_map(|line| line.split_whitespace().nth(column));
            fields
                .map(|field| u64::from_str_radix(field, 16).expect("hexadecimal"))
                .sum()
        };
        Self {
            dropped: column(1),
            time_squeezed: column(2),
            flow_limit: column(10),
        }
    }
}

/// Has the packets that a device receives handled by the second CPU, each passing so many rules
/// that it takes long. So the backlog of that CPU fills without touching any limit of the host.
///
/// # Panics
///
/// When that cannot be set up.
pub fn slow_receiver(namespace: &Namespace, device: &str) {
    const RULES: u32 = 3000;
    let steer =
        format!("mount -t sysfs t /sys && echo 2 > /sys/class/net/{device}/queues/rx-0/rps_cpus");
    namespace
        .run(Command::new("unshare").args(["--mount", "sh", "-c", &steer]))
        .success();
    let mut rules =
        String::from("table ip slow {\n chain c {\n  type filter hook prerouting priority 0;\n");
    for port in 0..RULES {
        let _ = writeln!(rules, "  udp dport {} counter", 20_000 + port);
    }
    namespace.nft(&format!("{rules} }}\n}}\n"));
}

/// Whether there is a second CPU.
pub fn has_two_cpus() -> bool {
    std::thread::available_parallelism().map_or(1, usize::from) >= 2
}
