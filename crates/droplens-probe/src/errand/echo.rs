//! Sends one echo request on a socket of its own.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use droplens_model::sample::probes::{FailureReason, IcmpError, Outcome, SendFailure};
use droplens_model::{Family, Moment};
use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::deadline::Deadline;
use super::trouble::{Trouble, newest_icmp};
use super::{Ending, Report, Task};
use crate::icmp::{self, Echo, EchoKind, HEADER, Quoted, Received};
use crate::spec::EchoSpec;
use crate::sys::clock::monotonic;
use crate::sys::control::Control;
use crate::sys::egress::{self, EchoSocket, open_echo};
use crate::sys::message::Message;
use crate::sys::options::{self, Fragmentation};
use crate::sys::transfer::{self, Batch, Packet, Queue};
use crate::sys::watch::watch;

/// The longest IPv4 header, which raw sockets receive too.
const IP_HEADER: usize = 60;

/// Packets that are received in one call.
const BATCH: usize = 8;

/// What became of an echo request.
#[derive(Clone, Debug, PartialEq)]
pub struct Echoed {
    /// How it ended.
    pub report: Report,
    /// How long it took until it could be sent.
    pub setup: Duration,
    /// Time to live or hop limit of the reply.
    pub hop_limit: Option<u8>,
}

/// Sends an echo request and waits for the reply. Times are those of this process, not the kernel's
/// stamps.
pub async fn echo(task: &Task, spec: &EchoSpec) -> Echoed {
    let begun = monotonic();
    let mut echoed = Echoed {
        report: Report::new(begun),
        setup: Duration::ZERO,
        hop_limit: None,
    };
    let request = match Request::new(task, spec) {
        Ok(request) => request,
        Err(error) => {
            no_socket(&error).note(&mut echoed.report);
            return echoed;
        }
    };
    echoed.report.sent = monotonic();
    echoed.setup = echoed.report.sent.since(begun);
    if let Err(error) = request.send() {
        Trouble::unsent("send an echo request", &error).note(&mut echoed.report);
        return echoed;
    }
    match Deadline::of(task).wait(request.wait()).await {
        Some(Ok(Reply { at, hop_limit })) => {
            echoed.report.ending = Ending::Answered(at);
            echoed.hop_limit = hop_limit;
        }
        Some(Err(trouble)) => trouble.note(&mut echoed.report),
        None => {
            let waited = task.patience().as_secs_f64();
            let text = format!("no reply from {} within {waited} s", task.address);
            Trouble::unheard(FailureReason::Timeout, text).note(&mut echoed.report);
        }
    }
    echoed
}

/// Why there is no socket. What is forbidden here no firewall forbids.
fn no_socket(error: &io::Error) -> Trouble {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return Trouble::unsent("open a socket for an echo request", error);
    }
    let text = format!(
        "this host lets this process send no echo requests: {error}; grant CAP_NET_RAW, or let its group \
         into net.ipv4.ping_group_range"
    );
    Trouble {
        ending: Ending::Ended(Outcome::SendError(SendFailure::NotPermitted)),
        failure: (FailureReason::NotPermitted, text),
    }
}

struct Request<'a> {
    task: &'a Task,
    socket: AsyncFd<Socket>,
    kind: egress::EchoKind,
    echo: Echo,
    packet: Vec<u8>,
}

struct Reply {
    at: Moment,
    hop_limit: Option<u8>,
}

impl<'a> Request<'a> {
    fn new(task: &'a Task, spec: &EchoSpec) -> io::Result<Self> {
        let family = Family::of(task.address);
        let EchoSocket {
            socket,
            kind,
            identifier,
        } = open_echo(family, task.egress(), (task.nonce >> 48) as u16)?;
        options::report_ttl(&socket, family)?;
        if spec.dont_fragment {
            options::fragment(&socket, family, Fragmentation::Forbidden)?;
        }
        let echo = Echo {
            identifier,
            nonce: task.nonce,
            sequence: task.sequence,
            sent: monotonic(),
        };
        let packet = echo.build(EchoKind::Request, family, usize::from(spec.payload));
        Ok(Self {
            task,
            socket: watch(socket, Interest::READABLE | Interest::ERROR)?,
            kind,
            echo,
            packet,
        })
    }

