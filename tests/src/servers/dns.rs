//! A name server over UDP and TCP that answers what a closure says.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record};

use super::{LOOK, Threads};
use crate::lab::Namespace;

/// A question that came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whom it came from.
    pub from: SocketAddr,
    /// Whether it came over TCP.
    pub over_tcp: bool,
    /// The whole of it.
    pub message: Message,
}

impl Asked {
    fn query(&self) -> &Query {
        self.message.queries.first().expect("a question")
    }

    /// The name that is asked for, in small letters and without the last dot.
    ///
    /// # Panics
    ///
    /// If nothing is asked.
    pub fn name(&self) -> String {
        let name = self.query().name().to_lowercase();
        name.to_ascii().trim_end_matches('.').to_owned()
    }

    /// The type that is asked for, such as `AAAA`.
    ///
    /// # Panics
    ///
    /// If nothing is asked.
    pub fn kind(&self) -> String {
        self.query().query_type().to_string()
    }

    /// An answer to it without records.
    pub fn reply(&self) -> Message {
        let mut reply = Message::new(self.message.id, MessageType::Response, OpCode::Query);
        reply.metadata.recursion_desired = self.message.recursion_desired;
        reply.metadata.recursion_available = true;
        reply.add_queries(self.message.queries.iter().cloned());
        reply
    }

    /// An answer with a code and no records.
    pub fn code(&self, code: ResponseCode) -> Message {
        let mut reply = self.reply();
        reply.metadata.response_code = code;
        reply
    }

    /// An answer with these of the addresses that are of the type that is asked for.
    ///
    /// # Panics
    ///
    /// If one of them is no address.
    pub fn addresses(&self, ttl: u32, addresses: &[&str]) -> Message {
        let mut reply = self.reply();
        let name = self.query().name().clone();
        for address in addresses {
            let data = match address.parse().expect("an address") {
                IpAddr::V4(address) => RData::A(A(address)),
                IpAddr::V6(address) => RData::AAAA(AAAA(address)),
            };
            if data.record_type() == self.query().query_type() {
                reply.add_answer(Record::from_rdata(name.clone(), ttl, data));
            }
        }
        reply
    }
}

/// `from` is an alias of `to`.
///
/// # Panics
///
/// If one of them is no name.
pub fn alias(from: &str, ttl: u32, to: &str) -> Record {
    let name = |text: &str| Name::from_ascii(text).expect("a name");
    Record::from_rdata(name(from), ttl, RData::CNAME(CNAME(name(to))))
}

/// What to do about a question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Answer.
    Say(Message),
    /// Answer after a while.
    Later(Duration, Message),
    /// Send these, one after the other.
    Raw(Vec<Vec<u8>>),
    /// Nothing; a connection is closed.
    Nothing,
}

impl From<Message> for Answer {
    fn from(message: Message) -> Self {
        Self::Say(message)
    }
}

type Says = dyn Fn(&Asked) -> Answer + Send + Sync;

/// The server.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _threads: Threads,
}

impl DnsServer {
    /// Starts it; port 0 stands for any.
    ///
    /// # Panics
    ///
    /// When the address cannot be had.
    pub fn start(
        namespace: &Namespace,
        address: &str,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let address: SocketAddr = address.parse().expect("an address with a port");
        let (tcp, udp) = namespace.enter(|| {
            let tcp = TcpListener::bind(address).expect("listening on TCP");
            let address = tcp.local_addr().expect("its address");
            let udp = UdpSocket::bind(address).expect("the same port of UDP");
            (tcp, udp)
        });
        let address = tcp.local_addr().expect("its address");
        tcp.set_nonblocking(true).expect("not to block");
        udp.set_read_timeout(Some(LOOK)).expect("a time limit");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut threads = Threads::default();
        let desk = Desk {
            asked: Arc::clone(&asked),
            says: Arc::new(answer),
        };
        let desk_tcp = desk.clone();
        threads.repeat(move || desk.serve_udp(&udp));
        threads.repeat(move || desk_tcp.serve_tcp(&tcp));
        Self {
            address,
            asked,
            _threads: threads,
        }
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// All questions so far.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

#[derive(Clone)]
struct Desk {
    asked: Arc<Mutex<Vec<Asked>>>,
    says: Arc<Says>,
}

impl Desk {
    /// What to send, one message after the other.
    fn answers(&self, from: SocketAddr, over_tcp: bool, bytes: &[u8]) -> Vec<Vec<u8>> {
        let message = Message::from_vec(bytes).expect("a question that can be read");
        let asked = Asked {
            from,
            over_tcp,
            message,
        };
        let answer = (self.says)(&asked);
        let mut list = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(asked);
        drop(list);
        let written = |message: Message| message.to_vec().expect("a message that can be written");
        match answer {
            Answer::Say(message) => vec![written(message)],
            Answer::Later(pause, message) => {
                std::thread::sleep(pause);
                vec![written(message)]
            }
            Answer::Raw(messages) => messages,
            Answer::Nothing => Vec::new(),
        }
    }

    fn serve_udp(&self, socket: &UdpSocket) {
        let mut room = [0; 4096];
        // Times out, or tells of a client that has gone.
        let Ok((length, from)) = socket.recv_from(&mut room) else {
            return;
        };
        for message in self.answers(from, false, room.get(..length).unwrap_or_default()) {
            let _ = socket.send_to(&message, from);
        }
    }

    fn serve_tcp(&self, listener: &TcpListener) {
        match listener.accept() {
            Ok((stream, from)) => {
                // What goes wrong is the client's to notice.
                let _ = self.talk(stream, from);
            }
            Err(_) => std::thread::sleep(LOOK),
        }
    }

    fn talk(&self, mut stream: TcpStream, from: SocketAddr) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut bytes)?;
        for message in self.answers(from, true, &bytes) {
            let length = u16::try_from(message.len()).expect("no more than a message may have");
            stream.write_all(&[&length.to_be_bytes(), message.as_slice()].concat())?;
        }
        Ok(())
    }
}
