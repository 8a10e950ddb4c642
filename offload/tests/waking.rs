//! Which awaiter is woken, and when.

#![forbid(unsafe_code)]

use std::io;
use std::sync::Mutex;

use super::super::Limiter;
use super::*;

/// Sends its name when it wakes.
struct Named(&'static str, Sender<&'static str>);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.send(self.0).unwrap();
    }
}

/// Sends how many others own it when it wakes.
struct Counts(Arc<()>, Sender<usize>);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.1.send(Arc::strong_count(&self.0) - 1).unwrap();
    }
}

fn poll<T>(job: &mut BlockingHandle<T>, waker: &Waker) -> Poll<Result<T, JoinError>> {
    pin!(job).poll(&mut Context::from_waker(waker))
}

#[test]
fn the_waker_of_the_last_poll_is_woken_once() {
    let pool = pool(1);
    let (mut job, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let (wakes, woken) = unbounded();
    for name in ["first", "second", "second"] {
        let waker = Waker::from(Arc::new(Named(name, wakes.clone())));
        assert!(poll(&mut job, &waker).is_pending());
        assert!(poll(&mut job, &waker).is_pending());
    }
    drop(gate);
    shut_down(&pool);
    assert_eq!(woken.try_iter().collect::<Vec<_>>(), ["second"]);
    assert!(poll(&mut job, Waker::noop()).is_ready());
}

#[test]
fn an_awaiter_of_a_job_that_never_runs_is_woken_after_its_closure_is_dropped() {
    let ends: [fn(&Pool, &BlockingHandle<()>); 2] =
        [|_, job| job.abort(), |pool, _| _ = pool.shut_down(Some(Duration::ZERO))];
    for end in ends {
        let pool = pool(1);
        let (_running, begun, _gate) = spawn_gated(&pool);
        receive(&begun);
        let (owned, (looks, seen)) = (Arc::new(()), unbounded());
        let carried = Arc::clone(&owned);
        let mut job = spawn(&pool, move || drop(carried));
        assert!(poll(&mut job, &Waker::from(Arc::new(Counts(owned, looks)))).is_pending());
        end(&pool, &job);
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [0]);
    }
}

/// Its limiter sends it to its pool, which has no thread for it, on the thread of another pool.
#[test]
fn an_awaiter_of_a_job_that_is_refused_is_woken_after_its_closure_is_dropped() {
    let refuse = |_: &Arc<_>, _| Err(io::Error::other("limit reached"));
    let without = Pool::with_start(Limits::default(), Tokens::without_loop(), refuse);
    let (pool, limiter) = (pool(1), Limiter::new(1));
    let (gate, opened) = unbounded::<()>();
    let inside = pool.enter();
    let running = limiter.spawn_blocking(move || _ = opened.recv());
    drop(inside);
    let (owned, (looks, seen)) = (Arc::new(()), unbounded());
    let carried = Arc::clone(&owned);
    let inside = without.enter();
    let mut job = limiter.spawn_blocking(move || drop(carried));
    drop(inside);
    assert!(poll(&mut job, &Waker::from(Arc::new(Counts(owned, looks)))).is_pending());
    drop(gate);
    assert_eq!(receive(&seen), 0);
    assert!(wait(job).unwrap_err().is_not_started());
    wait(running).unwrap();
}

/// An awaiter that a job wakes finds the job's hold on the clock still out.
#[test]
fn a_job_gives_its_hold_back_after_the_wake() {
    struct Looks(Arc<Tokens>, Sender<bool>);
    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            self.1.send(self.0.are_out()).unwrap();
        }
    }
    let holds = Tokens::without_loop();
    let pool = Pool::new(Limits::default(), Arc::clone(&holds));
    let (mut job, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let (looks, seen) = unbounded();
    let waker = Waker::from(Arc::new(Looks(Arc::clone(&holds), looks)));
    assert!(poll(&mut job, &waker).is_pending());
    drop(gate);
    assert!(receive(&seen));
    shut_down(&pool);
    assert!(!holds.are_out());
}

