//! Tells systemd how the service is doing.

use std::time::Duration;

use sd_notify::NotifyState;

/// Sends states; without systemd (no `NOTIFY_SOCKET`) nothing is sent.
fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot notify systemd");
    }
}

/// The agent serves.
pub(crate) fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is being reloaded.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot read the clock to notify systemd"),
    }
}

/// The agent ends.
pub(crate) fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// The agent is alive.
pub(crate) fn alive() {
    send(&[NotifyState::Watchdog]);
}

/// How often [`alive`] has to be called, if systemd watches: twice as often as it asks for.
pub(crate) fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|timeout| timeout / 2)
}
