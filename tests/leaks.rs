//! Nothing leaks: when an executor, its handles and its wakers are gone, so is what they shared. Seen from
//! outside by the driver's unparker, which lives exactly as long as anything can still reach it.

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use taketurns::executor::{Driver, EVENT_INTERVAL, Executor, Pending, Unpark};
use taketurns::{Handle, spawn, yield_now};

/// Never waits; its unparkers share `alive`.
struct Watched(Arc<()>);

struct Alive(#[allow(dead_code, reason = "it is there to be counted")] Arc<()>);

impl Unpark for Alive {
    fn unpark(&self) {}
}

impl Driver for Watched {
    fn wait(&mut self, _: Option<Duration>) {
        thread::yield_now();
    }

    fn wake(&mut self, _: bool) {}

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(Alive(Arc::clone(&self.0)))
    }
}

/// Runs `scene` on an executor; all of it must be gone once what the scene returns is dropped.
fn leak_free<T>(scene: impl FnOnce(&Executor<'static, Watched>) -> T) {
    let alive = Arc::new(());
    let executor = Executor::new(Watched(Arc::clone(&alive)), EVENT_INTERVAL);
    let outlives = scene(&executor);
    drop(executor);
    drop(outlives);
    assert_eq!(Arc::strong_count(&alive), 1, "something is still reachable, or leaked");
}

#[test]
fn tasks_that_ended_were_joined_detached_or_aborted() {
    leak_free(|executor| {
        executor.block_on(async {
            spawn(async {}).await.unwrap();
            spawn(yield_now()).detach();
            let aborted = spawn(pending::<()>());
            aborted.abort();
            assert!(aborted.await.is_err());
            let ended = spawn(async {});
            yield_now().await;
            ended.abort();
        });
    });
}

#[test]
fn a_handle_dropped_while_it_was_awaited() {
    leak_free(|executor| {
        executor.block_on(async {
            let never = spawn(pending::<()>());
            let awaiting = spawn(async move {
                let mut never = never;
                poll_fn(|cx| {
                    assert!(pin!(&mut never).poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
            });
            awaiting.await.unwrap();
        });
    });
}

#[test]
fn a_handle_awaited_in_turn_by_tasks_and_by_foreign_wakers() {
    leak_free(|executor| {
        executor.block_on(async {
            let mut handle = spawn(async {
                yield_now().await;
                yield_now().await;
            });
            let mut cx = std::task::Context::from_waker(Waker::noop());
            for _ in 0..2 {
                assert!(pin!(&mut handle).poll(&mut cx).is_pending());
                poll_fn(|cx| {
                    assert!(pin!(&mut handle).poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
            }
            handle.await.unwrap();
        });
    });
}

#[test]
fn a_handle_that_outlives_its_executor() {
    leak_free(|executor| {
        let (never, done) =
            (executor.spawn(pending::<()>()), executor.spawn(async { Box::new(1) }));
        executor.block_on(yield_now());
        (never, done)
    });
}

#[test]
fn a_waker_that_outlives_its_executor_here_and_on_another_thread() {
    leak_free(|executor| {
        let waker = Rc::new(RefCell::new(None::<Waker>));
        let place = Rc::clone(&waker);
        let task = executor.spawn(poll_fn(move |cx| {
            *place.borrow_mut() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }));
        executor.block_on(yield_now());
        let waker = waker.take().unwrap();
        let copy = waker.clone();
        let elsewhere = thread::spawn(move || {
            copy.wake_by_ref();
            copy.clone()
        });
        (task, elsewhere.join().unwrap(), waker)
    });
}

#[test]
fn a_task_that_ended_while_it_was_in_the_inbox() {
    leak_free(|executor| {
        let waker = Rc::new(RefCell::new(None::<Waker>));
        let place = Rc::clone(&waker);
        let mut woken = false;
        let task = executor.spawn(poll_fn(move |cx| {
            *place.borrow_mut() = Some(cx.waker().clone());
            if std::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending }
        }));
        executor.block_on(async {
            yield_now().await;
            let copy = waker.borrow().clone().unwrap();
            thread::spawn(|| copy.wake()).join().unwrap();
            waker.take().unwrap().wake();
            task.await.unwrap(); // it ends by the wake at home, before the inbox is looked into
            drop(waker.take());
        });
        executor.block_on(yield_now());
    });
}

#[test]
fn tasks_sent_before_the_end() {
    leak_free(|executor| {
        let handle = Handle::new(executor);
        let sending = thread::spawn(move || {
            (handle.spawn(async { 1 }), handle.spawn(pending::<()>()), handle)
        });
        let (one, never, handle) = sending.join().unwrap();
        assert_eq!(executor.block_on(one).unwrap(), 1);
        never.abort();
        (never, handle)
    });
}

#[test]
fn a_task_sent_after_the_end_and_its_sender() {
    let alive = Arc::new(());
    let executor = Executor::new(Watched(Arc::clone(&alive)), EVENT_INTERVAL);
    let handle = Handle::new(&executor);
    drop(executor);
    drop(handle.spawn(async {}));
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(handle);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn what_destructors_spawn_without_end() {
    struct Chain;
    impl Drop for Chain {
        fn drop(&mut self) {
            let next = Chain;
            let handle = spawn(async move {
                let _next = next;
                pending::<()>().await;
            });
            drop(handle);
        }
    }
    leak_free(|executor| executor.spawn(async { drop(Chain) }));
}

#[test]
fn callbacks_that_were_called_refused_or_registered_by_callbacks() {
    leak_free(|executor| {
        let late = executor.block_on(async {
            let early = spawn(yield_now());
            early.on_done(|_| ()).unwrap();
            early.on_done(|_| panic!("a callback")).unwrap();
            drop(early);

            let own = Rc::new(RefCell::new(None));
            let handle = spawn(async { Box::new(1) });
            let copy = Rc::clone(&own);
            let again = move |_: &Result<_, _>| {
                let handle: Option<taketurns::JoinHandle<Box<u32>>> = copy.take();
                handle.unwrap().on_done(|_| ()).unwrap();
            };
            handle.on_done(again).unwrap();
            *own.borrow_mut() = Some(handle);

            let mut taken = spawn(async {});
            (&mut taken).await.unwrap();
            assert!(taken.on_done(|_| ()).is_err());
            yield_now().await;
            Some(spawn(async { Box::new(1) }))
        });
        executor.block_on(yield_now());
        let late = late.unwrap();
        late.on_done(|_| drop(spawn(pending::<()>()))).unwrap(); // pending when the executor ends
        let never = executor.spawn(pending::<()>());
        never.on_done(|outcome| assert!(outcome.is_err())).unwrap();
        late
    });
}

#[test]
fn abort_handles_that_outlive_task_handle_and_executor() {
    leak_free(|executor| {
        let (never, done) = (executor.spawn(pending::<()>()), executor.spawn(async {}));
        let (stopped, freed) = (never.abort_handle(), done.abort_handle());
        drop((executor.block_on(done), executor.spawn(pending::<()>()).abort_on_drop()));
        let copies = (stopped.clone(), freed.clone());
        let copies = thread::spawn(move || {
            copies.0.abort();
            copies.1.abort();
            copies.0.clone()
        });
        let copies = copies.join().unwrap();
        executor.block_on(yield_now());
        (stopped, freed, copies)
    });
}
