//! A thread that waits: `wait`, `wait_timeout`, `try_get` and `call`. It gets what became of the task, or an error at once
//! where a wait would never end.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use taketurns::{Handle, JoinError, RemoteHandle, block_on};

use super::handles::LIMIT;
use super::{on_a_thread, runtime};

/// What an error says, without the place where its task was spawned.
pub(super) fn said_by(error: &JoinError) -> String {
    let text = error.to_string();
    let place = text.find(" spawned at ").expect("it names a place");
    let end = text[place..].find(" was ").expect("it says what became of the task");
    format!("{}{}", &text[..place], &text[place + end..])
}

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    (*payload.downcast::<&str>().unwrap()).to_owned()
}

/// Waits on another thread, which says first that it is about to.
pub(super) fn waits<T: Send + 'static>(
    remote: RemoteHandle<T>,
) -> (thread::JoinHandle<Result<T, JoinError>>, mpsc::Receiver<()>) {
    let (send, receive) = mpsc::channel();
    let waiting = thread::spawn(move || {
        send.send(()).unwrap();
        remote.wait()
    });
    (waiting, receive)
}

#[test]
fn a_thread_waits_for_a_task_that_has_ended_or_will() {
    let (handle, stopped) = on_a_thread();
    let (open, gate) = oneshot::channel();
    let (waiting, begins) = waits(handle.spawn(gate));
    begins.recv().unwrap();
    open.send("opened").unwrap();
    assert_eq!(waiting.join().unwrap().unwrap(), Ok("opened"));
    let first = handle.spawn(async { 1 });
    handle.call(|| ()).unwrap(); // the first has had its turn
    assert!(first.is_finished());
    assert_eq!(first.wait().unwrap(), 1);
    handle.stop();
    stopped.join().unwrap();
}

#[test]
fn a_thread_that_waits_is_told_of_a_panic_with_its_payload() {
    let (handle, stopped) = on_a_thread();
    let error = handle.spawn(async { panic_any(7) }).wait().map(|(): ()| ()).unwrap_err();
    assert!(error.is_panic());
    assert_eq!(error.into_panic().unwrap().downcast_ref(), Some(&7));
    let error = handle.call(|| panic_any(8)).map(|(): ()| ()).unwrap_err();
    assert_eq!(error.into_panic().unwrap().downcast_ref(), Some(&8));
    handle.stop();
    stopped.join().unwrap();
}

/// Panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

#[test]
fn a_payload_that_panics_when_dropped_reaches_the_thread_that_waits_and_no_other() {
    let (handle, stopped) = on_a_thread();
    for _ in 0..100 {
        let error = handle.spawn(async { panic_any(Grenade) }).wait().map(|(): ()| ()).unwrap_err();
        assert!(error.is_panic());
        assert_eq!(panic_text(|| drop(error)), "a destructor");
        // What comes when its handle is gone is dropped on the loop's thread, which goes on.
        let (first, gate) = oneshot::channel::<()>();
        handle.spawn(async { gate.await.map_err(|_| Grenade) }).detach();
        let (second, gate) = oneshot::channel::<()>();
        handle.spawn(async { gate.await.unwrap_or_else(|_| panic_any(Grenade)) }).detach();
        drop((first, second));
    }
    assert_eq!(handle.call(|| 42).unwrap(), 42);
    handle.stop();
    stopped.join().unwrap();
}

#[test]
fn a_current_handle_is_told_of_the_stop_as_any_other() {
    let runtime = runtime();
    let handle = runtime.block_on(async { Handle::current() });
    handle.stop();
    runtime.run_forever();
    let (send, receive) = mpsc::channel();
    thread::spawn(move || send.send(handle.spawn(pending::<()>()).wait()).unwrap());
    assert!(receive.recv_timeout(LIMIT).unwrap().unwrap_err().is_stopped());
}

#[test]
fn a_handle_that_is_dropped_after_a_wait_that_was_too_short_leaves_the_task_alone() {
    let (handle, stopped) = on_a_thread();
    let (open, gate) = oneshot::channel();
    let (send, receive) = mpsc::channel();
    let mut remote = handle.spawn(async move { send.send(gate.await).unwrap() });
    assert!(remote.wait_timeout(Duration::from_millis(1)).is_none());
    drop(remote);
    open.send("opened").unwrap();
    assert_eq!(receive.recv_timeout(LIMIT).unwrap(), Ok("opened"));
    handle.stop();
    stopped.join().unwrap();
}

#[test]
fn a_wait_for_an_aborted_task_ends_with_it() {
    let (handle, stopped) = on_a_thread();
    let remote = handle.spawn(pending::<()>());
    remote.abort();
    assert!(remote.wait().unwrap_err().is_cancelled());
    handle.stop();
    stopped.join().unwrap();
}

