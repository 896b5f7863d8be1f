//! What no value can check by itself: whether they go together.

use std::collections::HashMap;
use std::ops::Range;

use droplens_model::sample::probes::ProbeKind;
use droplens_probe::targets::TargetKey;

use super::{Lookup, MOST_TARGETS, Template};
use crate::config::Config;
use crate::config::mistake::Conflict;

/// Finds the first thing that does not fit; `text` is what the configuration was parsed from.
pub(in crate::config) fn check(config: &Config, text: &str) -> Result<(), Box<Conflict>> {
    let templates = config.probe.templates();
    let mut places: HashMap<TargetKey, Range<usize>> = HashMap::new();
    for template in &templates {
        for (at, planned) in template.configured() {
            let planned = planned.map_err(|why| Conflict::new(text, at.clone(), why))?;
            let key = planned.wish.key;
            if let Some(first) = places.get(&key) {
                let why = format!(
                    "probe {:?} has the target {:?} twice; give one of the probes another name",
                    key.probe, key.target
                );
                return Err(Conflict::new(text, at, why)
                    .and(text, first.clone(), "the other is")
                    .into());
            }
            places.insert(key, at.clone());
            if places.len() > MOST_TARGETS {
                let why =
                    format!("this is one target too many, at most {MOST_TARGETS} are allowed");
                return Err(Conflict::new(text, at, why).into());
            }
        }
    }
    for place in &config.discovery.dns {
        let kind = |template: &&&dyn Template| *template.name() == **place.probe.get_ref();
        let kind = templates.iter().find(kind).map(|template| template.kind());
        let services = place.lookup == Lookup::Services;
        let why = match kind {
            Some(ProbeKind::Http) => "an http probe needs URLs, which DNS does not have",
            Some(ProbeKind::Tcp) if !services && place.port.is_none() => {
                "a tcp probe needs a port, which addresses do not have; add port = ..., or look up SRV"
            }
            Some(ProbeKind::Icmp | ProbeKind::Pmtu | ProbeKind::Path)
                if services || place.port.is_some() =>
            {
                "this kind of probe takes no port; use type = \"A\" or \"AAAA\" without one"
            }
            _ => continue,
        };
        return Err(Conflict::new(text, place.probe.span(), why).into());
    }
    for wanted in config.discovery.probes() {
        let name = wanted.get_ref().as_str();
        let of_name = templates
            .iter()
            .filter(|template| &*template.name() == name);
        let why = match of_name.count() {
            1 => continue,
            0 if templates.is_empty() => {
                format!(
                    "there is no probe {name:?}, nor any other; add a [[probe.icmp]], say, with that name"
                )
            }
            0 => {
                let mut names: Vec<_> = templates.iter().map(|other| other.name()).collect();
                names.sort_unstable();
                names.dedup();
                format!(
                    "there is no probe {name:?}, expected one of: {}",
                    names.join(", ")
                )
            }
            _ => format!("more than one probe has the name {name:?}; give each its own"),
        };
        return Err(Conflict::new(text, wanted.span(), why).into());
    }
    Ok(())
}
