//! `blackbox_exporter` and droplens, asked the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Stdio};

use droplens_tests::agent::Agent;
use droplens_tests::exposition::Metrics;
use droplens_tests::http::{self, Answer};
use droplens_tests::lab::Namespace;
use droplens_tests::wait;

const BLACKBOX: ([u8; 4], u16) = ([127, 0, 0, 1], 9115);

/// The modules for both: `@CA@` is a file of certificates.
pub(super) const YAML: &str = r#"
modules:
  icmp: {prober: icmp, timeout: 2s}
  icmp_large: {prober: icmp, timeout: 2s, icmp: {payload_size: 1000, dont_fragment: true}}
  tcp: {prober: tcp, timeout: 2s}
  tls: {prober: tcp, timeout: 2s, tcp: {tls: true, tls_config: {ca_file: "@CA@"}}}
  web: {prober: http, timeout: 2s, http: {tls_config: {ca_file: "@CA@"}}}
  lax: {prober: http, timeout: 2s, http: {tls_config: {insecure_skip_verify: true}}}
  stay: {prober: http, timeout: 2s, http: {follow_redirects: false, valid_status_codes: [302]}}
  missing: {prober: http, timeout: 2s, http: {valid_status_codes: [404], method: HEAD}}
  refuse: {prober: http, timeout: 2s, http: {fail_if_body_matches_regexp: ["h.llo"]}}
  demand: {prober: http, timeout: 2s, http: {fail_if_body_not_matches_regexp: ["h.llo"]}}
  never_tls: {prober: http, timeout: 2s, http: {fail_if_ssl: true, tls_config: {ca_file: "@CA@"}}}
  only_tls: {prober: http, timeout: 2s, http: {fail_if_not_ssl: true}}
  one: {prober: http, timeout: 2s, http: {enable_http2: false, tls_config: {ca_file: "@CA@"}}}
  only_one: {prober: http, timeout: 2s, http: {valid_http_versions: ["HTTP/1.0", "HTTP/1.1"], tls_config: {ca_file: "@CA@"}}}
  only_two: {prober: http, timeout: 2s, http: {valid_http_versions: ["HTTP/2.0"], tls_config: {ca_file: "@CA@"}}}
  a: {prober: dns, timeout: 2s, dns: {query_name: www.example, query_type: A}}
  a_tcp: {prober: dns, timeout: 2s, dns: {query_name: www.example, query_type: A, transport_protocol: tcp}}
  soa: {prober: dns, timeout: 2s, dns: {query_name: zone.example, query_type: SOA}}
  none: {prober: dns, timeout: 2s, dns: {query_name: none.example, query_type: A}}
  none_is_fine: {prober: dns, timeout: 2s, dns: {query_name: none.example, query_type: A, valid_rcodes: [NXDOMAIN]}}
"#;

/// Metrics that are times of this one probe: they have to be there, their values differ.
const TIMES: [&str; 5] = [
    "probe_duration_seconds",
    "probe_dns_lookup_time_seconds",
    "probe_icmp_duration_seconds",
    "probe_http_duration_seconds",
    "probe_dns_duration_seconds",
];

/// The same modules as droplens wants them: YAML's flow tables are nearly TOML's inline ones.
pub(super) fn toml(ca: &str) -> String {
    let mut text = String::from(
        "[web]\nprobe_targets = [\"127.0.0.0/8\", \"::1\", \"192.0.2.1\"]\n[modules]\n",
    );
    for line in YAML.lines().filter_map(|line| line.strip_prefix("  ")) {
        let (name, table) = line.split_once(": ").expect("a module");
        let table = table.replace("@CA@", &format!("<{ca}>"));
        let _ = writeln!(text, "{name} = {}", quoted(&table));
    }
    text
}

/// Turns `key: value` into `key = value`, with words in quotes.
fn quoted(table: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let mut in_quotes = false;
    let end = |word: &mut String, out: &mut String, is_key: bool| {
        let plain = is_key
            || word.is_empty()
            || word.starts_with('"')
            || matches!(&**word, "true" | "false")
            || word.parse::<u32>().is_ok();
        if plain {
            out.push_str(word);
        } else {
            let _ = write!(out, "\"{word}\"");
        }
        word.clear();
    };
    for letter in table.chars() {
        match letter {
            '"' => {
                in_quotes = !in_quotes;
                word.push('"');
            }
            _ if in_quotes => word.push(letter),
            ':' => {
                end(&mut word, &mut out, true);
                out.push_str(" =");
            }
            '{' | '}' | '[' | ']' | ',' | ' ' => {
                end(&mut word, &mut out, false);
                out.push(letter);
            }
            _ => word.push(letter),
        }
    }
    out.replace(['<', '>'], "")
}

