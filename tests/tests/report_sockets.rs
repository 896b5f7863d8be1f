//! The sockets that suffer, and their owners, as `droplens report` tells them.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use droplens_tests::lab::{Namespace, load, veth};
use droplens_tests::verdict::Place;
use droplens_tests::wait::until;
use droplens_tests::{json, needs_root};
use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(2);

/// The text of a report once all of this is in it; line breaks count as spaces.
#[track_caller]
fn told(place: &Place, wanted: &[&str]) -> String {
    until("the report", || {
        let text = place.run("report --interval 100ms").stdout;
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match wanted.iter().find(|wanted| !flat.contains(**wanted)) {
            None => Ok(flat),
            Some(missing) => Err(format!("no {missing:?} in {text}")),
        }
    })
}

/// A process that keeps a socket open and does nothing, killed on drop.
struct Sleeper(Child);

impl Sleeper {
    fn holding(socket: impl Into<OwnedFd>) -> Self {
        let mut command = Command::new("sleep");
        command.arg("60").stdin(Stdio::from(socket.into()));
        Self(command.spawn().expect("a process that sleeps"))
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn what_a_stopped_process_does_not_read_is_told_with_its_name() {
    needs_root!();
    let place = Place::new();
    let listener = load::listen(&place.namespace, "127.0.0.1:9000", 8);
    let mut sender =
        load::connect(&place.namespace, "127.0.0.1:9000", PATIENCE).expect("connected");
    let (accepted, _) = listener.accept().expect("accepted");
    let sleeper = Sleeper::holding(accepted);
    kill_process(Pid::from_child(&sleeper.0), Signal::STOP).expect("stopping it");
    sender.write_all(&[0x64; 10_000]).expect("sending");
    let owner = format!("sleep[{}], stopped by a signal (T)", sleeper.0.id());
    let text = told(&place, &["not being read", "not read here", &owner]);
    let ends = format!(
        "127.0.0.1:9000 -> {}: 10 kB waiting",
        sender.local_addr().expect("its address")
    );
    assert!(text.contains(&ends), "{ends}: {text}");
}

#[test]
fn a_connection_whose_peer_vanished_is_told_with_its_retransmissions() {
    needs_root!();
    let place = Place::new();
    let far = Namespace::new();
    veth(&place.namespace, "w0", &far, "w1", 2);
    let listener = load::listen(&far, "10.9.2.2:9000", 8);
    let mut sender = load::connect(&place.namespace, "10.9.2.2:9000", PATIENCE).expect("connected");
    let (accepted, _) = listener.accept().expect("accepted");
    far.nft(
        "add table inet t; add chain inet t in { type filter hook input priority 0; policy drop; }",
    );
    sender.write_all(&[0x64; 10_000]).expect("sending");
    let ends = format!(
        "{} -> 10.9.2.2:9000: ",
        sender.local_addr().expect("its address")
    );
    let owner = format!("[{}]", std::process::id());
    told(
        &place,
        &[
            "sending again",
            &ends,
            "unanswered now",
            "times in a row",
            &owner,
        ],
    );
    drop(accepted);
}

#[test]
fn a_listener_that_does_not_accept_is_told_with_its_queue() {
    needs_root!();
    let place = Place::new();
    let listener = load::listen(&place.namespace, "127.0.0.1:9000", 1);
    let sleeper = Sleeper::holding(listener);
    let connect = |patience| load::connect(&place.namespace, "127.0.0.1:9000", patience);
    let waiting = [connect(PATIENCE), connect(PATIENCE)].map(|made| made.expect("in the queue"));
    let refused = connect(Duration::from_millis(300));
    assert!(refused.is_err(), "one too many: {refused:?}");
    let owner = format!("sleep[{}]", sleeper.0.id());
    let row = ["127.0.0.1:9000 2 of 1", "the queue is full", &owner];
    told(&place, &row);
    let report = json::parse(&place.run("report --interval 100ms --json").stdout);
    let listeners = &report["connections"]["listeners"];
    assert_eq!(json::number(listeners, "/0/queue"), 2, "{listeners:#}");
    drop(waiting);
}

#[test]
fn sockets_that_do_well_are_not_told() {
    needs_root!();
    let place = Place::new();
    let listener = load::listen(&place.namespace, "127.0.0.1:9000", 8);
    let _sender = load::connect(&place.namespace, "127.0.0.1:9000", PATIENCE).expect("connected");
    let _accepted = listener.accept().expect("accepted");
    let text = place.run("report --interval 100ms").stdout;
    assert!(text.contains("Blind spots"), "{text}");
    assert!(!text.contains("Sockets that suffer"), "{text}");
}
