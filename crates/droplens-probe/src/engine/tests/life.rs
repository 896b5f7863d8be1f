//! Targets that come, go, resolve and keep silent.

use std::sync::Arc;
use std::time::Duration;

use droplens_model::sample::probes::TargetState;

use super::{World, address, key, wish};
use crate::engine::Order;
use crate::targets::TargetWish;

const FAST: Option<Duration> = Some(Duration::from_millis(3));
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn an_unresolved_target_is_a_state_and_no_loss() {
    let mut world = World::with([wish("a", 200)]);
    world.engine.unresolved(&key("a"));
    world.run(MINUTE, |_, _| None);
    let target = &world.engine.sample().targets[0];
    assert_eq!(target.state, TargetState::Unresolved);
    assert!(target.addresses.is_empty());

    world.engine.resolved(&key("a"), &[address(1)]);
    world.run(MINUTE, |_, _| FAST);
    let sent = world.only().sent;
    assert!(sent > 200);
    world.engine.resolved(&key("a"), &[]);
    world.run(MINUTE, |_, _| FAST);
    assert_eq!(
        world.engine.sample().targets[0].state,
        TargetState::Unresolved
    );
    let found = world.only();
    assert!(found.sent > sent + 200, "the last address is probed on");
    assert_eq!(found.loss().lost, 0);
}

#[test]
fn a_reload_keeps_what_stays() {
    let mut world = World::with([wish("a", 200), wish("b", 200)]);
    for name in ["a", "b"] {
        world.engine.resolved(&key(name), &[address(1), address(2)]);
    }
    world.run(MINUTE, |_, _| FAST);
    let before = world.engine.sample();
    world.engine.reload([wish("c", 200), wish("b", 20_000)]);
    let after = world.engine.sample();
    let names: Vec<&str> = after.targets.iter().map(|target| &*target.target).collect();
    assert_eq!(names, ["b", "c"]);
    assert_eq!(after.targets[0], before.targets[1], "counters and all");
    assert_eq!(after.targets[1].state, TargetState::Unresolved);
    // Answers to probes of the target that is gone are strays now.
    world.run(MINUTE, |_, _| FAST);
    let slower = world.engine.sample().targets[0].addresses[0].sent;
    assert!(
        slower - before.targets[1].addresses[0].sent <= 6,
        "{slower}"
    );
    assert_eq!(world.engine.streams.len(), 2);
}

#[test]
fn a_shorter_interval_holds_at_once() {
    let mut world = World::with([wish("a", 3_600_000)]);
    world.engine.resolved(&key("a"), &[address(1)]);
    world.run(Duration::from_secs(1), |_, _| FAST);
    world.engine.reload([wish("a", 200)]);
    world.run(MINUTE, |_, _| FAST);
    assert!(world.only().sent > 250);
}

#[test]
fn another_timeout_holds_from_the_next_probe_on() {
    let slow = |_: &Order, _| Some(Duration::from_millis(300));
    let mut world = World::with([wish("a", 100)]);
    world.engine.resolved(&key("a"), &[address(1)]);
    world.run(MINUTE, slow);
    let before = world.only();
    assert!(before.in_flight > 0);
    let mut hasty = wish("a", 100);
    Arc::make_mut(&mut hasty.request).patience.timeout = Duration::from_millis(200);
    world.engine.reload([hasty]);
    world.run(MINUTE, slow);
    let after = world.only();
    assert_eq!(after.outcomes.ok, before.sent, "with those under way");
    let ended = after.sent - after.in_flight;
    assert_eq!(after.outcomes.late, ended - before.sent);
    assert!(ended - before.sent > 500);
}

#[test]
fn addresses_that_stay_keep_their_counters() {
    let mut world = World::with([wish("a", 200)]);
    world.engine.resolved(&key("a"), &[address(1), address(2)]);
    world.run(MINUTE, |_, _| FAST);
    let before = world.engine.sample().targets[0].addresses.clone();
    world.engine.resolved(&key("a"), &[address(3), address(2)]);
    let after = world.engine.sample().targets[0].addresses.clone();
    assert_eq!(after[0], before[1]);
    assert_eq!((after[1].address, after[1].sent), (address(3), 0));
    let many: Vec<_> = (1..=20).map(address).collect();
    world.engine.resolved(&key("a"), &many);
    let target = &world.engine.sample().targets[0];
    assert_eq!((target.addresses.len(), target.addresses_left_out), (8, 12));
    assert!(
        (world.engine.demand.packets - 40.0).abs() < 1e-9,
        "each is probed on its own"
    );
}

fn gateway() -> World {
    let mut world = World::with([TargetWish {
        asked_for: false,
        ..wish("gateway", 1_000)
    }]);
    world.engine.resolved(&key("gateway"), &[address(1)]);
    world
}

#[test]
fn a_gateway_that_never_answered_is_silent() {
    let mut world = gateway();
    world.run(10 * MINUTE, |_, _| None);
    assert_eq!(world.engine.sample().targets[0].state, TargetState::Silent);
    let found = world.only();
    assert_eq!(
        (found.outcomes.total(), found.unanswered_consecutive),
        (0, 0)
    );
    assert_eq!(found.silent + found.in_flight, found.sent);
    assert_eq!(found.burst_packets.count, 0);
}

#[test]
fn once_it_has_answered_its_losses_count() {
    let mut world = gateway();
    world.run(MINUTE, |_, _| None);
    world.run(MINUTE, |_, _| FAST);
    let awake = world.only();
    assert_eq!(
        world.engine.sample().targets[0].state,
        TargetState::Resolved
    );
    assert_eq!(awake.loss().lost, 0, "not for the time before: {awake:?}");
    world.run(MINUTE, |_, _| None);
    let dead = world.only();
    assert!(dead.loss().lost > 40, "{dead:?}");
    assert_eq!(dead.silent, awake.silent);
}
