//! Who a task is: in its own eyes, in the errors it leaves, and in reports.

mod common;

use std::future::pending;

use common::Trace;
use taketurns::task::{self, Info, State};
use taketurns::{JoinError, JoinHandle, RemoteHandle, Runtime, block_on, spawn, yield_now};

fn named<T: 'static>(name: &str, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    task::Builder::new().name(name).spawn(future)
}

fn current() -> String {
    task::current().map_or_else(|| "nobody".into(), |task| task.id().to_string())
}

#[test]
fn a_task_knows_itself_as_it_stands() {
    let site = line!() + 2;
    let info: Info = block_on(async {
        let handle = named("worker", async {
            yield_now().await;
            yield_now().await;
            task::current().unwrap()
        });
        let id = handle.id();
        let info = handle.await.unwrap();
        assert_eq!(info.id(), id);
        info
    });
    assert_eq!((info.name(), info.polls(), info.state()), (Some("worker"), 3, State::Running));
    let file = file!();
    assert_eq!(info.site().file(), file);
    let text = info.to_string();
    assert!(text.starts_with(&format!("task #1 \"worker\", spawned at {file}:")), "{text}");
    assert!(text.ends_with(", polled 3 times, running"), "{text}");
    assert!(info.site().line() < site, "where `spawn` was called, in `named`");
}

#[test]
fn neither_the_root_nor_the_outside_is_a_task() {
    let trace = Trace::new();
    trace.push(current());
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        trace.push(current());
        let inner = trace.clone();
        spawn(async move { inner.push(current()) }).await.unwrap();
        trace.push(current());
    });
    trace.push(current());
    assert_eq!(trace.take(), "nobody nobody #1 nobody nobody");
    // Nor has any its turn when the runtime ends.
    let witness = Witness(trace.clone());
    runtime.spawn(async move { drop(witness) }).detach();
    drop(runtime);
    assert_eq!(trace.take(), "nobody");
}

/// Says who the current task is when it is dropped.
struct Witness(Trace);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.push(current());
    }
}

#[test]
fn the_destructor_of_an_aborted_future_runs_in_its_tasks_turn() {
    let trace = Trace::new();
    block_on(async {
        spawn(async {}).detach();
        let witness = Witness(trace.clone());
        let handle = spawn(async move {
            let _witness = witness;
            pending::<()>().await;
        });
        yield_now().await;
        handle.abort();
        assert!(handle.await.is_err());
        trace.push(current());
    });
    assert_eq!(trace.take(), "#2 nobody");
}

#[test]
fn a_callback_is_called_in_its_tasks_turn() {
    let trace = Trace::new();
    block_on(async {
        let handle = spawn(async {});
        for _ in ["in its last turn", "late"] {
            let inner = trace.clone();
            handle.on_done(move |_| inner.push(current())).unwrap();
            yield_now().await;
        }
    });
    assert_eq!(trace.take(), "#1 #1");
}

#[test]
fn inside_another_runtime_there_is_no_task() {
    let trace = Trace::new();
    let inner = Runtime::new().unwrap();
    let witness = Witness(trace.clone());
    let waiting = async move {
        let _witness = witness;
        pending::<()>().await;
    };
    inner.spawn(waiting).detach();
    block_on(async {
        let trace = trace.clone();
        let dropping = spawn(async move {
            drop(inner);
            trace.push(current());
        });
        dropping.await.unwrap();
    });
    assert_eq!(trace.take(), "nobody #1");
}

#[test]
fn an_error_names_its_task() {
    let runtime = Runtime::new().unwrap();
    let errors: Vec<JoinError> = runtime.block_on(async {
        let aborted = named("aborted", pending::<()>());
        let panics = named("panics", async { panic!("boom") });
        let odd = spawn(async { std::panic::panic_any(42) });
        yield_now().await;
        aborted.abort();
        let lost = [aborted.await, panics.await, odd.await];
        lost.into_iter().map(Result::unwrap_err).collect()
    });
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "task #1 \"aborted\" was cancelled",
            "task #2 \"panics\" panicked: boom",
            "task #3 panicked"
        ]
    );
    let named = errors.iter().map(|error| error.task().unwrap());
    let named: Vec<_> =
        named.map(|task| (task.id().to_string(), task.name(), task.polls())).collect();
    assert_eq!(
        named,
        [
            ("#1".into(), Some("aborted"), 1),
            ("#2".into(), Some("panics"), 1),
            ("#3".into(), None, 1)
        ]
    );
    assert!(errors.iter().all(|error| error.task().unwrap().site().file() == file!()));
}

#[test]
fn an_error_of_a_shutdown_names_its_task_and_one_from_another_thread_names_none() {
    let runtime = Runtime::new().unwrap();
    let lost = runtime.block_on(async { Some(named("lost \"quoted\"", pending::<()>())) });
    let remote = runtime.handle().spawn(pending::<()>());
    drop(runtime);
    let error = block_on(lost.unwrap()).unwrap_err();
    let text = "task #1 \"lost \\\"quoted\\\"\" was dropped: its runtime shut down first";
    assert_eq!(error.to_string(), text);
    assert_eq!(format!("{error:?}"), format!("JoinError({text})"));
    assert_eq!(error.task().unwrap().name(), Some("lost \"quoted\""));
    assert!(block_on(remote).unwrap_err().task().is_none());
}

#[test]
fn an_error_of_a_task_sent_by_a_handle_names_it() {
    let runtime = Runtime::new().unwrap();
    let line = line!() + 1;
    let remote: RemoteHandle<()> = runtime.handle().spawn(async { panic!("boom") });
    let error = runtime.block_on(remote).unwrap_err();
    assert_eq!(error.to_string(), "task #1 panicked: boom");
    assert_eq!(error.task().unwrap().site().line(), line);
}

#[cfg(feature = "offload")]
#[test]
fn an_error_of_a_job_names_its_place() {
    let line = line!() + 1;
    let error = block_on(async { taketurns::spawn_blocking::<_, ()>(|| panic!("boom")).await });
    let error = error.unwrap_err();
    assert!(error.task().is_none());
    let begins = format!("blocking job spawned at {}:{line}:", file!());
    assert!(error.to_string().starts_with(&begins), "{error}");
}
