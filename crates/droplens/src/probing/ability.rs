//! Whether echo requests can be sent from here, for the doctor.

use droplens_model::Family;
use droplens_probe::spec::Egress;
use droplens_probe::sys::egress::{open_ping, open_raw};

use crate::config::Config;

/// What is to be probed, and by which sockets echo requests go, in a line; and what to do about it if
/// there is none. Sockets are opened, nothing is sent.
pub(crate) fn describe(config: &Config) -> (String, Option<&'static str>) {
    if !super::is_wanted(config) {
        return (
            "none are configured, and [probes] defaults = false".into(),
            None,
        );
    }
    let templates = config.probe.templates();
    let targets: usize = templates
        .iter()
        .map(|template| template.configured().len())
        .sum();
    let mut parts = vec![format!("{targets} targets configured")];
    let discovered = config.discovery.probes().count();
    if discovered > 0 {
        parts.push(format!("{discovered} lists to discover more"));
    }
    if config.probes.defaults {
        parts.push("gateways and name servers of this host".into());
    }
    let by = [Family::V4, Family::V6].map(sockets);
    parts.push(match &by {
        [Ok(v4), Ok(v6)] if v4 == v6 => format!("echo requests by {v4} sockets"),
        [v4, v6] => {
            let told = |by: &Result<&str, String>| match by {
                Ok(kind) => format!("by {kind} sockets"),
                Err(why) => format!("impossible ({why})"),
            };
            format!(
                "echo requests over IPv4 {}, over IPv6 {}",
                told(v4),
                told(v6)
            )
        }
    });
    let advice = by[0].is_err().then_some(
        "Run with CAP_NET_RAW, or let the group into net.ipv4.ping_group_range (the default \"1 0\" is nobody).",
    );
    (parts.join("; "), advice)
}

/// The kind of sockets for echo requests.
fn sockets(family: Family) -> Result<&'static str, String> {
    let any = Egress::default();
    if open_ping(family, &any).is_ok() {
        return Ok("ping");
    }
    match open_raw(family, &any, 0) {
        Ok(_) => Ok("raw"),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_probed() {
        let told = |text: &str| describe(&Config::parse(text).unwrap()).0;
        assert!(told("").contains("0 targets configured; gateways and name servers"));
        assert!(told("[probes]\ndefaults = false\n").starts_with("none are configured"));
        let two = told("[probes]\ndefaults = false\n[[probe.tcp]]\ntargets = [\"a:1\", \"a:2\"]\n");
        assert!(
            two.starts_with("2 targets configured; echo requests"),
            "{two}"
        );
    }
}
