//! The live status page in a real browser.
#![expect(clippy::expect_used, reason = "a panic is the failure report")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use droplens_tests::agent::{Agent, Options};
use droplens_tests::http::Answer;
use droplens_tests::lab::{Finished, Namespace};
use droplens_tests::scratch::Scratch;
use droplens_tests::{needs_root, tools};
use rustix::net::{Shutdown, shutdown};
use serde_json::{Value, json};

/// A name that would be a script if it were taken for markup.
const HOSTILE: &str = "<img src=x onerror=document.title='owned'>";

/// The browser, by whichever name it goes, or says loudly that the test is skipped.
fn browser_or_skip(test: &str) -> Option<PathBuf> {
    ["google-chrome", "chromium-browser"]
        .into_iter()
        .find_map(tools::find)
        .or_else(|| tools::find_or_skip(test, "chromium"))
}

/// Serves the agent's own page, headers included, with answers of our choice behind it.
struct StandIn {
    address: SocketAddr,
    listener: TcpListener,
    serving: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Answers this many requests for data, then hangs up on every further one.
    fn start(namespace: &Namespace, page: Answer, data: usize) -> Self {
        let listener = namespace
            .enter(|| TcpListener::bind("127.0.0.1:0"))
            .expect("a listener");
        let address = listener.local_addr().expect("its address");
        let accepting = listener.try_clone().expect("a second handle");
        let left = Arc::new(AtomicUsize::new(data));
        let page = Arc::new(page);
        let serving = std::thread::spawn(move || {
            for stream in accepting.incoming().map_while(Result::ok) {
                let (page, left) = (Arc::clone(&page), Arc::clone(&left));
                // A browser that goes away before its answer came is no failure.
                std::thread::spawn(move || answer(stream, &page, &left).ok());
            }
        });
        Self {
            address,
            listener,
            serving: Some(serving),
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _woken = shutdown(&self.listener, Shutdown::Both);
        if let Some(serving) = self.serving.take() {
            let _ended = serving.join();
        }
    }
}

fn answer(mut stream: TcpStream, page: &Answer, left: &AtomicUsize) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let name = path.split('?').next().unwrap_or_default();
    let (head, body) = if name == "/" {
        let policy = page.header("content-security-policy").unwrap_or_default();
        let head = format!("Content-Type: text/html\r\nContent-Security-Policy: {policy}");
        (head, page.body.clone())
    } else {
        let more = |left: usize| left.checked_sub(1);
        if left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_err()
        {
            return Ok(());
        }
        let body = match name {
            "/api/v1/report" => report(),
            "/api/v1/history" => history(),
            _ => events(),
        };
        let head = "Content-Type: application/json".to_owned();
        (head, body.to_string().into_bytes())
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\n{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

fn report() -> Value {
    json!({
        "schema": "droplens.report/1", "droplens": "0.1.0", "host": HOSTILE,
        "start": "2026-01-02T03:04:05Z", "seconds": 60.0, "status": "loss",
        "headline": "drops on eth0: 1 204 packets",
        "findings": [{
            "domain": "softnet", "cause": "softnet_backlog_overflow", "status": "loss",
            "severity": "critical", "where": {"device": HOSTILE}, "packets": 1204, "rate": 20.1,
            "since": null, "summary": "the backlog overflowed",
            "evidence": [{"source": "softnet", "counter": "dropped", "delta": 1204, "kernel": "column 2"}],
            "ruled_out": ["nic_rx_ring_overflow"], "next": "run `ip <b>link` then spread the work",
            "runbook": "javascript:alert(1)"
        }],
        "domains": [
            {"domain": "softnet", "status": "loss", "packets": 1204, "blind_causes": [], "why": null},
            {"domain": "path", "status": "blind", "packets": 0, "blind_causes": ["path_loss"], "why": null}
        ],
        "sources": [{"source": "softnet", "state": "failed", "age_seconds": null, "error": "torn <b>line"}]
    })
}

fn history() -> Value {
    let mut lost = vec![0; 900];
    lost.splice(839..840, [1204]);
    json!({
        "schema": "droplens.history/1", "end": "2026-01-02T03:04:05Z", "step_seconds": 1,
        "seconds": 900, "domains": [{"domain": "softnet", "lost": lost}]
    })
}

fn events() -> Value {
    json!({
        "schema": "droplens.events/1",
        "events": [{
            "id": 1, "domain": "softnet", "cause": "softnet_backlog_overflow",
            "where": {"device": HOSTILE}, "start": "2026-01-02T03:03:05Z", "seconds": 0.2,
            "packets": 1204, "peak_rate": 6020.0, "ongoing": false
        }]
    })
}

/// What the document has become after so many milliseconds of the browser's own time.
fn browse(
    browser: &PathBuf,
    namespace: &Namespace,
    address: SocketAddr,
    milliseconds: u32,
) -> Finished {
    let home = Scratch::new();
    let flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --disable-dev-shm-usage --enable-logging=stderr --dump-dom";
    namespace.run(
        Command::new("timeout")
            .arg("120")
            .arg(browser)
            .args(flags.split_whitespace())
            .arg(format!("--user-data-dir={}", home.path().display()))
            .arg(format!("--virtual-time-budget={milliseconds}"))
            .arg(format!("http://{address}/"))
            .env("HOME", home.path())
            .env("TZ", "UTC"),
    )
}

/// What the browser's console said of the page; a violation of the page's policy is told there,
/// too. What the browser says of pages of its own is its own affair.
fn console(finished: &Finished) -> Vec<&str> {
    let said = finished.stderr.lines();
    said.filter(|line| line.contains("CONSOLE") && !line.contains(", source: chrome://"))
        .collect()
}

fn page(agent: &Agent<'_>) -> Answer {
    let page = agent.get("/", &[]).expect("the page");
    assert_eq!(page.status, 200);
    page
}

#[test]
fn a_browser_shows_what_the_agent_found() {
    needs_root!();
    let test = "a_browser_shows_what_the_agent_found";
    let Some(browser) = browser_or_skip(test) else {
        return;
    };
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let server = StandIn::start(&namespace, page(&agent), usize::MAX);
    let seen = browse(&browser, &namespace, server.address, 3500);
    assert_eq!(console(&seen), [""; 0]);
    let document = seen.success();
    for expected in [
        r#"<section class="verdict" id="verdict" data-status="loss""#,
        r#"<h1 id="headline">drops on eth0: 1 204 packets</h1>"#,
        "<h3>the backlog overflowed</h3>",
        "Ruled out: nic_rx_ring_overflow",
        "<span>run <code>ip &lt;b&gt;link</code> then spread the work</span>",
        "live, data ",
        "no probes configured",
        "peak 1\u{202f}204/s, 03:03:05",
        r#"<td data-label="Where" class="loose">&lt;img src=x"#,
        r#"<td class="is" data-state="failed">failed</td>"#,
        r#"<div class="why">torn &lt;b&gt;line</div>"#,
    ] {
        assert!(document.contains(expected), "no {expected} in {document}");
    }
    // Names stay text (a picture would have broken the policy, on the console), and only web
    // pages are linked to.
    assert!(!document.contains("<title>owned"), "{document}");
    assert!(!document.contains("href=\"javascript"), "{document}");
    drop(server);
    agent.stop();
}

#[test]
fn a_browser_says_when_the_agent_is_gone() {
    needs_root!();
    let test = "a_browser_says_when_the_agent_is_gone";
    let Some(browser) = browser_or_skip(test) else {
        return;
    };
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let server = StandIn::start(&namespace, page(&agent), 3);
    let document = browse(&browser, &namespace, server.address, 9000).success();
    for expected in [
        "No answer from the agent, data ",
        r#"<html lang="en" class="stale">"#,
        "The agent does not answer; what is shown is old.",
        // The last verdict stays, with its age.
        r#"<h1 id="headline">drops on eth0: 1 204 packets</h1>"#,
        r#"<p class="word" id="word">loss, "#,
    ] {
        assert!(document.contains(expected), "no {expected} in {document}");
    }
    drop(server);
    agent.stop();
}

#[test]
fn the_page_and_the_agent_fit_together() {
    needs_root!();
    let test = "the_page_and_the_agent_fit_together";
    let Some(browser) = browser_or_skip(test) else {
        return;
    };
    let namespace = Namespace::new();
    let agent = Options::new().start(&namespace);
    let seen = browse(&browser, &namespace, agent.address(), 4500);
    assert_eq!(console(&seen), [""; 0]);
    let document = seen.success();
    assert!(document.contains("live, data "), "{document}");
    assert!(!document.contains("id=\"verdict\" data-status=\"wait\""));
    // Every domain has a status: what still waits is the template that the boxes are made of.
    let waiting = document.matches("<li class=\"stage\" data-status=\"wait\"");
    assert_eq!(waiting.count(), 1, "{document}");
    assert!(!document.contains(">not told<"), "{document}");
    // And every source has a state.
    assert!(!document.contains("data-state=\"pending\""), "{document}");
    agent.stop();
}
