//! What the answers are based on.

use droplens_model::Timestamp;
use droplens_model::sample::probes::{
    Certificate, DnsDetails, HttpDetails, PmtuDetails, TlsDetails,
};

use super::super::figures;
use super::super::page::Page;
use super::super::text::{Ink, Text};
use super::super::words;
use super::{hops, spread};
use crate::inquiry::Inquiry;
use crate::inquiry::answers::Answer;
use crate::inquiry::evidence::{Echo, Host, NameEvidence, Reply, Way};

/// Where evidence begins.
const INDENT: usize = 4;

pub(super) fn reachable(answer: &Answer, inquiry: &Inquiry, page: &mut Page) {
    for (host, said) in inquiry.addresses.iter().zip(&answer.addresses) {
        heading(host, &said.text, inquiry, page);
        if let Some(echo) = &host.echo {
            echoes(echo, page);
        }
        if let Some(pmtu) = host.pmtu() {
            page.paragraph(INDENT + 2, INDENT + 4, &path_mtu(pmtu));
        }
        if let Some(path) = host.path() {
            hops::print(path, page);
        }
    }
}

/// The address, with what it says unless that stands above already.
fn heading(host: &Host, text: &str, inquiry: &Inquiry, page: &mut Page) {
    let mut line = Text::plain(&host.address.to_string());
    if let Way::Known { source } = &host.way {
        line.push(Ink::Dim, &format!(" from {source}"));
    }
    if inquiry.addresses.len() > 1 {
        line.push(Ink::Plain, &format!("  {text}"));
    }
    page.paragraph(INDENT, INDENT + 4, &line);
}

fn echoes(echo: &Echo, page: &mut Page) {
    if echo.loss.of > 0 {
        let (low, high) = echo.loss_interval;
        let ratio = echo.loss.ratio().unwrap_or_default();
        let ink = if echo.loss.lost > 0 {
            Ink::Bad
        } else {
            Ink::Plain
        };
        let lost = format!("{} of {} lost", echo.loss.lost, echo.loss.of);
        let text = format!(
            " ({}; with 95 % confidence {} to {})",
            figures::percent(ratio),
            figures::percent(low),
            figures::percent(high)
        );
        let line = Text::new(ink, &lost).and(Ink::Plain, &text);
        page.paragraph(INDENT + 2, INDENT + 4, &line);
    }
    let figures = [
        ("min", echo.minimum_seconds),
        ("median", echo.median_seconds),
        ("p95", echo.p95_seconds),
        ("max", echo.maximum_seconds),
    ];
    let known: Vec<String> = figures
        .into_iter()
        .filter_map(|(name, time)| Some(format!("{name} {}", figures::round_trip(time?))))
        .collect();
    if !known.is_empty() {
        let text = format!("round trip {}", known.join(", "));
        page.paragraph(INDENT + 2, INDENT + 4, &Text::plain(&text));
    }
    if let Some(bar) = spread::bar(&echo.round_trip_seconds, page.style().unicode)
        && let (Some(low), Some(high)) = (echo.minimum_seconds, echo.maximum_seconds)
    {
        let line = Text::new(Ink::Dim, &figures::round_trip(low))
            .and(Ink::Dim, " |")
            .and(Ink::Plain, &bar)
            .and(Ink::Dim, "| ")
            .and(Ink::Dim, &figures::round_trip(high));
        page.line(INDENT + 2, &line);
    }
}

fn path_mtu(pmtu: &PmtuDetails) -> Text {
    let mut text = match pmtu.bytes {
        Some(bytes) => Text::plain(&format!("path MTU {bytes}")),
        None => Text::new(Ink::Dim, "path MTU not known"),
    };
    if pmtu.blackhole {
        text.push(Ink::Bad, ", larger packets vanish without a word");
    }
    if let (Some(by), Some(mtu)) = (pmtu.reported_by, pmtu.reported) {
        text.push(Ink::Plain, &format!(", {by} says {mtu}"));
    }
    if let Some(device) = pmtu.device_mtu {
        text.push(Ink::Dim, &format!(", the device's is {device}"));
    }
    text
}

