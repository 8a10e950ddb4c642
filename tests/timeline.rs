//! The timeline of a runtime: what it records, in exact order, and who may read it when.

#![cfg(feature = "time")]
#![forbid(unsafe_code)]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use taketurns::insight::{Stall, Trace, What};
use taketurns::time::{Clock, sleep};
use taketurns::{Builder, Runtime, spawn, task, yield_now};

fn virtual_runtime(events: usize) -> Runtime {
    Builder::new().clock(Clock::AutoAdvance).on_lost(|_| {}).trace(events).build().unwrap()
}

/// `time in ms, what`, for each event but the looks, of which there may be more.
fn lines(trace: &Trace) -> Vec<String> {
    let shown = trace.events().iter().filter(|event| event.what != What::Looked);
    shown.map(|event| format!("{} {}", event.at.as_millis(), event.what)).collect()
}

async fn two_tasks() {
    let slow = task::Builder::new().name("slow").spawn(sleep(Duration::from_millis(20)));
    let quick = spawn(async {
        sleep(Duration::from_millis(10)).await;
        yield_now().await;
    });
    quick.await.unwrap();
    slow.await.unwrap();
}

#[test]
fn under_virtual_time_each_step_is_told_in_exact_order_at_its_time() {
    let runtime = virtual_runtime(1000);
    runtime.block_on(two_tasks());
    assert_eq!(
        lines(&runtime.trace().unwrap()),
        [
            "0 the future of `block_on` woken by the program, between turns",
            "0 the future of `block_on` begins a turn",
            "0 task #1 spawned by the future of `block_on`",
            "0 task #1 woken by the future of `block_on`",
            "0 task #2 spawned by the future of `block_on`",
            "0 task #2 woken by the future of `block_on`",
            "0 the future of `block_on` ends its turn",
            "0 task #1 begins a turn",
            "0 task #1 ends its turn",
            "0 task #2 begins a turn",
            "0 task #2 ends its turn",
            "0 parks",
            "0 unparks",
            "10 task #2 woken by a timer",
            "10 task #2 begins a turn",
            "10 task #2 woken by task #2",
            "10 task #2 ends its turn",
            "10 task #2 begins a turn",
            "10 the future of `block_on` woken by task #2",
            "10 task #2 is done",
            "10 the future of `block_on` begins a turn",
            "10 the future of `block_on` ends its turn",
            "10 parks",
            "10 unparks",
            "20 task #1 woken by a timer",
            "20 task #1 begins a turn",
            "20 the future of `block_on` woken by task #1",
            "20 task #1 is done",
            "20 the future of `block_on` begins a turn",
            "20 the future of `block_on` is done",
        ]
    );
}

#[test]
fn the_text_of_a_virtual_run_is_the_same_each_time() {
    let text = || {
        let runtime = virtual_runtime(1000);
        runtime.block_on(two_tasks());
        runtime.trace().unwrap().to_text_within(60)
    };
    let first = text();
    assert_eq!(first, text());
    println!("{first}");
    assert!(first.contains("#1 slow"));
}

#[test]
fn without_a_trace_there_is_none() {
    for runtime in [Runtime::new(), Builder::new().trace(0).build()] {
        let runtime = runtime.unwrap();
        runtime.block_on(yield_now());
        assert!(runtime.trace().is_none());
        assert!(runtime.handle().trace().is_none());
    }
}

#[test]
fn a_ring_that_is_full_keeps_the_last_events() {
    let runtime = virtual_runtime(16);
    runtime.block_on(async {
        for _ in 0..100 {
            yield_now().await;
        }
    });
    let trace = runtime.trace().unwrap();
    // The ring has a wake, two looks, the begin of 101 turns, each but two with the end of the one before, and those two ends.
    assert_eq!(trace.dropped(), 106 - 16);
    assert_eq!(lines(&trace).last().unwrap(), "0 the future of `block_on` is done");
}

#[test]
fn another_thread_reads_the_trace_of_a_loop_that_is_stuck() {
    let runtime = Builder::new().trace(1000).build().unwrap();
    let handle = runtime.handle();
    let (stuck, is_stuck) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let reader = thread::spawn(move || {
        is_stuck.recv().unwrap();
        let trace = handle.trace().unwrap();
        go_on.send(()).unwrap();
        trace
    });
    let blocks = async move {
        stuck.send(()).unwrap();
        goes_on.recv().unwrap();
    };
    runtime.block_on(async { task::Builder::new().name("stuck").spawn(blocks).await.unwrap() });
    let trace = reader.join().unwrap();
    let last = trace.events().last().unwrap().what;
    let id = last.task().unwrap();
    assert_eq!(last, What::TurnBegan { task: id });
    assert_eq!(trace.name(id), Some("stuck"));
    assert_eq!(trace.site(id).unwrap().file(), file!());
}

