//! Looks on while bytes pass: when the first ones came and what they were, and how many in all.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use droplens_model::Moment;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::sys::clock::monotonic;

/// First bytes that are kept.
const KEPT: usize = 48;

/// What was seen of the bytes that were received.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// When the first of them came.
    pub(super) first: Option<Moment>,
    /// How many came.
    pub(super) bytes: u64,
    /// The first ones.
    pub(super) start: Vec<u8>,
    /// Whether there were more than allowed.
    pub(super) flooded: bool,
}

/// What is seen, while it is going on.
#[derive(Clone, Debug, Default)]
pub(super) struct View(Arc<Mutex<Seen>>);

impl View {
    /// What was seen so far.
    pub(super) fn look(&self) -> Seen {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, new: &[u8], most: u64) -> io::Result<()> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if new.is_empty() {
            return Ok(());
        }
        seen.first.get_or_insert_with(monotonic);
        seen.bytes += new.len() as u64;
        let room = KEPT.saturating_sub(seen.start.len()).min(new.len());
        seen.start.extend(new.iter().take(room));
        if seen.bytes > most {
            seen.flooded = true;
            return Err(io::Error::other("more was sent than is read"));
        }
        Ok(())
    }
}

/// A stream that is looked on.
#[derive(Debug)]
pub(super) struct Meter<S> {
    stream: S,
    view: View,
    most: u64,
}

impl<S> Meter<S> {
    /// Reading fails once more than `most` bytes came.
    pub(super) fn new(stream: S, most: u64) -> (Self, View) {
        let view = View::default();
        let meter = Self {
            stream,
            view: view.clone(),
            most,
        };
        (meter, view)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Meter<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let new = buf.filled().get(before..).unwrap_or_default();
        Poll::Ready(this.view.note(new, this.most))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Meter<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
