//! The handle of a task: awaiting, aborting, detaching, and what user code that panics does to it.

mod common;

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::task::{Context, Poll, Wake, Waker};

use common::Trace;
use taketurns::{JoinError, block_on, spawn, yield_now};

/// A future whose poll and drop each do what they are told.
struct Unruly<P: FnMut() -> Poll<u32>, D: FnMut()> {
    poll: P,
    drop: D,
}

impl<P: FnMut() -> Poll<u32>, D: FnMut()> Unpin for Unruly<P, D> {}

impl<P: FnMut() -> Poll<u32>, D: FnMut()> Future for Unruly<P, D> {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
        (self.poll)()
    }
}

impl<P: FnMut() -> Poll<u32>, D: FnMut()> Drop for Unruly<P, D> {
    fn drop(&mut self) {
        (self.drop)();
    }
}

fn message(error: JoinError) -> &'static str {
    error.into_panic().unwrap().downcast_ref::<&'static str>().unwrap()
}

#[test]
fn futures_of_every_size_and_alignment_have_their_place() {
    #[repr(align(256))]
    struct Aligned([u8; 256]);

    /// Writes all of its memory, waits a turn, and finds it as it was.
    async fn sized<const SIZE: usize>() {
        let mut bytes = [SIZE as u8; SIZE];
        bytes[SIZE / 2] = 1;
        yield_now().await;
        assert!(bytes.iter().filter(|&&byte| byte == 1).count() >= 1);
        assert_eq!(bytes[0], SIZE as u8);
        assert_eq!(bytes[SIZE - 1], SIZE as u8);
    }
    async fn aligned() {
        let value = Aligned([7; 256]);
        yield_now().await;
        assert_eq!(std::ptr::from_ref(&value).addr() % 256, 0);
        assert_eq!(value.0, [7; 256]);
    }
    block_on(async {
        for _ in 0..3 {
            let all = [
                spawn(sized::<3>()),
                spawn(sized::<40>()),
                spawn(sized::<800>()),
                spawn(sized::<920>()),
                spawn(sized::<1000>()),
                spawn(sized::<100_000>()),
                spawn(aligned()),
            ];
            for handle in all {
                handle.await.unwrap();
            }
        }
    });
}

#[test]
fn the_output_waits_for_its_handle() {
    block_on(async {
        let handle = spawn(async { Box::new(42) });
        assert!(!handle.is_finished());
        yield_now().await;
        assert!(handle.is_finished());
        assert_eq!(*handle.await.unwrap(), 42);
    });
}

#[test]
fn an_aborted_task_is_dropped_in_its_next_turn_and_not_inside_abort() {
    let trace = Trace::new();
    block_on(async {
        let guard = trace.on_drop("dropped");
        let handle = spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        yield_now().await;
        handle.abort();
        handle.abort();
        trace.push("aborted");
        assert!(!handle.is_finished());
        let error = handle.await.unwrap_err();
        assert!(error.is_cancelled() && !error.is_panic() && !error.is_shutdown());
        trace.push(error);
    });
    assert_eq!(trace.take(), "aborted dropped task #1 was cancelled");
}

#[test]
fn a_task_aborted_before_its_first_turn_is_never_polled() {
    let trace = Trace::new();
    block_on(async {
        let inner = trace.clone();
        let handle = spawn(async move { inner.push("polled") });
        handle.abort();
        assert!(handle.await.unwrap_err().is_cancelled());
    });
    assert_eq!(trace.take(), "");
}

#[test]
fn abort_changes_nothing_for_a_task_that_has_ended() {
    block_on(async {
        let handle = spawn(async { 42 });
        yield_now().await;
        handle.abort();
        assert_eq!(handle.await.unwrap(), 42);
    });
}

#[test]
fn a_task_that_aborts_itself_ends_at_its_next_wait() {
    let trace = Trace::new();
    block_on(async {
        let own = Rc::new(RefCell::new(None::<taketurns::JoinHandle<()>>));
        let (inner, handle) = (trace.clone(), Rc::clone(&own));
        *own.borrow_mut() = Some(spawn(async move {
            handle.borrow().as_ref().unwrap().abort();
            inner.push("still here");
            yield_now().await;
            inner.push("not here");
        }));
        for _ in 0..3 {
            yield_now().await;
        }
        let handle = own.take().unwrap();
        assert!(handle.await.unwrap_err().is_cancelled());
    });
    assert_eq!(trace.take(), "still here");
}

#[test]
fn a_detached_task_goes_on_and_its_output_is_dropped_at_its_end() {
    let trace = Trace::new();
    block_on(async {
        let inner = trace.clone();
        drop(spawn(async move {
            yield_now().await;
            inner.push("ends");
            inner.on_drop("output dropped")
        }));
        trace.push("detached");
        yield_now().await;
        yield_now().await;
        trace.push("root");
    });
    assert_eq!(trace.take(), "detached ends output dropped root");
}

#[test]
fn an_output_nobody_took_is_dropped_with_its_handle() {
    let trace = Trace::new();
    block_on(async {
        let inner = trace.clone();
        let handle = spawn(async move { inner.on_drop("output dropped") });
        yield_now().await;
        trace.push("ended");
        drop(handle);
        trace.push("root");
    });
    assert_eq!(trace.take(), "ended output dropped root");
}

