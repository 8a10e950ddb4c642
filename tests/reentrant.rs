//! A foreign waker may run the executor as it is cloned, woken or dropped. What awaits by it is told all the same, and
//! nothing is left behind.

#[path = "common/scripted.rs"]
mod scripted;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use scripted::Script;
use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
use taketurns::task::OnDoneError;
use taketurns::{JoinError, JoinHandle};

type Shared = Rc<Executor<'static, ParkThread>>;

fn executor() -> Shared {
    Rc::new(Executor::new(ParkThread::new(), EVENT_INTERVAL))
}

fn run_it(executor: &Shared) -> Option<Box<dyn FnOnce()>> {
    let executor = Rc::clone(executor);
    Some(Box::new(move || executor.block_on(async {})))
}

fn poll<T>(handle: &mut JoinHandle<T>, waker: &Waker) -> Poll<Result<T, JoinError>> {
    Pin::new(handle).poll(&mut Context::from_waker(waker))
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_task_that_ends_while_its_awaiters_waker_is_cloned_wakes_it() {
    let executor = executor();
    let mut handle = executor.spawn(async { 5 });
    let woken = Rc::new(Cell::new(false));
    let script = Rc::new(Script::default());
    script.on_clone.set(run_it(&executor));
    let tell = Rc::clone(&woken);
    script.on_wake.set(Some(Box::new(move || tell.set(true))));
    let waker = script.waker();
    assert!(poll(&mut handle, &waker).is_pending());
    assert!(woken.get(), "it is told to look again");
    assert_eq!(poll(&mut handle, &waker).map(Result::unwrap), Poll::Ready(5));
    drop(waker);
    assert_eq!(Rc::strong_count(&script), 1, "no clone of it is kept");
}

#[test]
fn a_late_callback_that_is_delivered_while_the_awaiters_waker_is_cloned_leaves_nobody_waiting() {
    let executor = executor();
    let mut handle = executor.spawn(async { 5 });
    executor.block_on(async {});
    let called = Rc::new(Cell::new(0));
    let call = Rc::clone(&called);
    handle.on_done(move |_| call.set(call.get() + 1)).unwrap();
    let script = Rc::new(Script::default());
    script.on_clone.set(run_it(&executor));
    let woken = Rc::new(Cell::new(false));
    let tell = Rc::clone(&woken);
    script.on_wake.set(Some(Box::new(move || tell.set(true))));
    let waker = script.waker();
    assert!(poll(&mut handle, &waker).is_pending(), "the callback goes first");
    assert!(called.get() == 1 && woken.get());
    assert_eq!(poll(&mut handle, &waker).map(Result::unwrap), Poll::Ready(5));
}

#[test]
fn an_output_that_comes_while_the_dropped_handle_gives_its_waker_back_is_dropped() {
    let executor = executor();
    let output = Rc::new(());
    let given = Rc::clone(&output);
    let mut handle = executor.spawn(async move { given });
    let script = Rc::new(Script::default());
    let waker = script.waker();
    assert!(poll(&mut handle, &waker).is_pending());
    drop(waker);
    script.on_drop.set(run_it(&executor));
    drop(handle);
    assert_eq!(Rc::strong_count(&output), 1);
}

#[test]
fn an_output_that_comes_while_a_waker_that_then_panics_is_given_back_is_dropped() {
    let executor = executor();
    let output = Rc::new(());
    let given = Rc::clone(&output);
    let mut handle = executor.spawn(async move { given });
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = Rc::clone(&told);
    executor.on_unhandled(move |_, error| tell.borrow_mut().push(error.to_string()));
    let script = Rc::new(Script::default());
    let waker = script.waker();
    assert!(poll(&mut handle, &waker).is_pending());
    drop(waker);
    let runs = run_it(&executor).unwrap();
    script.on_drop.set(Some(Box::new(move || {
        runs();
        panic!("in its drop");
    })));
    drop(handle);
    assert_eq!(Rc::strong_count(&output), 1);
    assert_eq!(
        *told.borrow(),
        ["a destructor, waker or callback of task #1 panicked: in its drop"]
    );
}

#[test]
fn a_callback_added_in_the_wake_that_took_the_output_is_refused_and_a_second_poll_panics() {
    let executor = executor();
    let handle = Rc::new(RefCell::new(executor.spawn(async { 5 })));
    let trace = Rc::new(RefCell::new(Vec::new()));
    let again = |trace: &Rc<RefCell<Vec<String>>>, handle: &Rc<RefCell<JoinHandle<i32>>>| {
        let (trace, handle) = (Rc::clone(trace), Rc::clone(handle));
        move || {
            let polled = poll(&mut handle.borrow_mut(), Waker::noop());
            trace.borrow_mut().push(format!("{:?}", polled.map(Result::unwrap)));
            let refused = handle.borrow().on_done(|_| unreachable!());
            trace.borrow_mut().push(format!("{refused:?}"));
            let second = catch_unwind(AssertUnwindSafe(|| {
                let _ = poll(&mut handle.borrow_mut(), Waker::noop());
            }));
            trace.borrow_mut().push(format!("panics: {}", second.is_err()));
        }
    };
    // The first wake polls inside itself and registers again: then the output is not there yet.
    let (first, last) = (Rc::new(Script::default()), Rc::new(Script::default()));
    last.on_wake.set(Some(Box::new(again(&trace, &handle))));
    let (registers, last_waker) = (Rc::clone(&handle), last.waker());
    first.on_wake.set(Some(Box::new(move || {
        assert!(poll(&mut registers.borrow_mut(), &last_waker).is_pending());
    })));
    assert!(poll(&mut handle.borrow_mut(), &first.waker()).is_pending());
    executor.block_on(async {});
    let refused = Err::<(), _>(OnDoneError::Taken);
    assert_eq!(
        *trace.borrow(),
        ["Ready(5)".to_owned(), format!("{refused:?}"), "panics: true".to_owned()]
    );
}

#[test]
fn a_waker_that_does_nothing_takes_the_place_of_the_one_that_was_kept() {
    let executor = executor();
    let mut handle = executor.spawn(std::future::pending::<()>());
    let wakes = Arc::new(Wakes::default());
    assert!(poll(&mut handle, &Waker::from(Arc::clone(&wakes))).is_pending());
    assert_eq!(Arc::strong_count(&wakes), 2);
    assert!(poll(&mut handle, Waker::noop()).is_pending());
    assert_eq!(Arc::strong_count(&wakes), 1, "given back");
}

/// The clone starts an operation, which takes the direction: the poll around it must not take its place.
#[cfg(feature = "net")]
#[test]
fn an_operation_that_starts_while_a_polls_waker_is_cloned_keeps_its_place() {
    use futures::io::AsyncRead;
    use taketurns::net::{TcpListener, TcpStream};

    taketurns::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = Rc::new(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        let (peer, _) = listener.accept().await.unwrap();
        let wakes = Arc::new(Wakes::default());
        let operation = Rc::new(RefCell::new(None));
        let script = Rc::new(Script::default());
        let (its, place, waker) = (Rc::clone(&stream), Rc::clone(&operation), Arc::clone(&wakes));
        script.on_clone.set(Some(Box::new(move || {
            let mut read = Box::pin(async move { its.read(&mut [0; 8]).await });
            let waker = Waker::from(waker);
            assert!(read.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            place.replace(Some(read));
        })));
        let waker = script.waker();
        let polled =
            Pin::new(&mut &*stream).poll_read(&mut Context::from_waker(&waker), &mut [0; 8]);
        let Poll::Ready(Err(error)) = polled else { panic!("the direction is taken") };
        assert_eq!(error.kind(), std::io::ErrorKind::ResourceBusy);
        drop(waker);
        assert_eq!(Rc::strong_count(&script), 1, "no clone of it is kept");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        peer.write(b"hello").await.unwrap();
        assert_eq!(operation.take().unwrap().await.unwrap(), 5);
    });
}
