//! Connection tracking.

mod statistics;

use std::path::PathBuf;

use droplens_model::sample::conntrack::{Conntrack, ConntrackCpu};
use droplens_model::wrap::Unwrapper;
use droplens_model::{CpuId, Failure, Part, Reason, Source};
use neli::consts::socket::NlFamily;

use self::statistics::{COUNTERS, NFGENMSG, RawCpu, unwrap};
use crate::error::ParseError;
use crate::netlink::{LazyNetlink, Request};
use crate::{FileReader, ReadError, Reader, Root, text};

/// `NFNL_SUBSYS_CTNETLINK`.
const NFNL_SUBSYS_CTNETLINK: u16 = 1;
/// `IPCTNL_MSG_CT_GET_STATS_CPU`, as the type of a message.
const GET_STATS_CPU: u16 = NFNL_SUBSYS_CTNETLINK << 8 | 4;

/// Reads entries and limits from /proc/sys and the statistics from ctnetlink, or from
/// /proc/net/stat where ctnetlink does not answer.
///
/// No module is ever loaded by asking: without `nf_conntrack` nothing is asked, and ctnetlink is
/// asked only where `nf_conntrack_netlink` is loaded or built in.
#[derive(Debug)]
pub struct ConntrackReader {
    entries: FileReader,
    limit: FileReader,
    buckets: FileReader,
    expectations_limit: FileReader,
    proc: FileReader,
    modules: PathBuf,
    netlink: LazyNetlink,
    request: Request,
    unwrapper: Unwrapper<CpuId, COUNTERS>,
}

impl ConntrackReader {
    /// A reader; nothing is opened before the first reading.
    pub fn new(root: &Root) -> Self {
        let sysctl = |name| {
            let file = root.proc("sys/net/netfilter").join(name);
            FileReader::new(file)
        };
        Self {
            entries: sysctl("nf_conntrack_count"),
            limit: sysctl("nf_conntrack_max"),
            buckets: sysctl("nf_conntrack_buckets"),
            expectations_limit: sysctl("nf_conntrack_expect_max"),
            proc: FileReader::new(root.net("stat/nf_conntrack")),
            modules: root.sys("module"),
            netlink: LazyNetlink::new(NlFamily::Netfilter, Source::Conntrack.spec().deadline),
            request: Request::dump("IPCTNL_MSG_CT_GET_STATS_CPU", GET_STATS_CPU)
                .body(&[0; NFGENMSG]),
            unwrapper: Unwrapper::default(),
        }
    }

    fn statistics(&mut self) -> Part<Vec<ConntrackCpu>> {
        let cpus = match self.ask_netlink() {
            Ok(cpus) => cpus,
            // The file needs no privilege, but many kernels are built without it.
            Err(failure) => match self.proc.parse(RawCpu::parse_proc) {
                Ok(cpus) => cpus,
                Err(_) => return Err(failure),
            },
        };
        Ok(unwrap(&mut self.unwrapper, &cpus))
    }

    fn ask_netlink(&mut self) -> Result<Vec<RawCpu>, Failure> {
        if self.would_load_a_module() {
            return Err(Failure {
                reason: Reason::Missing,
                detail: "module nf_conntrack_netlink is not loaded, and asking would load it: \
                         load it for the statistics"
                    .into(),
            });
        }
        let mut cpus = Vec::new();
        let asked = self.netlink.request(
            &self.request,
            &mut cpus,
            Vec::clear,
            |cpus, kind, payload| {
                if kind == GET_STATS_CPU {
                    cpus.push(RawCpu::parse_netlink(payload)?);
                }
                Ok(())
            },
        );
        match asked {
            Ok(_) => Ok(cpus),
            Err(error) => Err(explained(error)),
        }
    }

    /// Whether asking ctnetlink would make the kernel load its module. A module's directory in
    /// /sys/module has `initstate`, that of built-in code, if there is one, has not; and what
    /// builds on a loadable `nf_conntrack` is itself loadable.
    fn would_load_a_module(&self) -> bool {
        self.modules.join("nf_conntrack/initstate").exists()
            && !self.modules.join("nf_conntrack_netlink").exists()
    }
}

