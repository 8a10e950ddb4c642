//! The numbers of a loop, as other threads read them.

use std::thread;
use std::time::Duration;

use taketurns::insight::{LoopState, Metrics};
use taketurns::{Builder, Handle, Runtime, spawn, task, yield_now};

/// What another thread reads, while the loop is stuck.
fn by_a_thread(handle: &Handle) -> Metrics {
    let handle = handle.clone();
    thread::spawn(move || handle.metrics()).join().unwrap()
}

#[test]
fn a_loop_that_was_not_run_has_done_nothing() {
    let metrics = by_a_thread(&Runtime::new().unwrap().handle());
    let Metrics { turns, looks, spawned, live, ready, away_wakes, parks, .. } = metrics;
    assert_eq!([turns, looks, spawned, live, ready, away_wakes, parks], [0; 7]);
    assert_eq!((metrics.parked, metrics.running), (Duration::ZERO, None));
}

#[test]
fn a_thread_reads_the_numbers_while_the_loop_is_stuck() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let metrics = runtime.block_on(async {
        let stays = spawn(std::future::pending::<()>());
        spawn(async {}).await.unwrap();
        for _ in 0..3 {
            spawn(async {}).detach();
        }
        let metrics = by_a_thread(&handle); // in the second turn of this future
        drop(stays);
        metrics
    });
    assert_eq!((metrics.stands, metrics.spawned, metrics.live), (LoopState::Runs, 5, 4));
    assert_eq!(metrics.turns, 3); // of this future, and of two tasks
    // Three tasks, and this future where the loop does not say which task has its turn. With `inspect` it always does.
    assert_eq!(metrics.ready, if cfg!(feature = "inspect") { 3 } else { 4 });
}

#[test]
fn with_a_slab_the_metrics_say_which_task_has_its_turn() {
    let line = line!() + 4;
    let runtime = Builder::new().task_slab(true).build().unwrap();
    let handle = runtime.handle();
    let (metrics, id) = runtime.block_on(async {
        let task = task::Builder::new().name("asks").spawn(async move {
            spawn(async {}).detach();
            by_a_thread(&handle)
        });
        let id = task.id();
        (task.await.unwrap(), id)
    });
    assert_eq!((metrics.running, metrics.ready), (Some(id), 1));
    assert_eq!(metrics.running_name.as_deref(), Some("asks"));
    let site = metrics.running_site.unwrap();
    assert_eq!((site.file(), site.line()), (file!(), line));
    let begin = format!("the loop is in the turn of task {id} \"asks\", spawned at {site}: ");
    assert!(metrics.to_string().starts_with(&begin), "{metrics}");
    let metrics = runtime.metrics();
    assert_eq!((metrics.running, metrics.running_name, metrics.running_site), (None, None, None));
}

#[test]
fn looks_see_how_long_the_run_queue_was() {
    let runtime = Builder::new().event_interval(1).build().unwrap();
    runtime.block_on(async {
        for _ in 0..7 {
            spawn(async {}).detach();
        }
        yield_now().await;
    });
    let metrics = runtime.metrics();
    assert_eq!((metrics.peak_ready, metrics.ready, metrics.live), (8, 0, 0));
}

#[test]
fn waits_outside_are_counted_and_so_are_the_wakes_that_end_them() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (tell, told) = futures::channel::oneshot::channel();
    let waits = thread::spawn(move || {
        while handle.metrics().stands != LoopState::Parked {
            thread::yield_now();
        }
        let parked = handle.metrics();
        tell.send(()).unwrap();
        parked
    });
    runtime.block_on(async { told.await.unwrap() });
    let (parked, after) = (waits.join().unwrap(), runtime.metrics());
    assert_eq!((parked.parks, parked.parked), (1, Duration::ZERO)); // the wait that goes on
    assert_eq!((after.parks, after.away_wakes), (1, 1));
    assert!(after.parked > Duration::ZERO);
    assert_eq!(after.stands, LoopState::Outside);
}

