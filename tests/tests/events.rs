//! A burst of drops that lasts a tenth of a second is one event, with its time and its size.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::net::UdpSocket;
use std::time::{Duration, SystemTime};

use droplens_model::{Cause, Domain, Event, Timestamp};
use droplens_tests::agent::{Agent, Options};
use droplens_tests::lab::paced::{self, Pace};
use droplens_tests::lab::{Namespace, load, veth};
use droplens_tests::{needs_root, wait};
use serde::Deserialize;

/// 50 datagrams in 100 ms.
const BURST: Pace = Pace {
    per_second: 500,
    lasts: Duration::from_millis(100),
    size: 100,
};
const PACKETS: u64 = 50;

/// More than the receiver has room for.
const FILL: usize = 100;

/// How far the time of an event may be off.
const OFF: Duration = Duration::from_millis(200);

/// A busy machine may hold up the agent, or this test, in one of them.
const BURSTS: usize = 3;

const TO: &str = "10.9.1.2:9000";

#[derive(Deserialize)]
struct Answer {
    schema: String,
    events: Vec<Event>,
}

#[test]
fn a_burst_of_a_tenth_of_a_second_is_one_event_in_its_place_and_time() {
    needs_root!();
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    // Nobody reads it and it is full, so that every datagram of a burst is dropped.
    let receiver = load::sink(&right, TO, 8192);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, TO, FILL, BURST.size);
    let agent = Options::new().start(&right);
    agent.scrape_until_value("droplens_source_up", &[("source", "snmp")], 1);

    let mut bursts = Vec::new();
    for number in 1..=BURSTS {
        bursts.push(burst(&sender));
        wait_until_over(&agent, number);
    }
    let events = events(&agent);
    let drops = PACKETS * BURSTS as u64;
    assert!(load::drain(&receiver) < FILL, "it was full");
    assert_eq!(events.len(), BURSTS, "{events:?}");
    let mut in_time = 0;
    for (event, (start, end)) in events.iter().zip(&bursts) {
        assert_eq!(event.cause, Cause::UdpReceiveBufferFull);
        assert_eq!(event.packets, PACKETS, "{event:?}");
        assert!(!event.ongoing && event.peak_rate >= 50.0, "{event:?}");
        let event_end = event.start.after(Duration::from_secs_f64(event.seconds));
        if apart(event.start, *start) <= OFF && apart(event_end, *end) <= OFF {
            in_time += 1;
        }
    }
    assert!(in_time > BURSTS / 2, "{bursts:?} {events:?}");

    let cause = [("domain", "socket"), ("cause", "udp_receive_buffer_full")];
    agent.scrape_until_value("droplens_loss_events_total", &cause, BURSTS as u64);
    agent.scrape_until_value("droplens_drops_total", &cause, drops);
    let log = agent.log();
    let told = log.lines().filter(|line| {
        line.contains("packets were lost")
            && line.contains("cause=udp_receive_buffer_full")
            && line.contains(&format!("packets={PACKETS}"))
    });
    assert_eq!(told.count(), BURSTS, "{log}");
    agent.stop();
}

/// Sends a burst; returns when it began and ended.
fn burst(sender: &UdpSocket) -> (Timestamp, Timestamp) {
    let start = SystemTime::now().into();
    assert_eq!(paced::send(sender, TO, BURST), PACKETS);
    (start, SystemTime::now().into())
}

/// The events of this namespace: softnet is the whole host's, and others may flood it.
fn events(agent: &Agent<'_>) -> Vec<Event> {
    let answer = agent.get("/api/v1/events", &[]).expect("the events");
    let mut answer: Answer = serde_json::from_str(&answer.text()).expect("events in JSON");
    assert_eq!(answer.schema, "droplens.events/1");
    answer
        .events
        .retain(|event| event.domain != Domain::Softnet);
    answer.events
}

/// Waits until so many bursts have ended, for those that follow each other closely are one.
fn wait_until_over(agent: &Agent<'_>, number: usize) {
    wait::until("the end of a burst", || {
        let events = events(agent);
        let over = events.iter().filter(|event| !event.ongoing).count();
        if over == number {
            Ok(())
        } else {
            Err(format!("{events:?}"))
        }
    });
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    Duration::from_millis(one.0.abs_diff(other.0))
}
