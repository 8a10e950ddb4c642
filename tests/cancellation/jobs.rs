//! Blocking jobs.

use std::sync::mpsc;
use std::thread;

use taketurns::{block_on, spawn_blocking};

use super::{LIMIT, TellsThread, given_up_and_taken_up};

#[test]
fn an_await_of_a_blocking_handle_by_reference_is_given_up_and_taken_up_again() {
    block_on(async {
        let (open, gate) = mpsc::channel();
        let handle = spawn_blocking(move || gate.recv().unwrap());
        given_up_and_taken_up(handle, || open.send(42).unwrap()).await;
    });
}

#[test]
fn an_output_of_a_job_is_dropped_where_its_handle_is_or_on_the_pools_thread() {
    block_on(async {
        let here = thread::current().id();
        let (send, dropped_on) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let output = TellsThread(send.clone());
        let handle = spawn_blocking(move || {
            tell.send(()).unwrap();
            output
        });
        told.recv().unwrap();
        while !handle.is_finished() {
            thread::yield_now(); // it has only to return
        }
        drop(handle);
        assert_eq!(dropped_on.try_recv(), Ok(here));

        let (open, gate) = mpsc::channel::<()>();
        let output = TellsThread(send);
        drop(spawn_blocking(move || {
            let _ = gate.recv();
            (thread::current().id(), output).1
        }));
        drop(open);
        assert_ne!(dropped_on.recv_timeout(LIMIT).unwrap(), here);
    });
}