#[test]
fn a_stall_that_the_watchdog_reports_is_in_the_trace() {
    let (tell, told) = mpsc::channel();
    let on_stall = move |stall: &Stall| _ = tell.send(stall.lasted());
    let builder = Builder::new().trace(1000).stall_threshold(Duration::from_millis(2));
    let runtime = builder.on_stall(on_stall).build().unwrap();
    let blocks = runtime.spawn(async move { told.recv().unwrap() });
    let lasted = runtime.block_on(blocks).unwrap();
    let stalled = |what: What| match what {
        What::Stalled { task, at_least } => Some((task.to_string(), at_least)),
        _ => None,
    };
    let trace = runtime.trace().unwrap();
    let stalls: Vec<_> = trace.events().iter().filter_map(|event| stalled(event.what)).collect();
    assert!(stalls.contains(&("#1".to_owned(), lasted)), "{stalls:?}, {lasted:?}");
    let lines = lines(&trace);
    let ends = lines.iter().rposition(|line| line.contains("task #1 has had its turn"));
    let rest = lines[ends.unwrap()..].concat();
    assert!(rest.contains("task #1 is done"), "a stall is told within its turn: {lines:?}");
}

#[test]
fn what_is_lost_with_the_runtime_is_in_the_trace_of_a_handle() {
    let runtime = virtual_runtime(1000);
    runtime.block_on(async {
        spawn(std::future::pending::<()>()).detach();
        yield_now().await;
    });
    let handle = runtime.handle();
    drop(runtime);
    let trace = handle.trace().unwrap();
    assert_eq!(lines(&trace).last().unwrap(), "0 task #1 lost");
    assert!(trace.to_text().contains(": #1, spawned at tests/timeline.rs:"));
    assert!(trace.to_text().ends_with(", was lost\n"));
}

/// It is woken for that, and has another turn.
#[test]
fn a_task_that_calls_a_late_callback_stays_ended() {
    let runtime = virtual_runtime(1000);
    runtime.block_on(async {
        let task = spawn(async {});
        sleep(Duration::from_millis(10)).await;
        task.on_done(|_| ()).unwrap();
        sleep(Duration::from_millis(50)).await;
    });
    let text = runtime.trace().unwrap().to_text_within(49);
    let lane = text.lines().find(|line| line.starts_with("#1 ")).unwrap();
    assert_eq!(lane, "#1            █████          █████", "{text}");
}

/// Two readings give the same, however much later the second is. (`Debug` has the end in nanoseconds.)
#[test]
fn what_is_shown_ends_with_the_run_and_with_the_runtime() {
    let runtime = Builder::new().trace(1000).on_lost(|_| {}).build().unwrap();
    let handle = runtime.handle();
    let read = || format!("{:?}", handle.trace().unwrap());
    assert_eq!(read(), read(), "before the first run");
    runtime.block_on(async {
        spawn(std::future::pending::<()>()).detach();
        yield_now().await;
        assert_ne!(read(), read(), "a turn goes on, until now");
    });
    assert_eq!(read(), read(), "between two runs");
    runtime.block_on(async { assert_ne!(read(), read(), "in the second") });
    drop(runtime);
    assert_eq!(read(), read(), "after the end");
}

/// Its time is not that of the task that comes next.
#[test]
fn a_request_of_another_thread_has_a_turn_of_its_own() {
    let runtime = Builder::new().trace(1000).build().unwrap();
    let handle = runtime.handle();
    let asks = thread::spawn(move || {
        drop(handle.dump(Duration::from_secs(60)));
        handle.stop();
    });
    runtime.run_forever();
    asks.join().unwrap();
    let trace = runtime.trace().unwrap();
    let lines = lines(&trace);
    let of_it = lines.iter().filter(|line| line.contains("request"));
    let of_it: Vec<_> = of_it.map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        of_it,
        [
            "a request of another thread woken by another thread",
            "a request of another thread begins a turn",
            "a request of another thread is done",
        ]
    );
    let text = trace.to_text();
    assert!(text.contains("\nrequests of threads "), "{text}");
}

