//! How the tests ask.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use droplens_model::sample::probes::{FailureReason, Limits, Phase};
use droplens_probe::errand::{self, Ending, Report, Task};
use droplens_probe::flight::Patience;
use droplens_probe::resolve::Resolver;
use droplens_probe::spec::{Ask, Egress, HttpSpec, TlsSpec};
use droplens_probe::targets::{TargetKey, TargetWish};
use droplens_tests::lab::Namespace;
use droplens_tests::scratch::Scratch;
use droplens_tests::servers::identity::Authority;

/// Long enough for any answer here.
pub const LONG: Duration = Duration::from_secs(10);

/// For servers that never answer.
pub const SHORT: Duration = Duration::from_millis(400);

/// Both families.
pub const BOTH: [&str; 2] = ["127.0.0.1", "::1"];

/// A probe that waits so long.
pub fn task(to: SocketAddr, ask: Ask, patience: Duration) -> Task {
    let wish = TargetWish {
        key: TargetKey {
            probe: "test".into(),
            target: to.to_string().into(),
        },
        host: to.ip().to_string().into(),
        ask,
        egress: Egress::default(),
        patience: Patience {
            timeout: patience,
            late: Duration::ZERO,
        },
        interval: Duration::from_secs(1),
        bytes: 60,
        asked_for: true,
        labels: Vec::new(),
        limits: Limits::default(),
    };
    Task {
        wish: Arc::new(wish),
        address: to.ip(),
        nonce: 1,
        sequence: 0,
    }
}

/// Runs it to its end. Names are resolved by a file of hosts.
pub fn run(namespace: &Namespace, task: Task, hosts: &str) -> Report {
    let scratch = Scratch::new();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = scratch.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let resolver = Resolver::of_files(
        file("resolv.conf", "nameserver 127.0.0.99\n"),
        file("hosts", hosts),
    );
    namespace.enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("a runtime");
        runtime.block_on(errand::run_with(task, &resolver))
    })
}

/// Asks for a page of the server there.
pub fn get(
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
pub fn shake(
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
pub fn authority_file(root: &Authority) -> (Scratch, String) {
    file_of(&root.pem())
}

/// A file with this text.
pub fn file_of(text: &str) -> (Scratch, String) {
    let scratch = Scratch::new();
    let path = scratch.path().join("authorities.pem");
    std::fs::write(&path, text).expect("a file");
    let path = path.to_str().expect("a path in UTF-8").to_owned();
    (scratch, path)
}

/// The steps that were timed, in order.
pub fn steps(report: &Report) -> Vec<Phase> {
    report.phases.iter().map(|(phase, _)| *phase).collect()
}

/// Why it failed, with the sentence.
pub fn failure(report: &Report) -> (FailureReason, &str) {
    let (reason, why) = report.failure.as_ref().expect("a failure");
    (*reason, why)
}

/// Whether the server answered, if not what was hoped for.
pub fn is_answered(report: &Report) -> bool {
    matches!(report.ending, Ending::Answered(at) if at >= report.sent)
}
