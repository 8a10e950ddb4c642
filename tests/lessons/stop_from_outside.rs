//! Lesson 6: a background loop that is stopped from outside.

#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::time::Duration;

use taketurns::cancel::CancellationToken;
use taketurns::{Background, Builder, yield_now};

use crate::across::{Events, child, told};

#[test]
fn stores_what_it_has_in_hand_before_it_is_joined() {
    let events = Events::default();
    let said = events.clone();
    let (begun, begins) = mpsc::channel();
    let main = async move |stop: CancellationToken| {
        said.push("takes");
        begun.send(()).unwrap();
        stop.cancelled().await;
        yield_now().await;
        said.push("stores");
        "done"
    };
    let background = Background::start(Builder::new(), main).unwrap();
    begins.recv().unwrap();
    events.push("stop");
    background.stop();
    events.push(background.join().unwrap());
    assert_eq!(events.take(), "takes stop stores done");
}

#[test]
fn is_not_told_by_a_flag_that_wakes_no_task() {
    let flag = Arc::new((AtomicBool::new(false), Mutex::new(None::<Waker>)));
    let (polled, polls) = mpsc::channel();
    let its_flag = flag.clone();
    let main = async move |_stop| {
        poll_fn(|cx| {
            *its_flag.1.lock().unwrap() = Some(cx.waker().clone());
            let is_set = its_flag.0.load(Ordering::SeqCst);
            polled.send(is_set).unwrap();
            if is_set { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    };
    let background = Background::start(Builder::new(), main).unwrap();
    assert!(!polls.recv().unwrap());
    flag.0.store(true, Ordering::SeqCst);
    // A negative, with a bound: it is not polled again by itself.
    assert_eq!(
        polls.recv_timeout(Duration::from_millis(100)),
        Err(mpsc::RecvTimeoutError::Timeout)
    );
    flag.1.lock().unwrap().take().unwrap().wake();
    assert!(polls.recv().unwrap());
    background.join().unwrap();
}

#[test]
fn gives_its_error_to_the_thread_that_joins_it() {
    let main = async |stop: CancellationToken| {
        stop.cancelled().await;
        Err::<(), _>("no room")
    };
    let background = Background::start(Builder::new(), main).unwrap();
    background.stop();
    assert_eq!(background.join().unwrap(), Err("no room"));
}

#[test]
fn is_neither_asked_nor_waited_for_where_it_is_a_daemon() {
    let name = "stop_from_outside::is_neither_asked_nor_waited_for_where_it_is_a_daemon";
    if let Some(seen) = child(name) {
        return assert_eq!(seen, "takes main-ends");
    }
    let (begun, begins) = mpsc::channel();
    let main = async move |stop: CancellationToken| {
        told("takes");
        begun.send(()).unwrap();
        stop.cancelled().await;
        told("stores");
    };
    let _daemon = Background::daemon(Builder::new(), main).unwrap();
    begins.recv().unwrap();
    told("main-ends");
}
