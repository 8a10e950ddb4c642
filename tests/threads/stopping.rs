//! A loop that was stopped: `run_forever` has ended and no run has begun since. A thread that waits for its tasks gets an
//! error, and what it sent stays.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use taketurns::{Builder, Handle, JoinError, RemoteHandle, UnhandledPanic, block_on, yield_now};

use super::handles::LIMIT;
use super::runtime;
use super::waiting::{said_by, waits};

/// Calls `f` on another thread, so that it may wait.
fn elsewhere<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    thread::spawn(f).join().unwrap()
}

/// Whether a thread would wait for what it sends now. A thread that gets no error waits, until its limit.
fn would_wait(handle: &Handle) -> bool {
    let mut remote = handle.spawn(async {});
    let waited = elsewhere(move || remote.wait_timeout(Duration::from_millis(1)));
    !waited.is_some_and(|result| result.unwrap_err().is_stopped())
}

#[test]
fn a_wait_for_a_stopped_loop_is_an_error_and_what_was_sent_stays() {
    let runtime = runtime();
    let handle = runtime.handle();
    handle.stop();
    runtime.run_forever();
    let (send, receive) = mpsc::channel();
    let mut kept = handle.spawn(async { 42 });
    let (errors, kept) = elsewhere(move || {
        let [waited, called] = [send.clone(), send];
        let errors = [
            handle.spawn(async move { waited.send("waited") }).wait().unwrap_err(),
            handle.call(move || called.send("called")).unwrap_err(),
            kept.wait_timeout(Duration::MAX).unwrap().unwrap_err(),
        ];
        (errors, kept)
    });
    for error in errors {
        assert!(error.is_stopped() && !error.is_shutdown());
        assert_eq!(
            said_by(&error),
            "remote task was not waited for: the `run_forever` of its runtime has ended; it is still there, and goes on if \
             the runtime runs again"
        );
    }
    assert!(receive.try_recv().is_err());
    assert_eq!(runtime.block_on(kept).unwrap(), 42);
    assert_eq!(receive.try_iter().collect::<Vec<_>>(), ["waited", "called"]);
}

#[test]
fn a_stop_ends_the_waits_that_have_begun() {
    let runtime = runtime();
    let handle = runtime.handle();
    let waiting = [(); 3].map(|()| waits(handle.spawn(pending::<()>())));
    let mut threads = Vec::new();
    for (thread, begins) in waiting {
        begins.recv().unwrap();
        threads.push(thread);
    }
    handle.stop();
    runtime.run_forever();
    for thread in threads {
        assert!(thread.join().unwrap().unwrap_err().is_stopped());
    }
}

#[test]
fn a_task_that_ends_in_the_last_turns_before_the_stop_gives_its_output() {
    let runtime = runtime();
    let handle = runtime.handle();
    let (waiting, begins) = waits(handle.spawn(async {
        Handle::current().stop();
        42
    }));
    begins.recv().unwrap();
    runtime.run_forever();
    assert_eq!(waiting.join().unwrap().unwrap(), 42);
}

#[test]
fn only_the_end_of_run_forever_stops_a_loop_and_each_run_begins_it_anew() {
    let runtime = runtime();
    let handle = runtime.handle();
    let stop = || {
        handle.stop();
        runtime.run_forever();
        assert!(!would_wait(&handle));
    };
    assert!(would_wait(&handle), "it was not run yet");
    runtime.block_on(async {});
    assert!(would_wait(&handle), "between two runs");
    handle.stop();
    assert!(would_wait(&handle), "the stop waits for a `run_forever`");
    runtime.block_on(async {});
    stop();
    runtime.block_on(async { assert!(would_wait(&handle)) });
    assert!(would_wait(&handle));
    stop();
    runtime.run_until_stalled();
    assert!(would_wait(&handle));
    stop();
    runtime.try_tick().unwrap();
    assert!(would_wait(&handle));
}

#[test]
fn a_run_that_is_refused_does_not_stop_a_loop() {
    let (inner, outer) = (runtime(), runtime());
    outer.block_on(async {
        inner.try_run_forever().unwrap_err();
        outer.try_run_forever().unwrap_err();
    });
    assert!(would_wait(&inner.handle()) && would_wait(&outer.handle()));
}

#[test]
fn a_run_forever_that_panics_has_ended_too() {
    let runtime = Builder::new().unhandled_panic(UnhandledPanic::Stop).build().unwrap();
    let handle = runtime.handle();
    let (waiting, begins) = waits(handle.spawn(pending::<()>()));
    begins.recv().unwrap();
    handle.spawn(async { panic!("unseen") }).detach();
    catch_unwind(AssertUnwindSafe(|| runtime.run_forever())).unwrap_err();
    assert!(waiting.join().unwrap().unwrap_err().is_stopped());
}

#[test]
fn the_end_of_a_stopped_runtime_is_a_shutdown() {
    let runtime = runtime();
    let handle = runtime.handle();
    handle.stop();
    runtime.run_forever();
    let mut remote = handle.spawn(async {});
    drop(runtime);
    let waited = elsewhere(move || remote.wait_timeout(LIMIT));
    assert!(waited.unwrap().unwrap_err().is_shutdown());
}

#[test]
fn an_await_of_a_stopped_loop_waits_for_its_next_run() {
    let runtime = runtime();
    runtime.handle().stop();
    runtime.run_forever();
    let remote = runtime.handle().spawn(async { 42 });
    let awaiting = thread::spawn(|| block_on(remote));
    runtime.block_on(yield_now());
    assert_eq!(awaiting.join().unwrap().unwrap(), 42);
}

/// What became of a wait that races with a stop, or with the end of the runtime.
fn ends(remote: &mut RemoteHandle<usize>) -> Result<usize, JoinError> {
    remote.wait_timeout(LIMIT).expect("it hangs")
}

#[test]
fn no_wait_hangs_whenever_a_stop_or_the_end_comes() {
    const ROUNDS: usize = 1_000;
    let ran = Arc::new(AtomicUsize::new(0));
    let mut lost = 0;
    for round in 0..ROUNDS {
        let runtime = runtime();
        let handle = runtime.handle();
        let counts = Arc::clone(&ran);
        let submitting = thread::spawn(move || {
            let mut remote = handle.spawn(async move { counts.fetch_add(1, Relaxed) });
            (ends(&mut remote), remote)
        });
        match round % 2 {
            0 => runtime.handle().stop(),
            _ => drop(runtime.handle().spawn(async { Handle::current().stop() })),
        }
        runtime.run_forever();
        if round % 3 == 0 {
            drop(runtime);
            lost += usize::from(submitting.join().unwrap().0.is_err());
            continue;
        }
        if let (Err(error), remote) = submitting.join().unwrap() {
            assert!(error.is_stopped(), "{error}");
            runtime.block_on(remote).unwrap();
        }
    }
    assert_eq!(ran.load(Relaxed) + lost, ROUNDS);
}
