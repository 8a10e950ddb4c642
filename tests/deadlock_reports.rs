//! Under the real clock deadlocks are reported: what is certain, what is suspected, tasks that wait for each other, and locks
//! that were granted to futures which no task polls.

#![cfg(all(feature = "time", feature = "net", feature = "offload"))]

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use taketurns::insight::{Finding, Named};
use taketurns::sync::{Event, oneshot};
use taketurns::time::sleep;
use taketurns::{Builder, Handle, JoinHandle, OnExit, Runtime, spawn, task};

#[path = "deadlock_reports/attacks.rs"]
mod attacks;
#[path = "deadlock_reports/calm.rs"]
mod calm;
#[path = "common/child.rs"]
mod child;
mod common;
#[path = "deadlock_reports/function.rs"]
mod function;
#[path = "deadlock_reports/groups.rs"]
mod groups;
#[path = "deadlock_reports/hidden.rs"]
mod hidden;
#[path = "deadlock_reports/layers.rs"]
mod layers;
#[path = "deadlock_reports/locks.rs"]
mod locks;
#[path = "deadlock_reports/members.rs"]
mod members;
#[path = "deadlock_reports/noted.rs"]
mod noted;
#[path = "deadlock_reports/once.rs"]
mod once;
#[path = "deadlock_reports/parts.rs"]
mod parts;
#[path = "deadlock_reports/remedies.rs"]
mod remedies;

use common::some_real_time;

const HOUR: Duration = Duration::from_secs(3600);

/// What was reported, in order: what was found, and the text without where in these files.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(Finding, String)>>>);

impl Told {
    fn take(&self) -> Vec<(Finding, String)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The one report.
    #[track_caller]
    fn only(&self) -> (Finding, String) {
        let mut told = self.take();
        assert_eq!(told.len(), 1, "{told:?}");
        told.pop().unwrap()
    }
}

/// A runtime that reports at once, and `stop` ends its `run_forever` when so many reports were made.
fn runtime(reports: usize, grace: Duration) -> (Runtime, Told) {
    let told = Told::default();
    let (tell, waker) = (told.clone(), Arc::new(Mutex::new(None::<std::task::Waker>)));
    let woken = Arc::clone(&waker);
    let builder = Builder::new().deadlock_grace(grace).on_lost(|_| {});
    let builder = builder.on_deadlock(move |deadlock| {
        let mut told = tell.0.lock().unwrap();
        told.push((deadlock.finding(), without_places(&deadlock.to_string())));
        if told.len() == reports {
            drop(told);
            woken.lock().unwrap().take().into_iter().for_each(std::task::Waker::wake);
        }
    });
    let runtime = builder.build().unwrap();
    WAKER.with_borrow_mut(|place| *place = Some(waker));
    (runtime, told)
}

thread_local! {
    static WAKER: RefCell<Option<Arc<Mutex<Option<std::task::Waker>>>>> = const { RefCell::new(None) };
}

/// Ready once the reports that the runtime was to make were made. Its waker is with the function that is told, as that of a program would be.
fn reported() -> impl Future<Output = ()> {
    let mut is_polled = false;
    let place = WAKER.with_borrow(|place| place.clone().unwrap());
    let patience = Arc::clone(&place);
    // A report that never comes fails the test, and does not hang it.
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(10));
        patience.lock().unwrap().take().into_iter().for_each(std::task::Waker::wake);
    });
    poll_fn(move |cx| {
        if std::mem::replace(&mut is_polled, true) && place.lock().unwrap().is_none() {
            return Poll::Ready(());
        }
        *place.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    })
}

fn without_places(text: &str) -> String {
    let files = [locks::FILE, calm::FILE, noted::FILE, groups::FILE, attacks::FILE, parts::FILE];
    [file!()].into_iter().chain(files).fold(text.to_owned(), |text, file| {
        let mut parts = text.split(file);
        let first = parts.next().unwrap().to_owned();
        let place = |c: char| c == ':' || c.is_ascii_digit();
        parts.fold(first, |told, part| told + "here" + part.trim_start_matches(place))
    })
}

const SUSPECTED: &str = "deadlock suspected: no task is ready, and nothing is known that could wake one: \
                         no timer, no socket, no blocking job, no `Handle`";
const REMEDY: &str = "\nif no thread of your own is to wake one of them, this is a deadlock; if one is, have it keep a \
                      `Handle` of the runtime meanwhile";
