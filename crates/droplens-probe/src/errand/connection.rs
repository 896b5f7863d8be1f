//! Opens a TCP connection for what is spoken over it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use droplens_model::sample::probes::{FailureReason, Outcome, Phase, SendFailure};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use super::fault::{Deadline, End, Fault};
use super::{Report, Task};
use crate::sys::clock::monotonic;

/// Opens a connection from where the task says.
pub(super) async fn open(
    task: &Task,
    address: IpAddr,
    port: u16,
    deadline: Deadline,
    report: &mut Report,
) -> Result<TcpStream, Fault> {
    let peer = SocketAddr::new(address, port);
    let socket = socket(task, peer).map_err(|error| local(peer, &error))?;
    let begun = monotonic();
    let opened = async {
        socket
            .connect(peer)
            .await
            .map_err(|error| failed(peer, &error))
    };
    let late = || {
        let message = format!("{peer} does not answer the connection attempt");
        Fault::unheard(FailureReason::ConnectTimeout, message)
    };
    let stream = deadline.keep(opened, late).await?;
    report.spend(Phase::Connect, monotonic().since(begun));
    Ok(stream)
}

fn socket(task: &Task, peer: SocketAddr) -> io::Result<TcpSocket> {
    let egress = task.egress();
    let socket = Socket::new(Domain::for_address(peer), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if let Some(device) = &egress.interface {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    let class = u32::from(egress.dscp) << 2;
    if peer.is_ipv4() {
        socket.set_tos_v4(class)?;
    } else {
        socket.set_tclass_v6(class)?;
    }
    if let Some(source) = egress.source.filter(|own| own.is_ipv4() == peer.is_ipv4()) {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    Ok(TcpSocket::from_std_stream(socket.into()))
}

fn failed(peer: SocketAddr, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::heard(
            FailureReason::ConnectRefused,
            format!("{peer} refuses the connection: nothing listens on the port"),
        ),
        io::ErrorKind::ConnectionReset => Fault::heard(
            FailureReason::Reset,
            format!("{peer} resets the connection while it is opened"),
        ),
        io::ErrorKind::TimedOut => Fault::unheard(
            FailureReason::ConnectTimeout,
            format!("{peer} does not answer the connection attempt"),
        ),
        _ => local(peer, error),
    }
}

fn local(peer: SocketAddr, error: &io::Error) -> Fault {
    let failure = match error.kind() {
        io::ErrorKind::PermissionDenied => SendFailure::NotPermitted,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            SendFailure::Unreachable
        }
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::NetworkDown => SendFailure::NoDevice,
        _ => SendFailure::Other,
    };
    let outcome = Outcome::SendError(failure);
    Fault {
        reason: FailureReason::of_outcome(outcome).unwrap_or(FailureReason::Other),
        message: format!("cannot connect to {peer}: {error}"),
        end: End::Outcome(outcome),
    }
}