/// It is asked while no run is in progress.
#[test]
fn a_request_that_is_done_as_the_runtime_ends_is_not_lost() {
    let runtime = virtual_runtime(1000);
    let (handle, asks) = (runtime.handle(), runtime.handle());
    let asked = thread::spawn(move || asks.dump(Duration::ZERO)).join();
    drop(asked.unwrap()); // the thread has given up, but the request is there
    drop(runtime);
    assert_eq!(
        lines(&handle.trace().unwrap()),
        [
            "0 a request of another thread woken by another thread",
            "0 a request of another thread begins a turn",
            "0 a request of another thread is done",
        ]
    );
}

/// Two jobs that run at the same time, and a third, which has the lane of the first.
#[cfg(feature = "offload")]
#[test]
fn blocking_jobs_have_lanes_by_where_they_were_spawned() {
    let runtime = Builder::new().trace(1000).build().unwrap();
    let job = |job: Box<dyn FnOnce() + Send>| taketurns::spawn_blocking(job);
    let here = line!() - 1;
    runtime.block_on(async {
        let (begun, begins) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let first = job(Box::new(move || {
            begun.send(()).unwrap();
            goes_on.recv().unwrap();
        }));
        begins.recv().unwrap();
        job(Box::new(|| ())).await.unwrap();
        go_on.send(()).unwrap();
        first.await.unwrap();
        job(Box::new(|| ())).await.unwrap();
    });
    let trace = runtime.trace().unwrap();
    let of_jobs = |event: &&taketurns::insight::Event| {
        matches!(event.what, What::JobBegan { .. } | What::JobEnded { .. })
    };
    let steps: Vec<_> = trace.events().iter().filter(of_jobs).map(|event| event.what).collect();
    assert_eq!(steps.len(), 6, "{steps:?}");
    let begins = steps.iter().filter_map(|what| match what {
        What::JobBegan { number, site } => Some((*number, site.line())),
        _ => None,
    });
    assert_eq!(begins.collect::<Vec<_>>(), [(0, here), (1, here), (0, here)]);
    let ends = steps.iter().filter_map(|what| match what {
        What::JobEnded { number } => Some(*number),
        _ => None,
    });
    assert_eq!(ends.collect::<Vec<_>>(), [1, 0, 0]);
    let text = trace.to_text();
    assert!(
        text.contains("; 1 task; ") && text.contains("\njob 1") && text.contains("\njob 2"),
        "{text}"
    );
}

#[cfg(feature = "offload")]
#[test]
fn a_job_that_runs_is_shown_though_it_began_before_all_that_the_ring_has() {
    let runtime = Builder::new().trace(8).build().unwrap();
    let handle = runtime.handle();
    runtime.block_on(async {
        let (begun, begins) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let job = taketurns::spawn_blocking(move || {
            begun.send(()).unwrap();
            goes_on.recv().unwrap();
        });
        begins.recv().unwrap();
        for _ in 0..20 {
            yield_now().await;
        }
        let trace = handle.trace().unwrap();
        let first = trace.events()[0];
        assert!(matches!(first.what, What::JobBegan { number: 0, .. }), "{first:?}");
        assert!(trace.events()[1].at > first.at);
        let text = trace.to_text();
        let lane = text.lines().find(|line| line.starts_with("job 1")).unwrap();
        assert!(lane.ends_with(&"█".repeat(90)), "it runs all the time that is shown: {text}");
        let lane = trace.to_html().split_once(r#""job":true,"turns":["#).unwrap().1.to_owned();
        assert!(lane.starts_with('-'), "it began before the first event of the loop: {lane}");
        go_on.send(()).unwrap();
        job.await.unwrap();
    });
}

#[test]
fn a_thread_and_the_program_are_told_as_what_woke_a_task() {
    let runtime = Builder::new().trace(1000).build().unwrap();
    let handle = runtime.handle();
    let sent = thread::spawn(move || handle.spawn(async {})).join().unwrap();
    let own = runtime.spawn(async {});
    runtime.block_on(async {
        own.await.unwrap();
        sent.await.unwrap();
    });
    let own = runtime.spawn(async {});
    runtime.block_on(own).unwrap();
    let lines = lines(&runtime.trace().unwrap());
    let woken =
        |line: &&String| line.contains("woken by the program") || line.contains("woken by another");
    let woken: Vec<_> =
        lines.iter().filter(woken).map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        woken,
        [
            "task #1 woken by the program, between turns",
            "the future of `block_on` woken by the program, between turns",
            "task #2 woken by another thread",
            "task #3 woken by the program, between turns",
            "the future of `block_on` woken by the program, between turns",
        ]
    );
}
