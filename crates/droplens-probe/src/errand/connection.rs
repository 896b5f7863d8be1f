//! Opens a TCP connection for what is spoken over it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

use super::deadline::Deadline;
use super::trouble::Trouble;
use super::{Report, Task, tcp};

/// Opens a connection from where the task says, and writes down how that went. When it is dropped it
/// is reset, so that none is left in TIME-WAIT: whoever uses it says goodbye before.
pub(super) async fn open(
    task: &Task,
    address: IpAddr,
    port: u16,
    deadline: &Deadline,
    report: &mut Report,
) -> Result<TcpStream, Trouble> {
    let to = SocketAddr::new(address, port);
    let first = report.phases.is_empty();
    match tcp::open(task.egress(), to, deadline).await {
        Ok(connected) => {
            if first {
                report.sent = connected.sent;
            }
            connected.note(report);
            let stream = connected.stream;
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            Ok(stream)
        }
        Err(unopened) => {
            if first {
                report.sent = unopened.sent;
            }
            let trouble = unopened.trouble.clone();
            unopened.note(report);
            Err(trouble)
        }
    }
}
