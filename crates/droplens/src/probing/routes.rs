//! The ways by which probes leave this host, looked up at a slow pace.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use droplens_kernel::ReadError;
use droplens_model::sample::probes::{Probes, Route};
use droplens_model::{Moment, Name};
use droplens_probe::spec::Egress;

use crate::config::Planned;

/// How old what is known of a way becomes before it is looked up again.
const RENEWED: Duration = Duration::from_secs(15);

/// Lookups in one round, once a second: more addresses are looked up less often.
const MOST_IN_A_ROUND: usize = 64;

/// Probe and target.
type Target = (Name, Name);

/// An address of a target.
type Key = (Target, IpAddr);

/// What is known of the ways.
#[derive(Debug, Default)]
pub(super) struct Routes(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// From where targets are probed.
    sources: HashMap<Target, Egress>,
    ways: HashMap<Key, Way>,
}

/// What is known of one way.
#[derive(Clone, Debug, Default)]
struct Way {
    egress: Egress,
    /// None before the first lookup.
    looked_up: Option<Moment>,
    route: Option<Route>,
    /// The last route there was, to compare with: no route at all is no other way.
    last: Option<Route>,
    changes: u64,
    wanted: bool,
}

impl Routes {
    /// Says from where targets are probed; addresses come with [`Self::fill`].
    pub(super) fn apply(&self, targets: &[Planned]) {
        let mut known = self.lock();
        let Known { sources, ways } = &mut *known;
        *sources = targets
            .iter()
            .map(|planned| &planned.wish)
            .map(|wish| {
                let name = (Arc::clone(&wish.key.probe), Arc::clone(&wish.key.target));
                (name, wish.request.egress.clone())
            })
            .collect();
        ways.retain(|(target, _), way| {
            let Some(egress) = sources.get(target) else {
                return false;
            };
            if way.egress != *egress {
                way.egress = egress.clone();
                way.looked_up = None;
            }
            true
        });
    }

    /// Fills in what is known, and takes note of the addresses there are.
    pub(super) fn fill(&self, probes: &mut Probes) {
        let mut known = self.lock();
        let Known { sources, ways } = &mut *known;
        for way in ways.values_mut() {
            way.wanted = false;
        }
        for target in &mut probes.targets {
            let name = (Arc::clone(&target.probe), Arc::clone(&target.target));
            let Some(egress) = sources.get(&name) else {
                continue;
            };
            for address in &mut target.addresses {
                let key = (name.clone(), address.address);
                let way = ways.entry(key).or_insert_with(|| Way {
                    egress: egress.clone(),
                    ..Way::default()
                });
                way.wanted = true;
                address.route.clone_from(&way.route);
                address.route_changes = way.changes;
            }
        }
        ways.retain(|_, way| way.wanted);
    }

