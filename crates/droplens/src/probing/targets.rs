//! Puts the targets together: those configured, those discovered, those found on this host.

use std::collections::HashSet;

use droplens_probe::targets::TargetKey;

use super::discovery::Group;
use crate::config::{Config, MOST_TARGETS, Planned};

/// What is to be probed.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) all: Vec<Planned>,
    /// What is wrong with discovered targets, in sentences.
    pub(super) complaints: Vec<String>,
}

/// Complaints that are told; the others are counted.
const MOST_COMPLAINTS: usize = 20;

/// All targets, each once: what is configured counts before what is discovered, and that before what
/// nobody asked for. `discovered` has groups of targets with the name of the probe they join.
pub(super) fn together<'a>(
    config: &Config,
    discovered: impl IntoIterator<Item = (&'a str, &'a [Group])>,
    defaults: &[Planned],
) -> Targets {
    let mut targets = Targets::default();
    let mut known: HashSet<TargetKey> = HashSet::new();
    let (mut beyond, mut more) = (0_usize, 0_usize);
    let mut complain = |complaints: &mut Vec<String>, why: String| {
        if complaints.len() < MOST_COMPLAINTS {
            complaints.push(why);
        } else {
            more += 1;
        }
    };
    let mut add = |all: &mut Vec<Planned>, planned: Planned| {
        if known.contains(&planned.wish.key) {
            return;
        }
        if all.len() >= MOST_TARGETS {
            beyond += 1;
            return;
        }
        known.insert(planned.wish.key.clone());
        all.push(planned);
    };
    let templates = config.probe.templates();
    for template in &templates {
        for (_, planned) in template.configured() {
            // The check of the configuration has refused those with errors.
            if let Ok(planned) = planned {
                add(&mut targets.all, planned);
            }
        }
    }
    for (probe, groups) in discovered {
        let Some(template) = templates.iter().find(|template| &*template.name() == probe) else {
            continue;
        };
        for group in groups {
            for target in &group.targets {
                match template.discovered(target, &group.labels) {
                    Ok(planned) => add(&mut targets.all, planned),
                    Err(why) => complain(
                        &mut targets.complaints,
                        format!("target discovered for probe {probe:?} left out: {why}"),
                    ),
                }
            }
        }
    }
    for planned in defaults {
        add(&mut targets.all, planned.clone());
    }
    if beyond > 0 {
        targets.complaints.push(format!(
            "{beyond} targets left out: at most {MOST_TARGETS} are probed"
        ));
    }
    if more > 0 {
        targets
            .complaints
            .push(format!("{more} more discovered targets left out"));
    }
    targets
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::probing::defaults;

    fn group(targets: &[&str]) -> Group {
        Group {
            targets: targets.iter().map(|&target| target.to_owned()).collect(),
            labels: BTreeMap::new(),
        }
    }

    fn names(targets: &Targets) -> Vec<String> {
        let name =
            |planned: &Planned| format!("{} {}", planned.wish.key.probe, planned.wish.key.target);
        targets.all.iter().map(name).collect()
    }

    #[test]
    fn each_target_is_there_once_and_what_is_configured_comes_first() {
        let config = Config::parse(
            "[[probe.icmp]]\nname = \"a\"\ntargets = [\"x\"]\nlabels = { l = \"1\" }\n",
        )
        .unwrap();
        let groups = [group(&["x", "y", "bad name"]), group(&["y"])];
        let told = together(&config, [("a", &groups[..]), ("gone", &groups[..])], &[]);
        assert_eq!(names(&told), ["a x", "a y"]);
        assert_eq!(told.complaints.len(), 1);
        assert!(told.complaints[0].contains("bad name"), "{told:?}");
    }

    #[test]
    fn what_nobody_asked_for_gives_way_to_the_same_target_configured() {
        let gateway = [192, 0, 2, 1].into();
        let found = [defaults::gateway(gateway, None)];
        let config =
            Config::parse("[[probe.icmp]]\nname = \"gateway\"\ntargets = [\"192.0.2.1\"]\n")
                .unwrap();
        let told = together(&config, [], &found);
        assert_eq!((told.all.len(), told.all[0].wish.asked_for), (1, true));
        let told = together(&Config::default(), [], &found);
        assert_eq!((told.all.len(), told.all[0].wish.asked_for), (1, false));
    }

    #[test]
    fn discovery_does_not_go_beyond_the_limit() {
        let config = Config::parse("[[probe.icmp]]\ntargets = [\"x\"]\n").unwrap();
        let many: Vec<String> = (0..MOST_TARGETS + 5).map(|i| format!("h{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let told = together(&config, [("icmp", &[group(&many)][..])], &[]);
        assert_eq!(told.all.len(), MOST_TARGETS);
        assert!(
            told.complaints[0].starts_with("6 targets left out"),
            "{:?}",
            told.complaints
        );
    }

    #[test]
    fn complaints_are_bounded() {
        let config = Config::parse("[[probe.icmp]]\n").unwrap();
        let bad: Vec<String> = (0..1000).map(|i| format!("bad {i}")).collect();
        let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
        let told = together(&config, [("icmp", &[group(&bad)][..])], &[]);
        assert_eq!(told.complaints.len(), MOST_COMPLAINTS + 1);
        assert!(told.complaints[MOST_COMPLAINTS].starts_with("980 more"));
    }
}
