//! What destructors do while everything ends.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;

use taketurns::{JoinHandle, Runtime, spawn, task, yield_now};

use super::common::Trace;
use super::{Place, leaves_waker, pending_then};

/// tokio-rs/tokio#3752
#[test]
fn what_a_destructor_spawns_is_dropped_and_its_handle_resolves() {
    let late = Rc::new(RefCell::new(None::<JoinHandle<()>>));
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let (place, guard) = (Rc::clone(&late), trace.on_drop("late dropped"));
    runtime
        .spawn(pending_then(move || {
            place.replace(Some(spawn(async move {
                let _guard = guard;
                panic!("it never runs");
            })));
        }))
        .detach();
    runtime.block_on(async {});
    let lost: Vec<_> = runtime.shutdown().lost().iter().map(task::Info::polls).collect();
    assert_eq!((trace.take().as_str(), lost), ("late dropped", vec![1, 0]));
    let late = late.take().unwrap();
    assert!(late.is_finished());
    assert!(Runtime::new().unwrap().block_on(late).unwrap_err().is_shutdown());
}

/// tokio-rs/tokio#3869
#[test]
fn a_destructor_locks_what_a_waker_holds() {
    use std::sync::{Arc, Mutex};
    use std::task::{Wake, Waker};
    struct Locks(Arc<Mutex<u32>>);
    impl Wake for Locks {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let count = Arc::new(Mutex::new(0));
    let runtime = Runtime::new().unwrap();
    let locked = Arc::clone(&count);
    let mut handle = Box::pin(runtime.spawn(pending_then(move || *locked.lock().unwrap() += 10)));
    let waker = Waker::from(Arc::new(Locks(Arc::clone(&count))));
    let polled =
        std::future::Future::poll(handle.as_mut(), &mut std::task::Context::from_waker(&waker));
    assert!(polled.is_pending());
    runtime.run_until_stalled();
    drop(runtime);
    assert_eq!(*count.lock().unwrap(), 11);
}

/// tokio-rs/tokio#2082
#[test]
fn a_destructor_wakes_a_peer_while_the_queue_is_in_use() {
    let places = [Place::default(), Place::default()];
    let runtime = Runtime::new().unwrap();
    for (own, other) in [(0, 1), (1, 0)] {
        let (waits, other) = (leaves_waker(&places[own]), Rc::clone(&places[other]));
        runtime
            .spawn(async move {
                let wakes = pending_then(move || other.take().into_iter().for_each(Waker::wake));
                futures::future::join(waits, wakes).await;
            })
            .detach();
    }
    runtime.block_on(yield_now());
    // One is queued, the other not, when the end comes.
    places[0].borrow().as_ref().unwrap().wake_by_ref();
    assert_eq!(runtime.shutdown().lost().len(), 2);
}

/// tokio-rs/tokio#4834, #7499
#[cfg(feature = "offload")]
#[test]
fn a_destructor_sends_a_job_to_the_pool() {
    let runtime = Runtime::new().unwrap();
    let job = Rc::new(RefCell::new(None));
    let place = Rc::clone(&job);
    runtime
        .spawn(pending_then(move || {
            place.replace(Some(taketurns::spawn_blocking(|| 6 * 7)));
        }))
        .detach();
    runtime.block_on(async {});
    assert!(runtime.shutdown().still_running().is_empty());
    // The pool was there for it: either it was waited for, or it had not begun.
    match Runtime::new().unwrap().block_on(job.take().unwrap()) {
        Ok(answer) => assert_eq!(answer, 42),
        Err(error) => assert!(error.is_shutdown(), "{error}"),
    }
}

/// tokio-rs/tokio#4862
#[cfg(feature = "offload")]
#[test]
fn a_blocking_thread_uses_the_handle_of_a_runtime_that_has_ended() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (send, receive) = std::sync::mpsc::channel();
    runtime.block_on(async {
        drop(taketurns::spawn_blocking(move || {
            begin.send(()).unwrap();
            wait.recv().unwrap();
            send.send(handle.spawn(async {})).unwrap();
        }));
    });
    begun.recv().unwrap();
    let tell = runtime.spawn(pending_then(move || go.send(()).unwrap()));
    runtime.run_until_stalled();
    // The end drops the task, which lets the job go on, which finds the runtime ended or ending.
    drop((tell, runtime));
    let remote = receive.recv().unwrap();
    assert!(Runtime::new().unwrap().block_on(remote).unwrap_err().is_shutdown());
}

