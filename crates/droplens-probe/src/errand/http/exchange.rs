//! One request and its response, on a connection of its own.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use droplens_model::Moment;
use droplens_model::sample::probes::{FailureReason, HttpDetails, Phase};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use hyper::rt::Executor;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::fault;
use crate::errand::Report;
use crate::errand::deadline::Deadline;
use crate::errand::meter::{Meter, View};
use crate::errand::trouble::Trouble;
use crate::sys::clock::monotonic;

/// The largest head of a response, in bytes. Servers send far less than they accept, which is 8 kB in
/// most.
const HEAD: u16 = u16::MAX;

/// How much the server may send beyond the body, in bytes: heads, interim responses, trailers.
const MORE: u64 = 1 << 20;

/// A byte of the body in a chunk of its own takes six bytes, in a frame of its own ten.
const WRAPPING: u64 = 16;

/// How much of a body is received ahead in HTTP/2, in bytes.
const WINDOW: u32 = 256 << 10;

/// How long the connection has to say goodbye.
const GOODBYE: Duration = Duration::from_millis(100);

/// How much is read and kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of the body that are read at most.
    pub(super) body: u64,
    /// Whether they are kept.
    pub(super) keep: bool,
}

/// A response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Empty if it is not kept.
    pub(super) body: Vec<u8>,
    /// When it was complete.
    pub(super) at: Moment,
}

/// A connection that a request can be sent on.
struct Line {
    sender: Sender,
    crew: Crew,
    view: View,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

/// Sends the request and reads the response. `is_last` says by status and headers whether the body
/// is read.
pub(super) async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    limits: Limits,
    deadline: &Deadline,
    report: &mut Report,
    is_last: impl Fn(StatusCode, &HeaderMap) -> bool,
) -> Result<Answer, Trouble>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let most = limits.body.saturating_mul(WRAPPING).saturating_add(MORE);
    let (meter, view) = Meter::new(stream, most);
    let begun = monotonic();
    let seen = view.clone();
    let step = async {
        let mut line = Line::new(meter, view, request.version()).await?;
        let answer = line.ask(request, limits, begun, report, is_last).await?;
        Ok((answer, line))
    };
    let (answer, line) = deadline
        .keep(step, || {
            let text = match seen.look().bytes {
                0 => "the server took the request and never answers".to_owned(),
                bytes => format!("the response is not complete in time ({bytes} bytes came)"),
            };
            Trouble::unheard(FailureReason::HttpTimeout, text)
        })
        .await?;
    let Line { sender, crew, .. } = line;
    drop(sender);
    crew.leave(deadline).await;
    Ok(answer)
}

impl Line {
    async fn new<S>(meter: Meter<S>, view: View, version: Version) -> Result<Self, Trouble>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let io = TokioIo::new(meter);
        let (crew, hirer) = Crew::new();
        let failed = |error: hyper::Error| fault::of(&error, &view.look());
        let sender = if version == Version::HTTP_2 {
            let mut builder = http2::Builder::new(hirer.clone());
            builder
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_header_list_size(HEAD.into());
            let (sender, connection) = builder.handshake(io).await.map_err(failed)?;
            hirer.execute(async { drop(connection.await) });
            Sender::Two(sender)
        } else {
            let mut builder = http1::Builder::new();
            builder.max_buf_size(HEAD.into());
            let (sender, connection) = builder.handshake(io).await.map_err(failed)?;
            hirer.execute(async { drop(connection.await) });
            Sender::One(sender)
        };
        Ok(Self { sender, crew, view })
    }

    async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        limits: Limits,
        begun: Moment,
        report: &mut Report,
        is_last: impl Fn(StatusCode, &HeaderMap) -> bool,
    ) -> Result<Answer, Trouble> {
        let sent = match &mut self.sender {
            Sender::One(sender) => sender.send_request(request).await,
            Sender::Two(sender) => sender.send_request(request).await,
        };
        let response = sent.map_err(|error| fault::of(&error, &self.view.look()))?;
        // The first bytes of HTTP/2 are no response yet.
        let first = match &self.sender {
            Sender::One(_) => self.view.look().first.unwrap_or_else(monotonic),
            Sender::Two(_) => monotonic(),
        };
        report.spend(Phase::Processing, first.since(begun));
        note(&response, report);
        let (head, body) = response.into_parts();
        let body = if is_last(head.status, &head.headers) {
            self.read(body, limits, report).await?
        } else {
            Vec::new()
        };
        let at = monotonic();
        report.spend(Phase::Transfer, at.since(first));
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            at,
        })
    }

    async fn read(
        &self,
        mut body: Incoming,
        limits: Limits,
        report: &mut Report,
    ) -> Result<Vec<u8>, Trouble> {
        let mut kept = Vec::new();
        let mut bytes: u64 = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| fault::of(&error, &self.view.look()))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            bytes += data.len() as u64;
            if let Some(http) = &mut report.details.http {
                http.body_bytes = bytes;
            }
            if bytes > limits.body {
                let text = format!("the body is larger than {} bytes", limits.body);
                return Err(Trouble::heard(FailureReason::HttpTooLarge, text));
            }
            if limits.keep {
                kept.extend_from_slice(&data);
            }
        }
        Ok(kept)
    }
}

/// Writes down what the head of a response says.
fn note(response: &Response<Incoming>, report: &mut Report) {
    let length = response.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let http = report.details.http.get_or_insert_default();
    *http = HttpDetails {
        status: Some(response.status().as_u16()),
        version: Some(format!("{:?}", response.version())),
        body_bytes: 0,
        content_length: length,
        redirects: http.redirects,
        url: http.url.take(),
    };
}

/// The tasks that serve a connection. They end with it.
#[derive(Debug)]
struct Crew {
    ended: mpsc::Receiver<()>,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Crew {
    fn new() -> (Self, Hirer) {
        let (alive, ended) = mpsc::channel(1);
        let tasks = Arc::default();
        let hirer = Hirer {
            alive,
            tasks: Arc::clone(&tasks),
        };
        (Self { ended, tasks }, hirer)
    }

    /// Lets them say goodbye to the server, if they are still there.
    async fn leave(mut self, deadline: &Deadline) {
        // Nothing is ever sent: this ends when the last of them does.
        let _ = deadline.within(GOODBYE).wait(self.ended.recv()).await;
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().for_each(AbortHandle::abort);
    }
}

/// Through which tasks are started, by the HTTP/2 library too.
#[derive(Clone, Debug)]
struct Hirer {
    alive: mpsc::Sender<()>,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
}

impl<F> Executor<F> for Hirer
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, work: F) {
        let alive = self.alive.clone();
        let work = async move {
            drop(work.await);
            drop(alive);
        };
        let handle = tokio::spawn(work).abort_handle();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push(handle);
    }
}