/// What to do where no waker is left, and where two tasks take locks.
const FIND_WAKER: &str = "\nlook for a future that was pending and kept no waker, or for what dropped its waker without a wake";
const ONE_ORDER: &str = "\ntake the locks in one order everywhere, and none twice; or wait by `time::timeout`, and drop the \
                         guard when it is over";
const ROOT: &str = "\n  the future of `block_on`, called at here, polled once, waiting";

#[test]
fn a_task_of_which_no_waker_is_left_is_reported_once_while_others_go_on() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        task::Builder::new().name("consumer").spawn(pending::<()>()).detach();
        for _ in 0..5 {
            sleep(Duration::from_millis(1)).await;
        }
    });
    let text = "deadlock: tasks can never go on, as no waker of them is left\n  \
                task #1 \"consumer\", spawned at here, polled once, stuck: no waker of it is left";
    assert_eq!(told.only(), (Finding::Stuck, text.to_owned() + FIND_WAKER));
}

#[test]
fn a_run_in_which_nothing_is_left_that_could_wake_a_task_is_suspected_with_what_each_waits_for() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        let event = Rc::new(Event::new());
        let waits = spawn({
            let event = Rc::clone(&event);
            async move { event.wait().named("the start").await }
        });
        let (_sender, receiver) = oneshot::channel::<()>();
        spawn(async move { receiver.await.unwrap() }).detach();
        taketurns::task::race((async { waits.await.unwrap() }, reported())).await;
    });
    let text = format!(
        "{SUSPECTED}{ROOT}\n    awaits task #1\n  \
         task #1, spawned at here, polled once, waiting\n    \
         in \"the start\", named at here\n      \
         waits for the `Event` made at here\n  \
         task #2, spawned at here, polled once, waiting\n    \
         waits for the value of the oneshot made at here{REMEDY}"
    );
    assert_eq!(told.only(), (Finding::Suspected, text));
}

/// What is told first of a run that ends by it or not at all, and so is left to a thread of its own.
fn told_of(run: impl FnOnce(Runtime) + Send + 'static) -> (Finding, String) {
    let (tell, told) = mpsc::channel();
    let builder = Builder::new().deadlock_grace(HOUR).on_deadlock(move |deadlock| {
        tell.send((deadlock.finding(), without_places(&deadlock.to_string()))).unwrap();
        Handle::current().stop();
    });
    thread::spawn(move || run(builder.build().unwrap()));
    told.recv_timeout(Duration::from_secs(60)).expect("a report")
}

#[test]
fn a_run_for_ever_that_nothing_can_stop_is_certain_without_a_grace() {
    let text = "deadlock: the run can never end, as nothing is left that could wake its future\n\
                there is no task, and nothing to stop the run";
    let told = told_of(|runtime| runtime.run_forever());
    assert_eq!(told, (Finding::Certain, text.to_owned()));
}

#[test]
fn a_future_of_block_on_of_which_no_waker_is_left_is_certain_without_a_grace() {
    let text = "deadlock: the run can never end, as nothing is left that could wake its future\n  \
                the future of `block_on`, called at here, polled once, stuck: no waker of it is left\n  \
                task #1, spawned at here, polled once, waiting\n    waits for the `Event` made at here";
    let told = told_of(|runtime| {
        runtime.block_on(async {
            spawn(async { Event::new().wait().await }).detach();
            pending::<()>().await;
        });
    });
    assert_eq!(told, (Finding::Certain, text.to_owned() + FIND_WAKER));
}

#[test]
fn without_a_function_the_report_goes_to_stderr() {
    if child::is_child() {
        let runtime = Builder::new().report_deadlocks(true).on_lost(|_| {}).build().unwrap();
        runtime.block_on(async {
            spawn(pending::<()>()).detach();
            sleep(Duration::from_millis(1)).await;
        });
        return;
    }
    let stderr = without_places(&child::stderr("without_a_function_the_report_goes_to_stderr"));
    let text = "deadlock: tasks can never go on, as no waker of them is left\n  \
                task #1, spawned at here, polled once, stuck: no waker of it is left";
    assert_eq!(stderr, format!("{text}{FIND_WAKER}\n"));
}

#[test]
fn a_suspicion_is_told_once_and_a_wake_of_a_thread_still_counts() {
    let (runtime, told) = runtime(2, Duration::ZERO);
    let (sender, receiver) = futures::channel::oneshot::channel();
    let (again, next) = futures::channel::oneshot::channel();
    thread::spawn(move || {
        some_real_time();
        sender.send(()).unwrap();
        some_real_time();
        again.send(()).unwrap();
    });
    runtime.block_on(async {
        receiver.await.unwrap();
        next.await.unwrap();
    });
    assert_eq!(told.only().0, Finding::Suspected);
}

