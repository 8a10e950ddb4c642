//! One thread, one running executor: every way into a second one is an error that names the first.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;

use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
use taketurns::{Builder, Nested, Runtime, block_on, spawn, yield_now};

#[test]
fn the_error_names_the_outer_call() {
    let (outer, inner) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let line = line!() + 1;
    let error = outer.block_on(async { inner.try_block_on(async {}).unwrap_err() });
    assert_eq!((error.outer().file(), error.outer().line()), (file!(), line));
    assert_eq!(
        error.to_string(),
        format!(
            "this thread already runs an executor, entered at {}:{line}:23: `.await` the future, or \
             `spawn` it, instead of blocking on it",
            file!()
        )
    );
}

#[test]
fn the_same_runtime_is_no_exception() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async { assert!(runtime.try_block_on(async {}).is_err()) });
}

#[test]
fn every_other_way_in_says_the_same_words() {
    let runtime = Runtime::new().unwrap();
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let line = line!() + 1;
    runtime.block_on(async {
        let ways: [(&str, &dyn Fn()); 7] = [
            ("block_on", &|| block_on(async {})),
            ("block_on", &|| runtime.block_on(async {})),
            ("run_forever", &|| runtime.run_forever()),
            ("run_until_stalled", &|| runtime.run_until_stalled()),
            ("block_on", &|| executor.block_on(async {})),
            ("run_forever", &|| executor.run_forever()),
            ("run_until_stalled", &|| executor.run_until_stalled()),
        ];
        let words = runtime.try_block_on(async {}).unwrap_err().to_string();
        for (name, way) in ways {
            let payload = catch_unwind(AssertUnwindSafe(way)).unwrap_err();
            let text = payload.downcast::<String>().unwrap();
            assert_eq!(*text, format!("`{name}`: {words}"));
        }
        let errors = [
            runtime.try_tick().unwrap_err(),
            runtime.try_run_until_stalled().unwrap_err(),
            runtime.try_run_forever().unwrap_err(),
            executor.try_block_on(async {}).unwrap_err(),
            executor.try_tick().unwrap_err(),
            executor.try_run_until_stalled().unwrap_err(),
            executor.try_run_forever().unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.outer().line(), error.to_string()), (line, words.clone()));
        }
        // The panics have left the context as it was.
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn from_inside_every_kind_of_run_the_way_in_is_closed() {
    let runtime = Runtime::new().unwrap();
    let inner = Rc::new(Runtime::new().unwrap());
    let handle = runtime.handle();
    handle.stop(); // `run_forever` will take it
    let runs: [(u32, &dyn Fn()); 5] = [
        (line!(), &|| runtime.block_on(yield_now())),
        (line!(), &|| runtime.try_block_on(yield_now()).unwrap()),
        (line!(), &|| runtime.run_until_stalled()),
        (line!(), &|| assert!(runtime.try_tick().unwrap())),
        (line!(), &|| runtime.run_forever()),
    ];
    for (line, run) in runs {
        let inner = Rc::clone(&inner);
        let task = runtime.spawn(async move { inner.try_tick().unwrap_err().outer().line() });
        run();
        assert!(task.is_finished());
        assert_eq!(block_on(task).unwrap(), line);
        // The run is over, and the way in open again.
        assert!(!Runtime::new().unwrap().try_tick().unwrap());
    }
}

#[test]
fn a_nested_call_takes_no_turn() {
    let runtime = Runtime::new().unwrap();
    let task = runtime.block_on(async {
        let task = spawn(async {});
        assert!(runtime.try_tick().is_err());
        assert!(!task.is_finished());
        Some(task)
    });
    assert!(task.unwrap().is_finished());
}

#[test]
fn two_runtimes_take_turns_on_one_thread() {
    let (one, two) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let task = one.spawn(async {
        yield_now().await;
        1
    });
    two.block_on(yield_now());
    assert_eq!(one.block_on(task).unwrap() + two.block_on(async { 2 }), 3);
}

#[test]
fn a_task_of_one_runtime_is_awaited_and_woken_in_the_other() {
    let (one, two) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let (sender, receiver) = futures::channel::oneshot::channel();
    let task = one.spawn(receiver);
    one.block_on(async {});
    two.block_on(async { sender.send(42).unwrap() });
    assert_eq!(one.block_on(task).unwrap(), Ok(42));
}

#[test]
fn a_runtime_may_be_dropped_inside_another() {
    let (outer, inner) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    inner.spawn(std::future::pending::<()>()).detach();
    outer.block_on(async move {
        assert_eq!(inner.shutdown().lost().len(), 1);
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn a_run_in_a_destructor_at_the_end_names_where_the_runtime_ended_or_was_made() {
    /// Says what a run in its destructor is refused with.
    struct Runs(mpsc::Sender<Nested>);
    impl Drop for Runs {
        fn drop(&mut self) {
            self.0.send(Runtime::new().unwrap().try_block_on(async {}).unwrap_err()).unwrap();
        }
    }
    let (said, heard) = mpsc::channel();
    let runs = Runs(said.clone());
    let holds = |runs: Runs| async move {
        let _runs = runs;
        pending::<()>().await;
    };

    let runtime = Runtime::new().unwrap();
    runtime.spawn(holds(runs)).detach();
    let line = line!() + 1;
    drop(runtime.shutdown());
    assert_eq!(
        heard.recv().unwrap().to_string(),
        format!(
            "this thread is ending an executor, that of {}:{line}:18, and a destructor cannot run another \
             meanwhile: do it in the task before that ends (`cancel::cancelled` tells it under \
             `OnExit::Cancel`), or on a thread of its own",
            file!()
        )
    );

    let place = || {
        let outer = heard.recv().unwrap().outer();
        (outer.file(), outer.line())
    };
    let runs = Runs(said.clone());
    let line = line!() + 1;
    let runtime = Builder::new().on_lost(|_| {}).build().unwrap();
    runtime.spawn(holds(runs)).detach();
    drop(runtime);
    assert_eq!(place(), (file!(), line));

    let runs = Runs(said.clone());
    let line = line!() + 1;
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    executor.spawn(holds(runs)).detach();
    drop(executor);
    assert_eq!(place(), (file!(), line));

    let runs = Runs(said);
    let line = line!() + 1;
    block_on(async { spawn(holds(runs)).detach() });
    assert_eq!(place(), (file!(), line));
}

#[test]
fn spawning_outside_names_the_remedy() {
    let payload = catch_unwind(|| spawn(async {})).unwrap_err();
    assert_eq!(
        *payload.downcast::<&str>().unwrap(),
        "`spawn` needs a runtime: call it inside `taketurns::block_on` or a task, or use `Runtime::spawn`, or from another thread `Handle::spawn`"
    );
}
