//! Alerts that many causes have in common.

use droplens_model::Cause;

use super::declaration::{Alert, RATE, Severity, Subject, bound};
use super::proof::Shape::{Level, Rate};
use super::proof::{Proof, cases, context, input};

/// A ticket about a cause.
pub(super) fn ticket(
    name: &'static str,
    cause: Cause,
    why: &'static str,
    expr: impl Into<String>,
    proof: Proof,
) -> Alert {
    Alert {
        name,
        subject: Subject::Cause(cause),
        severity: Severity::Warning,
        expr: expr.into(),
        bounds: Vec::new(),
        hold: "10m",
        keep: "15m",
        summary: String::new(),
        description: String::new(),
        why,
        proof,
    }
}

/// The counter of a cause in unit tests.
pub(super) fn counter(cause: Cause) -> String {
    format!(
        "droplens_drops_total{{domain=\"{}\",cause=\"{cause}\"}}",
        cause.domain()
    )
}

/// Packets that a host goes on losing.
pub(super) fn lost(
    name: &'static str,
    cause: Cause,
    per_second: f64,
    (what, told): (&str, &'static str),
    why: &'static str,
) -> Alert {
    Alert {
        bounds: vec![bound(
            "per_second",
            per_second,
            format!("{per_second} packets/s"),
        )],
        summary: format!("{} on {{{{ $labels.instance }}}}.", sentence(what)),
        description: format!("{{{{ $labels.instance }}}} loses {RATE} packets/s: {what}."),
        ..ticket(
            name,
            cause,
            why,
            format!("instance_cause:droplens_drops:rate5m{{cause=\"{cause}\"}} > $per_second"),
            cases(
                told,
                vec![input(
                    counter(cause),
                    Rate(2.0 * per_second),
                    Rate(0.9 * per_second),
                    Rate(0.0),
                )],
            ),
        )
    }
}

/// Packets that a device goes on losing, as a number and as a share of its traffic.
pub(super) fn lost_at_device(
    name: &'static str,
    cause: Cause,
    (per_second, ratio): (f64, f64),
    direction: &str,
    (what, told): (&str, &'static str),
    why: &'static str,
) -> Alert {
    let drops = format!("rate(droplens_device_drops_total{{cause=\"{cause}\"}}[5m])");
    let traffic = format!("droplens_link_{direction}_packets_total");
    let series = format!(
        "droplens_device_drops_total{{domain=\"{}\",cause=\"{cause}\",device=\"{cause}\"}}",
        cause.domain()
    );
    // Each alert has a device of its own, named after its cause. With this traffic the share is the bound that counts, by a factor of ten.
    let packets = 10.0 * per_second / ratio;
    Alert {
        bounds: vec![
            bound("per_second", per_second, format!("{per_second} packets/s")),
            bound(
                "ratio",
                ratio,
                format!("{} % of the device's packets", ratio * 100.0),
            ),
        ],
        summary: format!(
            "{} at {{{{ $labels.device }}}} of {{{{ $labels.instance }}}}.",
            sentence(what)
        ),
        description: format!(
            "{{{{ $labels.device }}}} of {{{{ $labels.instance }}}} loses {RATE} packets/s: {what}."
        ),
        ..ticket(
            name,
            cause,
            why,
            format!(
                "{drops} > $per_second\nand\n{drops}\n  > on (job, instance, device) group_left ()\n    ($ratio * rate({traffic}[5m]))"
            ),
            cases(
                told,
                vec![
                    input(
                        series,
                        Rate(20.0 * per_second),
                        Rate(9.0 * per_second),
                        Rate(0.9 * per_second),
                    ),
                    context(
                        format!("{traffic}{{device=\"{cause}\"}}"),
                        Rate(packets),
                        Rate(0.0),
                    ),
                ],
            )
            .labels(&[("device", cause.id())]),
        )
    }
}

/// What the diagnosis finds most of the time.
pub(super) fn found(name: &'static str, cause: Cause, what: &str, why: &'static str) -> Alert {
    Alert {
        bounds: vec![bound("share", 0.5, "half of 15 minutes")],
        hold: "5m",
        summary: format!("{} on {{{{ $labels.instance }}}}.", sentence(what)),
        description: format!(
            "{what} on {{{{ $labels.instance }}}}, in {{{{ $value | humanizePercentage }}}} of the last 15 minutes."
        ),
        ..ticket(
            name,
            cause,
            why,
            format!("avg_over_time(droplens_finding_active{{cause=\"{cause}\"}}[15m]) > $share"),
            cases(
                "100%",
                vec![input(
                    format!(
                        "droplens_finding_active{{domain=\"{}\",cause=\"{cause}\"}}",
                        cause.domain()
                    ),
                    Level(1.0),
                    Level(0.5),
                    Level(0.0),
                )],
            ),
        )
    }
}

/// A state that was another one a quarter of an hour ago. An alert remembers itself until the state ends: to look
/// a day back would be the dearest of all expressions.
pub(super) fn changed(name: &str, (series, now, before): (&str, u8, u8), by: &str) -> String {
    format!(
        "{series} == {now}\nand on (job, instance, {by})\n  (\n      {series} offset 15m == {before}\n    or on (job, instance, {by})\n      ALERTS{{alertname=\"{name}\"}}\n  )"
    )
}

/// The beginning of a sentence.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(rest).collect()
}
