//! Why a connection sends no faster.

use droplens_model::sample::connections::{Connection, Limit};

use super::super::figures;

/// What holds a connection back, with the formula that explains the rate. None if this kernel
/// does not tell.
pub(super) fn limit(connection: &Connection) -> Option<String> {
    let (by, why) = match connection.limit()? {
        // It has nothing to send: nothing to explain.
        Limit::Application => return Some("sends as fast as the application writes".to_owned()),
        Limit::Path => ("by the path", loss(connection)),
        Limit::Receiver => ("by the peer's window", window(connection)),
        Limit::SendBuffer => ("by its send buffer", buffer(connection)),
    };
    let now = connection.path.delivery_rate.filter(|rate| *rate > 0);
    let now = now.map(|rate| format!("{} delivered", per_second(rate as f64)));
    let facts: Vec<_> = now.into_iter().chain(why).collect();
    let colon = if facts.is_empty() { "" } else { ": " };
    Some(format!("held back {by}{colon}{}", facts.join(", ")))
}

/// The rate that the losses allow, after Mathis. BBR does not slow down for them.
fn loss(connection: &Connection) -> Option<String> {
    let control = connection.congestion_control.as_deref();
    if control.is_some_and(|control| control.starts_with("bbr")) {
        return None;
    }
    let bound = per_second(connection.loss_bound()?);
    Some(format!("such loss allows about {bound} (Mathis)"))
}

/// The rate that one window per round trip makes.
fn window(connection: &Connection) -> Option<String> {
    let window = connection.sending.peer_window.filter(|bytes| *bytes > 0)?;
    let rtt = connection.path.rtt.filter(|rtt| !rtt.is_zero())?;
    let bound = per_second(window as f64 / rtt.as_secs_f64());
    let window = figures::bytes(window as f64);
    Some(format!("{window} per round trip allow {bound}"))
}

/// The bytes that this rate keeps in flight, which the buffer holds until they are acknowledged.
fn buffer(connection: &Connection) -> Option<String> {
    let product = connection.bandwidth_delay_product()?;
    let flight = figures::bytes(product as f64);
    Some(format!("which keeps {flight} in flight"))
}

fn per_second(rate: f64) -> String {
    format!("{}/s", figures::bytes(rate))
}
