//! Waiting for something to become true, with a deadline and without guessing how long.

use std::time::{Duration, Instant};

/// How long anything is waited for, unless told otherwise. Only a failing test waits this long.
pub const PATIENCE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(20);

/// Tries until `attempt` succeeds.
///
/// # Panics
///
/// When it has not succeeded within [`PATIENCE`], with the last reason it gave.
pub fn until<T>(what: &str, attempt: impl FnMut() -> Result<T, String>) -> T {
    match within(PATIENCE, attempt) {
        Ok(value) => value,
        Err(reason) => panic!("{what}: not within {PATIENCE:?}: {reason}"),
    }
}

/// Tries until `attempt` succeeds or the time is over; then gives the last reason.
pub fn within<T>(
    patience: Duration,
    mut attempt: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let end = Instant::now() + patience;
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(reason) if Instant::now() >= end => return Err(reason),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tries_until_it_succeeds() {
        let mut left = 3;
        let value = until("counting down", || {
            left -= 1;
            if left == 0 {
                Ok(7)
            } else {
                Err("not yet".to_owned())
            }
        });
        assert_eq!((value, left), (7, 0));
    }

    #[test]
    fn the_last_reason_is_told() {
        let mut tries = 0;
        let outcome = within(Duration::ZERO, || -> Result<(), String> {
            tries += 1;
            Err(format!("try {tries}"))
        });
        assert_eq!(outcome, Err("try 1".to_owned()));
    }
}
