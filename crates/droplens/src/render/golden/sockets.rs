//! Sockets of made-up hosts.

use std::net::SocketAddr;
use std::time::Duration;

use droplens_model::sample::connections::{
    Connection, Connections, ListenerDetail, OpenFiles, Owner, PathFigures, Peer, ProcessRef,
    Receiving, Retransmission, SendTimes, Sending, UdpDetail,
};
use droplens_model::sample::sockets::TcpState;
use droplens_model::{Family, Report};

use super::made_up;

/// Sockets that suffer, each in its way.
pub(super) fn suffering() -> Report {
    let mut report = made_up::softnet();
    report.events.clear();
    report.connections = Some(Connections {
        sockets: 412,
        worst: vec![resending(), unanswered(), slow_peer(), starved()],
        stuck: vec![unread(), closed_window(), slow_peer()],
        peers: vec![peer("192.0.2.9", 1204, 24_000), peer("192.0.2.8", 3, 100)],
        peers_exact: false,
        listeners: vec![listener()],
        udp: vec![udp(4711), udp(0)],
        complete: false,
    });
    report
}

/// Sockets that do well.
pub(super) fn healthy() -> Report {
    let mut report = made_up::clean();
    let few = Connection {
        retransmission: retransmission(3, 0, 100),
        ..connection("192.0.2.9:443")
    };
    report.connections = Some(Connections {
        sockets: 412,
        worst: vec![few],
        peers: vec![peer("192.0.2.8", 3, 100)],
        peers_exact: true,
        udp: vec![udp(0)],
        complete: true,
        ..Connections::default()
    });
    report
}

/// A socket of each kind whose owner has this name.
pub(super) fn named(name: &str) -> Connections {
    let owner = owner(Some(name), name, 'S');
    let mine = |connection: Connection| Connection {
        owner: owner.clone(),
        congestion_control: Some(name.into()),
        ..connection
    };
    Connections {
        worst: vec![mine(resending())],
        stuck: vec![mine(unread())],
        listeners: vec![ListenerDetail {
            owner: owner.clone(),
            ..listener()
        }],
        udp: vec![UdpDetail {
            owner: owner.clone(),
            ..udp(1)
        }],
        peers_exact: true,
        complete: true,
        ..Connections::default()
    }
}

fn owner(unit: Option<&str>, comm: &str, state: char) -> Owner {
    Owner {
        uid: 33,
        unit: unit.map(Into::into),
        process: Some(ProcessRef {
            pid: 812,
            comm: comm.into(),
            state,
            threads: 4,
        }),
    }
}

fn connection(remote: &str) -> Connection {
    Connection {
        family: Family::V4,
        local: "192.0.2.1:40000".parse().unwrap(),
        remote: remote.parse().unwrap(),
        state: TcpState::Established,
        congestion_control: Some("cubic".into()),
        retransmission: Retransmission::default(),
        path: PathFigures {
            rtt: Some(Duration::from_millis(100)),
            min_rtt: Some(Duration::from_millis(80)),
            rto: Some(Duration::from_millis(304)),
            mss: Some(1460),
            delivery_rate: Some(170_000),
            ..PathFigures::default()
        },
        sending: Sending::default(),
        receiving: Receiving::default(),
        owner: owner(Some("nginx.service"), "nginx", 'S'),
    }
}

fn retransmission(total: u64, attempts: u8, bytes: u64) -> Retransmission {
    Retransmission {
        total,
        attempts,
        bytes_sent: Some(1_000_000),
        bytes_retrans: Some(bytes),
        ..Retransmission::default()
    }
}

/// It has more to send, and was kept from it for so many seconds of ten.
fn busy(rwnd_limited: u64, sndbuf_limited: u64) -> Sending {
    Sending {
        queue: 96_000,
        peer_window: Some(65_536),
        times: Some(SendTimes {
            busy: Duration::from_secs(10),
            rwnd_limited: Duration::from_secs(rwnd_limited),
            sndbuf_limited: Duration::from_secs(sndbuf_limited),
        }),
        ..Sending::default()
    }
}

/// Loss on the path slows it down.
fn resending() -> Connection {
    Connection {
        retransmission: retransmission(1204, 3, 10_000),
        sending: busy(0, 0),
        ..connection("192.0.2.9:50122")
    }
}

/// Nobody answers; the socket belongs to nobody known.
fn unanswered() -> Connection {
    let mut unanswered = connection("[2001:db8:1234:5678:9abc:def0:1234:5678]:443");
    unanswered.local = "[2001:db8:1234:5678:9abc:def0:1234:1]:40000"
        .parse()
        .unwrap();
    unanswered.state = TcpState::SynSent;
    unanswered.retransmission = Retransmission {
        total: 4,
        attempts: 4,
        ..Retransmission::default()
    };
    unanswered.path = PathFigures {
        rto: Some(Duration::from_secs(16)),
        ..PathFigures::default()
    };
    unanswered.owner = Owner {
        uid: 1000,
        ..Owner::default()
    };
    unanswered
}

/// The peer's window is too small for the path.
fn slow_peer() -> Connection {
    Connection {
        retransmission: retransmission(7, 0, 2_000),
        sending: busy(9, 0),
        ..connection("192.0.2.7:443")
    }
}

/// The send buffer is too small for the path.
fn starved() -> Connection {
    Connection {
        retransmission: retransmission(5, 0, 1_500),
        sending: busy(0, 9),
        owner: owner(None, "backup", 'D'),
        ..connection("192.0.2.6:873")
    }
}

/// The process was stopped, and what arrives stays.
fn unread() -> Connection {
    Connection {
        receiving: Receiving {
            queue: 65_000,
            memory: 131_000,
            buffer: 131_072,
            last_data: Some(Duration::from_secs(95)),
            drops: 0,
        },
        owner: owner(
            Some("pod0a1b2c3d-0000-4000-8000-000000000001/0123456789ab"),
            "java",
            'T',
        ),
        ..connection("192.0.2.5:5432")
    }
}

fn closed_window() -> Connection {
    Connection {
        sending: Sending {
            probing_zero_window: true,
            ..busy(9, 0)
        },
        ..connection("192.0.2.4:443")
    }
}

fn peer(address: &str, retransmits: u64, bytes_retrans: u64) -> Peer {
    Peer {
        address: address.parse().unwrap(),
        connections: 17,
        retransmitting: u64::from(retransmits > 1000),
        retransmits,
        bytes_sent: 1_000_000,
        bytes_retrans,
    }
}

fn listener() -> ListenerDetail {
    ListenerDetail {
        family: Family::V6,
        local: "[::]:443".parse().unwrap(),
        queue: 512,
        limit: 511,
        drops: 1204,
        owner: owner(Some("nginx.service"), "nginx", 'S'),
        open_files: Some(OpenFiles {
            open: 1024,
            limit: Some(1024),
        }),
    }
}

fn udp(drops: u64) -> UdpDetail {
    let remote: SocketAddr = "192.0.2.3:53".parse().unwrap();
    UdpDetail {
        family: Family::V4,
        local: "0.0.0.0:5353".parse().unwrap(),
        remote: (drops == 0).then_some(remote),
        queue: 212_000,
        buffer: 212_992,
        drops,
        owner: owner(None, "avahi-daemon", 'S'),
    }
}
