//! The server: hyper on a loop of its own, the page, the events, and what browsers post.
//!
//! It is for one machine: it listens on 127.0.0.1, and knows no users. But every page of every site may send requests there
//! from a browser on this machine. So it answers only where `Host` names this machine, which stops a site whose name was
//! pointed here; and it refuses a POST whose `Origin` is another site.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use taketurns::JoinError;
use taketurns::cancel::CancellationToken;
use taketurns::net::{TcpListener, TcpStream};
use taketurns::task::JoinSet;
use taketurns::time::{sleep, timeout};

use super::complain;
use super::decode::decode;
use super::feed::{Feed, Listener, News};
use super::lines::LONGEST;

const PAGE: &str = include_str!("page.html");

/// The page is all there is: it loads nothing, and talks to this server alone.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The longest wait for the rest of what a client sends.
const SENDING: Duration = Duration::from_secs(10);

pub(crate) struct Server {
    pub(crate) feed: Rc<Feed>,
    /// How often the source was asked: counted on the other loop.
    pub(crate) reads: Arc<AtomicU64>,
}

impl Server {
    /// Serves until `stop`; returns the connections. They end after `closing`, once what was asked is answered.
    pub(crate) async fn serve(
        self: Rc<Self>,
        listener: TcpListener,
        stop: &CancellationToken,
        closing: &CancellationToken,
    ) -> JoinSet<()> {
        let mut connections = JoinSet::new();
        while let Ok(accepted) = stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, _peer)) => {
                    while let Some(ended) = connections.try_join_next() {
                        report(ended);
                    }
                    connections.spawn(Rc::clone(&self).connection(stream, closing.clone()));
                }
                Err(error) => {
                    complain(format_args!("cannot accept: {error}")).detach();
                    sleep(Duration::from_millis(100)).await; // out of descriptors? some may close
                }
            }
        }
        connections
    }

    async fn connection(self: Rc<Self>, stream: TcpStream, closing: CancellationToken) {
        let service = service_fn(|request| self.answer(request));
        let mut http = http1::Builder::new();
        http.timer(taketurns::hyper::Timer);
        let mut connection = pin!(http.serve_connection(stream, service));
        // An error is the client's: it went away, or sent what hyper answered with 400.
        if closing.run_until_cancelled(connection.as_mut()).await.is_err() {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Reply>, Infallible> {
        let (method, path) = (request.method().clone(), request.uri().path());
        let mut response = match path {
            _ if !names_this_machine(request.headers()) => text(
                StatusCode::FORBIDDEN,
                "this server is for this machine alone: ask for it by 127.0.0.1 or localhost\n",
            ),
            "/" if method == Method::GET => page(),
            "/events" if method == Method::GET => self.events(request.headers()),
            "/status" if method == Method::GET => {
                let status = self.feed.status(self.reads.load(Ordering::Relaxed));
                typed(StatusCode::OK, "application/json", format!("{status:#}\n"))
            }
            "/messages" if method == Method::POST => self.post(request).await,
            "/" | "/events" | "/status" => not_allowed("GET"),
            "/messages" => not_allowed("POST"),
            _ => text(
                StatusCode::NOT_FOUND,
                "not found: there are /, /events, /status and /messages\n",
            ),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(response)
    }

    fn events(&self, headers: &HeaderMap) -> Response<Reply> {
        let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok());
        let mut response = Response::new(Reply::Events(self.feed.join(seen)));
        let kind = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }

    async fn post(&self, request: Request<Incoming>) -> Response<Reply> {
        if !is_from_here(request.headers()) {
            return text(StatusCode::FORBIDDEN, "a page of another site may not post here\n");
        }
        let body = match timeout(SENDING, read(request.into_body())).await {
            Ok(Ok(body)) => body,
            Ok(Err(refused)) => return refused,
            Err(_elapsed) => {
                return text(StatusCode::REQUEST_TIMEOUT, "the rest of the message did not come\n");
            }
        };
        match decode(&body) {
            Err(problem) => {
                text(StatusCode::BAD_REQUEST, format!("a message is a JSON object: {problem}\n"))
            }
            Ok(message) => match self.feed.tell(News::Message("browser", message)).await {
                Ok(()) => text(StatusCode::ACCEPTED, "accepted: it goes to every client\n"),
                Err(_ended) => text(StatusCode::SERVICE_UNAVAILABLE, "the feed has ended\n"),
            },
        }
    }
}

/// A connection has ended.
pub(crate) fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        complain(format_args!("a connection failed: {error}")).detach();
    }
}

/// Listens on 127.0.0.1.
///
/// # Errors
///
/// The port is not free.
pub(crate) fn listen(port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The whole body, up to [`LONGEST`] bytes; or the answer to a client that sends more, or stops.
async fn read(mut body: Incoming) -> Result<Vec<u8>, Response<Reply>> {
    let too_long = || {
        let problem = format!("a message has at most {LONGEST} bytes\n");
        // What is still to come is not read.
        let mut response = text(StatusCode::PAYLOAD_TOO_LARGE, problem);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    };
    if body.size_hint().lower() > LONGEST as u64 {
        return Err(too_long());
    }
    let mut whole = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| text(StatusCode::BAD_REQUEST, format!("{error}\n")))?;
        whole.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        if whole.len() > LONGEST {
            return Err(too_long());
        }
    }
    Ok(whole)
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost")
}

/// A browser says of every POST from which site it is; `curl` says nothing.
fn is_from_here(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).map_or(&b""[..], HeaderValue::as_bytes);
    origin.as_bytes().strip_prefix(b"http://").is_some_and(|name| name.eq_ignore_ascii_case(host))
}

fn page() -> Response<Reply> {
    let mut response = typed(StatusCode::OK, "text/html; charset=utf-8", PAGE);
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn not_allowed(allowed: &'static str) -> Response<Reply> {
    let mut response =
        text(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} is allowed here\n"));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Reply> {
    typed(status, "text/plain; charset=utf-8", body)
}

fn typed(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(Some(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The body of a response.
pub(crate) enum Reply {
    /// `None` once it was sent.
    Whole(Option<Bytes>),
    Events(Listener),
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match self.get_mut() {
            Reply::Whole(body) => Poll::Ready(body.take()),
            Reply::Events(listener) => listener.poll_text(cx),
        };
        data.map(|data| data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Reply::Whole(None))
    }

    /// hyper makes the `Content-Length` of it.
    fn size_hint(&self) -> SizeHint {
        match self {
            Reply::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, Bytes::len) as u64),
            Reply::Events(_) => SizeHint::default(),
        }
    }
}
