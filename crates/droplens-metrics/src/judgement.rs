//! What the diagnosis says: packets lost by cause, bursts, standing findings, and what could not
//! be looked for.

use std::fmt;
use std::time::Duration;

use droplens_model::totals::Totals;
use droplens_model::{Cause, CauseStanding, DeviceDrops, Domain, EventTotals, Judgement, Name};

use crate::Origin;
use crate::context::Context;
use crate::encoder::{Encoder, Histogram, Label};
use crate::family::families;

families! {
    Origin::Diagnosis;
    DROPS: Counter "droplens_drops_total" ["domain", "cause"] Rule("causes that lose packets here"),
        "Packets lost on this host since the agent started, each counted in one cause only; absent while the cause cannot be looked for, and for the domains path and service.";
    DEVICE_DROPS: Counter "droplens_device_drops_total" ["domain", "cause", "device"] Rule("causes x devices, those of a folded kind counting as one; only where packets were lost"),
        "The packets of droplens_drops_total that were lost at a device; those of folded kinds together, devices that are gone included.";
    ACTIVE: Gauge "droplens_finding_active" ["domain", "cause"] Rule("causes"),
        "Whether there is, or lately was, a finding with this cause that matters, be it loss or pressure; absent while the cause cannot be looked for.";
    OBSERVABLE: Gauge "droplens_cause_observable" ["domain", "cause"] Rule("causes"),
        "Whether the cause can be looked for (1), or what would tell cannot be read here (0).";
    BLIND: Gauge "droplens_domain_blind" ["domain"] Rule("domains"),
        "Whether none of the causes of the domain can be looked for.";
    EVENTS: Counter "droplens_loss_events_total" ["domain", "cause"] Rule("causes that lose packets here"),
        "Bursts of loss that ended since the agent started; absent while the cause cannot be looked for.";
    DURATION: Histogram "droplens_loss_event_duration_seconds" ["domain"] Rule("8 x domains that had bursts"),
        "How long bursts of loss were, those counted by droplens_loss_events_total; absent before the first.";
}

/// What was lost at devices that are shown as one: their sums stay when they go.
#[derive(Debug, Default)]
pub(crate) struct Folded(Totals<(Cause, Name), (Cause, Name), 1>);

pub(crate) fn encode(
    judgement: &Judgement,
    context: &Context<'_>,
    folded: &mut Folded,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    let Judgement { causes, devices } = judgement;
    let observable = || causes.iter().filter(|standing| standing.observable);
    let counted = || observable().filter(|standing| is_counted(standing.cause));

    encoder.series(
        &DROPS,
        counted().map(|standing| (labels(standing.cause), standing.drops)),
    )?;
    encode_devices(judgement, devices, context, folded, encoder)?;
    encoder.series(
        &ACTIVE,
        observable().map(|standing| (labels(standing.cause), standing.active)),
    )?;
    encoder.series(
        &OBSERVABLE,
        causes
            .iter()
            .map(|standing| (labels(standing.cause), standing.observable)),
    )?;
    encoder.series(
        &BLIND,
        Domain::ALL.iter().map(|&domain| {
            let blind = !observable().any(|standing| standing.cause.domain() == domain);
            ([domain.id().into()], blind)
        }),
    )?;
    encoder.series(
        &EVENTS,
        counted().map(|standing| (labels(standing.cause), standing.events.count)),
    )?;
    encoder.family(DURATION.descriptor(), |series| {
        for &domain in Domain::ALL {
            // Causes that cannot be looked for any more, too: the sum must not fall.
            let EventTotals {
                count,
                duration,
                buckets,
            } = bursts(causes, domain);
            if count > 0 {
                let histogram = Histogram {
                    sum: duration.as_secs_f64(),
                    count,
                    buckets: &apart(buckets, count),
                };
                series.push_histogram([domain.id().into()], histogram)?;
            }
        }
        Ok(())
    })
}

/// The bursts of all causes of a domain that count packets.
fn bursts(causes: &[CauseStanding], domain: Domain) -> EventTotals {
    let own = causes
        .iter()
        .filter(|standing| standing.cause.domain() == domain && is_counted(standing.cause));
    own.fold(EventTotals::default(), |mut sum, standing| {
        sum.count += standing.events.count;
        sum.duration += standing.events.duration;
        for (bucket, more) in sum.buckets.iter_mut().zip(standing.events.buckets) {
            *bucket += more;
        }
        sum
    })
}

