//! Wakers used at the wrong time, in the wrong place, or for the last time.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

use taketurns::{Runtime, block_on, spawn, task, yield_now};

use super::common::Trace;
use super::{Place, leaves_waker, pending_then};

/// smol-rs/async-executor#163
#[test]
fn another_thread_wakes_while_the_runtime_is_being_dropped() {
    let (send, receive) = mpsc::channel::<Waker>();
    let waking = thread::spawn(move || {
        for waker in receive {
            waker.wake_by_ref();
            drop(waker.clone());
            waker.wake();
        }
    });
    let runtime = Runtime::new().unwrap();
    let places: Vec<Place> = (0..100).map(|_| Place::default()).collect();
    for place in &places {
        let (send, waits) = (send.clone(), leaves_waker(place));
        let place = Rc::clone(place);
        // Its own destructor hands its waker to the other thread, in the middle of the end.
        runtime
            .spawn(async move {
                let handed = pending_then(move || send.send(place.take().unwrap()).unwrap());
                futures::future::join(waits, handed).await;
            })
            .detach();
    }
    runtime.block_on(async {});
    assert_eq!(runtime.shutdown().lost().len(), 100);
    drop(send);
    waking.join().unwrap();
}

/// async-rs/async-task#11
#[test]
fn the_wake_that_schedules_a_task_is_the_last_reference_to_it() {
    let place = Place::default();
    block_on(async {
        let handle = spawn(leaves_waker(&place));
        yield_now().await;
        handle.abort();
        drop(handle);
        // The task is owed the turn that drops it; this wake gives up all else there is of it.
        place.take().unwrap().wake();
        yield_now().await;
        assert_eq!(Rc::strong_count(&place), 1, "the future is gone");
    });
}

/// compio-rs/compio#489
#[test]
fn a_waker_dropped_after_its_task_was_queued_again() {
    let place = Place::default();
    let runtime = Runtime::new().unwrap();
    runtime.spawn(leaves_waker(&place)).detach();
    runtime.block_on(async {
        yield_now().await;
        let waker = place.take().unwrap();
        waker.wake_by_ref();
        drop(waker);
    });
    place.take();
    assert_eq!(Rc::strong_count(&place), 2);
    drop(runtime);
    assert_eq!(Rc::strong_count(&place), 1, "dropped with the runtime");
}

/// async-on-embedded/async-on-embedded#6
#[test]
fn a_waker_used_after_the_run_and_after_the_runtime() {
    let runtime = Runtime::new().unwrap();
    let waker = runtime.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
    waker.wake_by_ref();
    runtime.block_on(yield_now());
    drop(runtime);
    waker.wake_by_ref();
    let copy = waker.clone();
    thread::spawn(move || copy.wake()).join().unwrap();
    waker.wake();
}

/// tokio-rs/tokio#3929
#[test]
fn abort_from_another_thread_drops_the_future_on_its_own() {
    let dropped_on = Rc::new(Cell::new(None::<ThreadId>));
    block_on(async {
        let note = Rc::clone(&dropped_on);
        let handle = spawn(pending_then(move || note.set(Some(thread::current().id()))));
        yield_now().await;
        let abort = handle.abort_handle();
        thread::spawn(move || abort.abort()).join().unwrap();
        assert_eq!(dropped_on.get(), None, "not inside `abort`");
        assert!(handle.await.unwrap_err().is_cancelled());
    });
    assert_eq!(dropped_on.get(), Some(thread::current().id()));
}

/// compio-rs/compio#1044
#[test]
fn thousands_of_wakes_from_elsewhere_do_not_wait_for_a_busy_loop() {
    let polls = Rc::new(Cell::new(0));
    let count = Rc::clone(&polls);
    block_on(async move {
        let places: Vec<Place> = (0..1000).map(|_| Place::default()).collect();
        for place in &places {
            let (waits, count) = (leaves_waker(place), Rc::clone(&count));
            spawn(async move {
                let mut waits = pin!(waits);
                poll_fn(|cx| {
                    count.set(count.get() + 1);
                    waits.as_mut().poll(cx)
                })
                .await;
            })
            .detach();
        }
        yield_now().await;
        let wakers: Vec<Waker> = places.iter().map(|place| place.take().unwrap()).collect();
        // This very turn waits for the wakes: if they waited for the loop, nothing would ever end.
        let wakes = move || (0..10).for_each(|_| wakers.iter().for_each(Waker::wake_by_ref));
        thread::spawn(wakes).join().unwrap();
        for _ in 0..100 {
            yield_now().await;
        }
    });
    assert_eq!(polls.get(), 2000, "ten wakes, one turn");
}

/// tokio-rs/tokio#1972
#[test]
fn a_wake_never_drops_a_task_inline() {
    let trace = Trace::new();
    let place = Place::default();
    block_on(async {
        let handle = spawn({
            let (waits, trace) = (leaves_waker(&place), trace.clone());
            async move {
                let _guard = trace.on_drop("dropped");
                waits.await;
            }
        });
        yield_now().await;
        handle.abort();
        drop(handle);
        trace.push("wake");
        place.take().unwrap().wake();
        trace.push("woken");
        yield_now().await;
    });
    assert_eq!(trace.take(), "wake woken dropped");
}

