//! The metrics of `blackbox_exporter` (0.23): names, labels and help are its own, so that its
//! dashboards and rules work unchanged.

use std::net::IpAddr;
use std::time::Duration;

use droplens_model::sample::probes::{Certificate, FailureReason, Phase, TlsDetails};
use droplens_probe::spec::{Ask, DnsSpec};

use super::text::Gauges;
use super::visit::{Visit, is_secure};

/// What `blackbox_exporter` says of a chain that was not verified: the zero of Go's time, 1 January of
/// the year 1.
const NO_CHAIN: f64 = -62_135_596_800.0;

/// All metrics of a probe; if wanted with a remark why it failed.
pub(super) fn tell(visit: &Visit, debug: bool) -> Gauges {
    let mut gauges = Gauges::default();
    if debug {
        match &visit.failure {
            None => gauges.remark("the probe succeeded"),
            Some((reason, why)) => {
                gauges.remark(&format!("the probe failed, {}: {why}", reason.id()));
            }
        }
    }
    common(&mut gauges, visit);
    match &visit.query.ask {
        Ask::Icmp(_) => icmp(&mut gauges, visit),
        Ask::Dns(spec) => dns(&mut gauges, visit, spec),
        Ask::Http(_) => {
            regex(&mut gauges, visit);
            http(&mut gauges, visit);
            tls(&mut gauges, visit);
        }
        _ => {
            regex(&mut gauges, visit);
            tls(&mut gauges, visit);
        }
    }
    gauges
}

fn common(gauges: &mut Gauges, visit: &Visit) {
    gauges.add(
        "probe_success",
        "Displays whether or not the probe was a success",
        flag(visit.failure.is_none()),
    );
    gauges.add(
        "probe_duration_seconds",
        "Returns how long the probe took to complete in seconds",
        visit.whole.as_secs_f64(),
    );
    gauges.add(
        "probe_dns_lookup_time_seconds",
        "Returns the time taken for probe dns lookup in seconds",
        visit.lookup.as_secs_f64(),
    );
    gauges.add(
        "probe_ip_protocol",
        "Specifies whether probe ip protocol is IP4 or IP6",
        match visit.address {
            None => 0.0,
            Some(IpAddr::V4(_)) => 4.0,
            Some(IpAddr::V6(_)) => 6.0,
        },
    );
    gauges.add(
        "probe_ip_addr_hash",
        "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
        visit
            .address
            .map_or(0.0, |address| f64::from(hash(address))),
    );
}

fn regex(gauges: &mut Gauges, visit: &Visit) {
    let reason = visit.failure.as_ref().map(|(reason, _)| *reason);
    gauges.add(
        "probe_failed_due_to_regex",
        "Indicates if probe failed due to regex",
        flag(reason == Some(FailureReason::HttpBody)),
    );
}

fn icmp(gauges: &mut Gauges, visit: &Visit) {
    let echoed = &visit.echoed;
    let rtt = match echoed.report.ending {
        droplens_probe::errand::Ending::Answered(at) => at.since(echoed.report.sent),
        _ => Duration::ZERO,
    };
    // Without an address it got nowhere.
    let resolve = visit.address.map_or(Duration::ZERO, |_| visit.lookup);
    phases(
        gauges,
        "probe_icmp_duration_seconds",
        "Duration of icmp request by phase",
        &[("resolve", resolve), ("setup", echoed.setup), ("rtt", rtt)],
    );
    if let Some(hops) = echoed.hop_limit {
        gauges.add(
            "probe_icmp_reply_hop_limit",
            "Replied packet hop limit (TTL for ipv4)",
            f64::from(hops),
        );
    }
}

fn dns(gauges: &mut Gauges, visit: &Visit, spec: &DnsSpec) {
    let details = visit.echoed.report.details.dns.as_ref();
    let records = details.map(|details| details.records).unwrap_or_default();
    for (name, help, count) in [
        (
            "probe_dns_answer_rrs",
            "Returns number of entries in the answer resource record list",
            records.answer,
        ),
        (
            "probe_dns_authority_rrs",
            "Returns number of entries in the authority resource record list",
            records.authority,
        ),
        (
            "probe_dns_additional_rrs",
            "Returns number of entries in the additional resource record list",
            records.additional,
        ),
    ] {
        gauges.add(name, help, f64::from(count));
    }
    phases(
        gauges,
        "probe_dns_duration_seconds",
        "Duration of DNS request by phase",
        &[
            ("resolve", visit.lookup),
            ("connect", spent(visit, Phase::Connect)),
            ("request", spent(visit, Phase::Resolve)),
        ],
    );
    gauges.add(
        "probe_dns_query_succeeded",
        "Displays whether or not the query was executed successfully",
        flag(details.is_some()),
    );
    if spec.record.eq_ignore_ascii_case("SOA")
        && let Some(details) = details
    {
        gauges.add(
            "probe_dns_serial",
            "Returns the serial number of the zone",
            f64::from(details.serial.unwrap_or_default()),
        );
    }
}

