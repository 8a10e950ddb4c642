//! Failures that nobody awaits: each is reported once, by the policy that was set, and harms nobody else.

#[path = "common/child.rs"]
mod child;
mod common;
#[cfg(all(feature = "time", feature = "offload"))]
#[path = "unhandled/elsewhere.rs"]
mod elsewhere;
#[path = "unhandled/texts.rs"]
mod texts;

use std::cell::RefCell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use child::{is_child, said};
use common::Trace;
use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
use taketurns::task::{self, Unhandled, reported};
use taketurns::{
    Builder, JoinError, JoinHandle, Runtime, UnhandledPanic, block_on, spawn, yield_now,
};

type Failures = Arc<Mutex<Vec<String>>>;

fn runtime(policy: UnhandledPanic) -> Runtime {
    Builder::new().unhandled_panic(policy).build().unwrap()
}

/// A runtime that writes down what it is told, and then panics if told to.
fn calling(panics: bool) -> (Runtime, Failures) {
    let failures = Failures::default();
    let list = Arc::clone(&failures);
    let write = move |failure: &Unhandled| {
        list.lock().unwrap().push(failure.error().to_string());
        assert!(!panics, "the hook");
    };
    (runtime(UnhandledPanic::Call(Arc::new(write))), failures)
}

fn panicking() -> JoinHandle<()> {
    spawn(async { panic!("boom") })
}

/// The text of the panic that `run` ends with.
fn text_of(run: impl FnOnce()) -> String {
    *catch_unwind(AssertUnwindSafe(run)).unwrap_err().downcast().unwrap()
}

/// Panics when dropped.
struct Grenade(&'static str);

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// Panics when it is polled, and when it is dropped.
struct Twice;

impl Future for Twice {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        panic!("in poll");
    }
}

impl Drop for Twice {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("in wake");
    }
}

