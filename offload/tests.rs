//! What a user of the pool would notice. A job stands still at a gate (a channel) until its test
//! opens it; nothing sleeps. Waits are bounded only so that a lost job fails instead of hanging.

#![forbid(unsafe_code)]

mod asking;
mod by_hand;
mod growth;
mod limiting;
mod rooms;
mod shutdown;
mod spinning;
mod waking;

use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::limits::Limits;
use super::pool::Pool;
use super::{BlockingHandle, spawn_blocking};
use crate::common::tokens::Tokens;
use crate::executor::JoinError;

/// How long a test waits for what must come.
const LIMIT: Duration = Duration::from_secs(20);

fn pool(max_threads: usize) -> Rc<Pool> {
    Pool::new(Limits { max_threads, ..Limits::default() }, Tokens::without_loop())
}

/// `spawn_blocking` inside the runtime of `pool`.
#[track_caller]
fn spawn<T: Send + 'static>(
    pool: &Rc<Pool>,
    f: impl FnOnce() -> T + Send + 'static,
) -> BlockingHandle<T> {
    let _inside = pool.enter();
    spawn_blocking(f)
}

/// A job that says it has begun, and ends when the gate is opened or dropped.
fn spawn_gated(pool: &Rc<Pool>) -> (BlockingHandle<()>, Receiver<()>, Sender<()>) {
    let (begins, begun) = unbounded();
    let (gate, opened) = unbounded();
    let job = spawn(pool, move || {
        begins.send(()).unwrap();
        let _ = opened.recv();
    });
    (job, begun, gate)
}

#[track_caller]
fn receive<T>(from: &Receiver<T>) -> T {
    from.recv_timeout(LIMIT).expect("it never came")
}

/// Waits until every thread has ended.
#[track_caller]
fn shut_down(pool: &Pool) {
    let unfinished = pool.shut_down(Some(LIMIT));
    assert!(unfinished.is_empty(), "{unfinished:?}");
    assert_eq!(pool.threads(), 0);
}

/// Waits for the result on this thread.
#[track_caller]
fn wait<T>(job: BlockingHandle<T>) -> Result<T, JoinError> {
    struct Tell(Sender<()>);
    impl Wake for Tell {
        fn wake(self: Arc<Self>) {
            self.0.send(()).unwrap();
        }
    }
    let (tell, told) = unbounded();
    let waker = Waker::from(Arc::new(Tell(tell)));
    let mut job = pin!(job);
    loop {
        match job.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => receive(&told),
        }
    }
}

fn panic_text(f: impl FnOnce()) -> String {
    let payload = panic::catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast_ref::<&str>().unwrap()).to_owned(),
    }
}

/// What an error says, without the place where its job was spawned, which it says too.
fn said_by(error: &JoinError) -> String {
    let place = format!(" spawned at {}", error.site().expect("it is of a job"));
    let text = error.to_string();
    assert!(text.contains(&place), "{text}");
    text.replace(&place, "")
}

/// Panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

#[test]
fn the_output_arrives() {
    let pool = pool(1);
    assert_eq!(wait(spawn(&pool, || 6 * 7)).unwrap(), 42);
}

#[test]
fn a_panic_arrives_with_its_payload_and_the_thread_goes_on() {
    let pool = pool(1);
    let before = wait(spawn(&pool, || thread::current().id())).unwrap();
    let error = wait(spawn(&pool, || panic!("no such file"))).unwrap_err();
    assert!(error.is_panic());
    assert_eq!(said_by(&error), "blocking job panicked: no such file");
    assert_eq!(error.into_panic().unwrap().downcast_ref(), Some(&"no such file"));
    assert_eq!(wait(spawn(&pool, || thread::current().id())).unwrap(), before);
}

#[test]
fn destructors_that_panic_do_not_end_the_thread() {
    let pool = pool(1);
    let before = wait(spawn(&pool, || thread::current().id())).unwrap();
    let (gate, opened) = unbounded::<()>();
    drop(spawn(&pool, move || {
        let _ = opened.recv();
        Grenade
    }));
    let carried = Grenade;
    let aborted = spawn(&pool, move || drop(carried));
    aborted.abort();
    assert!(wait(aborted).unwrap_err().is_cancelled());
    drop(gate);
    assert_eq!(wait(spawn(&pool, || thread::current().id())).unwrap(), before);
}

