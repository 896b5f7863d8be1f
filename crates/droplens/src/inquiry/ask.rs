//! Asks. All addresses are asked side by side; of one address the port comes before the handshake
//! and the handshake before the request, since none of them works without the one before.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use droplens_model::sample::probes::Limits;
use droplens_model::{Family, Timestamp};
use droplens_probe::echo::Sockets;
use droplens_probe::errand::{self, Deadline, Task};
use droplens_probe::flight::Patience;
use droplens_probe::prober::{self, ProbeError};
use droplens_probe::resolve::{ResolveError, Resolver};
use droplens_probe::series;
use droplens_probe::spec::{Ask, DnsTransport, EchoSpec, Egress, PathSpec, PmtuSpec, Request};
use droplens_probe::targets::{MOST_ADDRESSES, TargetKey, TargetWish};
use tokio::task::JoinSet;

use super::evidence::{Echo, Host, NameError, NameEvidence, Reply, Way};
use super::subject::Subject;
use super::{Inquiry, PROBE_SCHEMA, answers, judge, way};

/// An echo request that was not answered by then is waited for a little longer, as late.
const ECHO: Patience = Patience {
    timeout: Duration::from_secs(1),
    late: Duration::from_millis(500),
};

/// How long packets of a search or of a path are waited for, each.
const PACKET: Duration = Duration::from_secs(1);

/// An echo request with its headers, in bytes.
const ECHO_BYTES: u32 = 84;

/// What to ask, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// About what.
    pub(crate) subject: Subject,
    /// From where.
    pub(crate) egress: Egress,
    /// Addresses of this family only.
    pub(crate) family: Option<Family>,
    /// Echo requests to each address.
    pub(crate) count: u16,
    /// Time from one echo request to the next.
    pub(crate) interval: Duration,
    /// Time for all of it.
    pub(crate) whole: Duration,
    /// Whether the path is followed.
    pub(crate) path: bool,
    /// Whether the path MTU is searched.
    pub(crate) pmtu: bool,
}

/// Asks everything and makes the answers of it.
pub(crate) async fn ask(plan: Plan, resolver: Resolver) -> Result<Inquiry, ProbeError> {
    let begun = Instant::now();
    let at = Timestamp::from(SystemTime::now());
    let plan = Arc::new(plan);
    let deadline = Deadline::after(plan.whole);
    let name = resolve(&plan, &resolver, &deadline).await;
    let asked = name.error.is_none();
    let chosen: Vec<IpAddr> = name
        .addresses
        .iter()
        .copied()
        .filter(|address| asked && fits(&plan, *address))
        .take(MOST_ADDRESSES)
        .collect();
    let hosts = Round {
        plan: Arc::clone(&plan),
        resolver: Arc::new(resolver),
        deadline,
    };
    let hosts = hosts.ask_all(&chosen).await?;
    let answers = judge::judge(&plan.subject, &name, &hosts);
    Ok(Inquiry {
        schema: PROBE_SCHEMA,
        droplens: env!("CARGO_PKG_VERSION"),
        target: plan.subject.text.clone(),
        at,
        seconds: begun.elapsed().as_secs_f64(),
        status: answers::worst(&answers),
        answers,
        name,
        addresses: hosts,
    })
}

/// Whether an address is one of those that are wanted.
fn fits(plan: &Plan, address: IpAddr) -> bool {
    let family = Family::of(address);
    let source = plan.egress.source.map(Family::of);
    plan.family.is_none_or(|wanted| wanted == family)
        && source.is_none_or(|wanted| wanted == family)
}

async fn resolve(plan: &Plan, resolver: &Resolver, deadline: &Deadline) -> NameEvidence {
    let host = plan.subject.host.clone();
    let begun = Instant::now();
    let found = deadline.wait(resolver.lookup(&host)).await;
    let mut name = NameEvidence {
        is_address: host.parse::<IpAddr>().is_ok(),
        host,
        seconds: begun.elapsed().as_secs_f64(),
        ..NameEvidence::default()
    };
    match found {
        None => {
            let within = humantime::format_duration(plan.whole);
            name.error = Some(NameError {
                not_asked: false,
                message: format!("`{}` did not resolve within {within}", name.host),
            });
        }
        Some(Err(error)) => {
            name.error = Some(NameError {
                not_asked: matches!(
                    error,
                    ResolveError::NotAsked { .. } | ResolveError::Settings(_)
                ),
                message: error.to_string(),
            });
        }
        Some(Ok(found)) => {
            name.addresses = found.addresses.iter().map(IpAddr::to_canonical).collect();
            name.aliases = found.aliases;
            name.valid_for_seconds = (!name.is_address).then_some(found.valid_for.as_secs_f64());
            name.missing = found.missing.map(|(_, error)| error.to_string());
            if !name.addresses.iter().any(|address| fits(plan, *address)) {
                name.error = Some(NameError {
                    not_asked: false,
                    message: unfit(plan, &name),
                });
            }
        }
    }
    name
}

fn unfit(plan: &Plan, name: &NameEvidence) -> String {
    let wanted = plan.family.or_else(|| plan.egress.source.map(Family::of));
    let wanted = match wanted {
        Some(Family::V4) => "IPv4",
        Some(Family::V6) | None => "IPv6",
    };
    let verb = if name.is_address { "is" } else { "has" };
    format!(
        "`{}` {verb} no {wanted} address, which was asked for",
        name.host
    )
}

/// The asking of all addresses, with one deadline.
struct Round {
    plan: Arc<Plan>,
    resolver: Arc<Resolver>,
    deadline: Deadline,
}

