//! `droplens doctor`: what can be read here, what cannot, why not, and what to do about it.

use std::fmt::Write;
use std::process::ExitCode;

use droplens_model::{Reason, Snapshot, Source, State};

use super::{Outcome, print, read_once};
use crate::cli::Options;
use crate::privileges::{self, Keep};
use crate::probing;

/// Oldest kernel on which the fixtures prove that droplens works.
const OLDEST_KERNEL: (u32, u32) = (4, 18);

pub(crate) fn run(options: &Options) -> Outcome {
    let config = options.load()?;
    privileges::drop_unneeded(Keep::RawSockets)?;
    let probes = probing::describe(&config);
    let sampler = read_once(options, &config)?;
    let snapshot = sampler.snapshot();
    print(&report(&snapshot, &probes))?;
    let failed = snapshot
        .states()
        .any(|(_, state)| matches!(state, State::Failed { .. }));
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// `probes` is what is probed, and what to do about it if that does not work.
fn report(snapshot: &Snapshot, (probes, advice_on_probes): &(String, Option<&str>)) -> String {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy().into_owned();
    let capabilities = privileges::effective();
    let capabilities = if capabilities.is_empty() {
        "none (an ordinary user)".to_owned()
    } else {
        capabilities.join(", ")
    };
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ok = writeln!(text, "droplens      {}", env!("CARGO_PKG_VERSION"));
    let _ok = writeln!(text, "kernel        {release}{}", kernel_note(&release));
    let _ok = writeln!(text, "capabilities  {capabilities}");
    let _ok = writeln!(text, "namespace     {}", namespace());
    let _ok = writeln!(text, "probes        {probes}");
    if let Some(advice) = advice_on_probes {
        let _ok = writeln!(text, "{:<12}  {advice}", "");
    }
    text.push('\n');
    let gaps = snapshot.gaps();
    for (source, state) in snapshot.states() {
        let _ok = writeln!(
            text,
            "{source:<12}  {:<11}  {}",
            state.id(),
            source.spec().about
        );
        let gaps = gaps.iter().filter(|gap| gap.source == source);
        let notes = state
            .failure()
            .map(|failure| (failure.detail.clone(), advice(source, failure.reason)))
            .into_iter()
            .chain(gaps.map(|gap| {
                (
                    format!("no {}: {}", gap.what, gap.failure),
                    advice(source, gap.failure.reason),
                )
            }));
        for (what, advice) in notes {
            let _ok = writeln!(text, "{:<12}  - {what}", "");
            if let Some(advice) = advice {
                let _ok = writeln!(text, "{:<12}    {advice}", "");
            }
        }
    }
    let usable = snapshot
        .states()
        .filter(|(_, state)| matches!(state, State::Ok { .. }))
        .count();
    let _ok = writeln!(
        text,
        "\n{usable} of {} sources can be read.",
        Source::ALL.len()
    );
    text
}

/// What to do about a source that cannot be read.
fn advice(source: Source, reason: Reason) -> Option<String> {
    let needs = source.spec().needs;
    match reason {
        Reason::Permission => Some(
            "Run as root or with CAP_NET_ADMIN (systemd: AmbientCapabilities=CAP_NET_ADMIN)."
                .to_owned(),
        ),
        Reason::Missing | Reason::NotSupported if !needs.is_empty() => {
            Some(format!("It takes {needs}."))
        }
        Reason::Missing => Some(format!("It is read from {}.", source.spec().reads)),
        Reason::Deadline => Some(
            "The kernel did not answer in time; look for a stuck driver or a held RTNL lock (dmesg)."
                .to_owned(),
        ),
        Reason::Interrupted => {
            Some("Devices come and go faster than they can be listed; it is tried again.".to_owned())
        }
        Reason::Malformed => {
            Some("Please report this with the kernel version and the file's contents.".to_owned())
        }
        Reason::NotSupported | Reason::Io => None,
    }
}

fn kernel_note(release: &str) -> String {
    let (major, minor) = OLDEST_KERNEL;
    match version(release) {
        Some(version) if version < OLDEST_KERNEL => {
            format!(" (older than {major}.{minor}: some sources may be missing)")
        }
        _ => String::new(),
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|char: char| !char.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The network namespace: counters of others are not seen.
fn namespace() -> String {
    let of = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net"));
    match (of("self"), of("1")) {
        (Ok(own), Ok(first)) if own == first => format!("{} (the host's first)", own.display()),
        (Ok(own), Ok(_)) => format!("{} (not that of process 1)", own.display()),
        (Ok(own), Err(_)) => own.display().to_string(),
        (Err(_), _) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_distributions_are_understood() {
        assert_eq!(version("4.18.0-553.el8_10.x86_64"), Some((4, 18)));
        assert_eq!(version("6.1.0-21-amd64"), Some((6, 1)));
        assert_eq!(version("unknown"), None);
        assert!(kernel_note("3.10.0-1160.el7").contains("older than 4.18"));
        assert!(kernel_note("5.15.0").is_empty());
    }

    #[test]
    fn every_source_is_listed_with_its_state() {
        let text = report(&Snapshot::default(), &("some".to_owned(), Some("do")));
        assert!(
            text.contains("\nprobes        some\n              do\n"),
            "{text}"
        );
        for source in Source::ALL {
            assert!(
                text.contains(&format!("\n{source:<12}  pending")),
                "{source}"
            );
        }
        assert!(text.contains(&format!("0 of {} sources", Source::ALL.len())));
    }

    #[test]
    fn a_missing_capability_comes_with_the_way_to_give_it() {
        assert!(
            advice(Source::Conntrack, Reason::Permission)
                .unwrap()
                .contains("CAP_NET_ADMIN")
        );
        assert!(
            advice(Source::Conntrack, Reason::Missing)
                .unwrap()
                .contains("nf_conntrack")
        );
    }
}
