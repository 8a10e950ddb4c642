//! Other threads: waking, sending tasks, stopping. No test sleeps: a channel says when.

#[path = "common/clone.rs"]
mod clone;
mod common;

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use clone::waker_that_clones_by;
use common::Trace;
use futures::task::{LocalSpawnExt, SpawnExt};
use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
use taketurns::{Handle, Runtime, block_on, spawn, yield_now};

/// How long a test waits for what must come, only so that a lost output fails instead of hanging.
const LIMIT: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

/// Waits once, to be woken on another thread in this way.
fn wait_for(wake: impl FnOnce(Waker) + Send + 'static) {
    let (send, receive) = mpsc::channel();
    let waking = thread::spawn(move || wake(receive.recv().unwrap()));
    let mut first = true;
    block_on(poll_fn(|cx| {
        if std::mem::take(&mut first) {
            send.send(cx.waker().clone()).unwrap();
            return Poll::Pending;
        }
        Poll::Ready(())
    }));
    waking.join().unwrap();
}

#[test]
fn a_wake_from_another_thread_ends_the_wait() {
    wait_for(Waker::wake);
}

#[test]
fn an_executor_over_a_parked_thread_is_woken_too() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let handle = Handle::new(&executor);
    let sent = thread::spawn(move || handle.spawn(async { 42 }));
    executor.block_on(async {
        yield_now().await;
        assert_eq!(sent.join().unwrap().await.unwrap(), 42);
    });
}

#[test]
fn a_wake_from_inside_another_threads_executor_is_a_wake_from_elsewhere() {
    wait_for(|waker| block_on(async { waker.wake() }));
}