fn encode_devices(
    judgement: &Judgement,
    devices: &[DeviceDrops],
    context: &Context<'_>,
    Folded(folded): &mut Folded,
    encoder: &mut Encoder<'_>,
) -> fmt::Result {
    // Kinds that are not folded, too: the operator may choose otherwise at any time.
    for drops in devices {
        if let Some(kind) = &drops.kind {
            let group = (drops.cause, Name::clone(kind));
            let member = (drops.cause, Name::clone(&drops.device));
            folded.observe(&group, member, [drops.drops]);
        }
    }
    folded.finish();

    let shown = devices.iter().filter_map(|device| {
        let DeviceDrops {
            cause,
            device,
            kind,
            drops,
        } = device;
        let folds = kind.as_deref().is_some_and(|kind| context.folds(kind));
        (!folds).then(|| (*cause, Label::from(device), *drops))
    });
    let mut sums: Vec<_> = folded
        .iter()
        .filter(|((_, kind), _)| context.folds(kind))
        .collect();
    sums.sort_unstable();
    let sums = sums
        .into_iter()
        .map(|((cause, kind), [drops])| (*cause, Label::DevicesOf(kind), *drops));
    encoder.series(
        &DEVICE_DROPS,
        shown
            .chain(sums)
            .filter(|(cause, ..)| is_counted(*cause) && is_observable(judgement, *cause))
            .map(|(cause, device, drops)| {
                let [domain, cause] = labels(cause);
                ([domain, cause, device], drops)
            }),
    )
}

/// Whether packets are counted by the cause: what probes lose are estimates, a refused service is
/// no packet, and neither is pressure.
fn is_counted(cause: Cause) -> bool {
    cause.is_loss() && !matches!(cause.domain(), Domain::Path | Domain::Service)
}

fn is_observable(judgement: &Judgement, cause: Cause) -> bool {
    let mut causes = judgement.causes.iter();
    causes.any(|standing| standing.cause == cause && standing.observable)
}

fn labels(cause: Cause) -> [Label<'static>; 2] {
    [cause.domain().id().into(), cause.id().into()]
}

const BUCKETS: usize = EventTotals::BOUNDS.len();

