//! Listeners that share a port, one on each loop.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};

use taketurns::PerCore;
use taketurns::net::TcpListener;

use super::example::built;
use super::{LIMIT, child};

const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

#[test]
fn several_share_a_port_and_a_plain_one_cannot_join_them() {
    taketurns::block_on(async {
        let first = TcpListener::bind_reuse_port(ANY).unwrap();
        let address = first.local_addr().unwrap();
        let second = TcpListener::bind_reuse_port(address).unwrap();
        assert_eq!(second.local_addr().unwrap(), address);
        assert_eq!(TcpListener::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop((first, second));
        let alone = TcpListener::bind(address).unwrap();
        let refused = TcpListener::bind_reuse_port(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
        drop(alone);
    });
}

#[test]
fn of_several_addresses_it_listens_on_the_first_that_is_free() {
    taketurns::block_on(async {
        let taken = TcpListener::bind(ANY).unwrap().into_std().unwrap();
        let addresses = [taken.local_addr().unwrap(), SocketAddr::from(ANY)];
        let listener = TcpListener::bind_reuse_port(addresses).unwrap();
        assert_ne!(listener.local_addr().unwrap(), addresses[0]);
        let none: [SocketAddr; 0] = [];
        let error = TcpListener::bind_reuse_port(none).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = TcpListener::bind_reuse_port("localhost:80").unwrap_err();
        assert!(error.to_string().starts_with("`TcpListener::bind_reuse_port`: "), "{error}");
    });
}

#[test]
#[should_panic(expected = "`TcpListener::bind_reuse_port` needs a runtime")]
fn outside_of_a_runtime_there_is_none() {
    drop(TcpListener::bind_reuse_port(ANY));
}

/// Which loop a connection comes to is up to the kernel.
#[test]
fn each_connection_is_served_by_one_of_the_loops() {
    let address = Arc::new(Mutex::new(SocketAddr::from(ANY)));
    let (listens, listening) = mpsc::channel();
    let main = move |core: usize, stop: taketurns::cancel::CancellationToken| {
        let (address, listens) = (Arc::clone(&address), listens.clone());
        async move {
            let listener = {
                let mut address = address.lock().unwrap();
                let listener = TcpListener::bind_reuse_port(*address).unwrap();
                *address = listener.local_addr().unwrap(); // the first has the system choose, the others join it
                listens.send(*address).unwrap();
                listener
            };
            let serve = async {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let mut stream = &stream;
                    futures::AsyncWriteExt::write_all(&mut stream, &[core as u8]).await.unwrap();
                }
            };
            _ = stop.run_until_cancelled(serve).await;
        }
    };
    let loops = PerCore::builder().loops(3).start(main).unwrap();
    let addresses = [(); 3].map(|()| listening.recv_timeout(LIMIT).unwrap());
    assert!(addresses.iter().all(|&address| address == addresses[0]));
    for _ in 0..50 {
        let mut core = Vec::new();
        TcpStream::connect(addresses[0]).unwrap().read_to_end(&mut core).unwrap();
        let [core] = *core else { panic!("{core:?}") };
        assert!(core < 3);
    }
    loops.stop();
    assert!(loops.join().iter().all(Result::is_ok));
}

#[test]
fn the_example_serves_checks_itself_and_ends() {
    if child::is_child() {
        return;
    }
    let output = Command::new(built("per_core")).output().unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("64 connections were served"), "{stdout}");
    assert_eq!(stderr, "");
}
