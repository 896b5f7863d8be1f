//! droplens, Prometheus and Alertmanager with a lab in which packets get lost: `make demo`.
//!
//! Three network namespaces are a client, a router and a server, each with an agent of its own.
//! Prometheus and Alertmanager run outside, with the rules of this repository; connections to the
//! agents are carried into the namespaces, so nothing of the host's network is changed.

#![expect(
    clippy::print_stdout,
    reason = "a program to look at: it tells what there is to see"
)]
#![allow(
    clippy::allow_attributes,
    missing_docs,
    reason = "a program, not a library"
)]

mod forward;
mod outage;
mod servers;

use std::io::BufRead;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use droplens_tests::agent::{Agent, Options};
use droplens_tests::lab::{Namespace, Router, Trouble};
use droplens_tests::monitoring::services::Services;

use forward::Door;

/// The first of the ports at which the agents are reached from outside.
const AGENTS: u16 = 23_767;
/// Bursts of loss are this far apart.
const PAUSE: Duration = Duration::from_secs(2);
/// How often it is looked whether all is over.
const LOOK: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    if !rustix::process::geteuid().is_root() {
        eprintln!("demo: the lab makes network namespaces, which takes root: sudo make demo");
        return ExitCode::FAILURE;
    }
    match demonstrate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("demo: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// A node of the lab and the port of the host that leads to its agent.
struct Node<'l> {
    name: &'static str,
    port: u16,
    agent: Agent<'l>,
    door: Door,
}

impl<'l> Node<'l> {
    fn start(
        name: &'static str,
        namespace: &'l Namespace,
        probes: &str,
        port: u16,
    ) -> Result<Self, String> {
        let door = Door::open(port)?;
        let agent = Options::new()
            .config(probes)
            .argument("--log-level=error")
            .start(namespace);
        Ok(Self {
            name,
            port,
            agent,
            door,
        })
    }
}

fn demonstrate() -> Result<(), String> {
    let trouble = Trouble::new();
    // Both ends probe each other, through the queue that is too short.
    let services = [
        (trouble.server(), Router::SERVER_V4),
        (trouble.client(), Router::CLIENT_V4),
    ]
    .map(|(namespace, ip)| Services::start(namespace, ip));
    let [of_client, of_server] = services.each_ref().map(Services::probes);
    let probes = [of_client, String::new(), of_server];
    let nodes = (trouble.nodes().into_iter().zip(&probes).zip(AGENTS..))
        .map(|(((name, namespace), probes), port)| Node::start(name, namespace, probes, port))
        .collect::<Result<Vec<_>, _>>()?;
    let names: Vec<(&str, u16)> = nodes.iter().map(|node| (node.name, node.port)).collect();
    let host = Namespace::current();
    let servers = servers::start(&host, &names)?;
    let (on, over) = (AtomicBool::new(true), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for (node, (_, namespace)) in nodes.iter().zip(trouble.nodes()) {
            let (over, address) = (&over, node.agent.address());
            scope.spawn(move || node.door.carry(namespace, address, over));
        }
        scope.spawn(|| while_on(&on, &over, PAUSE, || trouble.burst()));
        scope.spawn(|| while_on(&on, &over, outage::PAUSE, outage::on(trouble.router())));
        explain(&names);
        obey(&on);
        over.store(true, Ordering::Relaxed);
    });
    drop(servers);
    for node in nodes {
        node.agent.stop();
    }
    Ok(())
}

/// Does something again and again, with a pause each time, unless it is switched off.
fn while_on(on: &AtomicBool, over: &AtomicBool, pause: Duration, mut act: impl FnMut()) {
    while !over.load(Ordering::Relaxed) {
        if on.load(Ordering::Relaxed) {
            act();
        }
        let next = Instant::now() + pause;
        while !over.load(Ordering::Relaxed) && Instant::now() < next {
            std::thread::sleep(LOOK);
        }
    }
}

fn explain(nodes: &[(&str, u16)]) {
    println!(
        "\nPackets get lost in the lab: a UDP socket that nobody reads, a firewall rule that drops, a listener that accepts\nnobody, a queue that is too short, a path with short outages. Client and server probe each\nother. Findings show within seconds; alerts wait for minutes, as they should.\n"
    );
    for (name, port) in nodes {
        println!("  {name:<12} http://localhost:{port}/  (metrics at /metrics)");
    }
    println!("  {:<12} {}", "Prometheus", servers::alerts());
    println!(
        "  {:<12} {}/  (Debian's has no pages: see /api/v2/alerts)",
        "Alertmanager",
        servers::alertmanager()
    );
    println!(
        "\nGrafana: add a Prometheus data source with the URL {}, and\nimport grafana/*.json, or let it read grafana/provisioning, as deploy/compose.yml does.\n\nType off to stop the losses, on to go on, quit (or Ctrl-C) to end.",
        servers::prometheus()
    );
}

/// Follows what is typed until it says quit. Without anybody to type, it goes on until it is ended.
fn obey(on: &AtomicBool) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match line.trim() {
            "on" => on.store(true, Ordering::Relaxed),
            "off" => on.store(false, Ordering::Relaxed),
            "q" | "quit" | "exit" => return,
            "" => continue,
            other => {
                println!("{other}? on, off or quit");
                continue;
            }
        }
        println!(
            "ok: losses {}",
            if on.load(Ordering::Relaxed) {
                "on"
            } else {
                "off"
            }
        );
    }
    loop {
        std::thread::park();
    }
}
