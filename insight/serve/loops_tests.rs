//! Questions to several loops, and when a client counts as one that has asked.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use super::lines;
use super::loops::{Loops, at_once};
use super::source::Served;
use crate::Runtime;

/// What takes so long never comes. Only a failing test gets there.
const LOST: Duration = Duration::from_secs(60);

fn enter(loops: &Loops, runtime: &Runtime) {
    loops.add(None, runtime.handle().asked().unwrap());
}

#[test]
fn the_loops_are_asked_at_once_and_answer_in_their_order() {
    let runtimes = [(); 5].map(|()| Runtime::new().unwrap());
    let loops = Loops::default();
    runtimes.iter().for_each(|runtime| enter(&loops, runtime));
    let readings = loops.asked(None).unwrap();
    let (count, all) = (Mutex::new(0), Condvar::new());
    let told = at_once(&readings, |it| {
        let mut asked = count.lock().unwrap();
        *asked += 1;
        all.notify_all();
        let (_asked, waited) = all.wait_timeout_while(asked, LOST, |asked| *asked < 5).unwrap();
        assert!(!waited.timed_out(), "it is asked alone");
        it.title()
    });
    assert_eq!(told, ["loop 1", "loop 2", "loop 3", "loop 4", "loop 5"]);
}

/// The run begins only then, and the loop answers only in a run.
#[test]
fn a_client_has_asked_before_the_loop_answers() {
    let runtime = Runtime::new().unwrap();
    let loops = Loops::default();
    enter(&loops, &runtime);
    let (mut client, server) = UnixStream::pair().unwrap();
    client.write_all(b"dump\n").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let (asks, asked) = mpsc::channel();
    let (begins, begun) = mpsc::channel();
    let begun = Mutex::new(begun);
    thread::scope(|scope| {
        scope.spawn(|| {
            lines::serve(&loops, server, &move || {
                asks.send(()).unwrap();
                begun.lock().unwrap().recv_timeout(LOST).unwrap();
            });
        });
        asked.recv_timeout(LOST).unwrap();
        let reads = scope.spawn(move || {
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            answer
        });
        runtime.block_on(async {
            begins.send(()).unwrap();
            while !reads.is_finished() {
                crate::executor::yield_now().await;
            }
        });
        let answer = reads.join().unwrap();
        assert!(answer.contains("\nno task and the future of `block_on`:\n"), "{answer}");
    });
}
