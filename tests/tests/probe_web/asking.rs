//! How the tests ask.

use std::net::SocketAddr;
use std::time::Duration;

use droplens_model::sample::probes::{FailureReason, Phase};
use droplens_probe::errand::{self, Ending, Report, Task};
use droplens_probe::resolve::Resolver;
use droplens_probe::spec::{Ask, HttpSpec, TlsSpec};
use droplens_tests::asking;
use droplens_tests::lab::Namespace;
use droplens_tests::scratch::Scratch;
use droplens_tests::servers::identity::Authority;

/// Long enough for any answer here.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// For servers that never answer.
pub(crate) const SHORT: Duration = Duration::from_millis(400);

/// Both families.
pub(crate) const BOTH: [&str; 2] = ["127.0.0.1", "::1"];

/// A probe that waits so long.
pub(crate) fn task(to: SocketAddr, ask: Ask, patience: Duration) -> Task {
    asking::waiting(asking::task(to, ask), patience)
}

/// Runs it to its end. Names are resolved by a file of hosts.
pub(crate) fn run(namespace: &Namespace, task: Task, hosts: &str) -> Report {
    let scratch = Scratch::new();
    let settings = scratch.write("resolv.conf", "nameserver 127.0.0.99\n");
    let resolver = Resolver::of_files(settings, scratch.write("hosts", hosts));
    asking::within(namespace, errand::run_with(task, &resolver))
}

/// Asks for a page of the server there.
pub(crate) fn get(
    namespace: &Namespace,
    to: SocketAddr,
    patience: Duration,
    change: impl FnOnce(&mut HttpSpec),
) -> Report {
    let mut spec = HttpSpec::for_url(&format!("http://{to}/page?a=b")).expect("a URL");
    change(&mut spec);
    run(namespace, task(to, Ask::Http(spec), patience), "")
}

/// Shakes hands with the server there.
pub(crate) fn shake(
    namespace: &Namespace,
    to: SocketAddr,
    patience: Duration,
    change: impl FnOnce(&mut TlsSpec),
) -> Report {
    let mut spec = TlsSpec {
        port: to.port(),
        server_name: "www.example".into(),
        verify: true,
        authorities: None,
    };
    change(&mut spec);
    run(namespace, task(to, Ask::Tls(spec), patience), "")
}

/// A file with an authority, and its path as text.
pub(crate) fn authority_file(root: &Authority) -> (Scratch, String) {
    file_of(&root.pem())
}

/// A file with this text.
pub(crate) fn file_of(text: &str) -> (Scratch, String) {
    let scratch = Scratch::new();
    let path = scratch.write("authorities.pem", text);
    let path = path.to_str().expect("a path in UTF-8").to_owned();
    (scratch, path)
}

/// The steps that were timed, in order.
pub(crate) fn steps(report: &Report) -> Vec<Phase> {
    report.phases.iter().map(|(phase, _)| *phase).collect()
}

/// Why it failed, with the sentence.
pub(crate) fn failure(report: &Report) -> (FailureReason, &str) {
    let (reason, why) = report.failure.as_ref().expect("a failure");
    (*reason, why)
}

/// Whether the server answered, if not what was hoped for.
pub(crate) fn is_answered(report: &Report) -> bool {
    matches!(report.ending, Ending::Answered(at) if at >= report.sent)
}
