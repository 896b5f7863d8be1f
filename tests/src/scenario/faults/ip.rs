//! The IP layer.

use droplens_model::Cause;

use crate::lab::{Namespace, Router, load, veth};
use crate::scenario::{Expect, Scenario, Seen, Watch, exactly};

const SILENT_INPUT: Expect = exactly(Cause::UnaccountedIpInput);
const SILENT_OUTPUT: Expect = exactly(Cause::UnaccountedIpOutput);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "silent-drop-input",
        about: "nft drops UDP in INPUT without a counter",
        expect: SILENT_INPUT,
        alone: false,
        run: silent_drop_input,
    },
    Scenario {
        name: "silent-drop-forward",
        about: "nft drops forwarded UDP without a counter",
        expect: SILENT_OUTPUT,
        alone: false,
        run: silent_drop_forward,
    },
];

fn silent_drop_input() -> Seen {
    let (left, right) = (Namespace::new(), Namespace::new());
    veth(&left, "v0", &right, "v1", 1);
    right.nft("add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c udp dport 9000 drop");
    let watch = Watch::start(&right);
    let sender = load::udp(&left, "10.9.1.1:0");
    load::send(&sender, "10.9.1.2:9000", 500, 100);
    watch.verdict(&SILENT_INPUT, Some(500))
}

fn silent_drop_forward() -> Seen {
    let three = Router::new();
    three.router.nft("add table ip t; add chain ip t c { type filter hook forward priority 0; }; add rule ip t c udp dport 9000 drop");
    let watch = Watch::start(&three.router);
    let sender = load::udp(&three.client, "10.90.1.1:0");
    load::send(&sender, "10.90.2.2:9000", 500, 100);
    watch.verdict(&SILENT_OUTPUT, Some(500))
}