#[test]
fn the_end_of_the_runtime_ends_the_waits_for_its_tasks() {
    let runtime = runtime();
    let handle = runtime.handle();
    let (waiting, begins) = waits(handle.spawn(pending::<()>()));
    begins.recv().unwrap();
    drop(runtime);
    let error = waiting.join().unwrap().unwrap_err();
    assert!(error.is_shutdown(), "{error}");
    // Those that begin later, too: the handle outlives the runtime.
    let late = thread::spawn(move || {
        let made = handle.spawn_with(pending::<()>).wait().unwrap_err();
        [handle.spawn(async {}).wait().unwrap_err(), handle.call(|| ()).unwrap_err(), made]
    });
    for error in late.join().unwrap() {
        assert!(error.is_shutdown(), "{error}");
        let expected = "remote task was dropped: its runtime shut down first";
        assert_eq!(said_by(&error), expected);
    }
}

/// Waits in each way on this thread, which is the runtime's own.
fn waits_on_its_own_thread(handle: &Handle) -> Vec<JoinError> {
    let (send, receive) = mpsc::channel();
    let mut limited = handle.spawn(async { 1 });
    let errors = vec![
        handle.spawn(async {}).wait().unwrap_err(),
        limited.wait_timeout(Duration::MAX).unwrap().unwrap_err(),
        handle.call(move || send.send("called")).unwrap_err(),
    ];
    assert!(receive.recv().is_err(), "the function of `call` was dropped, uncalled");
    limited.detach();
    errors
}

#[test]
fn on_the_loops_own_thread_a_wait_is_an_error_at_once() {
    let runtime = runtime();
    let handle = runtime.handle();
    let mut errors = waits_on_its_own_thread(&handle); // before the first run
    errors.extend(runtime.block_on(async { waits_on_its_own_thread(&handle) }));
    let inside = handle.clone();
    let task = runtime.spawn(async move { waits_on_its_own_thread(&inside) });
    errors.extend(runtime.block_on(task).unwrap());
    errors.extend(waits_on_its_own_thread(&handle)); // between two runs
    assert_eq!(errors.len(), 12);
    for error in errors {
        assert!(error.is_own_thread() && !error.is_shutdown());
        assert_eq!(
            said_by(&error),
            "remote task was not waited for: its runtime belongs to this very thread, and cannot run while the thread \
             waits; await the handle instead, or, in place of `Handle::call`, call the function itself"
        );
    }
}

#[test]
fn a_task_that_its_own_thread_could_not_wait_for_goes_on() {
    let runtime = runtime();
    let (send, receive) = mpsc::channel();
    let mut remote = runtime.handle().spawn(async { 42 });
    let detached = runtime.handle().spawn(async move { send.send("it ran") });
    assert!(detached.wait().unwrap_err().is_own_thread());
    assert!(remote.wait_timeout(LIMIT).unwrap().unwrap_err().is_own_thread());
    assert_eq!(runtime.block_on(&mut remote).unwrap(), 42);
    assert_eq!(receive.recv().unwrap(), "it ran");
}

#[test]
fn on_the_loops_own_thread_an_output_that_is_there_is_given() {
    let runtime = runtime();
    let waited = runtime.handle().spawn(async { 1 });
    let mut limited = runtime.handle().spawn(async { 2 });
    runtime.run_until_stalled();
    assert_eq!(waited.wait().unwrap(), 1);
    assert_eq!(limited.wait_timeout(Duration::ZERO).unwrap().unwrap(), 2);
}

#[test]
fn one_loop_may_wait_for_another_on_the_same_thread_never_but_on_another_thread_it_does() {
    let (other, stopped) = on_a_thread();
    let here = runtime();
    assert_eq!(here.block_on(async { other.call(|| 42) }).unwrap(), 42);
    // Both of these are of this thread: neither can run while the other waits.
    let second = runtime();
    let waits = async { second.handle().spawn(async {}).wait() };
    assert!(here.block_on(waits).unwrap_err().is_own_thread());
    other.stop();
    stopped.join().unwrap();
}

#[test]
fn a_wait_with_a_limit_gives_nothing_and_then_the_output() {
    let (handle, stopped) = on_a_thread();
    let (open, gate) = oneshot::channel();
    let mut remote = handle.spawn(gate);
    assert!(remote.wait_timeout(Duration::ZERO).is_none());
    assert!(remote.wait_timeout(Duration::from_millis(1)).is_none());
    assert!(remote.try_get().is_none());
    open.send(42).unwrap();
    assert_eq!(remote.wait_timeout(Duration::MAX).unwrap().unwrap(), Ok(42));
    handle.stop();
    stopped.join().unwrap();
}

#[test]
fn a_handle_gives_the_output_once() {
    let runtime = runtime();
    let mut remote = runtime.handle().spawn(async { 42 });
    assert!(remote.try_get().is_none());
    runtime.run_until_stalled();
    assert_eq!(remote.try_get().unwrap().unwrap(), 42);
    assert!(remote.is_finished());
    let text = "`RemoteHandle` asked for the output again: it gives it once";
    assert_eq!(panic_text(|| drop(remote.try_get())), text);
    assert_eq!(panic_text(|| drop(remote.wait_timeout(Duration::ZERO))), text);
    assert_eq!(panic_text(|| drop(block_on(&mut remote))), text);
    assert_eq!(panic_text(|| drop(remote.wait())), text);
}