#[cfg(feature = "time")]
#[test]
fn timers_are_those_of_the_last_look() {
    let runtime = Builder::new().event_interval(1).build().unwrap();
    runtime.block_on(async {
        let sleeps: Vec<_> =
            (0..3).map(|_| spawn(taketurns::time::sleep(Duration::from_secs(3600)))).collect();
        yield_now().await;
        yield_now().await;
        let metrics = taketurns::Handle::current().metrics();
        assert_eq!(metrics.timers, 3);
        drop(sleeps);
    });
}

#[cfg(feature = "offload")]
#[test]
fn the_pool_is_counted_at_the_moment_of_the_reading() {
    use std::sync::mpsc::channel;

    use taketurns::insight::JobCounts;

    let runtime = Builder::new().max_blocking_threads(2).build().unwrap();
    let counts = |metrics: Metrics| {
        let JobCounts { queued, running, threads, .. } = metrics.jobs.unwrap();
        (queued, running, threads)
    };
    assert_eq!(counts(runtime.metrics()), (0, 0, 0));
    let handle = runtime.handle();
    runtime.block_on(async {
        let ((begun, begins), (release, released)) = (channel(), channel::<()>());
        let released = std::sync::Arc::new(std::sync::Mutex::new(released));
        let jobs: Vec<_> = (0..5)
            .map(|_| {
                let (begun, released) = (begun.clone(), std::sync::Arc::clone(&released));
                taketurns::spawn_blocking(move || {
                    begun.send(()).unwrap();
                    released.lock().unwrap().recv().unwrap();
                })
            })
            .collect();
        begins.recv().unwrap();
        begins.recv().unwrap();
        assert_eq!(counts(by_a_thread(&handle)), (3, 2, 2));
        (0..5).for_each(|_| release.send(()).unwrap());
        for job in jobs {
            job.await.unwrap();
        }
    });
    let handle = runtime.handle();
    drop(runtime);
    assert_eq!(counts(handle.metrics()), (0, 0, 0));
}

#[test]
fn a_handle_that_outlives_its_runtime_has_its_last_numbers() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    runtime.block_on(async {
        spawn(async {}).await.unwrap();
        spawn(std::future::pending::<()>()).detach();
    });
    assert_eq!(handle.metrics().stands, LoopState::Outside);
    drop(runtime);
    let metrics = handle.metrics();
    assert_eq!((metrics.stands, metrics.spawned, metrics.live), (LoopState::Ended, 2, 0));
    assert!(metrics.to_string().starts_with("the runtime has ended: "), "{metrics}");
}

#[test]
fn histograms_are_there_if_they_are_asked_for() {
    let runtime = Runtime::new().unwrap();
    assert!(runtime.metrics().queue_delay.is_none() && runtime.metrics().poll_time.is_none());
    let runtime = Builder::new().histograms(true).build().unwrap();
    runtime.block_on(async {
        for _ in 0..10 {
            spawn(async {}).detach();
        }
        yield_now().await;
        let Metrics { turns, queue_delay, poll_time, .. } = Handle::current().metrics();
        let [delays, times] = [queue_delay, poll_time].map(|times| times.unwrap().count());
        assert_eq!((turns, delays, times), (11, 12, 11)); // this turn goes on
    });
    assert_eq!(runtime.metrics().look_gap.unwrap().count(), 0); // one look, before the turns
}

/// A task whose timer is due while another has its turn is not ready then: the loop has not looked.
#[cfg(feature = "time")]
#[test]
fn what_a_long_turn_kept_the_loop_from_seeing_is_in_the_gap_between_looks() {
    let long = Duration::from_millis(30);
    let runtime = Builder::new().histograms(true).build().unwrap();
    let Metrics { queue_delay, look_gap, .. } = runtime.block_on(async {
        let due = spawn(taketurns::time::sleep(Duration::from_millis(1)));
        spawn(async move { std::thread::sleep(long) }).await.unwrap();
        due.await.unwrap();
        Handle::current().metrics()
    });
    let [delay, gap] = [queue_delay, look_gap].map(|times| times.unwrap().percentile(100.0));
    assert!(gap.unwrap() >= long, "{gap:?}, and {delay:?} in the queue");
}
