//! `droplens probe`: the five questions about one target.

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use droplens_model::Family;
use droplens_probe::resolve::Resolver;
use droplens_probe::series;
use droplens_probe::spec::Egress;

use super::report::NoReport;
use super::{Outcome, print};
use crate::inquiry::answers::Verdict;
use crate::inquiry::ask::{Plan, ask};
use crate::inquiry::subject::Subject;
use crate::render::{self, Style};

/// Time for everything, unless more is needed for the pings.
const WHOLE: Duration = Duration::from_secs(5);

/// What is left for everything else when the last ping was sent.
const REST: Duration = Duration::from_secs(3);

/// What is asked.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Wanted {
    /// A name or an address, with or without a port, or a URL; IPv6 addresses with a port in brackets
    #[arg(value_name = "HOST[:PORT]|URL")]
    target: String,
    /// Ask IPv4 addresses only
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// Ask IPv6 addresses only
    #[arg(short = '6')]
    ipv6: bool,
    /// Pings to each address
    #[arg(long, value_name = "NUMBER", default_value_t = 20,
          value_parser = clap::value_parser!(u16).range(1..=i64::from(series::MOST)))]
    count: u16,
    /// Time from one ping to the next, on average
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = pause)]
    interval: Duration,
    /// Time for everything [default: 5s, or more if the pings take longer]
    #[arg(long, value_name = "TIME", value_parser = super::report::interval)]
    timeout: Option<Duration>,
    /// Send from this address, and to addresses of its family only
    #[arg(long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// Send through this device
    #[arg(long, value_name = "DEVICE")]
    interface: Option<String>,
    /// Mark packets with this differentiated services code point
    #[arg(long, value_name = "NUMBER", default_value_t = 0,
          value_parser = clap::value_parser!(u8).range(0..=63))]
    dscp: u8,
    /// Trust the certificates in this file (PEM) instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// Do not follow the path
    #[arg(long)]
    no_path: bool,
    /// Do not search the path MTU
    #[arg(long)]
    no_pmtu: bool,
    /// Print JSON (schema droplens.probe/1)
    #[arg(long)]
    json: bool,
}

/// Between 10 ms and 10 s.
fn pause(text: &str) -> Result<Duration, String> {
    let sensible = Duration::from_millis(10)..=Duration::from_secs(10);
    humantime::parse_duration(text)
        .ok()
        .filter(|pause| sensible.contains(pause))
        .ok_or_else(|| "expected a length of time such as 100ms or 1s, from 10ms to 10s".to_owned())
}

pub(crate) fn run(wanted: &Wanted) -> Outcome {
    let plan = plan(wanted)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(NoReport::blind)?;
    let inquiry = runtime
        .block_on(ask(plan, Resolver::system()))
        .map_err(NoReport::blind)?;
    // A file that hangs must not keep the answers back.
    runtime.shutdown_background();
    let shown = if wanted.json {
        serde_json::to_string_pretty(&inquiry).map_err(NoReport::blind)? + "\n"
    } else {
        render::inquiry(&inquiry, Style::detect())
    };
    print(&shown)?;
    Ok(match inquiry.status {
        Verdict::NotAsked | Verdict::Ok => ExitCode::SUCCESS,
        Verdict::Loses | Verdict::Fails => ExitCode::from(1),
        Verdict::Unknown => ExitCode::from(3),
    })
}

fn plan(wanted: &Wanted) -> Result<Plan, NoReport> {
    let subject = Subject::parse(&wanted.target, wanted.ca_file.as_deref());
    let family = match (wanted.ipv4, wanted.ipv6) {
        (true, _) => Some(Family::V4),
        (_, true) => Some(Family::V6),
        _ => None,
    };
    if let (Some(family), Some(source)) = (family, wanted.source)
        && Family::of(source) != family
    {
        let text = format!("--source {source} is of the other address family than asked for");
        return Err(NoReport::usage(text));
    }
    let pings = wanted.interval * u32::from(wanted.count) + REST;
    Ok(Plan {
        subject: subject.map_err(NoReport::usage)?,
        egress: Egress {
            source: wanted.source,
            interface: wanted.interface.as_deref().map(Into::into),
            dscp: wanted.dscp,
        },
        family,
        count: wanted.count,
        interval: wanted.interval,
        whole: wanted.timeout.unwrap_or(WHOLE.max(pings)),
        path: !wanted.no_path,
        pmtu: !wanted.no_pmtu,
    })
}
