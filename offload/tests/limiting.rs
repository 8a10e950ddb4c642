//! At most so many jobs of one kind at once.

#![forbid(unsafe_code)]

use std::io;
use std::sync::Mutex;

use super::super::Limiter;
use super::*;

/// `Limiter::spawn_blocking` inside the runtime of `pool`.
fn spawn_limited<T: Send + 'static>(
    pool: &Rc<Pool>,
    limiter: &Limiter,
    f: impl FnOnce() -> T + Send + 'static,
) -> BlockingHandle<T> {
    let _inside = pool.enter();
    limiter.spawn_blocking(f)
}

fn gated_within(
    pool: &Rc<Pool>,
    limiter: &Limiter,
) -> (BlockingHandle<()>, Receiver<()>, Sender<()>) {
    let (begins, begun) = unbounded();
    let (gate, opened) = unbounded();
    let job = spawn_limited(pool, limiter, move || {
        begins.send(()).unwrap();
        let _ = opened.recv();
    });
    (job, begun, gate)
}

#[test]
fn never_more_than_n_run_at_once() {
    let (pool, limiter) = (pool(8), Limiter::new(3));
    let running = Arc::new(Mutex::new((0, 0)));
    let jobs: Vec<_> = (0..300)
        .map(|job| {
            let running = Arc::clone(&running);
            spawn_limited(&pool, &limiter, move || {
                let mut counts = running.lock().unwrap();
                counts.0 += 1;
                counts.1 = counts.0.max(counts.1);
                drop(counts);
                thread::yield_now();
                running.lock().unwrap().0 -= 1;
                job
            })
        })
        .collect();
    for (number, job) in jobs.into_iter().enumerate() {
        assert_eq!(wait(job).unwrap(), number);
    }
    let (left, most) = *running.lock().unwrap();
    assert_eq!(left, 0);
    assert!(most <= 3, "{most} at once");
    assert_eq!(format!("{limiter:?}"), "Limiter(3)");
}

