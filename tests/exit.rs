//! The end of a runtime as it was asked for: `OnExit`, what tasks hear of it, and what is said of the lost.

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/scripted.rs"]
mod scripted;

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use child::{is_child, said};
use common::Trace;
use scripted::Script;
use taketurns::cancel;
use taketurns::task::{self, State};
use taketurns::{Builder, OnExit, Runtime, UnhandledPanic, block_on, spawn, yield_now};

/// As much time as any of these could need. Nobody waits for so long: they end by themselves.
const AMPLE: Duration = Duration::from_secs(3600);

fn ending(on_exit: OnExit) -> Runtime {
    Builder::new().on_exit(on_exit).build().unwrap()
}

fn asking(grace: Duration) -> Runtime {
    ending(OnExit::Cancel { grace })
}

fn waiting(deadline: Duration) -> Runtime {
    ending(OnExit::Wait { deadline })
}

/// Takes a few turns, and says so.
async fn some_turns(trace: Trace, turns: u32) {
    for turn in 1..=turns {
        trace.push(turn);
        yield_now().await;
    }
    trace.push("ended");
}

async fn yields_for_ever() {
    loop {
        yield_now().await;
    }
}

/// Waits to be asked, and then needs a turn to clean up.
async fn cleans_up(trace: Trace, name: &'static str) {
    let _guard = trace.on_drop(format!("{name}-gone"));
    cancel::cancelled().await;
    trace.push(format!("{name}-asked"));
    yield_now().await;
    trace.push(format!("{name}-clean"));
}

#[test]
fn drop_gives_no_turn() {
    let trace = Trace::new();
    let runtime = ending(OnExit::Drop);
    runtime.spawn(some_turns(trace.clone(), 3)).detach();
    assert_eq!(runtime.shutdown().lost().len(), 1);
    assert_eq!(trace.take(), "");
}

#[test]
fn wait_lets_tasks_end_by_themselves() {
    let trace = Trace::new();
    let runtime = waiting(AMPLE);
    runtime.block_on(async {
        spawn(some_turns(trace.clone(), 3)).detach();
    });
    trace.push("returned");
    assert!(runtime.shutdown().lost().is_empty());
    assert_eq!(trace.take(), "1 returned 2 3 ended");
}

#[test]
fn wait_takes_what_other_threads_wake_and_what_tasks_spawn_meanwhile() {
    let trace = Trace::new();
    let runtime = waiting(AMPLE);
    let (send, receive) = mpsc::channel::<Waker>();
    let waking = thread::spawn(move || receive.recv().unwrap().wake());
    let (mut first, inner) = (true, trace.clone());
    let woken = poll_fn(move |cx| {
        if std::mem::take(&mut first) {
            send.send(cx.waker().clone()).unwrap();
            return Poll::Pending;
        }
        Poll::Ready(())
    });
    let waits = async move {
        woken.await;
        inner.push("woken");
        spawn(some_turns(inner.clone(), 1)).detach();
    };
    runtime.spawn(waits).detach();
    assert!(runtime.shutdown().lost().is_empty());
    waking.join().unwrap();
    assert_eq!(trace.take(), "woken 1 ended");
}

/// It is no task of the runtime yet, when the end begins.
#[test]
fn what_a_handle_sent_before_the_end_runs() {
    for on_exit in [OnExit::Wait { deadline: AMPLE }, OnExit::Cancel { grace: AMPLE }] {
        let runtime = ending(on_exit);
        let (said, heard) = mpsc::channel();
        let handle = runtime.handle();
        let again = handle.clone();
        let sent = handle.spawn(async move {
            // Nor is this, when the first has ended.
            drop(again.spawn(async move { said.send("ran").unwrap() }));
        });
        let report = runtime.shutdown();
        assert_eq!(
            (report.lost().len(), heard.try_recv()),
            (0, Ok("ran")),
            "{on_exit:?}: {report}"
        );
        block_on(sent).unwrap();
    }
}