#[test]
fn a_suspicion_is_told_once_though_another_one_comes_between() {
    let (runtime, told) = runtime(9, Duration::ZERO);
    let [(one, first), (two, second), (three, third)] =
        [(); 3].map(|()| futures::channel::oneshot::channel());
    thread::spawn(move || {
        for sender in [one, two, three] {
            some_real_time();
            sender.send(()).unwrap();
        }
    });
    runtime.block_on(async {
        first.await.unwrap();
        let other = Rc::new(Event::new());
        let waits = Rc::clone(&other);
        let task = spawn(async move { waits.wait().await });
        second.await.unwrap();
        other.set();
        task.await.unwrap();
        third.await.unwrap();
    });
    let found: Vec<_> = told.take().into_iter().map(|(finding, _)| finding).collect();
    assert_eq!(found, [Finding::Suspected; 2], "the future alone, and with the task");
}

/// The future waits for its own lock, beside what ends the test. A task that joins them makes the suspicion say more.
#[test]
fn tasks_that_were_told_for_certain_are_suspected_only_when_another_one_joins_them() {
    let (runtime, told) = runtime(9, Duration::ZERO);
    let [(one, first), (two, second)] = [(); 2].map(|()| futures::channel::oneshot::channel());
    thread::spawn(move || {
        for sender in [one, two] {
            some_real_time();
            sender.send(()).unwrap();
        }
    });
    let found = || told.take().into_iter().map(|(finding, _)| finding).collect::<Vec<_>>();
    runtime.block_on(async {
        spawn(pending::<()>()).detach();
        let lock = taketurns::sync::Mutex::new(());
        let _held = lock.lock().await;
        let ends = async {
            first.await.unwrap();
            assert_eq!(found(), [Finding::Stuck, Finding::Circle]);
            let event = Rc::new(Event::new());
            let waits = Rc::clone(&event);
            spawn(async move { waits.wait().await }).detach();
            second.await.unwrap();
        };
        task::race((async { drop(lock.lock().await) }, ends)).await;
    });
    assert_eq!(found(), [Finding::Suspected]);
}

#[test]
fn the_end_of_a_runtime_that_waits_for_its_tasks_tells_too() {
    let told = Told::default();
    let tell = told.clone();
    let builder = Builder::new().on_exit(OnExit::Wait { deadline: HOUR }).on_lost(|_| {});
    let builder = builder.on_deadlock(move |deadlock| {
        tell.0.lock().unwrap().push((deadlock.finding(), String::new()));
    });
    let runtime = builder.build().unwrap();
    runtime.spawn(pending::<()>()).detach();
    runtime.spawn(async { sleep(Duration::from_millis(5)).await }).detach();
    drop(runtime);
    assert_eq!(told.only().0, Finding::Stuck);
}

#[test]
fn a_panic_of_the_function_ends_there() {
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    let builder = Builder::new().on_lost(|_| {}).on_deadlock(move |_| {
        *counted.lock().unwrap() += 1;
        panic!("in the function");
    });
    builder.build().unwrap().block_on(async {
        spawn(pending::<()>()).detach();
        sleep(Duration::from_millis(1)).await;
        spawn(pending::<()>()).detach();
        sleep(Duration::from_millis(1)).await;
    });
    assert_eq!(*calls.lock().unwrap(), 2);
}

#[test]
fn names_may_be_nested_and_end_with_what_they_name() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        spawn(async {
            async {}.named("ready at once").await;
            let event = Event::new();
            let inner = async { event.wait().named("inner").await };
            let dropped = Event::new();
            let mut given_up = Box::pin(dropped.wait().named("given up"));
            assert!(futures::poll!(given_up.as_mut()).is_pending());
            drop(given_up);
            futures::join!(inner.named(String::from("outer")), pending::<()>().named("beside"));
        })
        .detach();
        reported().await;
    });
    let task = "\n  task #1, spawned at here, polled once, waiting\n    \
                in \"outer\", named at here\n      \
                in \"inner\", named at here\n        \
                waits for the `Event` made at here\n    \
                in \"beside\", named at here";
    let (_, text) = told.only();
    assert_eq!(text, format!("{SUSPECTED}{ROOT}{task}{REMEDY}"));
}