pub(super) fn name(name: &NameEvidence, page: &mut Page) {
    let mut say = |text: &str| page.paragraph(INDENT, INDENT + 2, &Text::plain(text));
    if name.is_address {
        return;
    }
    if !name.aliases.is_empty() {
        say(&format!("alias of {}", name.aliases.join(", ")));
    }
    if !name.addresses.is_empty() {
        let addresses: Vec<String> = name.addresses.iter().map(ToString::to_string).collect();
        let valid = name.valid_for_seconds.map(figures::duration);
        let valid = valid.map_or_else(String::new, |valid| format!("; valid for {valid}"));
        say(&format!(
            "{}; took {}{valid}",
            addresses.join(", "),
            figures::round_trip(name.seconds)
        ));
    }
    if let Some(missing) = &name.missing {
        let text = Text::new(Ink::Warning, missing);
        page.paragraph(INDENT, INDENT + 2, &text);
    }
}

pub(super) fn service(
    answer: &Answer,
    inquiry: &Inquiry,
    reply: impl Fn(&Host) -> Option<&Reply>,
    page: &mut Page,
) {
    for (host, said) in inquiry.addresses.iter().zip(&answer.addresses) {
        let Some(reply) = reply(host) else {
            continue;
        };
        let mut line = Text::plain(&host.address.to_string());
        if inquiry.addresses.len() > 1 {
            line.push(Ink::Plain, "  ");
            line.push(Ink::Plain, &said.text);
        }
        let steps: Vec<String> = reply
            .steps
            .iter()
            .map(|step| format!("{} {}", step.phase, figures::round_trip(step.seconds)))
            .collect();
        if !steps.is_empty() {
            line.push(Ink::Plain, "  ");
            line.push(Ink::Plain, &steps.join(", "));
        }
        // With one address only, it stands above already.
        if inquiry.addresses.len() > 1 || !steps.is_empty() {
            page.paragraph(INDENT, INDENT + 4, &line);
        }
        let details = &reply.details;
        match (&details.http, &details.tls, &details.dns) {
            (Some(http), ..) => response(http, page),
            (None, Some(tls), _) => session(tls, inquiry.at, page),
            (None, None, Some(dns)) => message(dns, page),
            (None, None, None) => {}
        }
    }
}

fn message(dns: &DnsDetails, page: &mut Page) {
    let mut parts = vec![
        dns.code.clone(),
        figures::counted(u64::from(dns.records.answer), "record"),
        figures::bytes(f64::from(dns.bytes)),
    ];
    if dns.authoritative {
        parts.push("authoritative".to_owned());
    }
    if dns.truncated {
        parts.push("truncated over UDP, so asked again over TCP".to_owned());
    }
    let line = parts.join(words::between(page.style()));
    page.paragraph(INDENT + 2, INDENT + 4, &Text::plain(&line));
}

fn session(tls: &TlsDetails, now: Timestamp, page: &mut Page) {
    let known = [&tls.version, &tls.cipher, &tls.protocol];
    let known: Vec<&str> = known.into_iter().flatten().map(String::as_str).collect();
    if !known.is_empty() {
        page.paragraph(INDENT + 2, INDENT + 4, &Text::plain(&known.join(", ")));
    }
    if let Some(own) = tls.chain.first() {
        certificate(own, now, page);
    }
}

fn certificate(own: &Certificate, now: Timestamp, page: &mut Page) {
    let names = match own.names.as_slice() {
        [] => own.subject.clone(),
        names => names.join(", "),
    };
    let by = format!("certificate for {names}; issued by {}", own.issuer);
    page.paragraph(INDENT + 2, INDENT + 4, &Text::plain(&by));
    let dates = format!(
        "valid from {} to {} UTC",
        figures::date(own.not_before),
        figures::date(own.not_after)
    );
    let mut line = Text::plain(&dates);
    if now > own.not_after {
        let ago = figures::duration(now.since(own.not_after).as_secs_f64());
        line.push(Ink::Bad, &format!(", expired {ago} ago"));
    } else if now < own.not_before {
        line.push(Ink::Bad, ", not valid yet");
    } else {
        let left = figures::duration(own.not_after.since(now).as_secs_f64());
        line.push(Ink::Plain, &format!(", {left} left"));
    }
    page.paragraph(INDENT + 2, INDENT + 4, &line);
}

fn response(http: &HttpDetails, page: &mut Page) {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(http.version.clone());
    parts.extend(http.status.map(|status| format!("status {status}")));
    parts.push(figures::bytes(http.body_bytes as f64));
    if http.redirects > 0 {
        parts.push(figures::counted(u64::from(http.redirects), "redirect"));
        parts.extend(http.url.clone());
    }
    let line = parts.join(words::between(page.style()));
    page.paragraph(INDENT + 2, INDENT + 4, &Text::plain(&line));
}