#[test]
fn what_a_handle_sent_is_lost_where_nothing_is_waited_for() {
    let runtime = ending(OnExit::Drop);
    let sent = runtime.handle().spawn(async {});
    let report = runtime.shutdown();
    assert_eq!(report.lost().len(), 1, "{report}");
    assert!(block_on(sent).unwrap_err().is_shutdown());
}

#[test]
fn tasks_that_are_certain_to_be_stuck_are_not_waited_for() {
    for on_exit in [OnExit::Wait { deadline: AMPLE }, OnExit::Cancel { grace: AMPLE }] {
        let runtime = ending(on_exit);
        let kept = runtime.spawn(pending::<()>());
        runtime.spawn(pending::<()>()).detach();
        let report = runtime.shutdown();
        assert_eq!(report.lost().len(), 2);
        assert!(report.lost().iter().all(|task| task.state() == State::Stuck), "{report}");
        assert!(block_on(kept).unwrap_err().is_shutdown());
    }
}

/// Beside one that is stuck: by a thread that holds its waker, and then by the task it wakes.
#[test]
fn a_task_that_may_still_be_woken_is_waited_for_beside_one_that_is_stuck() {
    let runtime = waiting(AMPLE);
    runtime.spawn(pending::<()>()).detach();
    let (sender, receiver) = futures::channel::oneshot::channel();
    let (last, awaits_last) = futures::channel::oneshot::channel::<()>();
    runtime.spawn(async move { receiver.await.map(|()| drop(last)).unwrap() }).detach();
    runtime.spawn(async move { awaits_last.await.unwrap_err() }).detach();
    let thread = thread::spawn(move || {
        common::some_real_time();
        sender.send(()).unwrap();
    });
    assert_eq!(runtime.shutdown().lost().len(), 1);
    thread.join().unwrap();
}

#[test]
fn without_time_wait_is_drop() {
    let runtime = waiting(Duration::ZERO);
    runtime.spawn(pending::<()>()).detach();
    let handle = runtime.spawn(pending::<()>());
    runtime.block_on(async {});
    assert_eq!(runtime.shutdown().lost().len(), 2);
    assert!(block_on(handle).unwrap_err().is_shutdown());
}

#[test]
fn wait_asks_nobody() {
    let trace = Trace::new();
    let runtime = waiting(AMPLE);
    let inner = trace.clone();
    let looks = async move {
        for _ in 0..3 {
            inner.push(futures::poll!(cancel::cancelled()).is_ready());
            yield_now().await;
        }
    };
    runtime.spawn(looks).detach();
    assert!(runtime.shutdown().lost().is_empty());
    assert_eq!(trace.take(), "false false false");
}

#[test]
fn cancel_asks_and_lets_each_clean_up() {
    let trace = Trace::new();
    let runtime = asking(AMPLE);
    for name in ["a", "b"] {
        runtime.spawn(cleans_up(trace.clone(), name)).detach();
    }
    runtime.block_on(async {});
    trace.push("returned");
    assert!(runtime.shutdown().lost().is_empty());
    assert_eq!(trace.take(), "returned a-asked b-asked a-clean a-gone b-clean b-gone");
}

#[test]
fn without_time_those_who_were_asked_are_dropped() {
    let trace = Trace::new();
    let runtime = asking(Duration::ZERO);
    runtime.spawn(cleans_up(trace.clone(), "a")).detach();
    runtime.block_on(async {});
    let report = runtime.shutdown();
    assert_eq!(report.lost().len(), 1);
    assert_eq!(trace.take(), "a-gone");
}

#[test]
fn who_waits_later_than_that_is_asked_at_once() {
    let trace = Trace::new();
    let runtime = asking(AMPLE);
    let inner = trace.clone();
    let outer = async move {
        cancel::cancelled().await;
        inner.push("asked");
        cancel::cancelled().await;
        spawn(cleans_up(inner, "late")).detach();
    };
    runtime.spawn(outer).detach();
    runtime.block_on(async {});
    assert!(runtime.shutdown().lost().is_empty());
    assert_eq!(trace.take(), "asked late-asked late-clean late-gone");
}

