//! Who is connected: keeps the number bounded without letting idle clients lock others out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    clock: AtomicU64,
}

/// One open connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// Requests being answered.
    busy: AtomicU64,
    /// When it last did something, in ticks of [`Connections::clock`].
    active: AtomicU64,
    close: Notify,
}

impl Connection {
    /// Returns when the connection has to make room.
    pub(super) async fn closed(&self) {
        self.close.notified().await;
    }
}

/// Keeps a connection on the list for as long as it lives.
#[derive(Debug)]
pub(super) struct Guest {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    id: u64,
}

/// Marks a connection as busy for as long as it lives.
pub(super) struct Busy {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Connections {
    /// Takes in a new connection. If there are `limit` already, the one that has been idle
    /// longest is told to close; if none is idle, the new one is refused.
    pub(super) fn admit(self: &Arc<Self>, limit: usize) -> Option<Guest> {
        let mut open = self.lock();
        if open.len() >= limit {
            let idle = open
                .iter()
                .filter(|(_, connection)| connection.busy.load(Ordering::Relaxed) == 0)
                .min_by_key(|(_, connection)| connection.active.load(Ordering::Relaxed))
                .map(|(&id, _)| id)?;
            open.remove(&idle)?.close.notify_one();
        }
        let id = self.tick();
        let connection = Arc::new(Connection {
            active: id.into(),
            ..Connection::default()
        });
        open.insert(id, Arc::clone(&connection));
        drop(open);
        Some(Guest {
            connections: Arc::clone(self),
            connection,
            id,
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    pub(super) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Marks a request as being answered.
    pub(super) fn busy(&self) -> Busy {
        self.connection.busy.fetch_add(1, Ordering::Relaxed);
        Busy {
            connections: Arc::clone(&self.connections),
            connection: Arc::clone(&self.connection),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.id);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.connection
            .active
            .store(self.connections.tick(), Ordering::Relaxed);
        self.connection.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_makes_room_and_the_busy_stay() {
        let connections = Arc::new(Connections::default());
        let first = connections.admit(3).unwrap();
        let second = connections.admit(3).unwrap();
        let third = connections.admit(3).unwrap();
        let answering = first.busy();
        drop(third.busy());
        let _fourth = connections.admit(3).unwrap();
        let left: Vec<u64> = {
            let mut ids: Vec<_> = connections.lock().keys().copied().collect();
            ids.sort_unstable();
            ids
        };
        assert!(
            left.contains(&first.id) && !left.contains(&second.id),
            "{left:?}"
        );
        assert_eq!(connections.len(), 3);
        drop(answering);
        drop((first, second, third));
        assert_eq!(connections.len(), 1);
    }

    #[test]
    fn nobody_is_thrown_out_while_being_answered() {
        let connections = Arc::new(Connections::default());
        let guest = connections.admit(1).unwrap();
        let _busy = guest.busy();
        assert!(connections.admit(1).is_none());
    }
}
