//! Alerts about queues before the card.

use droplens_model::Cause;

use super::declaration::Alert;
use super::kinds::lost_at_device;

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        lost_at_device(
            "QdiscDrops",
            Cause::QdiscOverflow,
            (10.0, 0.001),
            "transmit",
            ("a queue is full", "200"),
            "Some drops are how a queue tells TCP to slow down; a share of the traffic for ten minutes is too little bandwidth.",
        ),
        lost_at_device(
            "QdiscClassDrops",
            Cause::QdiscClassOverflow,
            (10.0, 0.001),
            "transmit",
            ("a traffic class is over its rate", "200"),
            "Somebody limited that class on purpose; what is in it suffers.",
        ),
    ]
}