#[test]
fn a_job_that_never_runs_gives_its_hold_back() {
    let holds = Tokens::without_loop();
    let pool = Pool::new(Limits { max_threads: 1, ..Limits::default() }, Arc::clone(&holds));
    let (_first, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    drop(spawn(&pool, || ()));
    pool.shut_down(Some(Duration::ZERO));
    drop(gate);
    shut_down(&pool);
    assert!(!holds.are_out());
}

#[test]
fn an_abort_in_line_wakes() {
    let pool = pool(1);
    let (_first, begun, _gate) = spawn_gated(&pool);
    receive(&begun);
    let (wakes, woken) = unbounded();
    let mut queued = spawn(&pool, || ());
    assert!(poll(&mut queued, &Waker::from(Arc::new(Named("aborted", wakes)))).is_pending());
    queued.abort();
    assert_eq!(woken.try_iter().collect::<Vec<_>>(), ["aborted"]);
}

#[test]
fn a_shutdown_wakes_whoever_waits_in_line() {
    let pool = pool(1);
    let (_first, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let (wakes, woken) = unbounded();
    let mut queued = spawn(&pool, || ());
    assert!(poll(&mut queued, &Waker::from(Arc::new(Named("refused", wakes)))).is_pending());
    pool.shut_down(Some(Duration::ZERO));
    assert_eq!(woken.try_iter().collect::<Vec<_>>(), ["refused"]);
    drop(gate);
}

#[test]
fn a_dropped_handle_lets_its_waker_go() {
    let pool = pool(1);
    let (mut job, _begun, gate) = spawn_gated(&pool);
    let (wakes, _woken) = unbounded();
    let named = Arc::new(Named("nobody", wakes));
    assert!(poll(&mut job, &Waker::from(Arc::clone(&named))).is_pending());
    assert_eq!(Arc::strong_count(&named), 2);
    drop(job);
    assert_eq!(Arc::strong_count(&named), 1);
    drop(gate);
}

#[test]
fn a_closure_dropped_unrun_may_come_back_to_the_handle() {
    struct Asks(Receiver<Arc<BlockingHandle<()>>>, Sender<bool>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.1.send(receive(&self.0).is_finished()).unwrap();
        }
    }
    let pool = pool(1);
    let (_first, begun, _gate) = spawn_gated(&pool);
    receive(&begun);
    let (give, given) = unbounded();
    let (answer, answers) = unbounded();
    let asks = Asks(given, answer);
    let queued = Arc::new(spawn(&pool, move || drop(asks)));
    give.send(Arc::clone(&queued)).unwrap();
    queued.abort();
    assert!(!receive(&answers), "it has no result before its closure is gone");
    assert!(queued.is_finished());
}

/// Has the handle, and uses it inside `wake`.
struct Holder<F: Fn(BlockingHandle<()>) + Send + Sync> {
    job: Mutex<Option<BlockingHandle<()>>>,
    on_wake: F,
}

impl<F: Fn(BlockingHandle<()>) + Send + Sync + 'static> Wake for Holder<F> {
    fn wake(self: Arc<Self>) {
        let job = self.job.lock().unwrap().take().unwrap();
        (self.on_wake)(job);
    }
}

#[test]
fn a_wake_may_come_back_to_the_handle() {
    type Use = fn(BlockingHandle<()>) -> &'static str;
    let poll_it: Use = |mut job| {
        assert!(poll(&mut job, Waker::noop()).is_ready());
        "polled"
    };
    let drop_it: Use = |job| {
        drop(job);
        "dropped"
    };
    for (on_wake, expected) in [(poll_it, "polled"), (drop_it, "dropped")] {
        let pool = pool(1);
        let (job, _begun, gate) = spawn_gated(&pool);
        let (done, uses) = unbounded();
        let holder = Arc::new(Holder {
            job: Mutex::new(Some(job)),
            on_wake: move |job| done.send(on_wake(job)).unwrap(),
        });
        let waker = Waker::from(Arc::clone(&holder));
        let mut held = holder.job.lock().unwrap();
        assert!(poll(held.as_mut().unwrap(), &waker).is_pending());
        drop(held);
        drop(gate);
        assert_eq!(receive(&uses), expected);
    }
}

#[test]
fn a_waker_that_panics_does_not_end_the_thread() {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("in a waker");
        }
    }
    let pool = pool(1);
    let before = wait(spawn(&pool, || thread::current().id())).unwrap();
    let (mut job, _begun, gate) = spawn_gated(&pool);
    assert!(poll(&mut job, &Waker::from(Arc::new(Bad))).is_pending());
    drop(gate);
    assert_eq!(wait(spawn(&pool, || thread::current().id())).unwrap(), before);
}