#[test]
fn the_payload_of_a_panic_in_a_destructor_is_dropped() {
    struct Throws(Option<Arc<()>>);
    impl Drop for Throws {
        fn drop(&mut self) {
            panic::panic_any(self.0.take());
        }
    }
    let pool = pool(1);
    let (first, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let payload = Arc::new(());
    let carried = Throws(Some(Arc::clone(&payload)));
    spawn(&pool, move || drop(carried)).abort();
    assert_eq!(Arc::strong_count(&payload), 1);
    drop(gate);
    wait(first).unwrap();
}

#[test]
fn jobs_leave_the_line_in_order() {
    let pool = pool(1);
    let (trace, traced) = unbounded();
    for job in 1..=5 {
        let trace = trace.clone();
        drop(spawn(&pool, move || trace.send(job).unwrap()));
    }
    let order: Vec<i32> = (0..5).map(|_| receive(&traced)).collect();
    assert_eq!(order, [1, 2, 3, 4, 5]);
}

#[test]
fn a_job_aborted_in_line_never_runs_and_its_closure_is_dropped_at_once() {
    let pool = pool(1);
    let (first, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let captured = Arc::new(());
    let (ran, never) = unbounded::<Arc<()>>();
    let queued = spawn(&pool, {
        let captured = Arc::clone(&captured);
        move || ran.send(captured).unwrap()
    });
    assert_eq!(format!("{first:?} {queued:?}"), "BlockingHandle(Running) BlockingHandle(Queued)");
    assert!(queued.is_queued() && !queued.is_running() && !queued.is_finished());
    assert!(first.is_running() && !first.is_queued() && !first.is_finished());
    queued.abort();
    assert_eq!(Arc::strong_count(&captured), 1);
    assert!(queued.is_finished() && !queued.is_queued());
    let error = wait(queued).unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(said_by(&error), "blocking job was cancelled");
    drop(gate);
    wait(first).unwrap();
    assert_eq!(wait(spawn(&pool, || "next")).unwrap(), "next");
    assert!(never.try_recv().is_err());
}

#[test]
fn a_running_job_is_not_stopped_by_abort() {
    let pool = pool(1);
    let (job, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    job.abort();
    assert!(job.is_running() && !job.is_finished());
    drop(gate);
    wait(job).unwrap();
}

#[test]
fn a_dropped_handle_detaches_its_job() {
    let pool = pool(1);
    let (first, _begun, gate) = spawn_gated(&pool);
    let (ran, runs) = unbounded();
    drop(spawn(&pool, move || ran.send("it ran").unwrap()));
    drop(first);
    drop(gate);
    assert_eq!(receive(&runs), "it ran");
}

#[test]
fn a_handle_polled_after_its_result_says_so() {
    let pool = pool(1);
    let mut job = pin!(spawn(&pool, || ()));
    shut_down(&pool);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(job.as_mut().poll(&mut cx).is_ready());
    assert!(job.is_finished());
    let text = panic_text(|| drop(job.as_mut().poll(&mut cx)));
    assert_eq!(text, "`BlockingHandle` polled after it gave its result: await it once");
}

#[test]
fn without_a_runtime_spawn_blocking_names_itself_and_the_remedy() {
    let text = panic_text(|| drop(spawn_blocking(|| ())));
    assert!(text.starts_with(
        "`spawn_blocking` needs a runtime: call it inside `taketurns::block_on` or a task"
    ));
    let inside = wait(spawn(&pool(1), || drop(spawn_blocking(|| ())))).unwrap_err();
    assert_eq!(said_by(&inside), format!("blocking job panicked: {text}"));
}

#[test]
fn a_handle_goes_to_other_threads() {
    fn is_send_and_unpin<T: Send + Sync + Unpin>(job: T) -> T {
        job
    }
    let pool = pool(1);
    let job = is_send_and_unpin(spawn(&pool, || 42));
    assert_eq!(thread::spawn(move || wait(job).unwrap()).join().unwrap(), 42);
}
