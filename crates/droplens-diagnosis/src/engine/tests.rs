use super::*;
use crate::counters as c;
use crate::counters::snapshots;

/// The bursts to be logged if in the third second so many packets expire, with so many answers.
fn logged(expired: i128, answered: i128) -> (Vec<Cause>, Vec<(Cause, u64)>) {
    let mut engine = Engine::default();
    let mut logged = Vec::new();
    for second in 1..=8 {
        let lost = i128::from(second > 2);
        let snapshot = snapshots::of(
            second,
            &[
                (c::IN_HDR_ERRORS.v4, lost * expired),
                (c::ICMP_OUT_TIME_EXCEEDED.v4, lost * answered),
            ],
        );
        let now = Moment(Duration::from_secs(second));
        let wishes = engine.observe(&Arc::new(snapshot), now, Timestamp(1_000 * second));
        logged.extend(wishes.ended.iter().map(|burst| burst.cause));
    }
    let all = engine.events();
    let all = all.iter().map(|burst| (burst.cause, burst.packets));
    (logged, all.collect())
}

#[test]
fn bursts_that_are_remarks_are_not_logged() {
    let told = |packets| vec![(Cause::TtlExpired, packets)];
    assert_eq!(logged(300, 6), (vec![Cause::TtlExpired], told(300)));
    assert_eq!(logged(6, 6), (Vec::new(), told(6)), "told all the same");
}