#[test]
fn those_beyond_n_hold_no_thread_and_come_in_order() {
    let (pool, limiter) = (pool(4), Limiter::new(1));
    let (first, begun, gate) = gated_within(&pool, &limiter);
    receive(&begun);
    let (trace, traced) = unbounded();
    for job in 1..=5 {
        let trace = trace.clone();
        spawn_limited(&pool, &limiter, move || trace.send(job).unwrap()).detach();
    }
    assert_eq!(pool.threads(), 1);
    assert_eq!(wait(spawn(&pool, || "another kind")).unwrap(), "another kind");
    assert!(traced.try_recv().is_err());
    drop(gate);
    wait(first).unwrap();
    assert_eq!((0..5).map(|_| receive(&traced)).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[test]
fn a_job_aborted_while_it_waits_leaves_the_line() {
    let (pool, limiter) = (pool(2), Limiter::new(1));
    let (first, begun, gate) = gated_within(&pool, &limiter);
    receive(&begun);
    let captured = Arc::new(());
    let held = Arc::clone(&captured);
    let waits = spawn_limited(&pool, &limiter, move || drop(held));
    let next = spawn_limited(&pool, &limiter, || "next");
    assert!(waits.is_queued() && next.is_queued());
    waits.abort();
    assert_eq!(Arc::strong_count(&captured), 1);
    assert!(wait(waits).unwrap_err().is_cancelled());
    drop(gate);
    wait(first).unwrap();
    assert_eq!(wait(next).unwrap(), "next");
    assert_eq!(wait(spawn_limited(&pool, &limiter, || "free")).unwrap(), "free");
}

#[test]
fn a_job_aborted_while_it_waits_gives_no_permit_back() {
    let (pool, limiter) = (pool(2), Limiter::new(1));
    let (first, begun, gate) = gated_within(&pool, &limiter);
    receive(&begun);
    let aborted = spawn_limited(&pool, &limiter, || ());
    let waits = spawn_limited(&pool, &limiter, || ());
    aborted.abort();
    assert_eq!(wait(spawn(&pool, || "another kind")).unwrap(), "another kind");
    assert!(waits.is_queued());
    drop(gate);
    wait(first).unwrap();
    wait(waits).unwrap();
}

#[test]
fn jobs_aborted_while_they_wait_do_not_fill_the_line() {
    let (pool, limiter) = (pool(1), Limiter::new(1));
    let (_first, begun, _gate) = gated_within(&pool, &limiter);
    receive(&begun);
    let weak: Vec<_> = (0..200)
        .map(|_| {
            let job = spawn_limited(&pool, &limiter, || ());
            job.abort();
            Arc::downgrade(job.job())
        })
        .collect();
    let left = weak.iter().filter(|job| job.strong_count() > 0).count();
    assert!(left <= 64, "{left} of 200 are still in the line");
}

#[test]
fn one_may_be_aborted_while_many_wait() {
    let (pool, limiter) = (pool(1), Limiter::new(1));
    let (_first, begun, gate) = gated_within(&pool, &limiter);
    receive(&begun);
    let mut jobs: Vec<_> =
        (0..100).map(|number| spawn_limited(&pool, &limiter, move || number)).collect();
    jobs[50].abort();
    drop(gate);
    assert!(wait(jobs.remove(50)).unwrap_err().is_cancelled());
    assert!(jobs.into_iter().map(|job| wait(job).unwrap()).eq((0..100).filter(|&it| it != 50)));
}

/// The pool has no thread for it, but it has its permit, which must not go with it.
#[test]
fn a_job_aborted_in_the_line_of_its_pool_hands_its_permit_on() {
    let (pool, limiter) = (pool(1), Limiter::new(1));
    let other = self::pool(1);
    let (running, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let queued = spawn_limited(&pool, &limiter, || ());
    let waits = spawn_limited(&other, &limiter, || "ran in the other pool");
    queued.abort();
    assert_eq!(wait(waits).unwrap(), "ran in the other pool");
    drop(gate);
    wait(running).unwrap();
}

#[test]
fn a_panic_hands_the_permit_on() {
    let (pool, limiter) = (pool(1), Limiter::new(1));
    for _ in 0..3 {
        let job = spawn_limited(&pool, &limiter, || panic!("no such row"));
        assert!(wait(job).unwrap_err().is_panic());
    }
    assert_eq!(wait(spawn_limited(&pool, &limiter, || "next")).unwrap(), "next");
}

#[test]
fn a_detached_job_has_its_permit_until_its_output_is_dropped() {
    struct Output(Receiver<()>);
    impl Drop for Output {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }
    let (pool, limiter) = (pool(2), Limiter::new(1));
    let (gate, opened) = unbounded::<()>();
    let (detached, goes_on) = unbounded::<()>();
    let job = move || {
        let _ = goes_on.recv(); // or the handle would find the output, and drop it here
        Output(opened)
    };
    spawn_limited(&pool, &limiter, job).detach();
    drop(detached);
    let waits = spawn_limited(&pool, &limiter, || ());
    assert_eq!(wait(spawn(&pool, || "another kind")).unwrap(), "another kind");
    assert!(waits.is_queued());
    drop(gate);
    wait(waits).unwrap();
}

/// Of two runtimes that share a limiter, one ends.
#[test]
fn the_close_of_a_pool_ends_its_jobs_that_wait_and_no_others() {
    let (pool, other, limiter) = (pool(1), self::pool(1), Limiter::new(1));
    let (running, begun, gate) = gated_within(&other, &limiter);
    receive(&begun);
    let captured = Arc::new(());
    let held = Arc::clone(&captured);
    let ends = spawn_limited(&pool, &limiter, move || drop(held));
    let stays = spawn_limited(&other, &limiter, || "stayed");
    shut_down(&pool);
    assert_eq!(Arc::strong_count(&captured), 1);
    assert!(wait(ends).unwrap_err().is_shutdown());
    assert!(wait(spawn_limited(&pool, &limiter, || ())).unwrap_err().is_shutdown());
    drop(gate);
    wait(running).unwrap();
    assert_eq!(wait(stays).unwrap(), "stayed");
}

/// Each is refused as it comes, and gives its permit to the next inside of that.
#[test]
fn the_close_of_a_pool_ends_its_jobs_that_wait_for_any_of_many_limiters() {
    let (pool, other) = (pool(1), self::pool(1));
    let (_running, begun, _gate) = spawn_gated(&other);
    receive(&begun);
    let limiters: Vec<_> = (0..100).map(|_| Limiter::new(1)).collect();
    let _hold: Vec<_> = limiters.iter().map(|it| spawn_limited(&other, it, || ())).collect();
    let wait_all: Vec<_> = limiters.iter().map(|it| spawn_limited(&pool, it, || ())).collect();
    shut_down(&pool);
    assert!(wait_all.into_iter().all(|job| wait(job).unwrap_err().is_shutdown()));
}

#[test]
fn jobs_that_find_no_thread_one_after_the_other_do_not_overflow_the_stack() {
    let refuse = |_: &Arc<_>, _| Err(io::Error::other("limit reached"));
    let without = Pool::with_start(Limits::default(), Tokens::without_loop(), refuse);
    let (pool, limiter) = (pool(1), Limiter::new(1));
    let (running, begun, gate) = gated_within(&pool, &limiter);
    receive(&begun);
    let jobs: Vec<_> = (0..50_000).map(|_| spawn_limited(&without, &limiter, || ())).collect();
    drop(gate);
    wait(running).unwrap();
    for job in jobs {
        assert!(wait(job).unwrap_err().is_not_started());
    }
    assert_eq!(wait(spawn_limited(&pool, &limiter, || "next")).unwrap(), "next");
}

#[test]
fn jobs_that_wait_for_the_limiter_take_room() {
    let limits = Limits { max_threads: 2, max_queued: Some(1), ..Limits::default() };
    let pool = Pool::new(limits, Tokens::without_loop());
    let limiter = Limiter::new(1);
    let (running, begun, gate) = gated_within(&pool, &limiter);
    receive(&begun);
    let inside = pool.enter();
    let waits = [(); 2].map(|()| limiter.try_spawn_blocking(|| ()).unwrap());
    assert!(limiter.try_spawn_blocking(|| ()).is_err());
    assert!(wait(limiter.spawn_blocking(|| ())).unwrap_err().is_queue_full());
    waits[0].abort();
    let mut room = super::super::reserve();
    let Poll::Ready(room) = pin!(&mut room).poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the aborted job gave its place back");
    };
    let next = limiter.spawn_blocking_in(room, || "in its room");
    assert!(next.is_queued());
    drop(inside);
    drop(gate);
    wait(running).unwrap();
    assert_eq!(wait(next).unwrap(), "in its room");
}

#[test]
#[should_panic(expected = "a `Limiter` must allow at least 1 job")]
fn a_limiter_of_none_is_refused() {
    let _ = Limiter::new(0);
}