/// Two tasks that have each other's handle.
#[test]
fn two_tasks_that_await_each_other_are_named_as_a_circle() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let handles: Rc<RefCell<Vec<JoinHandle<()>>>> = Rc::default();
        let others = Rc::clone(&handles);
        let first = spawn(async move {
            let second = others.borrow_mut().remove(1);
            second.await.unwrap();
        });
        let others = Rc::clone(&handles);
        let second = task::Builder::new().name("second").spawn(async move {
            let first = others.borrow_mut().remove(0);
            first.await.unwrap();
        });
        handles.borrow_mut().extend([first, second]);
        reported().await;
    });
    let text = "deadlock: tasks wait for each other\n\
                in a circle: task #1 waits for task #2 \"second\", which waits for task #1\n  \
                task #1, spawned at here, polled once, waiting\n    awaits task #2 \"second\"\n  \
                task #2 \"second\", spawned at here, polled once, waiting\n    awaits task #1\n\
                let one of the tasks end without waiting for the next: a channel can tell it what it is to know";
    assert_eq!(told.only(), (Finding::Circle, text.to_owned()));
}

/// The function sends the report to another thread.
#[test]
fn a_report_as_json_has_the_circle_and_what_each_task_waits_for() {
    let (tell, told) = mpsc::channel();
    let builder = Builder::new().on_lost(|_| {});
    let builder = builder.on_deadlock(move |deadlock| tell.send(deadlock.clone()).unwrap());
    builder.build().unwrap().block_on(async {
        task::Builder::new()
            .name("own")
            .spawn(async {
                let lock = taketurns::sync::Mutex::new(());
                let _held = lock.lock().await;
                drop(lock.lock().await);
            })
            .detach();
        sleep(Duration::from_millis(1)).await;
    });
    let report = told.recv().unwrap();
    let read: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    let (task, waits) = report.tasks().next().unwrap();
    let expected = serde_json::json!({
        "finding": "circle", "text": report.to_string(), "circles": [[1]],
        "remedy": "drop the guard before the task takes the same lock again",
        "tasks": [{
            "id": 1, "name": "own", "site": task.site().to_string(), "polls": 1, "state": "waiting",
            "waits": [{
                "text": waits[0].to_string(), "kind": "the `Mutex::lock()`",
                "site": waits[0].site().unwrap().to_string(), "label": null, "depth": 0, "due_in_ns": null,
                "holders": [1], "more_holders": 0,
            }],
        }],
    });
    assert_eq!(read, expected);
}

/// By a combinator that polls its parts with wakers of its own, which do not lead to the task.
#[test]
fn tasks_that_await_each_other_among_many_are_seen_too() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        let handles: Rc<RefCell<Vec<JoinHandle<()>>>> = Rc::default();
        let others = Rc::clone(&handles);
        let first = spawn(async move {
            let all: Vec<_> = others.borrow_mut().drain(1..).collect();
            task::join_all(all).await;
        });
        let others = Rc::clone(&handles);
        let second = spawn(async move {
            let first = others.borrow_mut().remove(0);
            first.await.unwrap();
        });
        handles.borrow_mut().extend([first, second]);
        let more = (0..20).map(|_| spawn(poll_fn(|_| Poll::Ready(()))));
        handles.borrow_mut().extend(more);
        reported().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle);
    assert!(
        text.contains("\nin a circle: task #1 waits for task #2, which waits for task #1\n"),
        "{text}"
    );
}

#[test]
fn a_report_is_plain_data_too() {
    let (tell, told) = mpsc::channel();
    let builder = Builder::new().deadlock_grace(Duration::ZERO).on_lost(|_| {});
    let runtime = builder.on_deadlock(move |deadlock| {
        for (task, waits) in deadlock.tasks() {
            let parts: Vec<_> = waits.iter().map(|wait| (wait.kind(), wait.part())).collect();
            let name = task.name().map(str::to_owned);
            tell.send((name, parts, deadlock.remedy(), deadlock.to_json())).unwrap();
        }
        Handle::current().stop();
    });
    let runtime = runtime.build().unwrap();
    let events: [Rc<Event>; 20] = std::array::from_fn(|_| Rc::new(Event::new()));
    runtime.block_on(async {
        let waits = async move {
            task::join_all(events.iter().map(|event| event.wait())).await;
        };
        task::Builder::new().name("waits").spawn(waits).detach();
    });
    runtime.run_forever();
    let (name, parts, remedy, json) = told.recv().unwrap();
    assert_eq!(remedy, REMEDY.strip_prefix('\n'));
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["remedy"].as_str(), remedy);
    let expected: Vec<_> = (0..20).map(|part| ("the `Event` made", Some(part))).collect();
    assert_eq!((name.as_deref(), parts), (Some("waits"), expected));
}