    fn send(&self) -> io::Result<()> {
        let to = SocketAddr::new(self.task.address, 0);
        transfer::send(self.socket.get_ref(), to, &self.packet, &Control::new()).map(drop)
    }

    /// Waits for the reply or an error about the request; what else comes is passed over.
    async fn wait(&self) -> Result<Reply, Trouble> {
        let mut batch = Batch::new(BATCH, self.packet.len() + HEADER + IP_HEADER);
        let failed = |error: &io::Error| Trouble::unsent("wait for a reply", error);
        loop {
            let ready = self.socket.ready(Interest::READABLE | Interest::ERROR);
            let mut ready = ready.await.map_err(|error| failed(&error))?;
            match batch.receive(self.socket.get_ref(), Queue::Packets) {
                Ok(_) => {
                    let at = monotonic();
                    for packet in batch.packets() {
                        if let Some(found) = self.read(&packet, at) {
                            return found;
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Some(icmp) = newest_icmp(self.socket.get_ref()) {
                        return Err(Trouble::of_icmp(icmp, None, self.task.address));
                    }
                    ready.clear_ready();
                }
                Err(error) => {
                    let icmp = newest_icmp(self.socket.get_ref());
                    let peer = self.task.address;
                    return Err(Trouble::of_socket(&error, icmp, None, peer, monotonic()));
                }
            }
        }
    }

    /// What a packet says about this request, if it does.
    fn read(&self, packet: &Packet<'_>, at: Moment) -> Option<Result<Reply, Trouble>> {
        let family = Family::of(self.task.address);
        let raw_v4 = self.kind == egress::EchoKind::Raw && self.task.address.is_ipv4();
        let bytes = if raw_v4 {
            icmp::skip_ipv4(packet.payload).ok()?
        } else {
            packet.payload
        };
        match icmp::read(family, bytes).ok()? {
            Received::Echo(EchoKind::Reply, reply) => {
                let same = self.is_this(&reply);
                let from = packet.peer.map(|peer| peer.ip().to_canonical());
                if !same || from != Some(self.task.address.to_canonical()) {
                    return None;
                }
                let hop_limit = packet.messages().find_map(|message| match message {
                    Message::Ttl(ttl) => Some(ttl),
                    _ => None,
                });
                Some(Ok(Reply { at, hop_limit }))
            }
            Received::Echo(EchoKind::Request, _) => None,
            Received::Trouble(trouble) => {
                let ours = match trouble.quoted {
                    Quoted::Whole(echo) => self.is_this(&echo),
                    Quoted::Header {
                        identifier,
                        sequence,
                    } => {
                        identifier == self.echo.identifier
                            && u32::from(sequence) == self.echo.sequence & 0xffff
                    }
                };
                let told = ours && trouble.destination == self.task.address;
                told.then(|| Err(icmp_error(trouble.error, packet)))
            }
        }
    }

    fn is_this(&self, echo: &Echo) -> bool {
        (echo.identifier, echo.nonce, echo.sequence)
            == (self.echo.identifier, self.echo.nonce, self.echo.sequence)
    }
}

fn icmp_error(error: IcmpError, packet: &Packet<'_>) -> Trouble {
    let by = packet
        .peer
        .map_or_else(String::new, |peer| format!(" from {}", peer.ip()));
    Trouble {
        ending: Ending::Ended(Outcome::IcmpError(error)),
        failure: (
            FailureReason::Unreachable,
            format!("ICMP type {} code {}{by}", error.kind, error.code),
        ),
    }
}
