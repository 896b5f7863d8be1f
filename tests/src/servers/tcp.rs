//! Servers of TCP connections: one that takes them, one that resets them, one that never does either.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::{LOOK, Threads};
use crate::lab::Namespace;
use crate::wait;

/// How a connection ended, as the server saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The client closed it: the end of the stream was read.
    End,
    /// An error was read instead.
    Error(ErrorKind),
}

/// What a server does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Waits for its end.
    Takes,
    /// Waits this long before it looks at it, and then for its end.
    Dawdles(Duration),
    /// Resets it.
    Resets,
}

/// A server that accepts connections.
#[derive(Debug)]
pub struct TcpServer {
    address: SocketAddr,
    seen: Receiver<Seen>,
    _threads: Threads,
}

impl TcpServer {
    /// Starts it; port 0 stands for any.
    ///
    /// # Panics
    ///
    /// When the address cannot be had.
    pub fn start(namespace: &Namespace, address: &str, manner: Manner) -> Self {
        let address: SocketAddr = address.parse().expect("an address with a port");
        let listener = namespace.enter(|| TcpListener::bind(address).expect("listening"));
        let address = listener.local_addr().expect("its address");
        listener.set_nonblocking(true).expect("not to block");
        let (tell, seen) = channel();
        let mut threads = Threads::default();
        threads.repeat(move || match listener.accept() {
            Ok((stream, _)) => {
                if let Some(seen) = serve(stream, manner) {
                    let _ = tell.send(seen);
                }
            }
            Err(_) => std::thread::sleep(LOOK),
        });
        Self {
            address,
            seen,
            _threads: threads,
        }
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How the next connection ended.
    ///
    /// # Panics
    ///
    /// When none ends.
    pub fn seen(&self) -> Seen {
        self.seen
            .recv_timeout(wait::PATIENCE)
            .expect("a connection that ends")
    }
}

fn serve(mut stream: TcpStream, manner: Manner) -> Option<Seen> {
    match manner {
        Manner::Resets => {
            SockRef::from(&stream)
                .set_linger(Some(Duration::ZERO))
                .expect("to reset");
            return None;
        }
        Manner::Dawdles(pause) => std::thread::sleep(pause),
        Manner::Takes => {}
    }
    stream.set_nonblocking(false).expect("to block");
    stream
        .set_read_timeout(Some(wait::PATIENCE))
        .expect("a time limit");
    Some(match stream.read(&mut [0; 16]) {
        Ok(_) => Seen::End,
        Err(error) => Seen::Error(error.kind()),
    })
}

/// A listener whose accept queue is full: the kernel drops further connection attempts.
#[derive(Debug)]
pub struct FullListener {
    address: SocketAddr,
    _listener: Socket,
    _clients: Vec<Socket>,
}

impl FullListener {
    /// Makes one.
    ///
    /// # Panics
    ///
    /// When its queue does not become full.
    pub fn new(namespace: &Namespace, address: &str) -> Self {
        let address: SocketAddr = address.parse().expect("an address with a port");
        namespace.enter(|| {
            let domain = Domain::for_address(address);
            let socket = || Socket::new(domain, Type::STREAM, None).expect("a socket");
            let listener = socket();
            listener.bind(&address.into()).expect("its address");
            listener.listen(0).expect("listening");
            let address = listener.local_addr().expect("its address");
            // The queue takes one more than its length.
            let clients = [(), ()].map(|()| {
                let client = socket();
                let _ = client.connect_timeout(&address, Duration::from_millis(200));
                client
            });
            Self {
                address: address.as_socket().expect("an IP address"),
                _listener: listener,
                _clients: clients.into(),
            }
        })
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}
