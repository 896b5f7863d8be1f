//! Servers of HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::tls;
use super::web::{Line, hold, send};

/// Between two bytes that drip.
const DRIP: Duration = Duration::from_millis(5);

/// The largest request that is read, in bytes.
const LARGEST: usize = 1 << 20;

/// A request that came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The first line.
    pub line: String,
    /// The headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Asked {
    /// The path with its query.
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value)
    }
}

/// What a server does, one after the other.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes again and again, until the client is gone.
    Forever(Vec<u8>),
    /// Sends these bytes one by one, again and again, until the client is gone.
    Drip(Vec<u8>),
    /// Waits until the client is gone.
    Hold,
    /// Resets the connection.
    Reset,
}

/// A whole response with a body, after which the connection is closed.
pub fn page(status: &str, headers: &[&str], body: &str) -> Vec<Step> {
    let mut text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    vec![Step::Send(format!("{text}\r\n{body}").into())]
}

/// A redirect.
pub fn redirect(status: u16, location: &str) -> Vec<Step> {
    page(
        &format!("{status} Moved"),
        &[&format!("location: {location}")],
        "",
    )
}

/// What was asked of a server.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    /// All requests, in order.
    pub fn all(&self) -> Vec<Asked> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn add(&self, asked: &Asked) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(asked.clone());
    }
}

type Answers = dyn Fn(&Asked) -> Vec<Step> + Send + Sync;

/// Answers one request on each connection.
pub fn plain(
    log: &Log,
    answer: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static,
) -> impl Fn(TcpStream) + Send + Sync + 'static {
    let log = log.clone();
    move |mut stream: TcpStream| talk(&mut stream, &log, &answer)
}

/// The same over TLS.
pub fn secure(
    config: Arc<ServerConfig>,
    log: &Log,
    answer: impl Fn(&Asked) -> Vec<Step> + Send + Sync + 'static,
) -> impl Fn(TcpStream) + Send + Sync + 'static {
    let log = log.clone();
    tls::over(config, move |line| talk(line, &log, &answer))
}

fn talk(line: &mut dyn Line, log: &Log, answer: &Answers) {
    let Some(asked) = read(line) else {
        return;
    };
    log.add(&asked);
    for step in answer(&asked) {
        let done = match step {
            Step::Send(bytes) => send(line, &bytes),
            Step::Forever(bytes) => loop {
                if let Err(gone) = send(line, &bytes) {
                    break Err(gone);
                }
            },
            Step::Drip(bytes) => drip(line, &bytes),
            Step::Hold => {
                hold(line);
                Ok(())
            }
            Step::Reset => {
                line.reset();
                return;
            }
        };
        if done.is_err() {
            return;
        }
    }
}

fn drip(line: &mut dyn Line, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes.iter().cycle() {
        send(line, &[*byte])?;
        std::thread::sleep(DRIP);
    }
    Ok(())
}

fn read(line: &mut dyn Line) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        if let Some(asked) = whole(&bytes) {
            return Some(asked);
        }
        let mut more = [0; 4096];
        let count = line.read(&mut more).ok().filter(|count| *count > 0)?;
        bytes.extend(more.iter().take(count));
        if bytes.len() > LARGEST {
            return None;
        }
    }
}

/// The request, if all of it is there.
fn whole(bytes: &[u8]) -> Option<Asked> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = bytes.split_at(end);
    let body = body.get(4..)?;
    let mut asked = parse(&String::from_utf8_lossy(head));
    let length = asked.header("content-length");
    let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
    asked.body = body.get(..length)?.to_vec();
    Some(asked)
}

fn parse(head: &str) -> Asked {
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Asked {
        line,
        headers: headers.collect(),
        body: Vec::new(),
    }
}

/// Answers requests in HTTP/2, with or without TLS: status and body by the path. Over TLS it speaks HTTP/1.1
/// if the handshake did not agree on HTTP/2.
///
/// # Panics
///
/// When there is no runtime to be had.
pub fn two(
    config: Option<Arc<ServerConfig>>,
    log: &Log,
    answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
) -> impl Fn(TcpStream) + Send + Sync + 'static {
    let log = log.clone();
    let answer = Arc::new(answer);
    move |stream: TcpStream| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("a runtime");
        let (log, answer) = (log.clone(), Arc::clone(&answer));
        let service = service_fn(move |request: Request<Incoming>| {
            log.add(&noted(&request));
            let (status, body) = answer(request.uri().path());
            let mut response = Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = status.try_into().expect("a status");
            std::future::ready(Ok::<_, Infallible>(response))
        });
        runtime.block_on(async {
            stream.set_nonblocking(true).expect("not to block");
            let stream = tokio::net::TcpStream::from_std(stream).expect("a stream");
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            // Clients may go as they like.
            match &config {
                None => {
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                }
                Some(config) => {
                    let acceptor = TlsAcceptor::from(Arc::clone(config));
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let (_, session) = stream.get_ref();
                    if session.alpn_protocol() == Some(b"h2") {
                        let _ = server.serve_connection(TokioIo::new(stream), service).await;
                    } else {
                        let server = hyper::server::conn::http1::Builder::new();
                        let _ = server.serve_connection(TokioIo::new(stream), service).await;
                    }
                }
            }
        });
    }
}

fn noted(request: &Request<Incoming>) -> Asked {
    let headers = request.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    Asked {
        line: format!(
            "{} {} {:?}",
            request.method(),
            request.uri(),
            request.version()
        ),
        headers: headers.collect(),
        body: Vec::new(),
    }
}
