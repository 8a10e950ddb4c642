//! User code that the executor calls beside polls and wakes: the texts and drops of errors, the parts of a driver, the drops of
//! wakers.

use std::cell::RefCell;
use std::fmt::{self, Write};
#[cfg(feature = "time")]
use std::future::Future;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "time")]
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex};
#[cfg(feature = "time")]
use std::task::{Context, Wake};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use taketurns::executor::{Driver, EVENT_INTERVAL, Executor, ParkThread, Pending, Unpark};
use taketurns::{Builder, Handle, JoinError, UnhandledPanic, block_on, spawn, yield_now};

/// An error of which nothing works.
#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in its text")
    }
}

impl std::error::Error for Broken {}

impl Drop for Broken {
    fn drop(&mut self) {
        panic!("in its drop");
    }
}

#[test]
fn an_unseen_error_whose_text_and_drop_both_panic_keeps_no_task_from_its_turn() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    executor.spawn(taketurns::task::reported(async { Err::<(), _>(Broken) })).detach();
    let other = executor.spawn(async { "goes on" });
    assert_eq!(executor.block_on(other).unwrap(), "goes on");
}

/// Writes the error again while the error is written.
struct Rewriter<'a> {
    error: &'a JoinError,
    texts: Vec<String>,
}

impl Write for Rewriter<'_> {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        self.texts.push(self.error.to_string());
        Ok(())
    }
}

#[test]
fn an_error_may_be_written_while_it_is_written() {
    let error = block_on(async { spawn(async { panic!("boom") }).await }).unwrap_err();
    let mut rewriter = Rewriter { error: &error, texts: Vec::new() };
    write!(rewriter, "{error}").unwrap();
    assert_eq!(rewriter.texts.last().unwrap(), "task #1 panicked: boom");
}

/// A driver whose unparker panics when it is dropped, and whose `pending` calls this.
struct Hostile<F: Fn()>(F);

impl<F: Fn()> Driver for Hostile<F> {
    fn wait(&mut self, _: Option<Duration>) {}

    fn wake(&mut self, _: bool) {}

    fn pending(&self) -> Pending {
        (self.0)();
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(PanicsInDrop)
    }
}

struct PanicsInDrop;

impl Unpark for PanicsInDrop {
    fn unpark(&self) {}
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("the unparker");
    }
}

#[test]
fn an_unparker_that_panics_when_it_is_dropped_loses_no_report_and_no_thread() {
    let executor = Executor::new(Hostile(|| {}), EVENT_INTERVAL);
    executor.spawn(pending::<()>()).detach();
    assert_eq!(executor.close().len(), 1);

    let executor = Executor::new(Hostile(|| {}), EVENT_INTERVAL);
    let waker: Waker = executor.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
    drop(executor);
    thread::spawn(move || drop(waker)).join().unwrap();

    let executor = Executor::new(Hostile(|| {}), EVENT_INTERVAL);
    let handle = executor.spawn(yield_now());
    drop(executor);
    drop(handle);
}

type ItsOwn = Executor<'static, Hostile<Box<dyn Fn()>>>;

#[test]
fn a_driver_that_runs_its_own_executor_is_told_where_it_may_not() {
    let it: Rc<RefCell<Weak<ItsOwn>>> = Rc::default();
    let mine = Rc::clone(&it);
    let run: Box<dyn Fn()> = Box::new(move || {
        let executor: Option<Rc<ItsOwn>> = mine.borrow().upgrade();
        _ = executor.map(|executor| executor.try_tick());
    });
    let executor = Rc::new(Executor::new(Hostile(run), EVENT_INTERVAL));
    *it.borrow_mut() = Rc::downgrade(&executor);
    assert!(!executor.try_tick().unwrap());
    let asked = catch_unwind(AssertUnwindSafe(|| executor.next_deadline()));
    let text = asked.unwrap_err().downcast::<&str>().unwrap();
    assert!(text.contains("inside `Driver::pending`"), "{text}");
    // It goes on to work.
    assert_eq!(executor.block_on(async { 1 }), 1);
}

#[test]
fn a_task_that_is_aborted_before_home_has_taken_it_in_is_named_as_itself() {
    struct Panics(Arc<Mutex<Vec<String>>>);
    impl Drop for Panics {
        fn drop(&mut self) {
            let task = taketurns::task::current().map(|task| task.id().to_string());
            self.0.lock().unwrap().push(format!("dropped in {task:?}"));
            panic!("the destructor");
        }
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    let policy = UnhandledPanic::Call(Arc::new(move |failure| {
        let task = failure.task().map(|task| task.id().to_string());
        hook.lock().unwrap().push(format!("unhandled in {task:?}"));
    }));
    let runtime = Builder::new().unhandled_panic(policy).build().unwrap();
    let panics = Panics(Arc::clone(&told));
    runtime.block_on(async move {
        let remote = Handle::current().spawn(async move {
            let _panics = panics;
            pending::<()>().await;
        });
        remote.abort();
        drop(remote);
        for _ in 0..EVENT_INTERVAL.get() {
            yield_now().await; // until a look has taken the task in
        }
    });
    assert_eq!(runtime.shutdown().lost().len(), 0);
    let one = "Some(\"#1\")";
    assert_eq!(*told.lock().unwrap(), [format!("dropped in {one}"), format!("unhandled in {one}")]);
}

/// A waker whose last drop panics.
#[cfg(feature = "time")]
struct WakerPanics;

#[cfg(feature = "time")]
impl Wake for WakerPanics {
    fn wake(self: Arc<Self>) {}
}

#[cfg(feature = "time")]
impl Drop for WakerPanics {
    fn drop(&mut self) {
        panic!("the waker");
    }
}

#[cfg(feature = "time")]
fn armed() -> Pin<Box<taketurns::time::Sleep>> {
    let mut sleep = Box::pin(taketurns::time::sleep(Duration::from_secs(3600)));
    let waker = Waker::from(Arc::new(WakerPanics));
    assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker); // the timer has the last one
    sleep
}

#[cfg(feature = "time")]
#[test]
fn two_sleeps_whose_wakers_panic_are_dropped_together() {
    block_on(async { drop([armed(), armed()]) });
}

#[cfg(feature = "time")]
#[test]
fn wakers_that_are_left_in_the_timers_lose_no_report() {
    let runtime = taketurns::Runtime::new().unwrap();
    runtime.spawn(pending::<()>()).detach();
    let sleeps = runtime.block_on(async { [armed(), armed()] });
    drop(sleeps); // outside of the runtime, so the timers stay armed
    assert_eq!(runtime.shutdown().lost().len(), 1);
}
