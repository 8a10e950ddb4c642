//! The service, on each system's two threads. It runs until the process ends.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, mpsc};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use taketurns::PerCore;
use taketurns_benches::side_by_side::Error;

const THREADS: usize = 2;

/// What both answer.
fn answer(request: &Request<Incoming>) -> Ready<Result<Response<String>, Infallible>> {
    let (status, body) = match request.uri().path() {
        "/health" => (StatusCode::OK, "ok\n"),
        _ => (StatusCode::NOT_FOUND, "not found\n"),
    };
    let mut response = Response::new(body.to_owned());
    *response.status_mut() = status;
    ready(Ok(response))
}

/// Starts the service on loops of `PerCore`. Where it listens.
pub(crate) fn ours() -> Result<SocketAddr, Error> {
    use taketurns::net::TcpListener;

    let shared = Arc::new(Mutex::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
    let (listens, listening) = mpsc::channel();
    let loops = PerCore::builder().loops(THREADS).start(move |_, _stop| {
        let (shared, listens) = (Arc::clone(&shared), listens.clone());
        async move {
            let listener = {
                let mut address = shared.lock().expect("no loop panics");
                let listener = TcpListener::bind_reuse_port(*address).expect("it listens");
                *address = listener.local_addr().expect("it listens");
                listens.send(*address).expect("the start waits");
                listener
            };
            loop {
                let (stream, _) = listener.accept().await.expect("it accepts");
                let service = service_fn(|request| answer(&request));
                let connection = http1::Builder::new().serve_connection(stream, service);
                taketurns::spawn(async { drop(connection.await) }).detach();
            }
        }
    })?;
    let addresses = [(); THREADS].map(|()| listening.recv());
    std::mem::forget(loops); // to the end of the process
    let [address, _] = addresses;
    Ok(address?)
}

/// Starts the service on tokio's multi-thread runtime. Where it listens.
pub(crate) fn tokios() -> Result<SocketAddr, Error> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(THREADS).enable_all().build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("it accepts");
            let service = service_fn(|request| async move { answer(&request).await });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async { drop(connection.await) });
        }
    });
    std::mem::forget(runtime); // to the end of the process
    Ok(address)
}