#[test]
fn tasks_sent_by_a_thread_run_in_the_order_of_sending() {
    let runtime = runtime();
    let handle = runtime.handle();
    let (send, receive) = mpsc::channel();
    let remotes = thread::spawn(move || {
        (0..5)
            .map(|number| {
                let send = send.clone();
                handle.spawn(async move {
                    send.send(number).unwrap();
                    number * 10
                })
            })
            .collect::<Vec<_>>()
    })
    .join()
    .unwrap();
    let outputs = runtime.block_on(async {
        let mut outputs = Vec::new();
        for remote in remotes {
            outputs.push(remote.await.unwrap());
        }
        outputs
    });
    assert_eq!(outputs, [0, 10, 20, 30, 40]);
    assert_eq!(receive.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn thousands_of_wakes_of_one_task_while_the_loop_is_busy_do_not_block() {
    let (send, receive) = mpsc::channel::<Waker>();
    let waking = thread::spawn(move || {
        let waker = receive.recv().unwrap();
        for _ in 0..10_000 {
            waker.wake_by_ref();
        }
        let copies: Vec<_> = (0..1000).map(|_| waker.clone()).collect();
        copies.into_iter().for_each(Waker::wake);
    });
    let mut waking = Some(waking);
    let mut polls = 0;
    block_on(poll_fn(|cx| {
        polls += 1;
        if polls == 1 {
            send.send(cx.waker().clone()).unwrap();
            waking.take().unwrap().join().unwrap();
            return Poll::Pending;
        }
        Poll::Ready(())
    }));
    assert_eq!(polls, 2);
}

#[test]
fn a_remote_handle_says_what_became_of_the_task() {
    let runtime = runtime();
    let handle = runtime.handle();
    let panics = handle.spawn(async { panic!("boom") });
    let aborted = handle.spawn(std::future::pending::<()>());
    let lost = handle.spawn(std::future::pending::<()>());
    runtime.block_on(async {
        let error = panics.await.map(|(): ()| ()).unwrap_err();
        assert_eq!(error.to_string(), "remote task panicked: boom");
        aborted.abort();
        assert!(!aborted.is_finished());
        assert_eq!(aborted.await.unwrap_err().to_string(), "remote task was cancelled");
    });
    assert_eq!(runtime.shutdown().lost().len(), 1);
    let error = block_on(lost).unwrap_err();
    assert_eq!(error.to_string(), "remote task was dropped: its runtime shut down first");
}

#[test]
fn a_task_sent_to_a_runtime_that_has_ended_is_dropped_by_the_sender() {
    let runtime = runtime();
    let handle = runtime.handle();
    drop(runtime);
    let (send, receive) = mpsc::channel::<()>();
    let remote = handle.spawn(async move { drop(send) });
    assert!(remote.is_finished());
    assert!(receive.recv().is_err());
    assert!(block_on(remote).unwrap_err().is_shutdown());
    remote_abort_of_nothing(&handle);
}

fn remote_abort_of_nothing(handle: &taketurns::Handle) {
    let remote = handle.spawn(async {});
    remote.abort();
    assert!(block_on(remote).unwrap_err().is_shutdown());
}

#[test]
fn stop_ends_run_forever_and_the_tasks_go_on_in_the_next_run() {
    let trace = Trace::new();
    let runtime = runtime();
    let (handle, inner) = (runtime.handle(), trace.clone());
    runtime
        .spawn(async move {
            for turn in 0.. {
                inner.push(turn);
                if turn == 2 {
                    handle.stop();
                }
                yield_now().await;
            }
        })
        .detach();
    runtime.run_forever();
    // Turn 3 is the last turn that what is queued takes.
    assert_eq!(trace.take(), "0 1 2 3");
    runtime.block_on(async {});
    assert_eq!(trace.take(), "4 5");
}

#[test]
fn a_stop_from_another_thread_ends_a_wait_and_one_before_the_run_ends_it_at_once() {
    let runtime = runtime();
    let handle = runtime.handle();
    let (send, receive) = mpsc::channel();
    let stopping = thread::spawn(move || {
        receive.recv().unwrap();
        handle.stop();
        handle
    });
    runtime.spawn(async move { send.send(()).unwrap() }).detach();
    runtime.run_forever();
    stopping.join().unwrap().stop();
    runtime.run_forever();
}

#[test]
fn the_fields_own_traits_spawn_too() {
    let runtime = runtime();
    let (send, receive) = mpsc::channel();
    for name in ["local", "send", "remote"] {
        let send = send.clone();
        let future = async move { send.send(name).unwrap() };
        match name {
            "local" => runtime.spawn_local(future).unwrap(),
            "send" => SpawnExt::spawn(&runtime, future).unwrap(),
            _ => SpawnExt::spawn(&runtime.handle(), future).unwrap(),
        }
    }
    runtime.block_on(async { spawn(async {}).await.unwrap() });
    assert_eq!(receive.try_iter().collect::<Vec<_>>(), ["local", "send", "remote"]);
    let handle = runtime.handle();
    drop(runtime);
    assert!(SpawnExt::spawn(&handle, async {}).unwrap_err().is_shutdown());
}

/// Does nothing. Who else has it is counted.
struct Nothing;

impl Wake for Nothing {
    fn wake(self: Arc<Self>) {}
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Panics when dropped: as an output, a payload, or a future that gives another.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

impl Future for Grenade {
    type Output = Grenade;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Grenade> {
        Poll::Ready(Grenade)
    }
}

#[test]
fn a_task_whose_future_and_output_panic_when_dropped_still_resolves_its_handle() {
    let runtime = runtime();
    let mut remote = runtime.handle().spawn(Grenade);
    runtime.run_until_stalled();
    let Poll::Ready(Err(error)) = poll(&mut remote, Waker::noop()) else { panic!("it ended") };
    assert!(error.to_string().ends_with("panicked: a destructor"), "{error}");
    // The same for one that is aborted.
    let mut remote = runtime.handle().spawn(async {
        let _grenade = Grenade;
        pending::<()>().await;
    });
    runtime.run_until_stalled();
    remote.abort();
    runtime.run_until_stalled();
    assert!(remote.is_finished());
    let Poll::Ready(Err(error)) = poll(&mut remote, Waker::noop()) else { panic!("it ended") };
    assert!(error.is_panic());
}

/// Opens a gate, and waits until what stands behind the gate has been passed.
fn passes(open: mpsc::Sender<()>, passed: mpsc::Receiver<()>) -> impl Fn() + Send + Sync {
    let passed = Mutex::new(passed);
    move || {
        open.send(()).unwrap();
        passed.lock().unwrap().recv_timeout(LIMIT).expect("it is held up by the clone");
    }
}

#[test]
fn a_waker_may_wait_for_the_executor_while_a_remote_handle_clones_it() {
    let (open, gate) = mpsc::channel();
    let (pass, passed) = mpsc::channel();
    let (send, receive) = mpsc::channel();
    let executor = thread::spawn(move || {
        let runtime = runtime();
        send.send(runtime.handle()).unwrap();
        runtime.run_forever();
    });
    let handle: Handle = receive.recv().unwrap();
    let mut first = handle.spawn(async move { gate.recv().unwrap() });
    let mut second = handle.spawn(async move { pass.send(()).unwrap() });
    assert!(poll(&mut second, Waker::noop()).is_pending());
    // The output came while the waker was cloned, so it is given at once.
    let waker = waker_that_clones_by(passes(open, passed));
    assert!(matches!(poll(&mut first, &waker), Poll::Ready(Ok(()))));
    handle.stop();
    executor.join().unwrap();
}

#[cfg(feature = "offload")]
#[test]
fn a_waker_may_wait_for_the_pool_while_a_blocking_handle_clones_it() {
    let (open, gate) = mpsc::channel();
    let (pass, passed) = mpsc::channel();
    let runtime = taketurns::Builder::new().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let mut first = taketurns::spawn_blocking(move || gate.recv().unwrap());
        let second = taketurns::spawn_blocking(move || pass.send(()).unwrap());
        let waker = waker_that_clones_by(passes(open, passed));
        assert!(matches!(poll(&mut first, &waker), Poll::Ready(Ok(()))));
        second.await.unwrap();
    });
}

/// Polls the handle with a waker that is counted, then does `then`, which is to let go of it.
fn lets_its_waker_go<H: Future + Unpin>(mut handle: H, then: impl FnOnce(H)) {
    let nothing = Arc::new(Nothing);
    assert!(poll(&mut handle, &Waker::from(Arc::clone(&nothing))).is_pending());
    assert_eq!(Arc::strong_count(&nothing), 2);
    then(handle);
    assert_eq!(Arc::strong_count(&nothing), 1);
}

#[test]
fn a_dropped_handle_gives_its_waker_back_at_once() {
    let runtime = runtime();
    lets_its_waker_go(runtime.handle().spawn(pending::<()>()), drop);
    #[cfg(feature = "offload")]
    runtime.block_on(async {
        let (open, gate) = mpsc::channel::<()>();
        lets_its_waker_go(taketurns::spawn_blocking(move || gate.recv()), drop);
        drop(open);
    });
}

#[test]
fn a_poll_that_wants_no_wake_makes_a_handle_forget_its_waker() {
    fn forgets<H: Future + Unpin>(handle: H) {
        let mut kept = None;
        lets_its_waker_go(handle, |mut handle| {
            assert!(poll(&mut handle, Waker::noop()).is_pending());
            kept = Some(handle);
        });
    }
    let runtime = runtime();
    forgets(runtime.handle().spawn(pending::<()>()));
    #[cfg(feature = "offload")]
    runtime.block_on(async {
        let (open, gate) = mpsc::channel::<()>();
        forgets(taketurns::spawn_blocking(move || gate.recv()));
        drop(open);
    });
}