/// The upper bound in seconds of each bucket and what is in it and in no lower one; the last has
/// no bound.
fn apart(buckets: [u64; BUCKETS], count: u64) -> [(f64, u64); BUCKETS + 1] {
    let bounds = EventTotals::BOUNDS.iter().map(Duration::as_secs_f64);
    let bounds = bounds.chain([f64::INFINITY]);
    let cumulative = buckets.into_iter().chain([count]);
    let mut apart = [(f64::INFINITY, 0); BUCKETS + 1];
    let mut below = 0;
    for ((bucket, bound), up_to) in apart.iter_mut().zip(bounds).zip(cumulative) {
        *bucket = (bound, up_to.saturating_sub(below));
        below = up_to;
    }
    apart
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use droplens_model::Moment;
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::{Exposition, Format, Options, Selection, View};

    fn judgement() -> Judgement {
        let standing = |&cause: &Cause| CauseStanding {
            cause,
            observable: !matches!(
                cause,
                Cause::NfqueueDrop | Cause::XdpDrop | Cause::DnsFailure
            ),
            active: cause == Cause::ConntrackNearFull,
            drops: u64::from(cause == Cause::VethDrop) * 12,
            events: EventTotals::default(),
        };
        Judgement {
            causes: Cause::ALL.iter().map(standing).collect(),
            devices: vec![
                lost("veth1", Some("veth"), 5),
                lost("veth2", Some("veth"), 6),
                lost("vlan7", Some("vlan"), 1),
            ],
        }
    }

    fn lost(device: &str, kind: Option<&str>, drops: u64) -> DeviceDrops {
        DeviceDrops {
            cause: Cause::VethDrop,
            device: device.into(),
            kind: kind.map(Into::into),
            drops,
        }
    }

    fn exposition() -> Exposition {
        Exposition::new(Registry::default(), Options::default())
    }

    fn render(exposition: &Exposition, judgement: Judgement, format: Format) -> String {
        let view = View {
            snapshot: Arc::default(),
            derived: Arc::default(),
            judgement: Some(judgement.into()),
            now: Moment::default(),
        };
        let mut out = String::new();
        exposition
            .render(view, &Selection::ALL, format, &mut out)
            .unwrap();
        out
    }

    /// The lines of one family, without its name.
    fn lines<'t>(text: &'t str, family: &str) -> Vec<&'t str> {
        text.lines()
            .filter_map(|line| line.strip_prefix(family)?.strip_prefix('{'))
            .collect()
    }

    #[test]
    fn what_can_be_looked_for_is_there_from_the_start() {
        let text = render(&exposition(), judgement(), Format::Text);
        let drops = lines(&text, "droplens_drops_total");
        let veth = r#"domain="virtual",cause="veth_drop"} 12"#;
        assert!(drops.contains(&veth));
        let zero = r#"domain="softnet",cause="softnet_backlog_overflow"} 0"#;
        assert!(drops.contains(&zero));
        let events = lines(&text, "droplens_loss_events_total");
        assert_eq!(events.len(), drops.len());
        for (family, cause) in [
            ("droplens_drops_total", "nfqueue_drop"),
            ("droplens_drops_total", "conntrack_near_full"),
            ("droplens_drops_total", "path_loss"),
            ("droplens_drops_total", "connect_refused"),
            ("droplens_finding_active", "nfqueue_drop"),
            ("droplens_loss_events_total", "xdp_drop"),
        ] {
            let label = format!("cause=\"{cause}\"");
            let found = lines(&text, family)
                .iter()
                .any(|line| line.contains(&label));
            assert!(!found, "{family} of {cause}");
        }
        let active = lines(&text, "droplens_finding_active");
        assert_eq!(active.len(), Cause::ALL.len() - 3);
        assert!(active.contains(&r#"domain="netfilter",cause="conntrack_near_full"} 1"#));
        assert!(active.contains(&r#"domain="path",cause="path_loss"} 0"#));
        let observable = lines(&text, "droplens_cause_observable");
        assert_eq!(observable.len(), Cause::ALL.len());
        assert!(observable.contains(&r#"domain="netfilter",cause="nfqueue_drop"} 0"#));
        assert!(!text.contains("droplens_loss_event_duration_seconds"));
    }

    #[test]
    fn a_domain_is_blind_when_none_of_its_causes_can_be_looked_for() {
        let mut judgement = judgement();
        for standing in &mut judgement.causes {
            standing.observable &= standing.cause.domain() != Domain::Nic;
        }
        let text = render(&exposition(), judgement, Format::Text);
        let blind = lines(&text, "droplens_domain_blind");
        assert_eq!(blind.len(), Domain::ALL.len());
        let ones: Vec<_> = blind.iter().filter(|line| line.ends_with(" 1")).collect();
        assert_eq!(ones, [&r#"domain="nic"} 1"#]);
    }

    #[test]
    fn folded_devices_keep_their_sum_when_they_go() {
        const FAMILY: &str = "droplens_device_drops_total";
        let exposition = exposition();
        let devices = |devices: Vec<DeviceDrops>| {
            let judgement = Judgement {
                devices,
                ..judgement()
            };
            render(&exposition, judgement, Format::Text)
        };
        let line = |device: &str, drops: u64| {
            format!(r#"domain="virtual",cause="veth_drop",device="{device}"}} {drops}"#)
        };
        let text = devices(judgement().devices);
        assert_eq!(
            lines(&text, FAMILY),
            [line("vlan7", 1), line("kind:veth", 11)]
        );
        let text = devices(vec![lost("veth2", Some("veth"), 8)]);
        assert_eq!(lines(&text, FAMILY), [line("kind:veth", 13)]);
        assert_eq!(lines(&devices(Vec::new()), FAMILY), [line("kind:veth", 13)]);

        let text = devices(vec![lost("veth2", Some("veth"), 1)]);
        assert_eq!(lines(&text, FAMILY), [line("kind:veth", 14)], "a new veth2");
        exposition.set_options(Options {
            fold_kinds: Vec::new(),
            ..Options::default()
        });
        let text = devices(vec![lost("veth2", Some("veth"), 2)]);
        assert_eq!(lines(&text, FAMILY), [line("veth2", 2)]);
        exposition.set_options(Options::default());
        let text = devices(vec![lost("veth2", Some("veth"), 4)]);
        assert_eq!(lines(&text, FAMILY), [line("kind:veth", 17)]);
    }

    #[test]
    fn what_devices_lost_is_hidden_while_its_cause_cannot_be_looked_for() {
        let exposition = exposition();
        let mut blind = judgement();
        for standing in &mut blind.causes {
            standing.observable = false;
        }
        let text = render(&exposition, blind, Format::Text);
        assert!(!text.contains("droplens_device_drops_total"));
        let text = render(&exposition, judgement(), Format::Text);
        assert!(text.contains(r#"device="kind:veth"} 11"#));
    }

    fn with_bursts() -> Judgement {
        let mut judgement = judgement();
        for standing in &mut judgement.causes {
            let lengths: &[u64] = match standing.cause {
                Cause::VethDrop => &[100, 5_000_000],
                Cause::BridgeDrop => &[200, 2_000],
                // No packets are counted by these.
                Cause::PathLoss | Cause::ConntrackNearFull => &[300],
                _ => &[],
            };
            for milliseconds in lengths {
                standing.events.add(Duration::from_millis(*milliseconds));
            }
        }
        judgement
    }

    const HISTOGRAM: &str = r#"# TYPE droplens_loss_event_duration_seconds histogram
droplens_loss_event_duration_seconds_sum{domain="virtual"} 5002.3
droplens_loss_event_duration_seconds_count{domain="virtual"} 4
droplens_loss_event_duration_seconds_bucket{le="0.2",domain="virtual"} 2
droplens_loss_event_duration_seconds_bucket{le="1.0",domain="virtual"} 2
droplens_loss_event_duration_seconds_bucket{le="10.0",domain="virtual"} 3
droplens_loss_event_duration_seconds_bucket{le="60.0",domain="virtual"} 3
droplens_loss_event_duration_seconds_bucket{le="600.0",domain="virtual"} 3
droplens_loss_event_duration_seconds_bucket{le="+Inf",domain="virtual"} 4
"#;

    #[test]
    fn bursts_are_a_histogram_in_both_formats() {
        for format in [Format::Text, Format::OpenMetrics] {
            let text = render(&exposition(), with_bursts(), format);
            assert!(text.contains(HISTOGRAM), "{text}");
            assert!(text.contains("# HELP droplens_loss_event_duration_seconds How long"));
            let of_others = lines(&text, "droplens_loss_event_duration_seconds_count");
            assert_eq!(of_others.len(), 1);
        }
    }

    #[test]
    fn a_histogram_is_cut_as_a_whole() {
        let exposition = exposition();
        let whole = render(&exposition, with_bursts(), Format::Text);
        let before = whole
            .split("# HELP droplens_loss_event_duration_seconds")
            .next();
        let series = before
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('#'));
        let room = series.count() as u64 + 7;
        for (series_limit, there) in [(room, false), (room + 1, true)] {
            exposition.set_options(Options {
                series_limit,
                ..Options::default()
            });
            let text = render(&exposition, with_bursts(), Format::Text);
            assert_eq!(text.contains(HISTOGRAM), there);
            assert_eq!(text.contains("droplens_loss_event_duration"), there);
        }
        let text = render(&exposition, with_bursts(), Format::Text);
        assert!(text.contains("droplens_series_cut_total 8\n"), "{text}");
    }

    #[test]
    fn without_a_diagnosis_nothing_tells_of_it() {
        let exposition = exposition();
        let view = |judgement| View {
            snapshot: Arc::default(),
            derived: Arc::default(),
            judgement,
            now: Moment::default(),
        };
        let told = |view, selection| {
            let mut text = String::new();
            exposition
                .render(view, &selection, Format::Text, &mut text)
                .unwrap();
            FAMILIES.iter().any(|family| text.contains(family.name))
        };
        let only = |id| Selection::parse([id], []).unwrap();
        let some = || view(Some(Arc::new(with_bursts())));
        assert!(told(some(), Selection::ALL));
        assert!(told(some(), only("diagnosis")));
        assert!(!told(some(), only("softnet")));
        assert!(!told(view(None), Selection::ALL));
    }
}