impl Round {
    async fn ask_all(self, addresses: &[IpAddr]) -> Result<Vec<Host>, ProbeError> {
        let round = Arc::new(self);
        let mut random = prober::random()?;
        let sockets = Sockets::open(&mut random);
        let mut hosts: Vec<Host> = addresses
            .iter()
            .map(|address| Host::new(*address, way::find(*address, &round.plan.egress)))
            .collect();
        for host in &mut hosts {
            let trouble = sockets.trouble(Family::of(host.address));
            host.echo_missing = trouble.map(no_echo);
        }
        let pinged: Vec<IpAddr> = hosts
            .iter()
            .filter(|host| is_pinged(host))
            .map(|host| host.address)
            .collect();
        let wish = round.echoes();
        let (count, left) = (round.plan.count, round.left());
        let echoes = tokio::task::spawn_blocking(move || {
            series::send(&wish, &pinged, count, left, sockets, random)
        });
        let mut others = JoinSet::new();
        for host in hosts
            .iter()
            .filter(|host| matches!(host.way, Way::Known { .. }))
        {
            let (round, host) = (Arc::clone(&round), host.clone());
            others.spawn(async move { Box::pin(round.ask_one(host)).await });
        }
        while let Some(asked) = others.join_next().await {
            let Ok(asked) = asked else { continue };
            if let Some(host) = hosts.iter_mut().find(|host| host.address == asked.address) {
                *host = asked;
            }
        }
        for echo in echoes.await.unwrap_or_default() {
            let address = echo.counted.address;
            if let Some(host) = hosts.iter_mut().find(|host| host.address == address) {
                host.echo = Some(Echo::of(echo));
            }
        }
        Ok(hosts)
    }

    /// Everything but echo requests.
    async fn ask_one(&self, mut host: Host) -> Host {
        let address = host.address;
        let plan = &self.plan;
        let pmtu = async {
            let ask = plan.pmtu.then(|| Ask::Pmtu(PmtuSpec::default()));
            self.run(address, ask, PACKET).await
        };
        let path = async {
            let ask = plan.path.then(|| Ask::Path(PathSpec::default()));
            self.run(address, ask, PACKET).await
        };
        let service = async {
            let mut replies = [None, None, None];
            let asks = [
                plan.subject.tcp(),
                plan.subject.tls.clone().map(Ask::Tls),
                plan.subject.http.clone().map(Ask::Http),
            ];
            for (reply, ask) in replies.iter_mut().zip(asks) {
                *reply = self.run(address, ask, self.left()).await;
                if reply.as_ref().is_some_and(|reply: &Reply| !reply.is_fine()) {
                    break;
                }
            }
            replies
        };
        let (pmtu, path, [tcp, tls, http], [dns, dns_tcp]) =
            tokio::join!(pmtu, path, service, self.question(address));
        (host.pmtu, host.path) = (pmtu, path);
        (host.tcp, host.tls, host.http) = (tcp, tls, http);
        (host.dns, host.dns_tcp) = (dns, dns_tcp);
        host
    }

    /// Asks a name server over UDP, whether or not its port takes connections. If nothing comes, TCP
    /// tells whether it is the server that is silent or the way of datagrams.
    async fn question(&self, address: IpAddr) -> [Option<Reply>; 2] {
        let subject = &self.plan.subject;
        let half = self.left() / 2;
        let udp = self.wait(address, subject.dns(DnsTransport::Udp), PACKET, half);
        let udp = udp.await;
        let silent = udp.as_ref().is_some_and(|udp| !udp.is_answered());
        let again = silent.then(|| subject.dns(DnsTransport::Tcp)).flatten();
        [udp, self.run(address, again, self.left()).await]
    }

    async fn run(&self, address: IpAddr, ask: Option<Ask>, packet: Duration) -> Option<Reply> {
        self.wait(address, ask, packet, self.left()).await
    }

    /// Asks, and waits for no longer than `whole`.
    async fn wait(
        &self,
        address: IpAddr,
        ask: Option<Ask>,
        packet: Duration,
        whole: Duration,
    ) -> Option<Reply> {
        let timeout = packet.min(whole);
        let patience = Patience {
            timeout,
            late: whole.saturating_sub(timeout),
        };
        let mut random = prober::random().ok()?;
        let task = Task {
            request: self.request(ask?, patience),
            address,
            nonce: random.number(),
            sequence: 0,
        };
        Some(Reply::of(errand::run(task, &self.resolver).await))
    }

    fn left(&self) -> Duration {
        self.deadline.left()
    }

    fn request(&self, ask: Ask, patience: Patience) -> Arc<Request> {
        Arc::new(Request {
            ask,
            egress: self.plan.egress.clone(),
            patience,
        })
    }

    /// What is wanted of the echo requests.
    fn echoes(&self) -> TargetWish {
        let subject = &self.plan.subject;
        let ask = Ask::Icmp(EchoSpec::default());
        TargetWish {
            key: TargetKey {
                probe: ask.kind().id().into(),
                target: subject.text.as_str().into(),
            },
            host: subject.host.as_str().into(),
            request: self.request(ask, ECHO),
            interval: self.plan.interval,
            bytes: ECHO_BYTES,
            asked_for: true,
            labels: Vec::new(),
            limits: Limits::default(),
        }
    }
}

fn is_pinged(host: &Host) -> bool {
    matches!(host.way, Way::Known { .. }) && host.echo_missing.is_none()
}

fn no_echo(why: &std::io::Error) -> String {
    if why.kind() == std::io::ErrorKind::PermissionDenied {
        format!("this host lets you send no echo requests ({why})")
    } else {
        format!("this host cannot send echo requests: {why}")
    }
}
