//! Single probes, run in a namespace without the agent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use droplens_probe::errand::{self, Report, Task};
use droplens_probe::flight::Patience;
use droplens_probe::resolve::Resolver;
use droplens_probe::spec::{Ask, DnsSpec, DnsTransport, Egress, Request, TcpSpec};

use crate::lab::Namespace;

/// A probe of a kind, from wherever the kernel chooses, that waits as long as is usual.
pub fn task(to: SocketAddr, ask: Ask) -> Task {
    let patience = Patience {
        timeout: Duration::from_secs(1),
        late: Duration::from_secs(4),
    };
    let request = Request {
        ask,
        egress: Egress::default(),
        patience,
    };
    Task {
        request: Arc::new(request),
        address: to.ip(),
        nonce: 0x0123_4567_89ab_cdef,
        sequence: 0,
    }
}

/// A TCP connection to there.
pub fn tcp(to: SocketAddr) -> Task {
    task(to, Ask::Tcp(TcpSpec { port: to.port() }))
}

/// A question for addresses.
pub fn dns_spec(server: SocketAddr, query: &str, record: &str) -> DnsSpec {
    DnsSpec {
        port: server.port(),
        query: query.into(),
        record: record.into(),
        transport: DnsTransport::Udp,
        expect: Vec::new(),
        expect_codes: Vec::new(),
        cache_busting: false,
        recursion: true,
        dnssec: false,
    }
}

/// A question to that server.
pub fn dns(server: SocketAddr, spec: DnsSpec) -> Task {
    task(server, Ask::Dns(spec))
}

/// The same, otherwise.
#[must_use]
pub fn with(mut task: Task, change: impl FnOnce(&mut Request)) -> Task {
    change(Arc::make_mut(&mut task.request));
    task
}

/// The same, that waits this long only.
#[must_use]
pub fn waiting(task: Task, patience: Duration) -> Task {
    with(task, |request| {
        request.patience = Patience {
            timeout: patience,
            late: Duration::ZERO,
        };
    })
}

/// Runs it in a namespace to its end.
pub fn run(namespace: &Namespace, task: Task) -> Report {
    within(namespace, async {
        errand::run(task, &Resolver::system()).await
    })
}

/// Runs a future in a namespace to its end.
///
/// # Panics
///
/// When there is no runtime to be had.
pub fn within<T: Send>(namespace: &Namespace, future: impl Future<Output = T> + Send) -> T {
    namespace.enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(future)
    })
}
