//! The example `health`, on tokio: the same hyper service on a `current_thread` runtime, as the
//! peer `http.sh` measures it against.
//!
//! `/` offloads blocking work, `/blocking` makes the mistake, `/health` says ok, the rest is 404.
//! SIGTERM or Ctrl-C ends it. Exit code 1 when it cannot serve, 2 on a bad argument.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// The blocking work.
const WORK: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let Some(address) = address() else {
        eprintln!("usage: health_tokio --addr 127.0.0.1:8080");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(serve_until_signal(address))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("health_tokio: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn address() -> Option<SocketAddr> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, address] if flag == "--addr" => address.parse().ok(),
        _ => None,
    }
}

#[cfg(unix)]
async fn serve_until_signal(address: SocketAddr) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = serve(address) => served,
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn serve_until_signal(address: SocketAddr) -> io::Result<()> {
    tokio::select! {
        served = serve(address) => served,
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

async fn serve(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        // An error is the client's: it went away, or sent what hyper answered with 400.
        tokio::spawn(async { drop(connection.await) });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let (status, body) = match request.uri().path() {
        "/" => match tokio::task::spawn_blocking(|| thread::sleep(WORK)).await {
            Ok(()) => (StatusCode::OK, "done\n"),
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed\n"),
        },
        "/blocking" => {
            thread::sleep(WORK);
            (StatusCode::OK, "done\n")
        }
        "/health" => (StatusCode::OK, "ok\n"),
        _ => (StatusCode::NOT_FOUND, "not found\n"),
    };
    let mut response = Response::new(body.to_owned());
    *response.status_mut() = status;
    Ok(response)
}