    /// Looks up the ways known for longest, at most so many as one round may.
    pub(super) fn round(
        &self,
        now: Moment,
        mut look_up: impl FnMut(IpAddr, &Egress) -> Result<Route, ReadError>,
    ) {
        let mut due: Vec<(Option<Moment>, Key, Egress)> = {
            let known = self.lock();
            let due = known
                .ways
                .iter()
                .filter(|(_, way)| way.looked_up.is_none_or(|at| now.since(at) >= RENEWED));
            due.map(|(key, way)| (way.looked_up, key.clone(), way.egress.clone()))
                .collect()
        };
        due.sort_by_key(|(at, ..)| *at);
        due.truncate(MOST_IN_A_ROUND);
        for (_, key, egress) in due {
            // Not under the lock: the kernel may take its time, and the reader must not wait for it.
            let found = look_up(key.1, &egress);
            if let Some(way) = self.lock().ways.get_mut(&key) {
                way.learn(now, found.ok());
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Way {
    fn learn(&mut self, now: Moment, found: Option<Route>) {
        self.looked_up = Some(now);
        if let Some(route) = &found {
            let other = |last: &Route| {
                // An MTU that was learned on the way is no other way.
                (&last.device, last.gateway, last.source)
                    != (&route.device, route.gateway, route.source)
            };
            self.changes += u64::from(self.last.as_ref().is_some_and(other));
            self.last.clone_from(&found);
        }
        self.route = found;
    }
}

#[cfg(test)]
mod tests {
    use droplens_model::sample::probes::{self, TargetState};
    use droplens_probe::stream::Stream;

    use super::*;
    use crate::config::Config;

    fn planned() -> Planned {
        let config = Config::parse("[[probe.icmp]]\ntargets = [\"t.example\"]\n").unwrap();
        let templates = config.probe.templates();
        templates[0].configured().remove(0).1.unwrap()
    }

    /// With one target.
    fn routes() -> Routes {
        let routes = Routes::default();
        routes.apply(&[planned()]);
        routes
    }

    fn probes(addresses: &[IpAddr]) -> Probes {
        let wish = planned().wish;
        let sample = |address: &IpAddr| Stream::new(*address, &wish, 0).sample(at(0));
        Probes {
            targets: vec![probes::Target {
                probe: wish.key.probe.clone(),
                kind: wish.request.ask.kind(),
                target: wish.key.target.clone(),
                asked_for: true,
                labels: Vec::new(),
                limits: wish.limits,
                state: TargetState::Resolved,
                addresses: addresses.iter().map(sample).collect(),
                addresses_left_out: 0,
            }],
            ..Probes::default()
        }
    }

    const fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the kernel answers")]
    fn by(device: &str, mtu: u32) -> Result<Route, ReadError> {
        Ok(Route {
            device: device.into(),
            gateway: None,
            source: None,
            mtu: Some(mtu),
        })
    }

    fn shown(routes: &Routes, probes: &mut Probes) -> (Option<String>, u64) {
        routes.fill(probes);
        let address = &probes.targets[0].addresses[0];
        let device = address.route.as_ref().map(|route| route.device.to_string());
        (device, address.route_changes)
    }

    #[test]
    fn another_device_is_a_change_and_no_route_for_a_while_is_none() {
        let (routes, mut probes) = (routes(), probes(&[[192, 0, 2, 1].into()]));
        assert_eq!(shown(&routes, &mut probes), (None, 0));
        routes.round(at(1), |_, _| by("a", 1500));
        assert_eq!(shown(&routes, &mut probes), (Some("a".into()), 0));
        // Not due yet.
        routes.round(at(2), |_, _| by("b", 1500));
        assert_eq!(shown(&routes, &mut probes), (Some("a".into()), 0));
        routes.round(at(16), |_, _| Err(ReadError::Absent { what: "no route" }));
        assert_eq!(shown(&routes, &mut probes), (None, 0));
        routes.round(at(31), |_, _| by("a", 1400));
        assert_eq!(shown(&routes, &mut probes), (Some("a".into()), 0));
        routes.round(at(46), |_, _| by("b", 1500));
        assert_eq!(shown(&routes, &mut probes), (Some("b".into()), 1));
    }

    #[test]
    fn a_round_is_bounded_and_the_oldest_come_first() {
        let all: Vec<IpAddr> = (0..=255).map(|last| [192, 0, 2, last].into()).collect();
        let (routes, mut probes) = (routes(), probes(&all));
        shown(&routes, &mut probes);
        let mut asked = std::collections::HashSet::new();
        for second in 0..4 {
            let before = asked.len();
            routes.round(at(second), |address, _| {
                asked.insert(address);
                by("a", 1500)
            });
            assert_eq!(asked.len() - before, MOST_IN_A_ROUND);
        }
        routes.round(at(4), |_, _| panic!("none is due"));
    }

    #[test]
    fn what_is_not_probed_any_more_is_forgotten() {
        let (routes, mut sample) = (routes(), probes(&[[192, 0, 2, 1].into()]));
        shown(&routes, &mut sample);
        routes.fill(&mut probes(&[]));
        routes.round(at(1), |_, _| panic!("there is none"));
        shown(&routes, &mut sample);
        routes.apply(&[]);
        routes.round(at(2), |_, _| panic!("there is none"));
    }
}