/// tokio-rs/tokio-uring#155, tokio-rs/tokio#3963
#[cfg(all(feature = "time", feature = "net"))]
#[test]
fn tasks_are_dropped_before_the_driver_with_the_context_there() {
    use std::cell::Cell;
    use std::future::pending;
    use taketurns::net::TcpListener;
    let runtime = Runtime::new().unwrap();
    let seen = Rc::new(Cell::new(false));
    let note = Rc::clone(&seen);
    runtime
        .spawn(pending_then(move || {
            // All of these need the runtime.
            drop(spawn(pending::<()>()));
            drop(taketurns::time::sleep(std::time::Duration::from_secs(1)));
            let listener = TcpListener::bind(([127, 0, 0, 1], 0));
            note.set(listener.unwrap().local_addr().is_ok());
        }))
        .detach();
    runtime.block_on(async {});
    drop(runtime);
    assert!(seen.get());
}

/// kulupu#169: a runtime dropped inside one of its own tasks. A run borrows the runtime, so the compiler
/// refuses all but a shared one; and of that, the run's own share is never the last.
#[test]
fn a_task_drops_its_share_of_the_runtime_it_runs_on() {
    let runtime = Rc::new(Runtime::new().unwrap());
    let (share, weak) = (Rc::clone(&runtime), Rc::downgrade(&runtime));
    runtime.block_on(async move {
        drop(share);
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
    drop(runtime);
    assert!(weak.upgrade().is_none());
}

/// Found beyond those lists: the handles of two lost tasks are in each other.
#[test]
fn two_tasks_that_own_each_others_handles_and_abort_them_when_dropped() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let handles: [Rc<RefCell<Option<JoinHandle<()>>>>; 2] = Default::default();
    for (own, other) in [(0, 1), (1, 0)] {
        let (other, trace) = (Rc::clone(&handles[other]), trace.clone());
        let task = runtime.spawn(pending_then(move || {
            let handle = other.take();
            trace.push(format!("{own}:{}", handle.is_some()));
            handle.into_iter().for_each(|handle| handle.abort());
        }));
        handles[own].replace(Some(task));
    }
    runtime.block_on(async {});
    assert_eq!(runtime.shutdown().lost().len(), 2);
    assert_eq!(trace.take(), "0:true 1:true");
}

/// Found beyond those lists: by then the thread-locals of its parts are gone.
#[test]
fn a_runtime_kept_in_a_thread_local_ends_with_its_thread() {
    thread_local! {
        static RUNTIME: Runtime = Runtime::new().unwrap();
    }
    let (send, receive) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        RUNTIME.with(|runtime| {
            runtime.spawn(pending_then(move || send.send("dropped").unwrap())).detach();
            runtime.block_on(yield_now());
        });
    });
    thread.join().unwrap();
    assert_eq!(receive.recv(), Ok("dropped"));
}

/// Found beyond those lists: the end of a task is the end of the last way in from other threads.
#[test]
fn a_destructor_uses_and_drops_the_last_handle() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let ended = Rc::new(RefCell::new(None));
    let place = Rc::clone(&ended);
    runtime
        .spawn(pending_then(move || {
            let remote = handle.spawn(async { panic!("it never runs") });
            handle.stop();
            drop(handle);
            place.replace(Some(remote.is_finished()));
        }))
        .detach();
    runtime.block_on(async {});
    assert_eq!(runtime.shutdown().lost().len(), 1);
    assert_eq!(ended.take(), Some(true), "dropped by its sender, at once");
}
