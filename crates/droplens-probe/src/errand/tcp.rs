//! Opens a TCP connection and closes it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use droplens_model::sample::probes::{FailureReason, Outcome, Phase, SendFailure, TcpDetails};
use droplens_model::{Family, Moment};
use rustix::io::Errno;
use socket2::{SockRef, Socket};
use tokio::net::TcpStream;

use super::deadline::Deadline;
use super::trouble::{Trouble, newest_icmp};
use super::{Ending, Report, Task};
use crate::spec::{Egress, TcpSpec};
use crate::sys::clock::monotonic;
use crate::sys::{egress, options, tcp};

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Connected {
    /// The connection.
    pub(super) stream: TcpStream,
    /// When the first SYN segment was handed to the kernel.
    pub(super) sent: Moment,
    /// When it was open.
    pub(super) opened: Moment,
    /// What the kernel knows of it.
    pub(super) details: TcpDetails,
}

/// A connection that was not opened.
#[derive(Debug)]
pub(super) struct Unopened {
    /// When the first SYN segment was handed to the kernel, or would have been.
    pub(super) sent: Moment,
    /// How it ended, and why.
    pub(super) trouble: Trouble,
    /// What the kernel knows of it, if there was an attempt.
    pub(super) details: Option<TcpDetails>,
}

impl Connected {
    /// Writes down in a report how the connection went.
    pub(super) fn note(&self, report: &mut Report) {
        let took = self.opened.since(self.sent);
        report.spend(Phase::Connect, took);
        note(report, Some(self.details));
    }
}

impl Unopened {
    /// Ends a report with this.
    pub(super) fn note(self, report: &mut Report) {
        note(report, self.details);
        self.trouble.note(report);
    }
}

/// SYN segments that were sent again are counted for connections that never opened too: there they
/// tell silence from a host that does not even send.
fn note(report: &mut Report, details: Option<TcpDetails>) {
    if let Some(details) = details {
        report.syn_retransmits += details.syn_retransmits;
        report.details.tcp = Some(details);
    }
}

pub(super) async fn run(task: &Task, spec: &TcpSpec) -> Report {
    let to = SocketAddr::new(task.address, spec.port);
    match open(task.egress(), to, &Deadline::of(task)).await {
        Ok(connected) => {
            let mut report = Report::new(connected.sent);
            report.ending = Ending::Answered(connected.opened);
            connected.note(&mut report);
            close(connected.stream);
            report
        }
        Err(unopened) => {
            let mut report = Report::new(unopened.sent);
            unopened.note(&mut report);
            report
        }
    }
}

/// Opens a connection, waiting for it until the deadline. All kinds of probes over TCP begin
/// with this.
pub(super) async fn open(
    egress: &Egress,
    to: SocketAddr,
    deadline: &Deadline,
) -> Result<Connected, Unopened> {
    let (attempt, sent) = begin(egress, to)?;
    let Attempt { stream, own } = attempt;
    let waited = deadline.wait(stream.writable()).await;
    let now = monotonic();
    let unopened = |trouble| Unopened {
        sent,
        trouble,
        details: tcp::info(&stream).ok(),
    };
    // What became of the attempt. A time that is over says nothing about an answer that came with it.
    let error = match stream.take_error() {
        Ok(None) if waited.is_none() && tcp::is_held_back(&stream).unwrap_or(false) => {
            return Err(Unopened {
                sent,
                trouble: held_back(to),
                // Those that were tried did not leave, so no path lost them.
                details: Some(TcpDetails::default()),
            });
        }
        Ok(None) if waited.is_none() => {
            let text = format!(
                "no answer from {to} within {} s",
                deadline.patience().as_secs_f64()
            );
            return Err(unopened(Trouble {
                ending: Ending::Silent,
                failure: (FailureReason::ConnectTimeout, text),
            }));
        }
        Ok(None) => None,
        Ok(Some(error)) | Err(error) => Some(error),
    };
    if let Some(error) = error {
        let icmp = newest_icmp(&stream);
        let trouble = Trouble::of_socket(&error, icmp, own, to.ip(), now);
        return Err(unopened(trouble));
    }
    let details = tcp::info(&stream).unwrap_or_default();
    // From now on an ICMP error would end the connection, which can live through it.
    let _ = tcp::forget_errors(&stream, Family::of(to.ip()));
    Ok(Connected {
        stream,
        sent,
        opened: now,
        details,
    })
}

struct Attempt {
    stream: TcpStream,
    own: Option<IpAddr>,
}

/// Sends the first SYN segment.
fn begin(egress: &Egress, to: SocketAddr) -> Result<(Attempt, Moment), Unopened> {
    let unsent = |sent, doing: &str, error: &io::Error| {
        let trouble = match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::ADDRNOTAVAIL) if doing == CONNECT => no_port(to),
            _ => Trouble::unsent(doing, error),
        };
        Unopened {
            sent,
            trouble,
            details: None,
        }
    };
    let prepared = egress::open_tcp(Family::of(to.ip()), egress)
        .and_then(|socket| options::report_errors(&socket, Family::of(to.ip())).map(|()| socket));
    let socket = prepared.map_err(|error| unsent(monotonic(), "open a socket", &error))?;
    let sent = monotonic();
    match socket.connect(&to.into()) {
        Err(error) if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) => {
            // On the loopback device even a refusal can come at once.
            if Errno::from_io_error(&error) == Some(Errno::CONNREFUSED) {
                let trouble = Trouble::of_socket(&error, None, None, to.ip(), monotonic());
                return Err(Unopened {
                    sent,
                    trouble,
                    details: tcp::info(&socket).ok(),
                });
            }
            return Err(unsent(sent, CONNECT, &error));
        }
        _ => {}
    }
    // Of an attempt that failed it is not known any more.
    let own = own_address(&socket);
    let stream = TcpStream::from_std(socket.into())
        .map_err(|error| unsent(sent, "wait for the connection", &error))?;
    Ok((Attempt { stream, own }, sent))
}

const CONNECT: &str = "connect";

fn held_back(to: SocketAddr) -> Trouble {
    let text = format!(
        "this host itself drops the SYN segments to {to} (a firewall rule on output, a filter of the \
         cgroup, or a queue)"
    );
    Trouble {
        ending: Ending::Ended(Outcome::LocalDrop(None)),
        failure: (FailureReason::LocalDrop, text),
    }
}

fn no_port(to: SocketAddr) -> Trouble {
    let text = format!(
        "no local port is free for another connection to {to} (net.ipv4.ip_local_port_range)"
    );
    Trouble {
        ending: Ending::Ended(Outcome::SendError(SendFailure::Other)),
        failure: (FailureReason::Other, text),
    }
}

fn own_address(socket: &Socket) -> Option<IpAddr> {
    let address = socket.local_addr().ok()?.as_socket()?;
    Some(address.ip())
}

/// Closes a connection that has served its purpose.
///
/// Who closes first keeps the connection in TIME-WAIT for a minute: at a probe every 10 ms, 6 000 of
/// them, and a port each. So this sends a FIN and then a RST at once. A RST alone would be an error to
/// the server, which many log ("connection reset by peer"). After a FIN it reads the end of the
/// stream first, as from a client that has nothing to say, and the RST only makes both sides forget
/// the connection (and so does a connection-tracking table on the way).
pub(super) fn close(stream: TcpStream) {
    let socket = SockRef::from(&stream);
    // If the peer was faster there is nothing left to shut down.
    let _ = socket.shutdown(std::net::Shutdown::Write);
    let _ = socket.set_linger(Some(Duration::ZERO));
    drop(stream);
}