fn http(gauges: &mut Gauges, visit: &Visit) {
    let details = visit.echoed.report.details.http.clone().unwrap_or_default();
    let answered = details.status.is_some();
    let length = match (details.content_length, answered) {
        (Some(bytes), _) => bytes as f64,
        (None, true) => -1.0,
        (None, false) => 0.0,
    };
    let version = details.version.as_deref().unwrap_or_default();
    let version = version
        .strip_prefix("HTTP/")
        .and_then(|text| text.parse().ok());
    let asked = match &visit.query.ask {
        Ask::Http(spec) => Some(&*spec.url),
        _ => None,
    };
    let last = details
        .url
        .as_deref()
        .filter(|_| answered)
        .or(asked)
        .unwrap_or_default();
    gauges.add(
        "probe_http_status_code",
        "Response HTTP status code",
        details.status.map_or(0.0, f64::from),
    );
    phases(
        gauges,
        "probe_http_duration_seconds",
        "Duration of http request by phase, summed over all redirects",
        &[
            ("resolve", visit.lookup + spent(visit, Phase::Resolve)),
            ("connect", spent(visit, Phase::Connect)),
            ("tls", spent(visit, Phase::Tls)),
            ("processing", spent(visit, Phase::Processing)),
            ("transfer", spent(visit, Phase::Transfer)),
        ],
    );
    for (name, help, value) in [
        (
            "probe_http_redirects",
            "The number of redirects",
            f64::from(details.redirects + not_followed(visit, details.status)),
        ),
        (
            "probe_http_content_length",
            "Length of http content response",
            length,
        ),
        (
            "probe_http_uncompressed_body_length",
            "Length of uncompressed response body",
            details.body_bytes as f64,
        ),
        (
            "probe_http_version",
            "Returns the version of HTTP of the probe response",
            version.unwrap_or(0.0),
        ),
        (
            "probe_http_ssl",
            "Indicates if SSL was used for the final redirect",
            flag(answered && is_secure(last)),
        ),
    ] {
        gauges.add(name, help, value);
    }
}

/// A redirect that is not followed since `follow_redirects` is false counts as one.
fn not_followed(visit: &Visit, status: Option<u16>) -> u32 {
    let stays = matches!(&visit.query.ask, Ask::Http(spec) if spec.redirects == 0);
    u32::from(stays && matches!(status, Some(301 | 302 | 303 | 307 | 308)))
}

/// What there is to tell of a TLS session. Unlike `blackbox_exporter` this tells of certificates that
/// are the reason of a failure too.
fn tls(gauges: &mut Gauges, visit: &Visit) {
    let Some(details) = &visit.echoed.report.details.tls else {
        return;
    };
    let TlsDetails {
        version,
        chain,
        distrust,
        ..
    } = details;
    let ends = |certificate: &Certificate| (certificate.not_after.0 / 1000) as f64;
    let earliest = chain.iter().map(ends).reduce(f64::min);
    if let (Some(leaf), Some(earliest)) = (chain.first(), earliest) {
        gauges.add(
            "probe_ssl_earliest_cert_expiry",
            "Returns last SSL chain expiry in unixtime",
            earliest,
        );
        let unverified = distrust.is_some() || !verifies(&visit.query.ask);
        gauges.add(
            "probe_ssl_last_chain_expiry_timestamp_seconds",
            "Returns last SSL chain expiry in timestamp",
            if unverified { NO_CHAIN } else { earliest },
        );
        let hosts = leaf.names.iter();
        let hosts = hosts.filter(|name| name.parse::<IpAddr>().is_err());
        let hosts: Vec<&str> = hosts.map(String::as_str).collect();
        let labels = vec![
            ("fingerprint_sha256", leaf.fingerprint.clone()),
            ("issuer", turned(&leaf.issuer)),
            ("subject", turned(&leaf.subject)),
            ("subjectalternative", hosts.join(",")),
        ];
        gauges.add_labelled(
            "probe_ssl_last_chain_info",
            "Contains SSL leaf certificate information",
            labels,
            1.0,
        );
    }
    if let Some(version) = version {
        gauges.add_labelled(
            "probe_tls_version_info",
            "Returns the TLS version used or NaN when unknown",
            vec![("version", version.replace("TLSv", "TLS "))],
            1.0,
        );
    }
}

fn verifies(ask: &Ask) -> bool {
    match ask {
        Ask::Tls(spec) => spec.verify,
        // After a redirect to TLS the default holds.
        Ask::Http(spec) => spec.tls.as_ref().is_none_or(|tls| tls.verify),
        _ => true,
    }
}

/// A distinguished name as Go writes it: the last part first, and no spaces between (RFC 2253).
fn turned(name: &str) -> String {
    let parts: Vec<&str> = name.split(", ").collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn phases(
    gauges: &mut Gauges,
    name: &'static str,
    help: &'static str,
    times: &[(&'static str, Duration)],
) {
    for (phase, time) in times {
        let labels = vec![("phase", (*phase).to_owned())];
        gauges.add_labelled(name, help, labels, time.as_secs_f64());
    }
}

fn spent(visit: &Visit, wanted: Phase) -> Duration {
    let phases = visit.echoed.report.phases.iter();
    let of_it = phases.filter(|(phase, _)| *phase == wanted);
    of_it.map(|(_, time)| *time).sum()
}

fn flag(is_set: bool) -> f64 {
    f64::from(u8::from(is_set))
}

/// FNV-1a with 32 bits, as `blackbox_exporter` computes it.
fn hash(address: IpAddr) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    match address {
        IpAddr::V4(address) => address.octets().into_iter().fold(0x811c_9dc5, step),
        IpAddr::V6(address) => address.octets().into_iter().fold(0x811c_9dc5, step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_hash_that_blackbox_exporter_gives_them() {
        // Both as version 0.23 shows them.
        assert_eq!(hash([127, 0, 0, 1].into()), 3_668_918_509);
        assert_eq!(hash([192, 0, 2, 1].into()), 1_969_986_452);
    }

    #[test]
    fn distinguished_names_are_turned_round() {
        assert_eq!(
            turned("C=XX, O=An example, CN=www.example"),
            "CN=www.example,O=An example,C=XX"
        );
        assert_eq!(turned("CN=a"), "CN=a");
    }
}
