//! Queries about loss, and about the worst of many targets.

/// The whole time range, at each of its points.
pub(super) const WHOLE: &str = "[$__range] @ end()";

/// Lost probes as a share of those whose outcome says something about the network.
pub(crate) fn loss_ratio(
    by: &str,
    chosen: &str,
    function: &str,
    window: &str,
    join: &str,
) -> String {
    let sum = |outcomes: &str| {
        format!(
            "sum by ({by}) ({function}(droplens_probe_packets_total{{{chosen}outcome=~\"{outcomes}\"}}{window}){join})"
        )
    };
    let lost = sum("lost|icmp_error|local_drop");
    let all = sum("ok|late|lost|icmp_error|local_drop");
    format!("{lost} / ({all} > 0)")
}

/// Of the targets that lost any within the time range, the ten worst.
pub(crate) fn worst_losses(by: &str, chosen: &str) -> String {
    let now = loss_ratio(by, chosen, "rate", "[$__rate_interval]", "");
    let whole = loss_ratio(by, chosen, "increase", WHOLE, "");
    highest(&now, by, 10, &format!("{whole} > 0"))
}

/// The series that are highest by another measure: the same ones at all times, so that their lines have no
/// gaps and the legend is short.
pub(super) fn highest(values: &str, by: &str, most: u32, measure: &str) -> String {
    format!("{values} and on ({by}) topk({most}, {measure})")
}
