//! Lesson 29: what belongs to one runtime, used in another and in its own.

#![forbid(unsafe_code)]

use std::future::pending;
use std::net::{self, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};

use taketurns::net::TcpStream;
use taketurns::time::{Clock, Sleep, sleep};
use taketurns::{Builder, JoinHandle, Runtime, block_on, spawn, yield_now};

use crate::{SECOND, losing};

struct Made {
    task: JoinHandle<()>,
    timer: Sleep,
    socket: TcpStream,
    peer: net::TcpStream,
}

async fn make(work: impl Future<Output = ()> + 'static) -> Made {
    let listener = net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let socket = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    let socket = TcpStream::from_std(socket).unwrap();
    Made { task: spawn(work), timer: sleep(SECOND), socket, peer }
}

#[test]
fn is_refused_in_another_with_the_place_where_it_was_made() {
    let Made { task, timer, socket, peer } = losing().block_on(make(pending()));
    let error = block_on(task).unwrap_err();
    assert!(error.is_shutdown(), "{error}");

    let panic = catch_unwind(AssertUnwindSafe(|| block_on(timer))).unwrap_err();
    let text = *panic.downcast::<String>().unwrap();
    assert!(text.contains(&format!("made at {}:", file!())) && text.contains("await it"), "{text}");

    let text = block_on(socket.read(&mut [0; 5])).unwrap_err().to_string();
    assert!(text.contains(&format!("made at {}:", file!())) && text.contains("into_std"), "{text}");
    drop(peer);
}

#[test]
fn goes_on_in_the_next_run_of_its_own() {
    use std::io::Write;
    let runtime: Runtime = Builder::new().clock(Clock::AutoAdvance).build().unwrap();
    let made = runtime.block_on(make(async {
        for _ in 0..3 {
            yield_now().await;
        }
    }));
    let Made { task, timer, socket, mut peer } = made;
    assert!(!task.is_finished());
    runtime.block_on(task).unwrap();
    runtime.block_on(timer);
    peer.write_all(b"hello").unwrap();
    let mut buffer = [0; 5];
    assert_eq!(runtime.block_on(socket.read(&mut buffer)).unwrap(), 5);
    assert_eq!(&buffer, b"hello");
}
