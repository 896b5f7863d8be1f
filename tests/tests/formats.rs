//! What Prometheus and its friends make of /metrics.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use droplens_tests::agent::{Agent, Options};
use droplens_tests::binary::repository;
use droplens_tests::exposition::Metrics;
use droplens_tests::lab::Namespace;
use droplens_tests::scratch::Scratch;
use droplens_tests::{http, json, needs_root, tools, wait};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0";

/// Gives a program this input; its exit code and everything it said.
fn feed(command: &mut Command, input: &[u8]) -> (Option<i32>, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input).expect("it takes its input");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn body(agent: &Agent<'_>, path: &str, headers: &[(&str, &str)]) -> http::Answer {
    let answer = agent.get(path, headers).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

#[test]
fn promtool_has_nothing_to_say() {
    needs_root!();
    let Some(promtool) = tools::find_or_skip("promtool_has_nothing_to_say", "promtool") else {
        return;
    };
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let answer = body(
        &agent,
        "/metrics",
        &[("Accept", "text/plain;version=0.0.4")],
    );
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let outcome = feed(
        Command::new(promtool).args(["check", "metrics"]),
        &answer.body,
    );
    assert_eq!(outcome, (Some(0), String::new()));
    agent.stop();
}

/// The made-up host has every family, histograms included.
#[test]
fn promtool_is_content_with_all_families() {
    let Some(promtool) = tools::find_or_skip("promtool_is_content", "promtool") else {
        return;
    };
    let golden = repository().join("crates/droplens-metrics/tests/golden/tiny.txt");
    let text = std::fs::read(golden).expect("the reviewed exposition");
    let outcome = feed(Command::new(promtool).args(["check", "metrics"]), &text);
    assert_eq!(outcome, (Some(0), String::new()));
}

#[test]
fn the_reference_parser_accepts_openmetrics() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let answer = body(&agent, "/metrics", &[("Accept", OPENMETRICS)]);
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(
        kind.starts_with("application/openmetrics-text; version=1.0.0"),
        "{kind}"
    );
    assert!(answer.text().ends_with("# EOF\n"));
    let program = "import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as p; print(sum(len(f.samples) for f in p(sys.stdin.read())))";
    let (code, said) = feed(
        Command::new("/usr/bin/python3").args(["-c", program]),
        &answer.body,
    );
    assert_eq!(code, Some(0), "{said}");
    let series = Metrics::parse(&answer.text())
        .expect("an exposition")
        .series()
        .len();
    assert_eq!(said.trim(), series.to_string());
    agent.stop();
}

#[test]
fn compression_is_given_to_those_who_ask() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let plain = body(&agent, "/metrics", &[]);
    assert_eq!(plain.header("content-encoding"), None);
    let packed = body(&agent, "/metrics", &[("Accept-Encoding", "gzip")]);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*packed.body)
        .read_to_string(&mut text)
        .expect("gzip");
    let metrics = Metrics::parse(&text).expect("an exposition");
    assert_eq!(
        metrics.count("droplens_source_up", &[("source", "softnet")]),
        1
    );
    agent.stop();
}

#[test]
fn a_scrape_can_choose_sources() {
    needs_root!();
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let names = |path: &str| {
        let metrics = Metrics::parse(&body(&agent, path, &[]).text()).expect("an exposition");
        ["droplens_softnet_processed_total", "droplens_link_up"]
            .map(|name| metrics.all(name, &[]).next().is_some())
    };
    assert_eq!(names("/metrics"), [true, true]);
    assert_eq!(names("/metrics?collect[]=softnet"), [true, false]);
    assert_eq!(
        names("/metrics?collect%5B%5D=softnet&collect[]=links"),
        [true, true]
    );
    assert_eq!(names("/metrics?exclude[]=softnet"), [false, true]);
    let unknown = agent
        .get("/metrics?collect[]=softnets", &[])
        .expect("an answer");
    assert_eq!(unknown.status, 400);
    assert!(unknown.text().contains("softnets"));
    agent.stop();
}

#[test]
fn a_real_prometheus_scrapes_and_answers() {
    needs_root!();
    let Some(prometheus) = tools::find_or_skip("a_real_prometheus", "prometheus") else {
        return;
    };
    let (namespace, scratch) = (Namespace::new(), Scratch::new());
    let agent = Options::new().start(&namespace);
    let config = scratch.write(
        "prometheus.yml",
        "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: droplens\n  static_configs: [{targets: ['127.0.0.1:13767']}]\n",
    );
    let mut command = Command::new(prometheus);
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            scratch.path().join("data").display()
        ))
        .arg("--web.listen-address=127.0.0.1:9090")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut server = namespace
        .enter(|| command.spawn())
        .expect("Prometheus starts");
    let query = |query: &str| -> Result<String, String> {
        let path = format!("/api/v1/query?query={query}");
        let address = ([127, 0, 0, 1], 9090).into();
        let answer = namespace
            .enter(|| http::get(address, &path, &[]))
            .map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(answer.text());
        }
        let value = json::parse(&answer.text());
        let found = value
            .pointer("/data/result/0/value/1")
            .and_then(|value| value.as_str());
        found.map(str::to_owned).ok_or_else(|| value.to_string())
    };
    let outcome = wait::within(wait::PATIENCE, || match query("up")?.as_str() {
        "1" => query("sum(droplens_source_up)"),
        other => Err(format!("up is {other}")),
    });
    server.kill().expect("Prometheus ends");
    server.wait().expect("Prometheus ends");
    let sources: u32 = outcome.expect("an answer").parse().expect("a number");
    assert!(sources >= 10, "only {sources} sources are up");
    agent.stop();
}
