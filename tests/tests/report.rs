//! `droplens report`: exit codes, text and JSON, with an agent and without.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::process::Child;

use droplens_model::{Domain, Source};
use droplens_tests::agent::{Agent, Options, nobody};
use droplens_tests::lab::{Finished, Namespace, load};
use droplens_tests::scratch::Scratch;
use droplens_tests::verdict::{Impostor, ONLY_THIS_NAMESPACE, Place};
use droplens_tests::wait::until;
use droplens_tests::{json, needs_root};
use serde_json::Value;

const HERE: &str = "127.0.0.1:13767";

fn agent(place: &Place) -> Agent<'_> {
    Options::new()
        .config(ONLY_THIS_NAMESPACE)
        .start(&place.namespace)
}

/// The report as JSON, whatever the exit code.
#[track_caller]
fn as_json(finished: &Finished) -> Value {
    json::parse(&finished.stdout)
}

/// What the report says of the queue of v0.
fn queue(report: &Value) -> Option<&Value> {
    let findings = report["findings"].as_array()?;
    findings.iter().find(|finding| {
        finding.pointer("/cause") == Some(&"qdisc_overflow".into())
            && finding.pointer("/where/device") == Some(&"v0".into())
    })
}

#[test]
fn without_an_agent_it_looks_itself_and_says_so() {
    needs_root!();
    let place = Place::new();
    let finished = place.run("report --interval 1s");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.starts_with("CLEAN  no packet lost in 1"));
    for told in [
        "cannot connect to the agent at http://127.0.0.1:13767",
        "looking for 1s instead",
    ] {
        assert!(finished.stderr.contains(told), "{told}: {finished:?}");
    }
    // What was not looked at is told.
    assert!(finished.stdout.contains("all of softnet"), "{finished:?}");
}

