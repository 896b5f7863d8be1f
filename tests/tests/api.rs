//! `/api/v1`: who may ask, and for what.

use droplens_tests::agent::Options;
use droplens_tests::binary::droplens;
use droplens_tests::lab::{Namespace, veth};
use droplens_tests::verdict::{ONLY_THIS_NAMESPACE, Place};
use droplens_tests::{http, json, needs_root};

#[test]
fn only_clients_on_the_host_may_ask_unless_others_are_allowed() {
    needs_root!();
    let (host, other) = (Namespace::new(), Namespace::new());
    veth(&host, "v0", &other, "v1", 1);
    let agent = Options::new()
        .config("")
        .listening_as_configured()
        .start(&host);
    let server = "10.9.1.1:13767".parse().expect("an address");
    for path in ["report", "events", "history", "snapshot"] {
        let path = format!("/api/v1/{path}");
        let refusal = other
            .enter(|| http::get(server, &path, &[]))
            .expect("an answer");
        assert_eq!(refusal.status, 403, "{path}");
        assert!(refusal.text().contains("remote_details"), "{refusal:?}");
        // Neither may a page of another site that a browser on the host has open.
        let rebound = agent.get(&path, &[("Host", "evil.example")]);
        assert_eq!(rebound.expect("an answer").status, 403, "{path}");
        assert_eq!(agent.get(&path, &[]).expect("an answer").status, 200);
    }
    let mut command = other.command(droplens());
    let asked = other.run(command.args(["report", "--url", "http://10.9.1.1:13767"]));
    assert_eq!(asked.code, Some(3), "{asked:?}");
    assert!(asked.stderr.contains("remote_details"), "{asked:?}");
    agent.stop();

    let agent = Options::new()
        .config("[web]\nremote_details = true\n")
        .listening_as_configured()
        .start(&host);
    let mut command = other.command(droplens());
    let asked = other.run(command.args(["report", "--json", "--url", "http://10.9.1.1:13767"]));
    assert!(matches!(asked.code, Some(0 | 1)), "{asked:?}");
    assert_eq!(json::parse(&asked.stdout)["schema"], "droplens.report/1");
    agent.stop();
}

#[test]
fn questions_that_make_no_sense_are_told_what_does() {
    needs_root!();
    let place = Place::new();
    let agent = Options::new()
        .config(ONLY_THIS_NAMESPACE)
        .start(&place.namespace);
    for (query, told) in [
        ("window=soon", "10s"),
        ("window=0", "10s"),
        ("window=-1", "10s"),
        ("window=", "10s"),
        ("connections=perhaps", "1 or 0"),
        ("windw=10", "window"),
        ("window=1&window=2", "window"),
    ] {
        let path = format!("/api/v1/report?{query}");
        let answer = agent.get(&path, &[]).expect("an answer");
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert!(answer.text().contains(told), "{query}: {}", answer.text());
    }
    let without = agent.get("/api/v1/report", &[]).expect("an answer");
    let without = json::parse(&without.text());
    assert!(without.get("connections").is_none(), "{without:#}");
    let with = agent.get("/api/v1/report?window=1min&connections=1", &[]);
    let with = json::parse(&with.expect("an answer").text());
    assert!(with["connections"].is_object(), "{with:#}");
    agent.stop();
}
