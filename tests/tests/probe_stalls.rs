//! The agent is stopped while probes are under way: what it could not see is not lost.
#![expect(clippy::float_cmp, reason = "success is 0 or 1")]

use std::process::Stdio;
use std::sync::mpsc::{Sender, channel};
use std::thread::{scope, sleep};
use std::time::Duration;

use droplens_model::sample::probes::{Address, Outcomes, Probes};
use droplens_tests::agent::{Agent, Options};
use droplens_tests::binary::droplens;
use droplens_tests::exposition::Metrics;
use droplens_tests::lab::{Namespace, veth};
use droplens_tests::needs_root;
use droplens_tests::servers::dns::{Answer, DnsServer};
use droplens_tests::servers::http::{Log, page, plain};
use droplens_tests::servers::tcp::{Manner, TcpServer};
use droplens_tests::servers::web::WebServer;
use droplens_tests::wait;
use droplens_tests::wire::{Impairment, Wire};
use rustix::process::{Pid, Signal, kill_process};

/// Longer than the timeouts below.
const STOP: Duration = Duration::from_secs(3);

fn stop(agent: &Agent<'_>) {
    stop_for(STOP, |signal| agent.signal(signal));
}

fn stop_for(time: Duration, send: impl Fn(Signal)) {
    send(Signal::STOP);
    sleep(time);
    send(Signal::CONT);
}

fn addresses(probes: &Probes) -> impl Iterator<Item = (&str, &Address)> {
    let targets = probes.targets.iter();
    targets.flat_map(|target| (target.addresses.iter()).map(|address| (&*target.probe, address)))
}

/// Waits until each of the probes has so many more answers than then.
fn answers(agent: &Agent<'_>, more: u64, then: &[u64]) -> Vec<u64> {
    agent.probes_until("more answers", |probes| {
        let now: Vec<u64> = addresses(probes).map(|(_, one)| one.outcomes.ok).collect();
        let enough = now.len() == 4
            && (now.iter().enumerate())
                .all(|(at, ok)| *ok >= more + then.get(at).copied().unwrap_or_default());
        if enough {
            Ok(now)
        } else {
            Err(format!("{now:?}"))
        }
    })
}

#[test]
fn probes_of_a_stopped_agent_are_aborted_and_never_lost() {
    needs_root!();
    let (host, peer) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&host, "w0", &peer, "w1", 48);
    // So slow that some of each kind are under way at any time.
    let delay = Impairment::delay(Duration::from_millis(200));
    wire.set(delay);
    let _tcp = TcpServer::start(&peer, "10.91.48.2:9000", Manner::Takes);
    let _dns = DnsServer::start(&peer, "10.91.48.2:53", |asked| asked.reply().into());
    let answer = plain(&Log::default(), |_| page("200 OK", &[], "hello"));
    let web = WebServer::start(&peer, "10.91.48.2", answer);
    let toml = format!(
        "[[probe.tcp]]\ninterval = \"100ms\"\ntimeout = \"1s\"\ntargets = [\"10.91.48.2:9000\"]\n\
         [[probe.dns]]\ninterval = \"200ms\"\ntimeout = \"1s\"\nservers = [\"10.91.48.2:53\"]\n\
         [[probe.dns]]\nname = \"dns-tcp\"\ntransport = \"tcp\"\ninterval = \"400ms\"\ntimeout = \"2s\"\nservers = [\"10.91.48.2:53\"]\n\
         [[probe.http]]\ninterval = \"400ms\"\ntimeout = \"2s\"\ntargets = [\"http://{}/\"]\n",
        web.address()
    );
    let agent = Options::new().config(&toml).start(&host);
    let mut then = answers(&agent, 10, &[]);
    for _ in 0..3 {
        stop(&agent);
        then = answers(&agent, 10, &then);
    }
    // Whatever was under way has ended when so many more have: it is waited for at most 13 s.
    let sent = |probes: &Probes| addresses(probes).map(|(_, one)| one.sent).max();
    let before = agent.probes_until("the probes", |probes| sent(probes).ok_or("none".into()));
    agent.probes_until("the end of all that was under way", |probes| {
        let now = sent(probes).unwrap_or_default();
        (now >= before + 150).then_some(()).ok_or(format!("{now}"))
    });
    agent.probes_until("the verdict", |probes| {
        for (probe, one) in addresses(probes) {
            let Outcomes {
                ok, late, aborted, ..
            } = one.outcomes;
            let ended = one.outcomes.total();
            assert_eq!(ended, ok + late + aborted, "{probe}: {:?}", one.outcomes);
            assert_eq!(one.failures.total(), 0, "{probe}: {:?}", one.failures);
            assert!(aborted >= 3, "{probe}: {:?}", one.outcomes);
        }
        assert!(probes.prober.stalls >= 3, "{:?}", probes.prober);
        Ok(())
    });
    agent.stop();
}

