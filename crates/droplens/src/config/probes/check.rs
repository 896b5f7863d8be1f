//! What no value can check by itself: whether they go together.

use std::collections::HashMap;
use std::ops::Range;

use droplens_probe::targets::TargetKey;

use super::MOST_TARGETS;
use crate::config::Config;
use crate::config::mistake::Conflict;

/// Finds the first thing that does not fit; `text` is what the configuration was parsed from.
pub(in crate::config) fn check(config: &Config, text: &str) -> Result<(), Conflict> {
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
                return Err(Conflict::new(text, at, why).and(text, first.clone(), "the other is"));
            }
            places.insert(key, at.clone());
            if places.len() > MOST_TARGETS {
                let why =
                    format!("this is one target too many, at most {MOST_TARGETS} are allowed");
                return Err(Conflict::new(text, at, why));
            }
        }
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
        return Err(Conflict::new(text, wanted.span(), why));
    }
    Ok(())
}
