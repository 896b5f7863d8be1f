//! The accept loop. axum's own sets no time limits, so a client that sends half a request could
//! hold a connection for ever.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::App;
use super::connections::{Connections, Guest};
use super::listen::Listener;

/// How long a client may take for a request's headers. It also ends idle connections, so it is
/// longer than the usual scrape interval.
const HEADER_TIMEOUT: Duration = Duration::from_secs(65);

/// How long a first request may take to arrive.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// How long requests under way may take once the agent is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// The pause after a failed accept (out of file descriptors, say), so that it does not spin.
const RETRY: Duration = Duration::from_millis(100);

/// Serves until `stop` says so, then lets requests under way end.
pub(crate) async fn serve(
    listeners: Vec<Listener>,
    router: Router,
    app: Arc<App>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let connections = Arc::new(Connections::default());
    // Every connection holds a sender: once all are gone, receiving ends.
    let (open, mut drained) = mpsc::channel::<()>(1);
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let listener = listener.into_tokio()?;
        let door = Door {
            router: router.clone(),
            app: Arc::clone(&app),
            connections: Arc::clone(&connections),
            stop: stop.clone(),
            open: open.clone(),
        };
        accepting.spawn(async move { door.accept(listener).await });
    }
    drop(open);
    stopped(&mut stop).await;
    accepting.shutdown().await;
    if tokio::time::timeout(DRAIN, drained.recv()).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
    Ok(())
}

/// Returns when the agent is told to stop, or nobody is left who could tell.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ended = stop.wait_for(|&stop| stop).await.is_ok();
}

/// What it takes to serve the connections of one listener.
struct Door {
    router: Router,
    app: Arc<App>,
    connections: Arc<Connections>,
    stop: watch::Receiver<bool>,
    open: mpsc::Sender<()>,
}

impl Door {
    async fn accept(self, listener: TcpListener) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "cannot accept a connection");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            let limit = self.app.web().max_connections.get();
            let Some(guest) = self.connections.admit(limit) else {
                self.app.instruments.connection_refused();
                continue;
            };
            self.app.instruments.connections(self.connections.len());
            self.serve(stream, peer, guest);
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, guest: Guest) {
        let guest = Arc::new(guest);
        let arrived = Arc::new(Notify::new());
        let service = {
            let (router, guest) = (self.router.clone(), Arc::clone(&guest));
            let arrived = Arc::clone(&arrived);
            tower::service_fn(move |request: Request<Incoming>| {
                let busy = guest.busy();
                arrived.notify_one();
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(peer));
                let answer = router.clone().oneshot(request);
                async move {
                    let answer = answer.await;
                    drop(busy);
                    answer
                }
            })
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let (connections, app) = (Arc::clone(&self.connections), Arc::clone(&self.app));
        let (mut stop, open) = (self.stop.clone(), self.open.clone());
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let late = async {
                if tokio::time::timeout(FIRST_REQUEST, arrived.notified())
                    .await
                    .is_ok()
                {
                    std::future::pending::<()>().await;
                }
            };
            // A client that went away or spoke no HTTP is no news.
            tokio::select! {
                _ = connection.as_mut() => {}
                () = guest.connection().closed() => {}
                () = late => {}
                () = stopped(&mut stop) => {
                    connection.as_mut().graceful_shutdown();
                    let _ended = connection.await;
                }
            }
            drop(guest);
            app.instruments.connections(connections.len());
            drop(open);
        });
    }
}
