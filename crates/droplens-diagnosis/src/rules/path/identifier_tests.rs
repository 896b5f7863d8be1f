//! Trials with another ICMP identifier, as findings tell of them.

use droplens_model::sample::probes::{ProbeKind, Target};
use droplens_model::{Cause, Finding};

use crate::probed::made_up::{counts, judge, only, target};

const HOST: &str = "192.0.2.7";

fn icmp(answered: u64, lost: u64) -> Target {
    target(ProbeKind::Icmp, HOST, counts(answered, lost))
}

fn evidence(finding: &Finding, counter: &str) -> Option<u64> {
    let found = finding.evidence.iter().find(|one| one.counter == counter)?;
    found.delta
}

#[test]
fn a_stale_entry_on_the_path_is_told() {
    let mut healed = icmp(40, 60);
    healed.addresses[0].rotations.healed = 1;
    let finding = only(judge(&[], &[healed.clone()]));
    assert_eq!(finding.cause, Cause::PathLoss);
    let counter = "answers came back with another ICMP identifier";
    assert_eq!(evidence(&finding, counter), Some(1));
    assert!(
        finding
            .summary
            .contains("until they bore another identifier")
    );
    assert!(finding.next.contains("conntrack -D"), "{}", finding.next);

    let finding = only(judge(&[], &[icmp(40, 60)]));
    assert_eq!(evidence(&finding, counter), None);

    // Connections that are well do not make it a limit of the target.
    let cause = |echo: Target| {
        only(judge(
            &[],
            &[echo, target(ProbeKind::Tcp, HOST, counts(100, 0))],
        ))
        .cause
    };
    assert_eq!(cause(icmp(40, 60)), Cause::IcmpRateLimited);
    assert_eq!(cause(healed), Cause::PathLoss);
}

#[test]
fn a_trial_in_vain_is_evidence_that_the_target_is_down() {
    let counter = "another ICMP identifier was not answered either";
    for (unhealed, expected) in [(0, None), (1, Some(1))] {
        let mut down = icmp(0, 60);
        down.addresses[0].unanswered_consecutive = 60;
        down.addresses[0].rotations.unhealed = unhealed;
        let finding = only(judge(&[], &[down]));
        assert_eq!(finding.cause, Cause::TargetUnreachable);
        assert_eq!(evidence(&finding, counter), expected);
    }
}
