//! What the rules cost a Prometheus that watches a thousand hosts.
//!
//! The hosts are made up: their series, those that the rules read, are written to a real Prometheus
//! by remote write, 75 minutes of them as scrapes would have made them. Then the rules are loaded and evaluated at their own intervals while the series go on.

mod remote_write;
mod series;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use droplens_tests::binary::repository;
use droplens_tests::lab::Namespace;
use droplens_tests::scratch::Scratch;
use droplens_tests::{http, json, tools, wait};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::Meter;
use remote_write::Request;

const HOSTS: usize = 1_000;

/// Milliseconds, as everything that is written.
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const SCRAPE: i64 = 15 * SECOND;

const PAST: i64 = 75 * MINUTE;

/// How much is written at once, host by host.
const STRETCH: i64 = 5 * MINUTE;

/// How long the rules are watched.
const WATCHED: Duration = Duration::from_secs(120);

const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 29090);

/// Prints the figures, or why there are none.
pub(crate) fn print() {
    let Some(program) = tools::find("prometheus") else {
        println!("No Prometheus here: run `make tools`.\n");
        return;
    };
    let namespace = Namespace::new();
    let scratch = Scratch::new();
    let fleet = series::Fleet::new(HOSTS);
    let server = Server::start(&namespace, &program, &scratch);
    let loaded = server.fill(&fleet);
    let meter = Meter::of(server.child.id());
    let share = |work: &mut dyn FnMut()| {
        let (started, before) = (Instant::now(), meter.ticks());
        work();
        meter.ticks().saturating_sub(before).as_secs_f64() / started.elapsed().as_secs_f64()
    };
    let mut at = loaded;
    let writing = share(&mut || drop(server.watch(&fleet, &mut at)));
    server.load_rules(&scratch);
    // The first evaluations meet cold caches.
    drop(server.watch(&fleet, &mut at));
    let mut groups = Groups::new();
    let all = share(&mut || groups = server.watch(&fleet, &mut at));

    println!("### Rules for {HOSTS} hosts\n");
    println!(
        "{} series that the rules read, {} a host; the rules record {} more.\n",
        fleet.series(),
        fleet.series() / HOSTS,
        server.recorded()
    );
    println!(
        "| group | interval | evaluation, median | longest | median of the interval |\n|---|---|---|---|---|"
    );
    for ((name, interval), mut took) in groups {
        took.sort_by(f64::total_cmp);
        let median = took.get(took.len() / 2).copied().unwrap_or_default();
        println!(
            "| {name} | {interval} s | {:.0} ms | {:.0} ms | {:.1} % |",
            median * 1e3,
            took.last().copied().unwrap_or_default() * 1e3,
            median / f64::from(interval) * 100.0
        );
    }
    println!(
        "\nCPU of Prometheus: {writing:.2} of a core for writing the series every 15 s, {all:.2} with the rules; memory {:.1} GiB.",
        meter.resident_bytes() as f64 / f64::from(1 << 30)
    );
}

/// Evaluation times in seconds, by name and interval of the group.
type Groups = BTreeMap<(String, u32), Vec<f64>>;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.expect("a clock after 1970").as_millis();
    i64::try_from(millis).expect("a time in this age")
}

/// A Prometheus that is killed on drop.
struct Server<'n> {
    namespace: &'n Namespace,
    child: Child,
}

impl<'n> Server<'n> {
    fn start(namespace: &'n Namespace, program: &std::path::Path, scratch: &Scratch) -> Self {
        let config = scratch.write(
            "prometheus.yml",
            "global: {evaluation_interval: 30s}\nrule_files: [rules.yml]\n",
        );
        scratch.write("rules.yml", "groups: []\n");
        let data = scratch.path().join("data");
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{}", ADDRESS.1))
            .arg("--web.enable-remote-write-receiver")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = namespace.enter(|| command.spawn()).expect("Prometheus");
        let server = Self { namespace, child };
        wait::until("Prometheus is ready", || server.get("/-/ready"));
        server
    }

    fn get(&self, path: &str) -> Result<String, String> {
        let answer = self
            .namespace
            .enter(|| http::get(ADDRESS.into(), path, &[]))
            .map_err(|error| error.to_string())?;
        (answer.status == 200)
            .then(|| answer.text())
            .ok_or_else(|| format!("status {}", answer.status))
    }

    fn write(&self, request: &Request) {
        let answer = self
            .namespace
            .enter(|| {
                http::post(
                    ADDRESS.into(),
                    "/api/v1/write",
                    Request::HEADERS,
                    &request.body(),
                )
            })
            .expect("an answer to a remote write");
        assert!(answer.status < 300, "{}: {}", answer.status, answer.text());
    }

    /// Writes the past; returns when it ended.
    fn fill(&self, fleet: &series::Fleet) -> i64 {
        let mut at = now() - PAST;
        // It takes a while, in which time goes on.
        while at < now() {
            let until = at + STRETCH.min(now() - at);
            for host in 0..HOSTS {
                self.write(&fleet.all_of(host, at, until, SCRAPE));
            }
            at = until.max(at + SCRAPE);
        }
        at
    }

    fn load_rules(&self, scratch: &Scratch) {
        let rules = repository().join("deploy/prometheus/droplens.rules.yml");
        let rules = fs::read_to_string(rules).expect("the rules");
        scratch.write("rules.yml", rules);
        kill_process(Pid::from_child(&self.child), Signal::HUP).expect("a running Prometheus");
        wait::until("the rules are loaded", || {
            let groups = self.groups()?;
            (!groups.is_empty())
                .then_some(())
                .ok_or_else(|| "none yet".to_owned())
        });
    }

    /// Each group's name, interval, and last evaluation: when, and how many seconds it took.
    fn groups(&self) -> Result<Vec<Evaluation>, String> {
        let answer = json::parse(&self.get("/api/v1/rules")?);
        let groups = answer.pointer("/data/groups").cloned().unwrap_or_default();
        serde_json::from_value(groups).map_err(|error| error.to_string())
    }

    /// Goes on writing, and tells how long evaluations took.
    fn watch(&self, fleet: &series::Fleet, at: &mut i64) -> Groups {
        let end = Instant::now() + WATCHED;
        let mut seen = BTreeMap::<(String, u32), BTreeMap<String, f64>>::new();
        while Instant::now() < end {
            if now() >= *at {
                for host in 0..HOSTS {
                    self.write(&fleet.all_of(host, *at, *at + 1, SCRAPE));
                }
                *at += SCRAPE;
            }
            for group in self.groups().expect("the groups of rules") {
                let evaluations = seen.entry((group.name, group.interval)).or_default();
                evaluations.insert(group.at, group.took);
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        let times = |evaluations: BTreeMap<String, f64>| evaluations.into_values().collect();
        seen.into_iter()
            .map(|(group, evaluations)| (group, times(evaluations)))
            .collect()
    }

    /// Series that the rules made.
    fn recorded(&self) -> String {
        let query = "/api/v1/query?query=count(%7B__name__%3D~%22.%2B%3Adroplens.%2B%22%7D)";
        let answer = self.get(query).expect("a count");
        let answer = json::parse(&answer);
        let count = answer.pointer("/data/result/0/value/1");
        count
            .and_then(|count| count.as_str())
            .unwrap_or("0")
            .to_owned()
    }
}

/// What Prometheus says of a group of rules.
#[derive(serde::Deserialize)]
struct Evaluation {
    name: String,
    interval: u32,
    #[serde(rename = "lastEvaluation")]
    at: String,
    #[serde(rename = "evaluationTime")]
    took: f64,
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
