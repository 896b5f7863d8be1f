//! Sockets and the applications behind them.

use droplens_model::Cause;

use crate::lab::{Namespace, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly};

const UDP_RECEIVE_BUFFER: Expect = exactly(Cause::UdpReceiveBufferFull);

pub(super) const ALL: &[Scenario] = &[Scenario {
    name: "udp-receive-buffer",
    about: "a UDP socket that nobody reads",
    expect: UDP_RECEIVE_BUFFER,
    alone: false,
    run: udp_receive_buffer,
}];

fn udp_receive_buffer() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let receiver = load::sink(&right, "10.9.1.2:9000", 8192);
    let watch = Watch::start(&right);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 500, 500);
    let truth = 500 - load::drain(&receiver) as u64;
    watch.verdict(&UDP_RECEIVE_BUFFER, Some(truth))
}