#[test]
fn a_wait_leaves_the_unpark_of_its_thread_alone() {
    let (handle, stopped) = on_a_thread();
    let (send, receive) = mpsc::channel();
    let waits = thread::spawn(move || {
        let waiter = thread::current();
        handle.call(move || waiter.unpark()).unwrap();
        thread::park();
        send.send(handle).unwrap();
    });
    receive.recv_timeout(LIMIT).expect("the wait took the unpark").stop();
    waits.join().unwrap();
    stopped.join().unwrap();
}

#[cfg(feature = "offload")]
#[test]
fn a_blocking_job_waits_for_its_own_loop() {
    let runtime = runtime();
    let sum = runtime.block_on(async {
        taketurns::spawn_blocking(|| {
            let handle = Handle::current();
            let one = handle.call(|| 1).unwrap();
            one + handle.spawn(async { 2 }).wait().unwrap()
        })
        .await
        .unwrap()
    });
    assert_eq!(sum, 3);
}

/// Says on which thread it is dropped.
pub(super) struct DroppedOn(pub(super) mpsc::Sender<thread::ThreadId>);

impl Drop for DroppedOn {
    fn drop(&mut self) {
        self.0.send(thread::current().id()).unwrap();
    }
}

/// A future that is not `Send`, and says where it is dropped.
async fn local(dropped: DroppedOn) -> thread::ThreadId {
    let _dropped = std::rc::Rc::new(dropped);
    taketurns::yield_now().await;
    thread::current().id()
}

#[test]
fn a_future_made_on_the_loop_stays_there() {
    let runtime = runtime();
    let handle = runtime.handle();
    let home = thread::current().id();
    let (send, receive) = mpsc::channel();
    let sent = thread::spawn(move || {
        let [runs, aborted] = [(); 2].map(|()| {
            let dropped = DroppedOn(send.clone());
            handle.spawn_with(|| local(dropped))
        });
        let dropped = DroppedOn(send.clone());
        let unmade = handle.spawn_with(move || {
            drop(dropped);
            unreachable!("called after the abort");
            #[expect(unreachable_code, reason = "it says of which type the future would be")]
            pending::<()>()
        });
        let unending = DroppedOn(send.clone());
        let lost = handle.spawn_with(move || async move {
            let _dropped = std::rc::Rc::new(unending);
            pending::<()>().await;
        });
        (runs, aborted, unmade, lost)
    });
    let (runs, aborted, unmade, lost) = sent.join().unwrap();
    unmade.abort();
    assert!(runtime.try_tick().unwrap() && runtime.try_tick().unwrap()); // the first turns of two
    aborted.abort();
    assert_eq!(runtime.block_on(runs).unwrap(), home);
    assert!(block_on(aborted).unwrap_err().is_cancelled());
    assert!(block_on(unmade).unwrap_err().is_cancelled());
    drop(runtime);
    assert!(block_on(lost).unwrap_err().is_shutdown());
    assert_eq!(receive.try_iter().collect::<Vec<_>>(), [home; 4]);
}

#[test]
fn a_function_that_makes_a_future_may_panic_or_be_refused() {
    let runtime = runtime();
    let handle = runtime.handle();
    let panics = handle.spawn_with(|| -> std::future::Pending<()> { panic_any(7) });
    let error = runtime.block_on(panics).unwrap_err();
    assert!(error.task().is_some(), "{error}");
    assert_eq!(error.into_panic().unwrap().downcast_ref(), Some(&7));
    drop(runtime);
    let (send, receive) = mpsc::channel();
    let dropped = DroppedOn(send);
    let sender =
        thread::spawn(move || (handle.spawn_with(|| local(dropped)), thread::current().id()));
    let (refused, sender) = sender.join().unwrap();
    assert!(block_on(refused).unwrap_err().is_shutdown());
    assert_eq!(receive.try_iter().collect::<Vec<_>>(), [sender]);
}

/// Whatever thread asks: no other would do better.
#[test]
fn a_call_after_the_runtimes_end_says_that_it_has_ended() {
    let runtime = runtime();
    let handle = runtime.handle();
    drop(runtime);
    let error = handle.call(|| ()).unwrap_err();
    assert!(error.is_shutdown() && !error.is_own_thread(), "{error}");
}

#[test]
fn a_function_that_was_never_called_is_dropped_at_the_end_of_the_runtime() {
    let runtime = runtime();
    let (send, receive) = mpsc::channel();
    let dropped = DroppedOn(send);
    let unmade = runtime.handle().spawn_with(|| local(dropped));
    drop(runtime);
    assert!(block_on(unmade).unwrap_err().is_shutdown());
    assert_eq!(receive.try_iter().count(), 1);
}

#[test]
fn a_task_that_awaits_a_handle_is_still_woken_after_a_look_that_found_nothing() {
    let runtime = runtime();
    let mut remote = runtime.handle().spawn(async { 42 });
    let woken = Arc::new(Counter::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut remote).poll(&mut cx).is_pending());
    assert!(remote.try_get().is_none());
    runtime.run_until_stalled();
    assert_eq!(woken.0.load(Relaxed), 1);
    assert_eq!(remote.try_get().unwrap().unwrap(), 42);
}

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}
