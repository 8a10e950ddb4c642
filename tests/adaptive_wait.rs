//! A loop that looks out for a while before it sleeps: what ends that, and that nothing is missed by it.

#![cfg(all(feature = "net", feature = "time", feature = "offload"))]

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::io::Write;
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::AsyncReadExt;
use futures::channel::oneshot;
use taketurns::executor::{Driver, EVENT_INTERVAL, Executor, ParkThread, Pending, Unpark};
use taketurns::{Builder, Handle, Runtime, UnhandledPanic, net, spawn, spawn_blocking, time};

/// With this the loop would look out for an hour: a test that passes shows that something ended it.
const HOUR: Duration = Duration::from_secs(3600);

fn runtime() -> Runtime {
    Builder::new().adaptive_wait(HOUR).build().unwrap()
}

#[test]
fn a_wake_from_another_thread_ends_it() {
    let (sender, receiver) = oneshot::channel();
    let thread = thread::spawn(|| sender.send(42));
    assert_eq!(runtime().block_on(receiver), Ok(42));
    thread.join().unwrap().unwrap();
}

#[test]
fn a_timer_ends_it() {
    runtime().block_on(async { time::sleep(Duration::from_millis(1)).await });
}

#[test]
fn a_socket_ends_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (reads, told) = mpsc::channel();
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        told.recv().unwrap();
        stream.write_all(b"x").unwrap();
    });
    runtime().block_on(async {
        let mut stream = net::TcpStream::connect(address).await.unwrap();
        reads.send(()).unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, *b"x");
    });
    peer.join().unwrap();
}

#[test]
fn a_job_of_the_pool_ends_it() {
    assert_eq!(runtime().block_on(async { spawn_blocking(|| 42).await.unwrap() }), 42);
}

#[test]
fn stop_ends_it() {
    let runtime = runtime();
    let handle = runtime.handle();
    let thread = thread::spawn(move || handle.stop());
    runtime.run_forever();
    thread.join().unwrap();
}

#[test]
fn a_failure_that_is_to_stop_the_run_ends_it() {
    let builder = Builder::new().adaptive_wait(HOUR).unhandled_panic(UnhandledPanic::Stop);
    let runtime = builder.build().unwrap();
    runtime.spawn(async { resume_unwind(Box::new("out of coffee")) }).detach();
    let run = AssertUnwindSafe(|| runtime.block_on(pending::<()>()));
    let text = catch_unwind(run).unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("out of coffee"), "{text}");
}

/// Writes down what the executor asks of it. Lingers until it is called, which it sees at once or not at all. Its sleep wakes
/// the root.
#[derive(Default)]
struct Lingers {
    trace: Rc<RefCell<Vec<&'static str>>>,
    root: Rc<RefCell<Option<Waker>>>,
    park: ParkThread,
}

impl Driver for Lingers {
    fn wait(&mut self, limit: Option<Duration>) {
        let sleeps = limit.is_none();
        self.trace.borrow_mut().push(if sleeps { "sleeps" } else { "looks" });
        if sleeps {
            self.root.borrow().as_ref().unwrap().wake_by_ref();
        }
    }

    fn wake(&mut self, _: bool) {}

    fn linger(&mut self, called: &dyn Fn() -> bool) -> bool {
        let called = called();
        self.trace.borrow_mut().push(if called { "called" } else { "not called" });
        called
    }

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        self.park.unparker()
    }
}

/// Runs a future that waits once, and calls `first` in its first poll. Gives the trace.
fn trace(before: impl FnOnce(&Handle), first: impl Fn(Waker)) -> Vec<&'static str> {
    let driver = Lingers::default();
    let (trace, root) = (Rc::clone(&driver.trace), Rc::clone(&driver.root));
    let executor = Executor::new(driver, EVENT_INTERVAL);
    before(&Handle::new(&executor));
    executor.block_on(poll_fn(|cx| {
        trace.borrow_mut().push("poll");
        if root.borrow().is_some() {
            return Poll::Ready(());
        }
        *root.borrow_mut() = Some(cx.waker().clone());
        first(cx.waker().clone());
        Poll::Pending
    }));
    drop(executor);
    trace.take()
}

#[test]
fn after_a_call_the_loop_looks_without_a_sleep() {
    let from_elsewhere = |waker: Waker| thread::spawn(|| waker.wake()).join().unwrap();
    let trace = trace(|_| {}, from_elsewhere);
    assert_eq!(trace, ["looks", "poll", "called", "looks", "poll"]);
}

#[test]
fn without_a_call_it_sleeps() {
    let trace = trace(|_| {}, drop);
    assert_eq!(trace, ["looks", "poll", "not called", "sleeps", "poll"]);
}

#[test]
fn a_task_that_is_ready_keeps_it_from_lingering() {
    let trace = trace(|_| {}, Waker::wake);
    assert_eq!(trace, ["looks", "poll", "poll"]);
}

/// It returns the memory of ended tasks in slices, with a look between two.
#[test]
fn it_lingers_only_when_it_has_nothing_else_to_do() {
    let burst = |_| drop((0..100_000).map(|_| spawn(async {})).collect::<Vec<_>>());
    let trace = trace(|_| {}, burst);
    let asked = trace.iter().filter(|&&event| event == "not called").count();
    assert_eq!(asked, 1);
    assert_eq!(trace[trace.len() - 3..], ["not called", "sleeps", "poll"]);
}

/// It stays set until the next `run_forever`. Taken for a call, it would keep a `block_on` from sleeping, over and over.
#[test]
fn a_stop_that_came_before_is_no_call_to_block_on() {
    let trace = trace(Handle::stop, drop);
    assert_eq!(trace, ["looks", "poll", "not called", "sleeps", "poll"]);
}
