//! The configuration as a whole.

use super::*;

fn refusal(text: &str) -> String {
    Config::parse(text)
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn the_annotated_template_says_the_defaults() {
    assert_eq!(Config::parse(TEMPLATE).unwrap(), Config::default());
    assert_eq!(Config::parse("").unwrap(), Config::default());
}

#[test]
fn the_template_names_every_key() {
    for key in [
        "web",
        "log",
        "sampler",
        "sources",
        "devices",
        "metrics",
        "thresholds",
        "probes",
    ] {
        let error = refusal(&format!("[{key}]\nno_such_key = 1\n"));
        let expected = error.split("expected").nth(1).unwrap_or_default();
        for name in expected.split('`').skip(1).step_by(2) {
            assert!(
                TEMPLATE.contains(&format!("\n{name} = ")),
                "{key}.{name} is not annotated"
            );
        }
    }
}

#[test]
fn an_unknown_key_is_shown_with_its_line_and_what_is_allowed() {
    let error = refusal("[web]\nlisten_adresses = []\n");
    assert!(error.contains("line 2"), "{error}");
    assert!(
        error.contains("listen_adresses") && error.contains("`listen_addresses`"),
        "{error}"
    );
    assert!(error.contains('^'), "{error}");
}

#[test]
fn wrong_values_are_shown_with_their_line_and_what_is_allowed() {
    for (text, told) in [
        (
            "[sources]\ndisabled = [\"softnets\"]\n",
            "softnet, links, qdiscs",
        ),
        ("[sampler]\ncpu_budget = 2.0\n", "between 0.0001 and 1"),
        (
            "[web]\nlisten_addresses = [\"localhost\"]\n",
            "an IP address and a port",
        ),
        (
            "[log]\nlevel = \"loud\"\n",
            "error, warn, info, debug, trace",
        ),
        ("[web]\nmax_connections = 0\n", "a whole number above zero"),
    ] {
        let error = refusal(text);
        assert!(error.contains("line 2") && error.contains(told), "{error}");
    }
}

/// The template with its examples switched on.
fn with_examples() -> String {
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(example) if !example.is_empty() && !example.starts_with(' ') => example.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = TEMPLATE.lines().map(uncomment).collect();
    lines.join("\n")
}

/// The keys that a table has, as the refusal of another one names them.
fn keys(table: &str) -> Vec<String> {
    let error = refusal(&format!("{table}\nno_such_key = 1\n"));
    let expected = error.split("expected").nth(1).unwrap_or_default();
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_examples_can_be_used_as_they_stand() {
    let config = Config::parse(&with_examples()).unwrap();
    let templates = config.probe.templates();
    assert_eq!(templates.len(), 7);
    for template in templates {
        assert!(!template.configured().is_empty(), "{}", template.name());
    }
    assert_eq!(config.discovery.probes().count(), 3);
    assert_ne!(with_examples(), TEMPLATE);
}

#[test]
fn the_examples_name_every_key_of_every_kind() {
    let kinds = ["icmp", "tcp", "dns", "tls", "http", "pmtu", "path"];
    let section = |header: &str| {
        let (_, rest) = TEMPLATE.split_once(header).expect(header);
        rest.split("\n#[").next().unwrap_or_default()
    };
    let icmp = section("#[[probe.icmp]]");
    let common: Vec<String> = keys("[[probe.tcp]]");
    for kind in kinds {
        let header = format!("[[probe.{kind}]]");
        let own = section(&format!("#{header}"));
        let all = keys(&header);
        assert!(all.len() >= 12, "{kind}: {all:?}");
        for key in all {
            let place = if common.contains(&key) { icmp } else { own };
            assert!(place.contains(&format!("\n#{key} = ")), "{kind}: {key}");
        }
    }
    for source in ["file", "http", "dns"] {
        let header = format!("[discovery.{source}]");
        let own = section(&format!("#{header}"));
        let all = keys(&header);
        assert!(all.len() >= 2, "{source}: {all:?}");
        for key in all {
            assert!(own.contains(&format!("\n#{key} = ")), "{source}: {key}");
        }
    }
}