/// The failure, with what to do about a lack of privilege.
fn explained(error: ReadError) -> Failure {
    let mut failure = Failure::from(error);
    if failure.reason == Reason::Permission {
        failure
            .detail
            .push_str("; grant CAP_NET_ADMIN (entries and limit are read without it)");
    }
    failure
}

impl Reader for ConntrackReader {
    type Sample = Conntrack;

    fn read(&mut self) -> Result<Conntrack, ReadError> {
        // The first of these fails if connection tracking is not there; the rest is not asked.
        let entries = self.entries.parse(number)?;
        let limit = self.limit.parse(number)?;
        Ok(Conntrack {
            entries,
            limit,
            buckets: self.buckets.parse(number).ok(),
            expectations_limit: self.expectations_limit.parse(number).ok(),
            statistics: self.statistics(),
        })
    }
}

/// The number a sysctl file holds.
fn number(bytes: &[u8]) -> Result<u64, ParseError> {
    text::number(bytes.trim_ascii(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_module_the_source_is_unsupported() {
        let error = ConntrackReader::new(&Root::new("/nowhere"))
            .read()
            .unwrap_err();
        assert_eq!(error.reason(), Reason::Missing);
    }

    #[test]
    fn a_lack_of_privilege_comes_with_what_to_do() {
        let refused = |errno| {
            explained(ReadError::Netlink {
                request: "IPCTNL_MSG_CT_GET_STATS_CPU",
                source: std::io::Error::from_raw_os_error(errno),
            })
        };
        let failure = refused(libc::EPERM);
        assert_eq!(failure.reason, Reason::Permission);
        assert!(failure.detail.contains("CAP_NET_ADMIN"), "{failure:?}");
        assert!(!refused(libc::ENOBUFS).detail.contains("CAP_NET_ADMIN"));
    }

    #[test]
    fn a_sysctl_is_a_number_or_refused() {
        assert_eq!(number(b"262144\n"), Ok(262_144));
        assert!(number(b"\n").is_err() && number(b"-1\n").is_err());
    }
}

#[cfg(test)]
mod live {
    use std::net::UdpSocket;

    use super::*;
    use crate::testing::{command, in_namespace};

    #[test]
    fn entries_and_statistics_are_of_the_thread_s_namespace() {
        if !Root::default()
            .proc("sys/net/netfilter/nf_conntrack_count")
            .exists()
        {
            eprintln!("SKIPPED: nf_conntrack is not loaded");
            return;
        }
        in_namespace(|| {
            // Connections are tracked only where a rule asks for it.
            command("nft", "add table inet t");
            command(
                "nft",
                "add chain inet t c { type filter hook output priority 0 ; }",
            );
            command("nft", "add rule inet t c ct state new accept");
            let mut reader = ConntrackReader::new(&Root::default());
            assert_eq!(reader.read().unwrap().entries, 0);
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let port = socket.local_addr().unwrap().port();
            socket.send_to(b"x", ("127.0.0.1", port)).unwrap();
            let sample = reader.read().unwrap();
            assert_eq!(sample.entries, 1);
            assert!(sample.limit > 0 && sample.buckets > Some(0));
            let cpus = sample.statistics.unwrap();
            let online = std::thread::available_parallelism().unwrap().get();
            assert!(cpus.len() >= online, "{cpus:?}");
        });
    }

    #[test]
    fn ctnetlink_and_the_file_name_the_same_cpus() {
        in_namespace(|| {
            let mut reader = ConntrackReader::new(&Root::default());
            let (Ok(asked), Ok(read)) =
                (reader.ask_netlink(), reader.proc.parse(RawCpu::parse_proc))
            else {
                eprintln!("SKIPPED: this kernel does not have both");
                return;
            };
            let cpus = |list: &[RawCpu]| list.iter().map(|raw| raw.cpu).collect::<Vec<_>>();
            assert_eq!(cpus(&asked), cpus(&read));
        });
    }
}
