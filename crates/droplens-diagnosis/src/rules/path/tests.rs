//! The verdicts on what was measured on wires that count what they lose; see the runbook's page of
//! `path_loss`.

use std::time::Duration;

use droplens_model::delta::{Delta, Protocol};
use droplens_model::{Cause, Finding, PathDirection, Severity, Snapshot, Status};

use super::RULES;
use crate::counters::{self as c, snapshots};
use crate::ledger::Ledger;
use crate::thresholds::Thresholds;
use crate::view::{Edges, View};

fn findings(moved: &[(Protocol, i128)]) -> Vec<Finding> {
    let still: Vec<_> = moved.iter().map(|(counter, _)| (*counter, 0)).collect();
    let (from, to) = (snapshots::of(1, &still), snapshots::of(11, moved));
    judged(&from, &to)
}

fn judged(from: &Snapshot, to: &Snapshot) -> Vec<Finding> {
    let delta = Delta::new(from, to);
    let ledger = Ledger::of(delta);
    let thresholds = Thresholds::default();
    let view = View::new(delta, &ledger, Duration::from_secs(10), &thresholds);
    RULES.iter().flat_map(|rule| rule.findings(&view)).collect()
}

/// A sender: segments sent, sent again, of these twice at the peer, reordering seen.
fn sender(sent: i128, again: i128, twice: i128, reordered: i128) -> Vec<Finding> {
    findings(&[
        (c::TCP_OUT_SEGS, sent),
        (c::TCP_RETRANS_SEGS, again),
        (c::TCP_DSACK_RECV_SEGS, twice),
        (c::TCP_DSACK_RECV, twice),
        (c::TCP_SACK_REORDER, reordered),
    ])
}

/// A receiver: segments, of these early, of these acknowledged late, segments that came twice.
fn receiver(segments: i128, early: i128, late: i128, twice: i128) -> Vec<Finding> {
    findings(&[
        (c::TCP_IN_SEGS, segments),
        (c::TCP_OFO_QUEUE, early),
        (c::TCP_ACK_COMPRESSED, late),
        (c::TCP_DSACK_OLD_SENT, twice),
    ])
}

fn only(findings: Vec<Finding>) -> Finding {
    let [finding] = <[Finding; 1]>::try_from(findings).unwrap();
    finding
}

#[test]
fn a_sender_counts_what_was_lost() {
    for (sent, again) in [(2900, 16), (2900, 53), (11_590, 206)] {
        let finding = only(sender(sent, again, 0, 0));
        assert_eq!(finding.cause, Cause::PathLoss);
        assert_eq!(i128::from(finding.packets), again);
        assert_eq!(finding.direction, Some(PathDirection::Forward));
    }
}

#[test]
fn a_sender_is_not_misled_by_reordering() {
    for (again, twice, reordered) in [(0, 0, 264), (2, 2, 268), (5, 4, 211), (225, 224, 0)] {
        for finding in sender(11_590, again, twice, reordered) {
            assert_eq!(finding.cause, Cause::PathReordering);
            assert_eq!(finding.severity, Severity::Info);
        }
    }
}

#[test]
fn reordering_does_not_hide_losses() {
    let found = sender(4512, 52, 6, 69);
    assert_eq!(found.first().unwrap().packets, 46, "42 were lost");
}

#[test]
fn copies_made_on_the_way_hide_no_losses() {
    let found = findings(&[
        (c::TCP_OUT_SEGS, 4653),
        (c::TCP_RETRANS_SEGS, 41),
        (c::TCP_DSACK_RECV, 45),
        (c::TCP_DSACK_RECV_SEGS, 1),
        (c::TCP_DSACK_DUBIOUS, 47),
    ]);
    let causes: Vec<_> = found.iter().map(|finding| finding.cause).collect();
    assert_eq!(causes, [Cause::PathLoss, Cause::PathDuplication]);
    assert_eq!(found.first().unwrap().packets, 40);
}