#[test]
fn a_wait_to_be_asked_may_be_dropped_made_anew_and_polled_again() {
    let trace = Trace::new();
    let runtime = asking(AMPLE);
    let (dropped, renewed, inner) = (trace.clone(), trace.clone(), trace.clone());
    let gives_up = async move {
        let mut cancelled = Box::pin(cancel::cancelled());
        assert!(futures::poll!(&mut cancelled).is_pending());
        drop(cancelled);
        poll_fn(|_| {
            dropped.push("polled");
            Poll::<()>::Pending
        })
        .await;
    };
    let renews = async move {
        drop(cancel::cancelled());
        assert!(futures::poll!(cancel::cancelled()).is_pending());
        let mut cancelled = pin!(cancel::cancelled());
        assert!(futures::poll!(&mut cancelled).is_pending());
        assert!(futures::poll!(&mut cancelled).is_pending());
        cancelled.await;
        renewed.push("asked");
    };
    let given_up = runtime.spawn(gives_up);
    runtime.spawn(renews).detach();
    let aborts = async move {
        cancel::cancelled().await;
        given_up.abort(); // it would keep the runtime for all its grace
        inner.push("aborts");
    };
    runtime.spawn(aborts).detach();
    runtime.block_on(async {});
    assert!(runtime.shutdown().lost().is_empty());
    assert_eq!(trace.take(), "polled asked aborts");
}

#[test]
fn a_waker_that_panics_when_tasks_are_asked_is_reported_and_the_others_are_asked() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("in wake");
        }
    }
    let trace = Trace::new();
    let (say, heard) = mpsc::channel();
    let tell = Arc::new(move |failure: &task::Unhandled| say.send(failure.to_string()).unwrap());
    let builder = Builder::new().unhandled_panic(UnhandledPanic::Call(tell));
    let runtime = builder.on_exit(OnExit::Cancel { grace: AMPLE }).build().unwrap();
    let panics = async {
        let mut cancelled = Box::pin(cancel::cancelled());
        let waker = Waker::from(Arc::new(Panics));
        assert!(cancelled.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        pending::<()>().await;
    };
    let abort = runtime.spawn(panics).abort_handle();
    runtime.spawn(cleans_up(trace.clone(), "other")).detach();
    runtime
        .spawn(async move {
            cancel::cancelled().await;
            abort.abort();
        })
        .detach();
    runtime.block_on(async {});
    assert!(runtime.shutdown().lost().is_empty());
    assert_eq!(trace.take(), "other-asked other-clean other-gone");
    assert_eq!(
        heard.recv().unwrap(),
        "a waker or destructor panicked: in wake; no awaiter sees it"
    );
}