/// A running `blackbox_exporter`, killed on drop.
pub(super) struct Blackbox<'n> {
    child: Child,
    namespace: &'n Namespace,
}

impl<'n> Blackbox<'n> {
    pub(super) fn start(
        namespace: &'n Namespace,
        program: &std::path::Path,
        yaml: &std::path::Path,
    ) -> Self {
        let address = SocketAddr::from(BLACKBOX);
        let mut command = namespace.command(program);
        command
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--config.file={}", yaml.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = namespace.enter(|| command.spawn()).expect("it starts");
        let blackbox = Self { child, namespace };
        wait::until("blackbox_exporter answers", || {
            blackbox
                .get("/-/healthy")
                .map_err(|error| error.to_string())
        });
        blackbox
    }

    fn get(&self, path: &str) -> std::io::Result<Answer> {
        self.namespace
            .enter(|| http::get(SocketAddr::from(BLACKBOX), path, &[]))
    }
}

impl Drop for Blackbox<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) type Table = BTreeMap<(String, Vec<(String, String)>), f64>;

pub(super) fn table(text: &str) -> Table {
    let metrics = Metrics::parse(text).unwrap_or_else(|why| panic!("{why}\n{text}"));
    let series = metrics.series().iter().map(|series| {
        let mut labels = series.labels.clone();
        labels.sort();
        ((series.name.clone(), labels), series.value)
    });
    series.collect()
}

/// The lines that say what metrics mean and what they are.
fn headers(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().filter(|line| line.starts_with("# ")).collect();
    lines.sort_unstable();
    lines
}

/// Both asked the same.
pub(super) struct Pair<'a, 'n> {
    pub(super) agent: &'a Agent<'n>,
    pub(super) blackbox: &'a Blackbox<'n>,
}

impl Pair<'_, '_> {
    /// Asks both; series that only droplens has must be of `more`. What they agree on is returned.
    pub(super) fn compare(&self, module: &str, target: &str, more: &[&str]) -> Table {
        let path = format!("/probe?module={module}&target={target}");
        let theirs = self.blackbox.get(&path).expect("an answer");
        let ours = self.agent.get(&path, &[]).expect("an answer");
        assert_eq!(
            (theirs.status, ours.status),
            (200, 200),
            "{path}: {}",
            ours.text()
        );
        let (their_text, our_text) = (theirs.text(), ours.text());
        let (theirs, mut ours) = (table(&their_text), table(&our_text));
        let has_more = ours.keys().any(|(name, _)| more.contains(&&**name));
        assert_eq!(has_more, !more.is_empty(), "{path}: {our_text}");
        ours.retain(|(name, _), _| !more.contains(&&**name));
        let names = |table: &Table| table.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&theirs), "{path}");
        if more.is_empty() {
            assert_eq!(headers(&our_text), headers(&their_text), "{path}");
        }
        for ((key, our), their) in ours.iter().zip(theirs.values()) {
            let exact = !TIMES.contains(&&*key.0);
            let told = format!("{path} {key:?}: {our} here, {their} there");
            assert!(!exact || our.to_bits() == their.to_bits(), "{told}");
            assert!(exact || *our >= 0.0, "{told}");
        }
        ours
    }

    pub(super) fn success(&self, module: &str, target: &str) -> Table {
        self.ends(module, target, 1.0)
    }

    pub(super) fn failure(&self, module: &str, target: &str) -> Table {
        self.ends(module, target, 0.0)
    }

    fn ends(&self, module: &str, target: &str, success: f64) -> Table {
        let table = self.compare(module, target, &[]);
        assert_eq!(
            value(&table, "probe_success"),
            success,
            "{module} {target}: {table:?}"
        );
        table
    }
}

pub(super) fn value(table: &Table, name: &str) -> f64 {
    let found = table.iter().find(|((known, _), _)| known == name);
    *found.unwrap_or_else(|| panic!("no {name} in {table:?}")).1
}
