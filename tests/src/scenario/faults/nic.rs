//! Cards and their drivers, as far as virtual devices can stand in for them.

use droplens_model::Cause;

use crate::lab::bpf::DropAll;
use crate::lab::{Namespace, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly};

const XDP: Expect = exactly(Cause::XdpDrop);

pub(super) const ALL: &[Scenario] = &[Scenario {
    name: "xdp-drop",
    about: "an XDP program in the driver drops everything",
    expect: XDP,
    alone: false,
    run: xdp_drop,
}];

fn xdp_drop() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    let neighbour = right.ip("-o link show v1");
    let address = neighbour
        .split_whitespace()
        .skip_while(|word| *word != "link/ether")
        .nth(1)
        .expect("an address");
    left.ip(&format!(
        "neigh replace 10.9.1.2 dev v0 lladdr {address} nud permanent"
    ));
    let program = DropAll::xdp();
    right.ip(&format!("link set dev v1 xdpdrv {}", program.words()));
    let watch = Watch::start(&right);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 200, 100);
    watch.verdict(&XDP, Some(200))
}
