//! A server on two loops, each on a thread of its own, that listen on one port.
//!
//!     $ cargo run --example per_core
//!     2 loops listen on 127.0.0.1:40123
//!     64 connections were served: 35 by loop 0, 29 by loop 1
//!
//! Each connection is told the number of the loop that serves it. The kernel chooses the loop, by the addresses and ports of
//! the connection. The program is its own client: it checks that every connection was answered, and that both loops had some.

#![forbid(unsafe_code)]

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};

use futures::AsyncWriteExt;
use taketurns::PerCore;
use taketurns::cancel::CancellationToken;
use taketurns::net::TcpListener;
use taketurns::task::reported;

const LOOPS: usize = 2;
const CONNECTIONS: usize = 64;

/// Listens on the port that all loops share. The first loop has the system choose one.
fn listen(shared: &Mutex<SocketAddr>) -> io::Result<TcpListener> {
    let mut address = shared.lock().unwrap();
    let listener = TcpListener::bind_reuse_port(*address)?;
    *address = listener.local_addr()?;
    Ok(listener)
}

/// What each loop does: it accepts until it is stopped. Its connections are tasks of the same loop.
async fn serve(core: usize, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    let accept = async {
        loop {
            let (mut stream, _peer) = listener.accept().await?;
            let answer = async move { stream.write_all(core.to_string().as_bytes()).await };
            taketurns::spawn(reported(answer)).detach();
        }
    };
    stop.run_until_cancelled(accept).await.unwrap_or(Ok(()))
}

fn main() -> io::Result<ExitCode> {
    let address = Arc::new(Mutex::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
    let (listens, listening) = mpsc::channel();
    let loops = PerCore::builder().loops(LOOPS).start(move |core, stop| {
        let (address, listens) = (Arc::clone(&address), listens.clone());
        async move {
            let listener = listen(&address)?;
            _ = listens.send(listener.local_addr()?);
            serve(core, listener, stop).await
        }
    })?;

    // A loop that cannot listen ends with its error, and sends no address.
    let addresses: Vec<_> = listening.iter().take(LOOPS).collect();
    let mut served = [0; LOOPS];
    if let (LOOPS, Some(address)) = (addresses.len(), addresses.first()) {
        println!("{LOOPS} loops listen on {address}");
        for _ in 0..CONNECTIONS {
            let mut answer = String::new();
            TcpStream::connect(address)?.read_to_string(&mut answer)?;
            let core: usize = answer.parse().map_err(io::Error::other)?;
            served[core] += 1;
        }
    }
    loops.stop();
    for ended in loops.join() {
        ended.map_err(io::Error::other)??;
    }

    let by_loop: Vec<_> =
        served.iter().enumerate().map(|(core, count)| format!("{count} by loop {core}")).collect();
    println!("{CONNECTIONS} connections were served: {}", by_loop.join(", "));
    if served.contains(&0) {
        // By chance that is as good as never so: 1 in 2^63.
        println!("one loop had none: this kernel does not spread connections over SO_REUSEPORT");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