/// As with Ctrl-Z: the steps that were to follow are still taken.
#[test]
fn an_inquiry_that_was_stopped_goes_on() {
    needs_root!();
    let (host, peer) = (Namespace::new(), Namespace::new());
    let wire = Wire::join(&host, "w0", &peer, "w1", 50);
    // The connection takes half a second, and another one with the page a whole one.
    let delay = Impairment::delay(Duration::from_millis(250));
    wire.set(delay);
    let answer = plain(&Log::default(), |_| page("200 OK", &[], "hello"));
    let web = WebServer::start(&peer, "10.91.50.2", answer);
    let mut command = host.command(droplens());
    let page = format!("http://{}/", web.address());
    command
        .args(["probe", "--count=1", "--timeout=3s", &page])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let child = host.enter(|| command.spawn()).expect("droplens starts");
    let pid = Pid::from_child(&child);
    sleep(Duration::from_millis(300));
    // Twice its time.
    stop_for(2 * STOP, |signal| {
        kill_process(pid, signal).expect("signalling droplens");
    });
    let output = child.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("200"), "{said}");
}

/// Probes on request are watched by nobody: their own deadline must know.
#[test]
fn an_answer_that_came_while_the_agent_was_stopped_is_an_answer() {
    /// Shorter than the timeout, so that the stop begins before it and ends after it.
    const SLOW: Duration = Duration::from_secs(1);
    needs_root!();
    let (host, peer) = (Namespace::new(), Namespace::new());
    veth(&host, "s0", &peer, "s1", 49);
    let (asked, is_asked) = channel();
    let tell: Sender<()> = asked.clone();
    let _dns = DnsServer::start(&peer, "10.9.49.2:53", move |question| {
        let _ = tell.send(());
        Answer::Later(SLOW, question.addresses(60, &["192.0.2.1"]))
    });
    let answer = plain(&Log::default(), move |_| {
        let _ = asked.send(());
        sleep(SLOW);
        page("200 OK", &[], "hello")
    });
    let web = WebServer::start(&peer, "10.9.49.2", answer);
    let toml = "[web]\nprobe_targets = [\"10.9.49.2\"]\n[modules]\n\
         web = { prober = \"http\", timeout = \"2s\" }\n\
         udp = { prober = \"dns\", timeout = \"2s\", dns = { query_name = \"a.example\", query_type = \"A\" } }\n\
         tcp = { prober = \"dns\", timeout = \"2s\", dns = { query_name = \"a.example\", query_type = \"A\", transport_protocol = \"tcp\" } }\n";
    let agent = Options::new().config(toml).start(&host);
    let page = format!("http://{}/", web.address());
    for (module, target) in [("web", &*page), ("udp", "10.9.49.2"), ("tcp", "10.9.49.2")] {
        let path = format!("/probe?target={target}&module={module}");
        let answer = scope(|scope| {
            let probe = scope.spawn(|| agent.get(&path, &[]).expect("an answer"));
            is_asked.recv_timeout(wait::PATIENCE).expect("a question");
            stop(&agent);
            probe.join().expect("no panic")
        });
        assert_eq!(answer.status, 200, "{}", answer.text());
        let metrics = Metrics::parse(&answer.text()).expect("metrics");
        assert_eq!(
            metrics.value("probe_success", &[]),
            1.0,
            "{module}: {}",
            answer.text()
        );
    }
    agent.stop();
}