#[test]
fn the_latest_awaiter_is_woken() {
    let trace = Trace::new();
    block_on(async {
        let gate = Rc::new(RefCell::new(None::<Waker>));
        let (place, mut open) = (Rc::clone(&gate), false);
        let handle = Rc::new(RefCell::new(spawn(poll_fn(move |cx| {
            *place.borrow_mut() = Some(cx.waker().clone());
            if std::mem::replace(&mut open, true) { Poll::Ready(()) } else { Poll::Pending }
        }))));
        let await_it = |name: &'static str| {
            let (trace, handle) = (trace.clone(), Rc::clone(&handle));
            let mut polls = 0;
            spawn(poll_fn(move |cx| {
                polls += 1;
                trace.push(format!("{name}{polls}"));
                pin!(&mut *handle.borrow_mut()).poll(cx).map(Result::unwrap)
            }))
        };
        let (_first, second) = (await_it("first"), await_it("second"));
        yield_now().await;
        gate.take().unwrap().wake();
        second.await.unwrap();
    });
    assert_eq!(trace.take(), "first1 second1 second2");
}

#[test]
fn of_foreign_wakers_too_the_latest_is_woken() {
    struct Named(&'static str, Sender<&'static str>);
    impl Wake for Named {
        fn wake(self: Arc<Self>) {
            self.1.send(self.0).unwrap();
        }
    }
    let (send, woken) = mpsc::channel();
    block_on(async {
        let mut handle = spawn(yield_now());
        for name in ["first", "second", "second"] {
            let waker = Waker::from(Arc::new(Named(name, send.clone())));
            assert!(pin!(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        yield_now().await;
        yield_now().await;
        assert!(handle.is_finished());
    });
    assert_eq!(woken.try_iter().collect::<Vec<_>>(), ["second"]);
}

#[test]
#[should_panic(expected = "polled after it gave the output: await it once")]
fn polling_after_the_output_was_given_panics() {
    block_on(async {
        let mut handle = spawn(async {});
        (&mut handle).await.unwrap();
        let _again = (&mut handle).await;
    });
}

#[test]
fn a_panic_reaches_the_awaiter_and_nobody_else() {
    block_on(async {
        let panics = spawn(async { panic!("boom") });
        let other = spawn(async {
            yield_now().await;
            "fine"
        });
        let error: JoinError = panics.await.map(|(): ()| ()).unwrap_err();
        let kinds = [error.is_cancelled(), error.is_shutdown(), error.is_not_started()];
        assert_eq!((error.is_panic(), kinds), (true, [false; 3]));
        assert_eq!(error.to_string(), "task #1 panicked: boom");
        assert_eq!(message(error), "boom");
        assert_eq!(other.await.unwrap(), "fine");
    });
}

#[test]
fn a_panic_of_the_root_passes_through_block_on() {
    let caught = catch_unwind(|| block_on(async { panic!("root") }));
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"root"));
    assert_eq!(block_on(async { 1 }), 1);
}

#[test]
fn a_future_whose_drop_panics_ends_with_that_panic() {
    block_on(async {
        let ready = spawn(Unruly { poll: || Poll::Ready(1), drop: || panic!("in drop") });
        assert_eq!(message(ready.await.unwrap_err()), "in drop");

        let aborted = spawn(Unruly { poll: || Poll::Pending, drop: || panic!("in drop") });
        yield_now().await;
        aborted.abort();
        assert_eq!(message(aborted.await.unwrap_err()), "in drop");

        let both = spawn(Unruly { poll: || panic!("in poll"), drop: || panic!("in drop") });
        assert_eq!(message(both.await.unwrap_err()), "in poll");
    });
}

/// Panics when dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("output");
    }
}

#[test]
fn an_output_whose_drop_panics_does_so_in_the_hand_that_drops_it() {
    block_on(async {
        let handle = spawn(async { Grenade });
        yield_now().await;
        assert!(catch_unwind(AssertUnwindSafe(|| drop(handle))).is_err());

        drop(spawn(async { Grenade }));
        yield_now().await;
        assert_eq!(spawn(async { "the loop goes on" }).await.unwrap(), "the loop goes on");
    });
}

/// Panics when dropped, with a payload that panics when dropped.
struct ClusterBomb;

impl Drop for ClusterBomb {
    fn drop(&mut self) {
        std::panic::panic_any(Grenade);
    }
}

#[test]
fn a_payload_whose_drop_panics_ends_there() {
    block_on(async {
        drop(spawn(async { std::panic::panic_any(Grenade) }));
        drop(spawn(async { std::panic::panic_any(ClusterBomb) }));
        yield_now().await;
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn join_errors_go_where_errors_go() {
    fn carried(error: JoinError) -> Box<dyn std::error::Error + Send + Sync> {
        error.into()
    }
    block_on(async {
        let handle = spawn(pending::<()>());
        handle.abort();
        let error = handle.await.unwrap_err();
        assert_eq!(format!("{error:?}"), "JoinError(task #1 was cancelled)");
        let error = error.into_panic().unwrap_err();
        assert_eq!(carried(error).to_string(), "task #1 was cancelled");
    });
}
