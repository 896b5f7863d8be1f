//! Whole reports, as reviewed. `UPDATE_GOLDEN=1` rewrites the files in `golden/`.

mod inquiry;
mod made_up;
mod probes;
mod sockets;

use droplens_model::{Cause, Report};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::{Style, comparison, report};
use crate::comparison::differences;

const TERMINAL: Style = Style {
    width: 100,
    colour: false,
    unicode: true,
};

fn check(name: &str, made_up: &Report, style: Style) {
    check_text(name, &report(made_up, style));
}

fn check_text(name: &str, text: &str) {
    let path = format!(
        "{}/src/render/golden/{name}.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap();
    for (number, (ours, theirs)) in text.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(
            ours,
            theirs,
            "line {} of {name} (UPDATE_GOLDEN=1 rewrites it)",
            number + 1
        );
    }
    assert_eq!(text.lines().count(), reviewed.lines().count(), "{name}");
}

#[test]
fn an_idle_host_takes_few_lines() {
    check("clean", &made_up::clean(), TERMINAL);
}

#[test]
fn five_questions_are_answered_in_order() {
    let narrow = Style {
        width: 44,
        unicode: false,
        ..TERMINAL
    };
    for (name, answers) in [
        ("inquiry-fine", inquiry::all_fine()),
        ("inquiry-fails", inquiry::much_fails()),
        ("inquiry-blackhole", inquiry::blackhole_and_silence()),
        ("inquiry-no-name", inquiry::no_name()),
        ("inquiry-name-server", inquiry::name_servers()),
    ] {
        check_text(name, &super::inquiry(&answers, TERMINAL));
        let text = super::inquiry(&answers, narrow);
        assert!(text.is_ascii(), "{text}");
        check_text(&format!("{name}-narrow"), &text);
    }
}

#[test]
fn a_loss_comes_with_its_evidence() {
    check("softnet", &made_up::softnet(), TERMINAL);
    let colour = Style {
        colour: true,
        ..TERMINAL
    };
    check("softnet-colour", &made_up::softnet(), colour);
}

#[test]
fn several_findings_come_in_order_with_noise_last() {
    check("several", &made_up::several(), TERMINAL);
}

#[test]
fn an_ordinary_user_is_told_what_could_not_be_seen() {
    check("blind", &made_up::blind(), TERMINAL);
}

#[test]
fn sockets_that_suffer_come_with_their_owners() {
    check("sockets", &sockets::suffering(), TERMINAL);
    let narrow = Style {
        width: 44,
        ..TERMINAL
    };
    check("sockets-narrow", &sockets::suffering(), narrow);
}

#[test]
fn probes_tell_how_sure_their_losses_are() {
    check("probes", &probes::some(), TERMINAL);
    let narrow = Style {
        width: 44,
        ..TERMINAL
    };
    check("probes-narrow", &probes::some(), narrow);
}

#[test]
fn sockets_that_do_not_suffer_are_not_told() {
    let mut report = sockets::healthy();
    let text = super::report(&report, TERMINAL);
    report.connections = None;
    assert_eq!(text, super::report(&report, TERMINAL));
}

#[test]
fn an_affected_host_stands_beside_an_unaffected_one() {
    let affected = made_up::several();
    let mut other = made_up::clean();
    other.host = "db-8 \x1b[2J".into();
    other.findings = affected.findings[4..].to_vec();
    other.findings[0].rate = 0.3;
    // There, nobody could look into conntrack.
    other.domains[5].blind_causes = vec![Cause::ConntrackNearFull];
    let text = |other, style| {
        let differences = differences(&affected, other);
        comparison(&affected, other, &differences, style)
    };
    check_text("comparison", &text(&other, TERMINAL));
    let narrow = Style {
        width: 44,
        ..TERMINAL
    };
    check_text("comparison-narrow", &text(&other, narrow));
    let clean = made_up::clean();
    let none = comparison(&clean, &clean, &[], TERMINAL);
    assert!(none.ends_with("neither report has a finding.\n"), "{none}");
}

#[test]
fn a_narrow_terminal_shows_fewer_columns_and_wraps() {
    let narrow = Style {
        width: 44,
        ..TERMINAL
    };
    check("several-narrow", &made_up::several(), narrow);
    check("blind-narrow", &made_up::blind(), narrow);
}

#[test]
fn without_unicode_everything_is_ascii() {
    let ascii = Style {
        unicode: false,
        ..TERMINAL
    };
    for made_up in [
        made_up::softnet(),
        made_up::several(),
        made_up::hostile(),
        probes::some(),
        sockets::suffering(),
    ] {
        assert!(report(&made_up, ascii).is_ascii());
    }
    check("several-ascii", &made_up::several(), ascii);
}

#[test]
fn names_chosen_by_others_cannot_command_the_terminal() {
    let text = report(&made_up::hostile(), TERMINAL);
    let bad = |char: &char| char.is_control() && *char != '\n';
    assert_eq!(text.chars().find(bad), None);
    check("hostile", &made_up::hostile(), TERMINAL);
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    let colour = Style {
        colour: true,
        ..TERMINAL
    };
    for made_up in [made_up::clean(), probes::some(), sockets::suffering()] {
        let mut text = report(&made_up, colour);
        while let Some(start) = text.find("\x1b[") {
            let end = start + text[start..].find('m').unwrap();
            text.replace_range(start..=end, "");
        }
        assert_eq!(text, report(&made_up, TERMINAL));
    }
}

#[test]
fn only_what_cannot_be_broken_is_wider_than_the_terminal() {
    for width in [40, 60, 100] {
        let style = Style { width, ..TERMINAL };
        for made_up in [
            made_up::clean(),
            made_up::several(),
            made_up::blind(),
            probes::some(),
        ] {
            for line in report(&made_up, style).lines() {
                let words = line.split_whitespace().count();
                assert!(line.width() <= width || words == 1, "{width}: {line:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_words_fit_any_terminal(
        words in "\\PC{0,40}|[ -~\\x00-\\x1f\u{80}-\u{9f}]{0,40}",
        width in 0_usize..130,
        unicode: bool,
    ) {
        let mut made_up = made_up::several();
        made_up.headline.clone_from(&words);
        made_up.findings[0].summary.clone_from(&words);
        made_up.findings[0].next.clone_from(&words);
        made_up.domains[0].why = Some(words);
        let style = Style { width, colour: false, unicode };
        let text = report(&made_up, style);
        prop_assert!(text.ends_with('\n'));
        prop_assert!(!text.chars().any(|char| char.is_control() && char != '\n'));
        prop_assert!(unicode || text.is_ascii());
    }
}