/// The task is asked as a waker is cloned, when it is not among those that are woken yet.
#[test]
fn a_wait_that_is_cut_short_by_the_clone_of_its_own_waker_is_over() {
    block_on(async {
        let script = Rc::new(Script::default());
        let waker = script.waker();
        let task = spawn(async move {
            let mut cancelled = pin!(cancel::cancelled());
            assert!(cancelled.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        });
        let handle = Rc::new(task);
        let asks = Rc::clone(&handle);
        script.on_clone.set(Some(Box::new(move || asks.cancel("enough"))));
        yield_now().await;
        let handle = Rc::into_inner(handle).expect("the script has run");
        assert_eq!(handle.await.unwrap_err().reason().unwrap().as_str(), "enough");
    });
}

#[test]
fn inside_another_run_or_while_panicking_tasks_are_dropped_at_once() {
    let trace = Trace::new();
    let stuck = |on_exit| {
        let (runtime, guard) = (ending(on_exit), trace.on_drop("dropped"));
        let future = async move {
            let _guard = guard;
            pending::<()>().await;
        };
        runtime.spawn(future).detach();
        runtime
    };
    for on_exit in [OnExit::Cancel { grace: AMPLE }, OnExit::Wait { deadline: AMPLE }] {
        let runtime = stuck(on_exit);
        block_on(async move { drop(runtime) });
        assert_eq!(trace.take(), "dropped");

        let runtime = stuck(on_exit);
        let panics = AssertUnwindSafe(|| {
            let _runtime = runtime;
            panic!("unwinding");
        });
        assert!(catch_unwind(panics).is_err());
        assert_eq!(trace.take(), "dropped");
    }
}

/// A runtime with a task in each state in which it can be lost, and a waker of the one that waits.
fn one_of_each_state(builder: Builder) -> (Runtime, Waker) {
    let runtime = builder.build().unwrap();
    let (send, receive) = mpsc::channel();
    let stuck = task::Builder::new().name("stuck");
    runtime.block_on(async {
        stuck.spawn(pending::<()>()).detach();
        let waits = poll_fn(move |cx| {
            send.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        });
        spawn(waits).detach();
        spawn(yields_for_ever()).detach();
    });
    runtime.spawn(pending::<()>()).detach();
    (runtime, receive.recv().unwrap())
}

#[test]
fn the_report_says_where_each_stood() {
    let (runtime, _waker) = one_of_each_state(Builder::new());
    let report = runtime.shutdown();
    let states: Vec<_> = report.lost().iter().map(|task| (task.state(), task.polls())).collect();
    let expected = [(State::Stuck, 1), (State::Waiting, 1), (State::Ready, 1), (State::Ready, 0)];
    assert_eq!(states, expected);
    let text = report.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "4 tasks were lost:");
    let ends = [
        ", polled once, stuck: no waker of it is left",
        ", polled once, waiting",
        ", polled once, ready to run",
        ", never polled, ready to run",
    ];
    for (line, end) in lines[1..].iter().zip(ends) {
        assert!(line.starts_with("  task #") && line.ends_with(end), "{line}");
    }
    assert!(lines[1].starts_with("  task #1 \"stuck\", spawned at "), "{text}");
}

#[test]
fn on_lost_is_told_of_each_in_the_order_of_spawning_and_may_panic() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let builder = Builder::new().on_lost(move |task| {
        let mut list = list.lock().unwrap();
        list.push((task.id().to_string(), task.state()));
        drop(list); // not poisoned by the panic
        if task.name() == Some("stuck") {
            panic!("the hook");
        }
    });
    let expected = [
        ("#1".to_owned(), State::Stuck),
        ("#2".to_owned(), State::Waiting),
        ("#3".to_owned(), State::Ready),
        ("#4".to_owned(), State::Ready),
    ];
    let (runtime, _waker) = one_of_each_state(builder.clone());
    drop(runtime);
    assert_eq!(*told.lock().unwrap(), expected);
    let (runtime, _waker) = one_of_each_state(builder);
    assert_eq!(runtime.shutdown().lost().len(), 4);
    assert_eq!(told.lock().unwrap().len(), 8);
}

#[test]
fn a_runtime_that_is_dropped_says_what_was_lost_in_a_debug_build() {
    if is_child() {
        let forget = |runtime: &Runtime| runtime.spawn(pending::<()>()).detach();
        let (told, silent) = (Runtime::new().unwrap(), Builder::new().on_lost(|_| {}));
        forget(&told);
        drop(told.shutdown());
        let silent = silent.build().unwrap();
        forget(&silent);
        drop(silent);
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            task::Builder::new().name("forgotten").spawn(pending::<()>()).detach();
            spawn(yields_for_ever()).detach();
        });
        return;
    }
    let said = said("a_runtime_that_is_dropped_says_what_was_lost_in_a_debug_build");
    if !cfg!(debug_assertions) {
        assert!(said.is_empty(), "{said:?}");
        return;
    }
    let [head, one, two] = &said[..] else { panic!("three lines: {said:?}") };
    assert_eq!(head, "2 tasks were lost when the runtime was dropped:");
    let begins = "  task #1 \"forgotten\", spawned at ";
    assert!(one.starts_with(begins) && one.contains("exit.rs"), "{one}");
    assert!(one.ends_with(", polled once, stuck: no waker of it is left"), "{one}");
    assert!(two.ends_with(", polled once, ready to run"), "{two}");
}