#[test]
fn without_an_agent_it_sees_what_is_lost_meanwhile() {
    needs_root!();
    let place = Place::new();
    let mut command = place.command("report --interval 1s --json");
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null());
    let mut child: Child = place
        .namespace
        .enter(|| command.spawn())
        .expect("a running report");
    let sender = load::udp(&place.namespace, "10.9.1.1:0");
    until("the report", || {
        load::send(&sender, "10.9.1.2:9000", 20, 1000);
        match child.try_wait() {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err("still looking".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    });
    let output = child.wait_with_output().expect("its output");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = json::parse(&String::from_utf8_lossy(&output.stdout));
    assert!(queue(&report).is_some(), "{report:#}");
    assert!(json::number(&report, "/findings/0/packets") > 0);
}

#[test]
fn an_agent_tells_the_past_as_far_as_the_interval_reaches() {
    needs_root!();
    let place = Place::new();
    let agent = agent(&place);
    let lost = place.lose();
    // Queues are read every half a second, and findings dated every second.
    let report = until("the loss", || {
        let finished = place.run("report --interval 5min --json");
        let report = as_json(&finished);
        let told = queue(&report).map(|found| (found["packets"].clone(), &found["since"]));
        if let Some((packets, since)) = &told
            && *packets == lost
            && since.is_string()
        {
            assert_eq!(finished.code, Some(1), "{finished:?}");
            assert_eq!(finished.stderr, "");
            return Ok(report);
        }
        Err(format!("{told:?} of {lost}"))
    });
    fits_the_contract(&report);
    assert_eq!(report["events"][0]["cause"], "qdisc_overflow");
    assert!(report["connections"].is_object(), "{report:#}");

    let text = place.run("report --interval 5min");
    assert_eq!(text.code, Some(1), "{text:?}");
    assert!(
        text.stdout
            .starts_with("LOSS  queue overflow in tbf 7: on v0")
    );
    assert!(text.stdout.contains("qdiscs drops  "), "{text:?}");
    assert!(!text.stdout.contains('\x1b'), "{text:?}");

    // What is over is over: a short interval does not reach back to it.
    until("a clean second", || {
        let finished = place.run("report --interval 500ms --json");
        let report = as_json(&finished);
        match finished.code {
            Some(0) => {
                assert!(report["seconds"].as_f64() < Some(5.0), "{report:#}");
                Ok(())
            }
            _ => Err(finished.stdout),
        }
    });
    assert_eq!(place.run("report --interval 5min").code, Some(1));
    agent.stop();
}

/// What the public contract says of every report.
#[track_caller]
fn fits_the_contract(report: &Value) {
    assert_eq!(report["schema"], "droplens.report/1");
    let names = |list: &str, name: &str| -> Vec<String> {
        let rows = report[list].as_array().expect("a list").iter();
        rows.map(|row| row[name].as_str().expect("a name").to_owned())
            .collect()
    };
    let domains: Vec<_> = Domain::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(names("domains", "domain"), domains, "in packet order");
    let sources: Vec<_> = Source::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(names("sources", "source"), sources);
    for (pointer, is_right) in [
        ("/droplens", Value::is_string as fn(&Value) -> bool),
        ("/host", Value::is_string),
        ("/start", Value::is_string),
        ("/seconds", Value::is_f64),
        ("/status", Value::is_string),
        ("/headline", Value::is_string),
        ("/domains/0/status", Value::is_string),
        ("/domains/0/packets", Value::is_u64),
        ("/domains/0/blind_causes", Value::is_array),
        ("/scope/namespace", Value::is_string),
        ("/scope/others_not_seen", Value::is_u64),
        ("/symptoms", Value::is_object),
        ("/findings/0/domain", Value::is_string),
        ("/findings/0/status", Value::is_string),
        ("/findings/0/severity", Value::is_string),
        ("/findings/0/where", Value::is_object),
        ("/findings/0/rate", Value::is_f64),
        ("/findings/0/since", Value::is_string),
        ("/findings/0/evidence/0/source", Value::is_string),
        ("/findings/0/evidence/0/counter", Value::is_string),
        ("/findings/0/evidence/0/delta", Value::is_u64),
        ("/findings/0/evidence/0/kernel", Value::is_string),
        ("/findings/0/ruled_out", Value::is_array),
        ("/findings/0/next", Value::is_string),
        ("/findings/0/runbook", Value::is_string),
    ] {
        let found = report.pointer(pointer);
        assert!(found.is_some_and(is_right), "{pointer}: {found:?}");
    }
}

#[test]
fn where_nothing_can_be_looked_at_it_is_blind_and_not_clean() {
    needs_root!();
    let place = Place::new();
    let all: Vec<_> = Source::ALL
        .iter()
        .map(|source| format!("{:?}", source.id()))
        .collect();
    let config = format!("[sources]\ndisabled = [{}]\n", all.join(", "));
    let scratch = Scratch::new();
    let config = scratch.write("blind.toml", config);
    let mut command = place.namespace.command(droplens_tests::binary::droplens());
    command
        .args(["report", "--interval", "100ms", "--config"])
        .arg(config);
    let finished = place.namespace.run(&mut command);
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(
        finished
            .stdout
            .starts_with("BLIND  nothing could be looked at")
    );
}

#[test]
fn an_agent_that_cannot_be_asked_by_its_address_is_exit_code_3() {
    needs_root!();
    let place = Place::new();
    let ask = |address: &str, told: &[&str]| {
        let finished = place.run(&format!("report --url http://{address}"));
        assert_eq!(finished.code, Some(3), "{finished:?}");
        assert_eq!(finished.stdout, "", "{finished:?}");
        for told in told.iter().chain(&[address]) {
            assert!(finished.stderr.contains(told), "{told}: {finished:?}");
        }
    };
    ask("127.0.0.1:1", &["cannot connect to the agent", "refused"]);
    for (status, body, told) in [
        ("404 Not Found", "", "older than droplens"),
        (
            "500 Internal Server Error",
            "a bad day",
            "answered 500 Internal Server Error: a bad day",
        ),
        ("200 OK", "garbage", "not understood"),
        (
            "200 OK",
            "{\"schema\":\"droplens.report/1\"}",
            "missing field",
        ),
    ] {
        let impostor = Impostor::http(&place.namespace, "127.0.0.1:0", status, body);
        ask(&impostor.address.to_string(), &[told]);
    }
    let impostor = Impostor::start(&place.namespace, "127.0.0.1:0", "SSH-2.0-OpenSSH_9.9\r\n");
    ask(&impostor.address.to_string(), &["broke off"]);
    let impostor = Impostor::start(&place.namespace, "127.0.0.1:0", "");
    ask(&impostor.address.to_string(), &["broke off"]);
}

#[test]
fn a_report_in_a_form_of_the_future_is_not_believed() {
    needs_root!();
    let place = Place::new();
    let mut report = as_json(&place.run("report --interval 100ms --json"));
    report["schema"] = "droplens.report/2".into();
    let impostor = Impostor::http(&place.namespace, HERE, "200 OK", &report.to_string());
    let finished = place.run(&format!("report --url http://{}", impostor.address));
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(
        finished.stderr.contains("droplens.report/2"),
        "{finished:?}"
    );
}

#[test]
fn an_agent_here_that_is_of_no_use_is_no_reason_not_to_look() {
    needs_root!();
    let place = Place::new();
    for (status, body, told) in [
        (
            "404 Not Found",
            "no such page",
            "does not know /api/v1/report: it is older",
        ),
        ("200 OK", "<html>", "is not understood"),
        ("503 Service Unavailable", "just started", "just started"),
    ] {
        let _impostor = Impostor::http(&place.namespace, HERE, status, body);
        let finished = place.run("report --interval 100ms");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.stdout.starts_with("CLEAN  "), "{finished:?}");
        for told in [told, "looking for 100ms instead"] {
            assert!(finished.stderr.contains(told), "{told}: {finished:?}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    needs_root!();
    let place = Place::new();
    for words in [
        "report --interval 0",
        "report --interval soon",
        "report --interval=-1s",
        "report --interval 2h",
        "report --interval",
        "report --url db-7:13767",
        "report --url https://db-7:13767",
        "report --url http://db-7:13767/metrics",
        "report --url nonsense",
        "report --from a.gz",
        "report --to b.gz",
        "report --from a.gz --to b.gz --url http://127.0.0.1:13767",
        "watch --interval soon",
        "watch --url nonsense",
    ] {
        let finished = place.run(words);
        assert_eq!(finished.code, Some(2), "{words}: {finished:?}");
        assert_eq!(finished.stdout, "", "{words}");
        // It says which of the words it means.
        let wrong = words.split_whitespace().nth(1).unwrap_or_default();
        let option = wrong.split('=').next().unwrap_or_default();
        let value = words.split_whitespace().nth(2).unwrap_or(option);
        let names = |word: &str| finished.stderr.contains(word);
        assert!(names(option) || names(value), "{words}: {finished:?}");
    }
}

#[test]
fn an_ordinary_user_gets_a_report_with_its_blind_spots() {
    needs_root!();
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let mut command = nobody(&scratch);
    let finished = namespace.run(command.args(["report", "--interval", "1s", "--json"]));
    assert!(matches!(finished.code, Some(0 | 1)), "{finished:?}");
    let report = as_json(&finished);
    let blind: Vec<_> = report["domains"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|domain| domain["blind_causes"].as_array().into_iter().flatten())
        .collect();
    assert!(blind.contains(&&"firewall_drop".into()), "{blind:?}");
    let mut command = nobody(&scratch);
    let text = namespace.run(command.args(["report", "--interval", "100ms"]));
    assert!(text.stdout.contains("not permitted"), "{text:?}");
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    needs_root!();
    let place = Place::new();
    let agent = agent(&place);
    place.lose();
    let piped = place.run("report --interval 5min");
    assert!(!piped.stdout.contains('\x1b'), "{piped:?}");
    let on_a_terminal = |variables| {
        let mut command = place.on_a_terminal("report --interval 5min", variables);
        place.namespace.run(&mut command)
    };
    let coloured = on_a_terminal("");
    assert!(coloured.stdout.contains("\x1b["), "{coloured:?}");
    let plain = on_a_terminal("NO_COLOR=1");
    assert!(plain.stdout.contains("CLEAN") || plain.stdout.contains("LOSS"));
    assert!(!plain.stdout.contains('\x1b'), "{plain:?}");
    agent.stop();
}

#[test]
fn the_owner_of_a_socket_is_told_to_those_who_may_know() {
    needs_root!();
    let place = Place::new();
    let sink = load::sink(&place.namespace, "127.0.0.1:9001", 2000);
    let sender = load::udp(&place.namespace, "127.0.0.1:0");
    load::send(&sender, "127.0.0.1:9001", 100, 1000);
    let me = std::process::id();
    let check = |what: &str| {
        let report = as_json(&place.run("report --interval 100ms --json"));
        let sockets = report["connections"]["udp"].as_array().expect("a list");
        let found = sockets.iter().find(|udp| udp["local"] == "127.0.0.1:9001");
        let found = found.expect("the socket that nobody reads");
        assert_eq!(
            json::number(found, "/owner/process/pid"),
            u64::from(me),
            "{what}"
        );
        assert!(json::number(found, "/drops") > 0, "{what}");
        let text = place.run("report --interval 100ms").stdout;
        assert!(text.contains(&format!("[{me}]")), "{what}: {text}");
    };
    check("without an agent");
    let agent = agent(&place);
    check("with an agent");
    agent.stop();
    drop(sink);
}