/// One failure of each kind: its report, and the scene it comes from, which must leave the loop as it was.
const KINDS: [(&str, fn()); 8] = [
    ("task #1 panicked: boom", || drop(panicking())),
    ("task #1 panicked: boom", || {
        let handle = panicking();
        spawn(async move {
            yield_now().await;
            assert!(handle.is_finished());
            drop(handle);
        })
        .detach();
    }),
    ("a destructor, waker or callback of task #1 panicked: in drop", || {
        let handle = spawn(Twice);
        let first = |error: JoinError| assert!(error.to_string().ends_with("in poll"), "{error}");
        spawn(async move { first(handle.await.unwrap_err()) }).detach();
    }),
    ("a destructor, waker or callback of task #1 panicked: output", || {
        drop(spawn(async { Grenade("output") }));
    }),
    ("task #1 panicked", || drop(spawn(async { panic_any(Grenade("payload")) }))),
    ("a destructor, waker or callback of task #1 panicked: in wake", || {
        let mut handle = spawn(async {});
        let waker = Waker::from(Arc::new(PanickingWaker));
        assert!(pin!(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
        // Its turn comes after the task's end.
        spawn(async move { handle.await.unwrap() }).detach();
    }),
    ("a destructor, waker or callback of task #1 panicked: callback", || {
        spawn(async {}).on_done(|_| panic!("callback")).unwrap();
    }),
    ("the disk is full", || {
        spawn(reported(async { Err::<(), _>("the disk is full") })).detach();
    }),
];

#[test]
fn each_kind_is_reported_once_and_the_other_tasks_go_on() {
    for panics in [false, true] {
        for (expected, scene) in KINDS {
            let trace = Trace::new();
            let (runtime, failures) = calling(panics);
            runtime.block_on(async {
                scene();
                let inner = trace.clone();
                let other = spawn(async move {
                    for turn in 0..3 {
                        inner.push(turn);
                        yield_now().await;
                    }
                });
                other.await.unwrap();
            });
            assert_eq!(trace.take(), "0 1 2", "{expected}");
            assert_eq!(*failures.lock().unwrap(), [expected]);
            assert!(runtime.shutdown().lost().is_empty(), "{expected}");
            assert_eq!(failures.lock().unwrap().len(), 1, "{expected}");
        }
    }
}

#[test]
fn a_failure_says_whose_and_what() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&seen);
    let write = move |failure: &Unhandled| {
        let is_error = failure.error().downcast_ref::<std::io::Error>().is_some();
        let (name, panic) =
            (failure.task().expect("a task's").name().map(str::to_owned), failure.is_panic());
        list.lock().unwrap().push((name, panic, is_error, failure.to_string()));
    };
    let runtime = runtime(UnhandledPanic::Call(Arc::new(write)));
    let line = line!() + 2;
    runtime.block_on(async {
        task::Builder::new().name("server").spawn(async { panic!("boom") }).detach();
        let full = async { Err::<(), _>(std::io::Error::other("the disk is full")) };
        spawn(reported(full)).detach();
        spawn(reported(async { Ok::<_, std::io::Error>(42) })).detach();
    });
    let file = file!();
    let expected = [
        (
            Some("server".to_owned()),
            true,
            false,
            format!(
                "task #1 \"server\" panicked: boom; no awaiter sees it (spawned at {file}:{line}:45)"
            ),
        ),
        (
            None,
            false,
            true,
            format!(
                "task #2 gave an error: the disk is full; no awaiter sees it (spawned at {file}:{}:9)",
                line + 2
            ),
        ),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_panic_that_somebody_takes_is_not_reported() {
    let (runtime, failures) = calling(false);
    runtime.block_on(async {
        assert!(panicking().await.is_err());
        let aborted = spawn(pending::<()>());
        aborted.abort();
        drop(aborted);
    });
    drop(runtime);
    assert!(failures.lock().unwrap().is_empty());
}

#[test]
fn a_destructor_that_panics_at_the_end_is_reported() {
    let (runtime, failures) = calling(false);
    let bomb = Grenade("at the end");
    let waiting = async move {
        let _bomb = bomb;
        pending::<()>().await;
    };
    runtime.spawn(waiting).detach();
    runtime.block_on(async {});
    assert_eq!(runtime.shutdown().lost().len(), 1);
    assert_eq!(*failures.lock().unwrap(), ["task #1 panicked: at the end"]);
}

#[test]
fn closures_that_panic_as_they_are_dropped_leave_the_report_and_the_output_alone() {
    let (policy, on_lost) = (Grenade("the policy's"), Grenade("on_lost's"));
    let call = move |_: &Unhandled| _ = &policy;
    let builder = Builder::new().unhandled_panic(UnhandledPanic::Call(Arc::new(call)));
    let runtime = builder.on_lost(move |_| _ = &on_lost).build().unwrap();
    runtime.spawn(pending::<()>()).detach();
    runtime.block_on(async {});
    assert_eq!(runtime.shutdown().lost().len(), 1);
}

#[test]
fn stop_survives_an_output_that_panics_when_dropped() {
    let runtime = runtime(UnhandledPanic::Stop);
    let text = text_of(|| {
        runtime.block_on(async {
            spawn(async { panic!("boom") }).detach();
            Grenade("the output")
        });
    });
    assert!(text.contains("boom"), "{text}");
}

#[test]
fn a_hook_may_spawn() {
    let trace = Trace::new();
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let inner = trace.clone();
    executor.on_unhandled(move |task, error| {
        let (seen, spawned) = (inner.clone(), inner.clone());
        spawn(async move { spawned.push("spawned") }).detach();
        seen.push(format!("{} {error}", task.expect("a task's").id()));
    });
    executor.block_on(async {
        drop(panicking());
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(trace.take(), "#1 task #1 panicked: boom spawned");
}

#[test]
fn stop_ends_the_run_and_the_tasks_go_on_in_the_next() {
    let trace = Trace::new();
    let runtime = runtime(UnhandledPanic::Stop);
    let inner = trace.clone();
    let other = async move {
        inner.push("first");
        yield_now().await;
        yield_now().await;
        inner.push("second");
    };
    runtime.spawn(async { panic!("boom") }).detach();
    runtime.spawn(other).detach();
    let site = format!("{}:{}:13", file!(), line!() - 2);
    let text = text_of(|| runtime.block_on(pending()));
    assert_eq!(text, format!("task #1 panicked: boom; no awaiter sees it (spawned at {site})"));
    // Nothing is left of it for the second run.
    runtime.block_on(async { trace.push("root") });
    runtime.block_on(yield_now());
    assert!(trace.take().starts_with("first"));
    assert!(runtime.shutdown().lost().is_empty());
}

#[test]
fn stop_ends_every_kind_of_run() {
    let runtime = runtime(UnhandledPanic::Stop);
    let runs: [&dyn Fn(); 6] = [
        &|| runtime.block_on(pending()),
        // The root ends in the same turns as the failure.
        &|| runtime.block_on(async {}),
        &|| _ = runtime.try_block_on(async {}),
        &|| runtime.run_forever(),
        &|| runtime.run_until_stalled(),
        &|| while runtime.try_tick().unwrap() {},
    ];
    for run in runs {
        runtime.spawn(async { panic!("boom") }).detach();
        assert!(text_of(run).contains("panicked: boom; no awaiter sees it"));
        runtime.block_on(async {});
    }
}

#[test]
fn stop_keeps_a_failure_between_two_runs_for_the_second() {
    let runtime = runtime(UnhandledPanic::Stop);
    let handle = runtime.spawn(async { panic!("boom") });
    runtime.block_on(yield_now());
    drop::<JoinHandle<()>>(handle);
    assert!(text_of(|| runtime.block_on(async {})).contains("boom"));
}

#[test]
fn stop_leaves_a_nested_call_its_error_and_ends_the_outer_run() {
    let runtime = runtime(UnhandledPanic::Stop);
    let nested = Rc::new(RefCell::new(None));
    let (place, it) = (Rc::clone(&nested), &runtime);
    let text = text_of(|| {
        it.block_on(async move {
            let handle = panicking();
            yield_now().await;
            drop(handle);
            *place.borrow_mut() = Some(it.try_block_on(async {}).is_err());
            pending::<()>().await;
        });
    });
    assert!(text.contains("boom"), "{text}");
    assert_eq!(*nested.borrow(), Some(true));
}

#[test]
fn stop_survives_a_payload_that_panics_when_dropped() {
    let runtime = runtime(UnhandledPanic::Stop);
    runtime.spawn(async { panic_any(Grenade("payload")) }).detach();
    assert!(
        text_of(|| runtime.block_on(pending())).contains("task #1 panicked; no awaiter sees it")
    );
    let handle = runtime.spawn(async { panic_any(Grenade("payload")) });
    runtime.block_on(yield_now());
    drop::<JoinHandle<()>>(handle);
    assert!(runtime.shutdown().lost().is_empty());
}

#[test]
fn by_default_it_is_a_line_on_stderr() {
    if is_child() {
        return block_on(async {
            drop(panicking());
            task::Builder::new()
                .name("full")
                .spawn(reported(async { Err::<(), _>("full") }))
                .detach();
            yield_now().await;
        });
    }
    let said = said("by_default_it_is_a_line_on_stderr");
    let [panic, error] = &said[..] else { panic!("two lines: {said:?}") };
    assert!(
        panic.starts_with("task #1 panicked: boom; no awaiter sees it (spawned at "),
        "{panic}"
    );
    let begins = "task #2 \"full\" gave an error: full; no awaiter sees it (spawned at ";
    assert!(error.starts_with(begins), "{error}");
}

#[test]
fn at_the_end_stop_is_a_line_on_stderr() {
    if is_child() {
        let runtime = runtime(UnhandledPanic::Stop);
        let handle = runtime.spawn(async { panic!("unread") });
        runtime.block_on(yield_now());
        drop::<JoinHandle<()>>(handle);
        let bomb = Grenade("in a destructor");
        runtime.spawn(async move { drop(bomb) }).detach();
        drop(runtime.shutdown());
        return;
    }
    let said = said("at_the_end_stop_is_a_line_on_stderr");
    let [unread, destructor] = &said[..] else { panic!("two lines: {said:?}") };
    assert!(unread.starts_with("task #1 panicked: unread; no awaiter sees it"), "{unread}");
    assert!(
        destructor.starts_with("task #2 panicked: in a destructor; no awaiter"),
        "{destructor}"
    );
}

#[test]
fn of_two_failures_in_one_stretch_the_first_stops_the_run_and_the_second_is_printed() {
    if is_child() {
        let runtime = runtime(UnhandledPanic::Stop);
        runtime.spawn(async { panic!("first") }).detach();
        runtime.spawn(async { panic!("second") }).detach();
        let text = text_of(|| runtime.block_on(pending()));
        assert!(text.contains("first"), "{text}");
        return;
    }
    let name = "of_two_failures_in_one_stretch_the_first_stops_the_run_and_the_second_is_printed";
    let said: Vec<_> = said(name).into_iter().filter(|line| line.contains("second")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn without_a_hook_an_executor_of_ones_own_prints() {
    if is_child() {
        let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
        executor.spawn(async { panic!("boom") }).detach();
        executor.block_on(async {});
        // Outside of a task there is no name to print.
        return executor.block_on(reported(async { Err::<(), _>("rootless") }));
    }
    let said = said("without_a_hook_an_executor_of_ones_own_prints");
    let [panic, error] = &said[..] else { panic!("two lines: {said:?}") };
    assert!(
        panic.starts_with("task #1 panicked: boom; no awaiter sees it (spawned at "),
        "{panic}"
    );
    assert_eq!(error, "rootless; no awaiter sees it");
}
