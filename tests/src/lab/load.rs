//! Traffic, bounded in packets and in time.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::Namespace;

/// No single connect or send takes longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Packets on their way are charged to the socket that sent them; with the usual limit a sender
/// would wait long before any queue overflows.
const SEND_BUFFER: usize = 32 << 20;

/// A UDP socket in a namespace, bound to this address, that may flood.
///
/// # Panics
///
/// When it cannot be bound.
pub fn udp(namespace: &Namespace, address: &str) -> UdpSocket {
    let socket = namespace
        .enter(|| UdpSocket::bind(address))
        .unwrap_or_else(|error| panic!("cannot bind {address}: {error}"));
    rustix::net::sockopt::set_socket_send_buffer_size_force(&socket, SEND_BUFFER)
        .expect("a large send buffer");
    socket
}

/// A UDP socket that nobody reads, with room for about `buffer` bytes; the kernel doubles it and
/// charges each datagram with its overhead.
///
/// # Panics
///
/// When it cannot be bound.
pub fn sink(namespace: &Namespace, address: &str, buffer: usize) -> UdpSocket {
    let socket = udp(namespace, address);
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, buffer).expect("a small buffer");
    socket
}

/// A UDP socket that nobody reads, with room for whatever a test sends.
///
/// # Panics
///
/// When it cannot be bound.
pub fn deep_sink(namespace: &Namespace, address: &str) -> UdpSocket {
    let socket = udp(namespace, address);
    rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, SEND_BUFFER)
        .expect("a large buffer");
    socket
}

/// Keeps the calling thread on one CPU from now on.
///
/// # Panics
///
/// When there is no such CPU.
pub fn stay_on_cpu(cpu: usize) {
    let mut only = rustix::thread::CpuSet::new();
    only.set(cpu);
    rustix::thread::sched_setaffinity(None, &only).expect("a CPU to stay on");
}

/// Sends `count` datagrams of `size` bytes; those that the kernel refuses for want of buffers, or
/// because a queue or a filter dropped them or there is no route, count as sent, since they were
/// handed over.
///
/// # Panics
///
/// When sending fails for another reason.
pub fn send(socket: &UdpSocket, to: &str, count: usize, size: usize) {
    let to: SocketAddr = to.parse().expect("an address");
    let payload = vec![0x64; size];
    socket.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    for _ in 0..count {
        match socket.send_to(&payload, to) {
            Ok(_) => {}
            Err(error) if is_refused(&error) => {}
            Err(error) => panic!("cannot send to {to}: {error}"),
        }
    }
}

fn is_refused(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(
            Errno::NOBUFS
                | Errno::AGAIN
                | Errno::CONNREFUSED
                | Errno::PERM
                | Errno::NETUNREACH
                | Errno::HOSTUNREACH
        )
    )
}

/// Datagrams that can be read now without waiting.
///
/// # Panics
///
/// When the socket fails.
pub fn drain(socket: &UdpSocket) -> usize {
    socket.set_nonblocking(true).expect("non-blocking");
    let mut buffer = [0; 2048];
    let mut count = 0;
    while socket.recv(&mut buffer).is_ok() {
        count += 1;
    }
    socket.set_nonblocking(false).expect("blocking");
    count
}

/// A TCP listener in a namespace with this backlog.
///
/// # Panics
///
/// When it cannot be made.
pub fn listen(namespace: &Namespace, address: &str, backlog: i32) -> TcpListener {
    let address: SocketAddr = address.parse().expect("an address");
    let listen = || -> io::Result<TcpListener> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(backlog)?;
        Ok(socket.into())
    };
    namespace
        .enter(listen)
        .unwrap_or_else(|error| panic!("cannot listen on {address}: {error}"))
}

/// Connects from a namespace, waiting no longer than `patience`.
pub fn connect(namespace: &Namespace, to: &str, patience: Duration) -> io::Result<TcpStream> {
    let to: SocketAddr = to.parse().map_err(io::Error::other)?;
    namespace.enter(|| TcpStream::connect_timeout(&to, patience))
}