/// tokio-rs/tokio#5429
#[test]
fn a_waker_whose_drop_comes_back_to_what_held_it() {
    thread_local! {
        static RUNTIME: Runtime = Runtime::new().unwrap();
    }
    /// Has the loop poll the task, which asks what the handle holds whether it was aborted.
    struct Runs;
    impl Wake for Runs {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Runs {
        fn drop(&mut self) {
            RUNTIME.with(Runtime::run_until_stalled);
        }
    }
    let handle = RUNTIME.with(Runtime::handle);
    let mut remote = pin!(handle.spawn(yield_now()));
    let waker = Waker::from(Arc::new(Runs));
    assert!(remote.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert!(!remote.is_finished());
    // The second waker takes the first one's place, which is dropped with nothing locked.
    let counts = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&counts));
    assert!(remote.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(remote.is_finished());
    assert_eq!(counts.0.load(Ordering::Relaxed), 1);
}

/// tokio-rs/tokio#7622
#[test]
fn a_wake_that_loses_still_publishes_what_was_written_before_it() {
    const ROUNDS: usize = 2_000;
    let seen = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let written = seen.clone();
    let mut waking = Vec::new();
    block_on(poll_fn(|cx| {
        if waking.is_empty() {
            for number in &written {
                let (number, waker) = (Arc::clone(number), cx.waker().clone());
                waking.push(thread::spawn(move || {
                    for round in 1..=ROUNDS {
                        number.store(round, Ordering::Relaxed);
                        waker.wake_by_ref();
                    }
                }));
            }
        }
        let all = seen.iter().all(|number| number.load(Ordering::Relaxed) == ROUNDS);
        if all { Poll::Ready(()) } else { Poll::Pending }
    }));
    waking.into_iter().for_each(|thread| thread.join().unwrap());
}

/// A waker that counts its wakes.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The contract of `Future::poll`.
#[test]
fn the_waker_changes_between_polls_and_the_latest_is_woken() {
    let wakers = [(); 3].map(|()| Arc::new(Count::default()));
    let runtime = Runtime::new().unwrap();
    let mut handle = pin!(runtime.spawn(yield_now()));
    for waker in &wakers {
        let waker = Waker::from(Arc::clone(waker));
        assert!(handle.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    runtime.run_until_stalled();
    assert_eq!(wakers.map(|waker| waker.0.load(Ordering::Relaxed)), [0, 0, 1]);
}

/// DataDog/glommio#379
#[test]
fn a_wake_and_then_the_drop_of_the_last_reference() {
    let place = Place::default();
    let waker = block_on(async {
        spawn(leaves_waker(&place)).detach();
        yield_now().await;
        place.take().unwrap()
    });
    waker.wake_by_ref();
    drop(waker);
    assert_eq!(Rc::strong_count(&place), 1);
}

/// tokio-rs/tokio, `task::Inactive` and its like.
#[test]
fn a_wake_after_the_end_does_nothing() {
    let place = Rc::new(RefCell::new(None::<Waker>));
    block_on(async {
        let left = Rc::clone(&place);
        let handle = spawn(poll_fn(move |cx| {
            left.replace(Some(cx.waker().clone()));
            Poll::Ready(7)
        }));
        yield_now().await;
        let waker = place.take().unwrap();
        waker.wake_by_ref();
        let copy = waker.clone();
        thread::spawn(move || copy.wake()).join().unwrap();
        yield_now().await;
        assert_eq!(handle.await.unwrap(), 7);
        waker.wake();
        yield_now().await;
    });
}

/// Found beyond those lists: thread-locals are gone, and the waker is in one of them.
#[test]
fn a_waker_used_while_its_thread_ends() {
    struct Last(Waker);
    impl Drop for Last {
        fn drop(&mut self) {
            drop(self.0.clone());
            self.0.wake_by_ref();
        }
    }
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    thread::spawn(|| {
        // Registered before anything of the executor's, so dropped after it.
        LAST.with(|_| {});
        let runtime = Runtime::new().unwrap();
        let waker = runtime.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
        LAST.set(Some(Last(waker)));
    })
    .join()
    .unwrap();
}

/// Found beyond those lists: nobody can ever wake a task that awaits itself.
#[test]
fn a_task_that_awaits_itself_is_lost_and_not_waited_for() {
    let runtime = Runtime::new().unwrap();
    let own = Rc::new(RefCell::new(None::<taketurns::JoinHandle<()>>));
    let handle = Rc::clone(&own);
    let task = runtime.spawn(async move {
        let handle = handle.take().unwrap();
        drop(handle.await);
    });
    own.replace(Some(task));
    runtime.block_on(async {});
    let report = runtime.shutdown();
    let states: Vec<_> = report.lost().iter().map(task::Info::state).collect();
    assert_eq!(states, [task::State::Waiting], "it holds the only waker of itself: {report}");
}

/// Found beyond those lists: an executor whose wakers poll at once, inside the wake.
#[test]
fn a_waker_that_polls_inside_its_wake_gets_the_output() {
    use futures::task::{ArcWake, waker};
    // The handle cannot leave this thread, so neither does what polls it.
    thread_local! {
        static POLLED: RefCell<Option<taketurns::JoinHandle<u32>>> = const { RefCell::new(None) };
        static GOT: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    }
    struct Inline;
    fn poll(inline: &Arc<Inline>) {
        let Some(mut handle) = POLLED.take() else { return };
        match pin!(&mut handle).poll(&mut Context::from_waker(&waker(Arc::clone(inline)))) {
            Poll::Ready(output) => GOT.with_borrow_mut(|got| got.push(output.unwrap())),
            Poll::Pending => _ = POLLED.replace(Some(handle)),
        }
    }
    impl ArcWake for Inline {
        fn wake_by_ref(inline: &Arc<Self>) {
            poll(inline);
        }
    }
    let runtime = Runtime::new().unwrap();
    POLLED.set(Some(runtime.spawn(async { 42 })));
    poll(&Arc::new(Inline));
    assert_eq!(GOT.take(), []);
    runtime.run_until_stalled();
    assert_eq!(GOT.take(), [42]);
}
