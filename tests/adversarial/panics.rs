//! Panics where they hurt.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use taketurns::{Runtime, block_on, spawn, yield_now};

use super::common::Trace;
use super::{Place, leaves_waker, on_drop, pending_then};

fn text(error: taketurns::JoinError) -> &'static str {
    error.into_panic().unwrap().downcast_ref::<&str>().unwrap()
}

/// tokio-rs/tokio, `JoinHandle` and panics.
#[test]
fn a_panic_in_poll_reaches_the_handle_and_the_others_go_on() {
    block_on(async {
        let before = spawn(async {
            yield_now().await;
            1
        });
        let panics = spawn(async {
            assert!(taketurns::task::current().is_some());
            panic!("in poll")
        });
        let after = spawn(async {
            yield_now().await;
            2
        });
        assert_eq!(text(panics.await.map(|(): ()| ()).unwrap_err()), "in poll");
        assert_eq!(before.await.unwrap() + after.await.unwrap(), 3);
    });
}

/// rust-lang/futures-rs#2886
#[test]
fn a_future_whose_drop_panics_has_the_rest_of_it_dropped_once() {
    let trace = Trace::new();
    block_on(async {
        let (first, last) = (trace.on_drop("first"), trace.on_drop("last"));
        let handle = spawn(async move {
            let _last = last;
            let _panics = on_drop(|| panic!("in drop"));
            let _first = first;
            std::future::pending::<()>().await;
        });
        yield_now().await;
        handle.abort();
        assert_eq!(text(handle.await.unwrap_err()), "in drop");
    });
    assert_eq!(trace.take(), "first last");
}

/// tokio-rs/tokio#4412
#[test]
fn an_output_whose_drop_panics_does_so_where_the_handle_is_dropped() {
    block_on(async {
        let handle = spawn(async { on_drop(|| panic!("in the output's drop")) });
        yield_now().await;
        let caught = catch_unwind(AssertUnwindSafe(|| drop(handle))).unwrap_err();
        assert_eq!(*caught.downcast_ref::<&str>().unwrap(), "in the output's drop");
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
}

/// tokio-rs/tokio#6238
#[test]
fn a_drop_wakes_a_peer_during_unwinding() {
    let place = Place::default();
    let polls = Rc::new(Cell::new(0));
    block_on(async {
        let (waits, count) = (leaves_waker(&place), Rc::clone(&polls));
        let mut waits = Box::pin(waits);
        spawn(std::future::poll_fn(move |cx| {
            count.set(count.get() + 1);
            waits.as_mut().poll(cx)
        }))
        .detach();
        let peer = Rc::clone(&place);
        let panics = spawn(async move {
            let _wakes = on_drop(move || peer.take().unwrap().wake());
            yield_now().await;
            panic!("while it holds the other's waker");
        });
        assert!(panics.await.map(|(): ()| ()).unwrap_err().is_panic());
        yield_now().await;
    });
    assert_eq!(polls.get(), 2);
}

/// compio-rs/compio#901
#[test]
fn a_runtime_dropped_while_its_thread_panics() {
    let trace = Trace::new();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let runtime = Runtime::new().unwrap();
        let guard = trace.on_drop("dropped");
        runtime.spawn(pending_then(move || drop(guard))).detach();
        runtime.block_on(async { panic!("of the root") });
    }));
    assert_eq!(*caught.unwrap_err().downcast_ref::<&str>().unwrap(), "of the root");
    assert_eq!(trace.take(), "dropped");
}

/// tokio-rs/tokio#5177
#[test]
fn a_nested_run_that_panics_leaves_the_context_as_it_was() {
    let other = Runtime::new().unwrap();
    block_on(async {
        let nested = catch_unwind(AssertUnwindSafe(|| other.block_on(async {})));
        assert!(nested.unwrap_err().downcast_ref::<String>().unwrap().contains("already runs"));
        // Spawning, timers and the pool still find the outer one.
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
        #[cfg(feature = "time")]
        taketurns::time::sleep(std::time::Duration::ZERO).await;
        #[cfg(feature = "offload")]
        assert_eq!(taketurns::spawn_blocking(|| 2).await.unwrap(), 2);
    });
    assert_eq!(other.block_on(async { spawn(async { 3 }).await.unwrap() }), 3);
}

/// Found beyond those lists.
#[test]
fn a_foreign_waker_whose_drop_panics_has_been_replaced_by_then() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in a waker's drop");
        }
    }
    struct Notes(Arc<AtomicBool>);
    impl Wake for Notes {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let runtime = Runtime::new().unwrap();
    let mut handle = pin!(runtime.spawn(yield_now()));
    let bomb = Waker::from(Arc::new(Bomb));
    assert!(handle.as_mut().poll(&mut Context::from_waker(&bomb)).is_pending());
    drop(bomb);
    let woken = Arc::new(AtomicBool::new(false));
    let waker = Waker::from(Arc::new(Notes(Arc::clone(&woken))));
    let mut poll = || handle.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(catch_unwind(AssertUnwindSafe(&mut poll)).is_err());
    runtime.run_until_stalled();
    assert!(woken.load(Ordering::Relaxed));
    assert!(poll().is_ready());
}