/// Whose report is read, and who is told, hears of all.
#[test]
fn of_many_lost_tasks_the_first_are_written() {
    let many = |builder: Builder| {
        let runtime = builder.build().unwrap();
        (0..1000).for_each(|_| runtime.spawn(pending::<()>()).detach());
        runtime
    };
    if is_child() {
        drop(many(Builder::new()));
        return;
    }
    let told = Arc::new(Mutex::new(0));
    let count = Arc::clone(&told);
    let report = many(Builder::new().on_lost(move |_| *count.lock().unwrap() += 1)).shutdown();
    assert_eq!((report.lost().len(), *told.lock().unwrap()), (1000, 1000));
    let text = report.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[51]), (52, "1000 tasks were lost:", "  and 950 more"));
    assert!(lines[50].starts_with("  task #50, spawned at "), "{text}");

    let said = said("of_many_lost_tasks_the_first_are_written");
    if cfg!(debug_assertions) {
        assert_eq!((said.len(), &*said[51]), (52, "  and 950 more"));
        assert_eq!(said[0], "1000 tasks were lost when the runtime was dropped:");
    }
}

#[test]
fn tasks_live_from_one_run_to_the_next() {
    let trace = Trace::new();
    let runtime = Runtime::new().unwrap();
    let handle = runtime.block_on(async { Some(spawn(some_turns(trace.clone(), 3))) });
    assert_eq!(trace.take(), "1");
    runtime.block_on(async {});
    assert_eq!(trace.take(), "2 3"); // its turn, ahead of the root, and its last turn
    runtime.block_on(handle.unwrap()).unwrap();
    assert_eq!(trace.take(), "ended");
    assert!(runtime.shutdown().lost().is_empty());
}

#[test]
fn a_handle_awaited_inside_another_runtime_panics_and_says_what_to_do() {
    let (one, two) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let (mut never, done) = (one.spawn(pending::<()>()), one.spawn(async { 42 }));
    one.block_on(async {});
    let line = line!() + 1;
    let caught = catch_unwind(AssertUnwindSafe(|| two.block_on(&mut never).map(drop)));
    let text = caught.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(
        *text,
        format!(
            "task #1 is awaited inside another runtime, entered at {}:{line}:55, while its own cannot \
             run: await it there, or send it by `Handle::spawn` to the runtime that awaits it",
            file!()
        )
    );
    // What has ended can be taken anywhere, and what is gone said.
    assert_eq!(two.block_on(done).unwrap(), 42);
    drop(one);
    assert!(two.block_on(never).unwrap_err().is_shutdown());
}

#[test]
fn what_destructors_spawn_was_ready_to_run() {
    struct Spawns;
    impl Drop for Spawns {
        fn drop(&mut self) {
            spawn(async {}).detach();
        }
    }
    let runtime = Runtime::new().unwrap();
    for _ in 0..2 {
        let spawns = Spawns;
        runtime
            .spawn(async move {
                let _spawns = spawns;
                pending::<()>().await;
            })
            .detach();
    }
    runtime.block_on(async {});
    let report = runtime.shutdown();
    let states: Vec<_> = report.lost().iter().map(task::Info::state).collect();
    assert_eq!(states, [State::Stuck, State::Stuck, State::Ready, State::Ready]);
}

#[test]
fn a_waker_made_in_a_run_and_dropped_after_it_holds_nothing_any_more() {
    let runtime = Runtime::new().unwrap();
    let (send, wakers) = mpsc::channel();
    runtime
        .spawn(poll_fn(move |cx| {
            send.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        }))
        .detach();
    runtime.block_on(async {});
    drop(wakers.recv().unwrap());
    let report = runtime.shutdown();
    assert_eq!(report.lost()[0].state(), State::Stuck, "{report}");
}
