//! A question and what comes back, over UDP and over TCP.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use droplens_model::sample::probes::FailureReason;
use droplens_model::{Family, Moment};
use hickory_proto::op::Message;
use socket2::{SockRef, Socket};
use tokio::io::Interest;
use tokio::net::{TcpStream, UdpSocket};

use super::question::{NoAnswer, Question, Response};
use crate::errand::Ending;
use crate::errand::deadline::Deadline;
use crate::errand::trouble::{Trouble, newest_icmp};
use crate::spec::Egress;
use crate::sys::clock::monotonic;
use crate::sys::{egress, options};

/// Messages that are no answer: after so many nobody waits for a better one.
const MOST_STRAYS: u32 = 1_000;

/// The largest DNS message, in bytes.
const LARGEST: usize = 65_535;

/// What came back.
#[derive(Debug)]
pub(super) enum Reply {
    /// The answer.
    Answer {
        /// When it was complete.
        at: Moment,
        /// What it says.
        message: Box<Message>,
        /// Its size.
        bytes: usize,
    },
    /// That the answer does not fit into a datagram.
    Truncated,
    /// No answer.
    Failed(Trouble),
}

/// What came back that is no answer. It does not end the waiting, since anybody can send such a thing;
/// but when nothing better comes it tells more than silence.
#[derive(Debug, Default)]
struct Strays {
    count: u32,
    first: Option<(Moment, NoAnswer)>,
}

impl Strays {
    fn add(&mut self, stray: NoAnswer) {
        self.count += 1;
        self.first.get_or_insert_with(|| (monotonic(), stray));
    }

    /// When the waiting is over.
    fn or_silence(self, server: SocketAddr, waited: Duration) -> Reply {
        let trouble = match self.first {
            Some((at, stray)) => Trouble {
                ending: Ending::Answered(at),
                failure: (FailureReason::DnsMalformed, format!("{server}: {stray}")),
            },
            None => Trouble {
                ending: Ending::Silent,
                failure: (
                    FailureReason::DnsTimeout,
                    format!("no answer from {server} within {} s", waited.as_secs_f64()),
                ),
            },
        };
        Reply::Failed(trouble)
    }
}

/// Asks by one datagram. The socket is new, so its port is one that nobody can guess, and connected, so
/// that only the server's answers and errors about the question come in.
pub(super) async fn over_udp(
    egress: &Egress,
    server: SocketAddr,
    question: &Question,
    deadline: &Deadline,
) -> (Moment, Reply) {
    let unsent = |doing, error: &io::Error| Reply::Failed(Trouble::unsent(doing, error));
    let socket = match prepare(egress, server) {
        Ok(socket) => socket,
        Err(error) => return (monotonic(), unsent("open a socket", &error)),
    };
    let own = socket.local_addr().ok();
    let own = own.and_then(|own| Some(own.as_socket()?.ip()));
    let socket = match UdpSocket::from_std(socket.into()) {
        Ok(socket) => socket,
        Err(error) => return (monotonic(), unsent("wait for an answer", &error)),
    };
    let sent = monotonic();
    if let Err(error) = SockRef::from(&socket).send(question.bytes()) {
        return (sent, unsent("send", &error));
    }
    let mut strays = Strays::default();
    let mut room = vec![0; LARGEST];
    while strays.count < MOST_STRAYS {
        // Of an ICMP error alone a socket is not readable.
        let received = socket.async_io(Interest::READABLE | Interest::ERROR, || {
            rustix::io::read(&socket, room.as_mut_slice()).map_err(io::Error::from)
        });
        match deadline.wait(received).await {
            None => break,
            Some(Ok(length)) => {
                let bytes = room.get(..length).unwrap_or_default();
                match question.read(bytes) {
                    Ok(response) => return (sent, reply(response, length)),
                    Err(stray) => strays.add(stray),
                }
            }
            Some(Err(error)) => {
                let icmp = newest_icmp(&socket);
                let trouble = Trouble::of_socket(&error, icmp, own, server.ip(), monotonic());
                return (sent, Reply::Failed(trouble));
            }
        }
    }
    (sent, strays.or_silence(server, deadline.patience()))
}

fn prepare(egress: &Egress, server: SocketAddr) -> io::Result<Socket> {
    let family = Family::of(server.ip());
    let socket = egress::open_udp(family, egress)?;
    options::report_errors(&socket, family)?;
    socket.connect(&server.into())?;
    Ok(socket)
}

fn reply(response: Response, bytes: usize) -> Reply {
    match response {
        Response::Whole(message) => Reply::Answer {
            at: monotonic(),
            message,
            bytes,
        },
        Response::Truncated => Reply::Truncated,
    }
}

/// Asks over a connection that is open.
pub(super) async fn over_tcp(
    stream: &TcpStream,
    server: SocketAddr,
    question: &Question,
    deadline: &Deadline,
) -> Reply {
    let mut strays = Strays::default();
    match deadline.wait(talk(stream, question, &mut strays)).await {
        Some(Ok(reply)) => reply,
        Some(Err(error)) if strays.first.is_none() => {
            let trouble = Trouble::of_socket(&error, None, None, server.ip(), monotonic());
            Reply::Failed(trouble)
        }
        _ => strays.or_silence(server, deadline.patience()),
    }
}

async fn talk(stream: &TcpStream, question: &Question, strays: &mut Strays) -> io::Result<Reply> {
    let length = u16::try_from(question.bytes().len()).unwrap_or(u16::MAX);
    let framed: Vec<u8> = [&length.to_be_bytes(), question.bytes()].concat();
    write(stream, &framed).await?;
    while strays.count < MOST_STRAYS {
        let mut length = [0; 2];
        read(stream, &mut length).await?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        read(stream, &mut bytes).await?;
        match question.read(&bytes) {
            Ok(Response::Whole(message)) => {
                return Ok(reply(Response::Whole(message), bytes.len()));
            }
            // There is nothing longer than TCP to ask over.
            Ok(Response::Truncated) => {
                strays.add(NoAnswer::Malformed("truncated over TCP".into()));
            }
            Err(stray) => strays.add(stray),
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads all of it; a stream that ends before is an error as if it had been reset.
async fn read(stream: &TcpStream, mut room: &mut [u8]) -> io::Result<()> {
    while !room.is_empty() {
        stream.readable().await?;
        match stream.try_read(room) {
            Ok(0) => return Err(io::Error::from(rustix::io::Errno::CONNRESET)),
            Ok(length) => room = room.get_mut(length..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