#[test]
fn a_peer_that_does_not_read_is_no_loss() {
    let found = findings(&[
        (c::TCP_OUT_SEGS, 74),
        (c::TCP_RETRANS_SEGS, 12),
        (c::TCP_DSACK_RECV_SEGS, 12),
        (c::TCP_WIN_PROBE, 5),
    ]);
    assert_eq!(found, []);
}

#[test]
fn a_receiver_estimates_what_was_lost() {
    for (segments, early, late, lost) in [
        (2899, 278, 191, 16),
        (5909, 515, 360, 31),
        (2899, 473, 267, 53),
        (3043, 494, 278, 56),
        (11_590, 1030, 764, 62),
        (11_590, 1525, 819, 206),
    ] {
        let finding = only(receiver(segments, early, late, 0));
        assert_eq!(finding.cause, Cause::PathLoss);
        assert_eq!(finding.direction, Some(PathDirection::Return));
        let off = finding.packets as f64 / f64::from(lost);
        assert!((0.7..1.4).contains(&off), "{} of {lost}", finding.packets);
    }
}

#[test]
fn a_receiver_tells_shallow_reordering() {
    for (segments, early, twice) in [(23_177, 265, 0), (23_178, 802, 2), (23_181, 5586, 3)] {
        let finding = only(receiver(segments, early, 0, twice));
        assert_eq!(finding.cause, Cause::PathReordering);
        assert_eq!(finding.severity, Severity::Info);
    }
}

#[test]
fn a_receiver_does_not_pretend_to_know() {
    for (segments, early, late, twice) in [
        (23_178, 4249, 2547, 3),
        (23_180, 14_731, 10_397, 5),
        (11_814, 1678, 680, 224),
        (4698, 545, 330, 45),
    ] {
        let finding = only(receiver(segments, early, late, twice));
        assert_eq!(finding.cause, Cause::PathReordering);
        assert_eq!(finding.status, Status::Pressure);
        assert_eq!(finding.severity, Severity::Warning);
    }
}

#[test]
fn own_drops_explain_as_much_as_they_can_and_no_more() {
    let with = |again, pruned| {
        findings(&[
            (c::TCP_OUT_SEGS, 10_000),
            (c::TCP_RETRANS_SEGS, again),
            (c::TCP_DSACK_RECV_SEGS, 0),
            (c::TCP_BACKLOG_DROP, pruned),
        ])
    };
    assert_eq!(with(400, 10), []);
    assert_eq!(only(with(400, 1)).packets, 354);
}

/// A drop and the retransmissions that it leads to need not fall into one window, nor be read at
/// the same time.
#[test]
fn own_drops_around_the_window_explain_too() {
    let at = |second, again, dropped| {
        snapshots::of(
            second,
            &[
                (c::TCP_OUT_SEGS, 1000 * i128::from(second)),
                (c::TCP_RETRANS_SEGS, again),
                (c::TCP_DSACK_RECV_SEGS, 0),
                (c::TCP_BACKLOG_DROP, dropped),
            ],
        )
    };
    let thresholds = Thresholds::default();
    let found = |edges, from, to| {
        let delta = Delta::new(from, to);
        let ledger = Ledger::of(delta);
        let view = View::new(delta, &ledger, Duration::from_secs(10), &thresholds);
        let view = view.with_edges(edges);
        let findings = RULES.iter().flat_map(|rule| rule.findings(&view));
        findings.map(|finding| finding.packets).collect::<Vec<_>>()
    };
    // Dropped in the second before the window.
    let (earlier, from, to) = (at(1, 0, 0), at(2, 0, 10), at(12, 100, 10));
    let before = Edges {
        before: Some(Delta::new(&earlier, &from)),
        ..Edges::default()
    };
    assert_eq!(found(Edges::default(), &from, &to), [100]);
    assert_eq!(found(before, &from, &to), []);
    // Sent again in the last second, before the drops are read.
    let (from, late, to) = (at(2, 0, 0), at(11, 17, 0), at(12, 100, 0));
    let end = Edges {
        end: Some(Delta::new(&late, &to)),
        ..Edges::default()
    };
    assert_eq!(found(end, &from, &to), [17]);
}
