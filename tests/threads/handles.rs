//! What the handles of tasks and jobs keep of others' code: wakers, futures, closures, outputs. It may panic, block
//! and come back.

use std::cell::Cell;
use std::future::{Future, pending};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use taketurns::Handle;

use super::clone::waker_that_clones_by;
use super::runtime;

/// How long a test waits for what must come, only so that a lost output fails instead of hanging.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

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

/// Counts its drops, and is sent again in each.
struct Again {
    send: Arc<dyn Fn(Again) + Send + Sync>,
    drops: Arc<Mutex<u32>>,
}

impl Drop for Again {
    fn drop(&mut self) {
        *self.drops.lock().unwrap() += 1;
        (self.send)(Again { send: Arc::clone(&self.send), drops: Arc::clone(&self.drops) });
    }
}

/// Of what is refused in one go: what comes after is forgotten.
const MOST_REFUSED: u32 = 100_000;

#[test]
fn a_future_that_sends_itself_again_when_it_is_refused_does_not_use_up_the_stack() {
    let drops = Arc::default();
    let runtime = runtime();
    let handle = runtime.handle();
    let send = move |again| drop(handle.spawn(async move { drop::<Again>(again) }));
    let again = Again { send: Arc::new(send), drops: Arc::clone(&drops) };
    runtime
        .spawn(async move {
            let _again = again;
            pending::<()>().await;
        })
        .detach();
    drop(runtime);
    assert_eq!(*drops.lock().unwrap(), 1 + MOST_REFUSED);
}

#[cfg(feature = "offload")]
#[test]
fn a_closure_that_spawns_itself_again_when_it_is_refused_does_not_use_up_the_stack() {
    let drops = Arc::default();
    let send = |again| drop(taketurns::spawn_blocking(move || drop::<Again>(again)));
    let again = Again { send: Arc::new(send), drops: Arc::clone(&drops) };
    let runtime = taketurns::Builder::new().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (open, gate) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        drop(taketurns::spawn_blocking(move || (begin.send(()).unwrap(), gate.recv())));
        begun.recv().unwrap();
        // In line behind it, and dropped when the pool closes.
        drop(taketurns::spawn_blocking(move || drop((open, again))));
    });
    drop(runtime);
    assert_eq!(*drops.lock().unwrap(), 1 + MOST_REFUSED);
}

#[test]
fn a_refused_future_that_panics_when_dropped_leaves_its_sender_and_the_others_alone() {
    let runtime = runtime();
    let handle = runtime.handle();
    drop(runtime);
    let mut remote = handle.spawn(Grenade);
    assert!(
        matches!(poll(&mut remote, Waker::noop()), Poll::Ready(Err(error)) if error.is_shutdown())
    );
    // One after the other, of which the first panics.
    let trace = Arc::new(Mutex::new(Vec::new()));
    let (inner, sender) = (Arc::clone(&trace), handle.clone());
    let bomb = OnDrop(Some(move || {
        let last = Arc::clone(&inner);
        let last = OnDrop(Some(move || last.lock().unwrap().push("last")));
        let held = sender.spawn(async move { drop(last) });
        inner.lock().unwrap().push(if held.is_finished() { "resolved" } else { "pending" });
        panic!("the first");
    }));
    drop(handle.spawn(async move { drop(bomb) }));
    assert_eq!(*trace.lock().unwrap(), ["resolved", "last"]);
}

/// Calls a function when dropped.
struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0.take().unwrap()();
    }
}

#[test]
fn what_a_task_holds_when_it_panics_is_dropped_while_it_unwinds() {
    let runtime = runtime();
    let (send, receive) = mpsc::channel();
    let held = OnDrop(Some(move || send.send(thread::panicking()).unwrap()));
    let joined = futures::future::join(
        async move {
            let _held = held;
            pending::<()>().await;
        },
        async { panic!("beside it") },
    );
    let remote = runtime.handle().spawn(joined);
    assert!(runtime.block_on(remote).unwrap_err().is_panic());
    assert!(receive.recv().unwrap());
}

#[test]
fn a_sent_task_goes_on_when_detached_and_is_aborted_when_its_guard_goes() {
    let runtime = runtime();
    let (send, receive) = mpsc::channel();
    runtime.handle().spawn(async move { send.send("it ran") }).detach();
    let guard = runtime.handle().spawn(pending::<()>()).abort_on_drop();
    runtime.run_until_stalled();
    assert_eq!(receive.try_recv(), Ok("it ran"));
    assert!(!guard.handle().is_finished());
    drop(guard);
    runtime.run_until_stalled();
    assert!(runtime.shutdown().lost().is_empty());
}

#[cfg(feature = "offload")]
#[test]
fn a_job_runs_when_detached_and_leaves_the_line_when_its_guard_goes() {
    let runtime = taketurns::Builder::new().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (open, gate) = mpsc::channel::<()>();
        let (send, receive) = mpsc::channel();
        taketurns::spawn_blocking(move || gate.recv()).detach();
        let (first, second) = (send.clone(), send);
        drop(taketurns::spawn_blocking(move || first.send("aborted")).abort_on_drop());
        taketurns::spawn_blocking(move || second.send("detached")).detach();
        drop(open);
        assert_eq!(receive.recv_timeout(LIMIT), Ok("detached"));
    });
}

/// As tokio's are, whatever the output is.
#[test]
fn handles_may_be_used_after_a_panic_that_was_caught() {
    fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    is_unwind_safe::<Handle>();
    is_unwind_safe::<taketurns::RemoteHandle<Cell<u32>>>();
    #[cfg(feature = "offload")]
    is_unwind_safe::<taketurns::BlockingHandle<Cell<u32>>>();
}
