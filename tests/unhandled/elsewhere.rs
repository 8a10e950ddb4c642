//! Tasks sent by a `Handle`, and blocking jobs: their failures come home to the runtime they belong to.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::task::{FutureObj, Spawn};
use taketurns::time::call_later;
use taketurns::{BlockingHandle, Handle, RemoteHandle, spawn_blocking};

use super::*;

/// How long a test waits for what must come, only so that a lost report fails instead of hanging.
const LIMIT: Duration = Duration::from_secs(20);

/// A runtime with one blocking thread that writes down what it is told, on its own thread, and then stops
/// `run_forever`.
fn stopping() -> (Runtime, Failures) {
    let failures = Failures::default();
    let (list, home) = (Arc::clone(&failures), thread::current().id());
    let stop = Arc::new(Mutex::new(None::<Handle>));
    let stopped = Arc::clone(&stop);
    let write = move |failure: &Unhandled| {
        assert_eq!(thread::current().id(), home);
        let site =
            failure.site().map_or_else(|| "nowhere".to_owned(), |site| site.file().to_owned());
        let text = failure.error().to_string().replace(&place(failure), "here");
        list.lock().unwrap().push(format!("{text} ({site})"));
        if let Some(handle) = &*stop.lock().unwrap() {
            handle.stop();
        }
    };
    let builder = Builder::new().max_blocking_threads(1);
    let runtime = builder.unhandled_panic(UnhandledPanic::Call(Arc::new(write))).build().unwrap();
    *stopped.lock().unwrap() = Some(runtime.handle());
    (runtime, failures)
}

fn place(failure: &Unhandled) -> String {
    failure.site().map_or_else(|| "nowhere".to_owned(), ToString::to_string)
}

fn remote_panics(handle: &Handle) -> RemoteHandle<()> {
    handle.spawn(async { panic!("remote") })
}

fn job_panics() -> BlockingHandle<()> {
    spawn_blocking(|| panic!("job"))
}

/// Waits for the end of a task or job, and leaves the result in its handle.
async fn ended<T>(handle: T, is_finished: impl Fn(&T) -> bool) -> T {
    while !is_finished(&handle) {
        yield_now().await;
    }
    handle
}

/// Polls it once with a waker that panics.
fn await_badly<F: Future + Unpin>(mut future: F) -> F {
    let waker = Waker::from(Arc::new(PanickingWaker));
    assert!(pin!(&mut future).poll(&mut Context::from_waker(&waker)).is_pending());
    future
}

async fn dropped_before(handle: Handle) {
    drop(remote_panics(&handle));
}

async fn dropped_elsewhere(handle: Handle) {
    let remote = ended(remote_panics(&handle), RemoteHandle::is_finished).await;
    thread::spawn(move || drop(remote)).join().unwrap();
}

async fn output_panics(handle: Handle) {
    drop(handle.spawn(async { Grenade("output") }));
}

async fn waker_panics(handle: Handle) {
    let remote = await_badly(handle.spawn(async {}));
    ended(remote, RemoteHandle::is_finished).await.await.unwrap();
}

async fn second_panic(handle: Handle) {
    let error = handle.spawn(Twice).await.unwrap_err();
    assert_eq!(error.to_string(), "task #1 panicked: in poll");
}

async fn object_panics(handle: Handle) {
    handle.spawn_obj(FutureObj::new(Box::new(async { panic!("object") }))).unwrap();
}

async fn job_dropped_before(_: Handle) {
    drop(job_panics());
}

async fn job_dropped_elsewhere(_: Handle) {
    let job = ended(job_panics(), BlockingHandle::is_finished).await;
    thread::spawn(move || drop(job)).join().unwrap();
}

async fn job_output_panics(_: Handle) {
    let (dropped, waits) = mpsc::channel::<()>();
    let job = spawn_blocking(move || (waits.recv(), Grenade("output")).1);
    drop(job);
    drop(dropped);
}

async fn job_waker_panics(_: Handle) {
    let (open, gate) = mpsc::channel::<()>();
    let job = await_badly(spawn_blocking(move || gate.recv()));
    drop(open);
    ended(job, BlockingHandle::is_finished).await.await.unwrap().unwrap_err();
}

async fn job_closure_panics(_: Handle) {
    let (open, gate) = mpsc::channel::<()>();
    let running = spawn_blocking(move || gate.recv());
    let carried = Grenade("closure");
    let queued = spawn_blocking(move || drop(carried));
    queued.abort();
    assert!(queued.await.unwrap_err().is_cancelled());
    drop(open);
    running.await.unwrap().unwrap_err();
}

type Scene = fn(Handle) -> Pin<Box<dyn Future<Output = ()>>>;

macro_rules! scenes {
    ($($expected:literal $scene:ident)*) => { [$(($expected, |handle| Box::pin($scene(handle)))),*] };
}

/// What each reports, and where that says the task or job was spawned.
const SCENES: [(&str, Scene); 11] = scenes! {
    "task #1 panicked: remote (tests/unhandled/elsewhere.rs)" dropped_before
    "task #1 panicked: remote (tests/unhandled/elsewhere.rs)" dropped_elsewhere
    "task #1 panicked: output (tests/unhandled/elsewhere.rs)" output_panics
    "a destructor, waker or callback of task #1 panicked: in wake (tests/unhandled/elsewhere.rs)" waker_panics
    "a destructor, waker or callback of task #1 panicked: in drop (tests/unhandled/elsewhere.rs)" second_panic
    "task #1 panicked: object (tests/unhandled/elsewhere.rs)" object_panics
    "blocking job spawned at here panicked: job (tests/unhandled/elsewhere.rs)" job_dropped_before
    "blocking job spawned at here panicked: job (tests/unhandled/elsewhere.rs)" job_dropped_elsewhere
    "blocking job spawned at here panicked: output (tests/unhandled/elsewhere.rs)" job_output_panics
    "a waker or destructor panicked: in wake (nowhere)" job_waker_panics
    "blocking job spawned at here panicked: closure (tests/unhandled/elsewhere.rs)" job_closure_panics
};

#[test]
fn each_kind_comes_home_once() {
    for (expected, scene) in SCENES {
        let (runtime, failures) = stopping();
        let handle = runtime.handle();
        runtime.block_on(scene(handle.clone()));
        runtime.block_on(async { drop(call_later(LIMIT, move || handle.stop())) });
        runtime.run_forever();
        assert_eq!(*failures.lock().unwrap(), [expected]);
        drop(runtime.shutdown());
        assert_eq!(failures.lock().unwrap().len(), 1, "{expected}");
    }
}

#[test]
fn what_somebody_awaits_or_aborts_is_not_reported() {
    let (runtime, failures) = stopping();
    let handle = runtime.handle();
    runtime.block_on(async {
        assert!(remote_panics(&handle).await.unwrap_err().is_panic());
        assert!(job_panics().await.unwrap_err().is_panic());
        let remote = handle.spawn(pending::<()>());
        remote.abort();
        drop(ended(remote, RemoteHandle::is_finished).await);
        drop(handle.spawn(pending::<()>()));
        let (open, gate) = mpsc::channel::<()>();
        let running = spawn_blocking(move || gate.recv());
        let queued = spawn_blocking(|| ());
        queued.abort();
        drop(queued);
        drop(open);
        running.await.unwrap().unwrap_err();
    });
    drop(runtime);
    assert!(failures.lock().unwrap().is_empty());
}

#[test]
fn stop_ends_the_run_for_them_too() {
    let runtime = runtime(UnhandledPanic::Stop);
    let handle = runtime.handle();
    drop(remote_panics(&handle));
    assert!(
        text_of(|| runtime.block_on(pending())).contains("panicked: remote; no awaiter sees it")
    );
    let text = text_of(|| {
        runtime.block_on(async {
            drop(job_panics());
            pending::<()>().await;
        });
    });
    assert!(text.ends_with("panicked: job; no awaiter sees it"), "{text}");
}

#[test]
fn a_job_that_panics_while_its_runtime_ends_is_reported() {
    let (runtime, failures) = stopping();
    runtime.block_on(async {
        let (open, gate) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        drop(spawn_blocking(move || {
            begin.send(()).unwrap();
            panic!("late: {}", gate.recv().is_err())
        }));
        begun.recv().unwrap();
        // In line behind it: dropped when the pool closes, after the last task.
        drop(spawn_blocking(move || drop(open)));
    });
    drop(runtime);
    let expected =
        "blocking job spawned at here panicked: late: true (tests/unhandled/elsewhere.rs)";
    assert_eq!(*failures.lock().unwrap(), [expected]);
}

/// When the pool is waited for, after the executor has ended.
#[test]
fn late_jobs_whose_payloads_panic_are_each_reported_and_the_end_is_whole() {
    let (runtime, failures) = stopping();
    let open = runtime.block_on(async {
        let (open, gate) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let job = spawn_blocking(move || {
            begin.send(()).unwrap();
            gate.recv().unwrap_err();
            panic_any(Grenade("payload"))
        });
        drop::<BlockingHandle<()>>(job);
        begun.recv().unwrap();
        for _ in 0..2 {
            // In line behind it: their closures are dropped, and panic, when the pool closes.
            let carried = Grenade("closure");
            drop(spawn_blocking(move || drop(carried)));
        }
        open
    });
    // A task that is dropped at the end lets the job go on.
    runtime.block_on(async {
        spawn(async move {
            let _open = open;
            pending::<()>().await;
        })
        .detach();
    });
    assert_eq!(runtime.shutdown().lost().len(), 1);
    let mut failures = failures.lock().unwrap().clone();
    failures.sort();
    let expected = ["", ": closure", ": closure"].map(|text| {
        format!("blocking job spawned at here panicked{text} (tests/unhandled/elsewhere.rs)")
    });
    assert_eq!(failures, expected);
}

/// Of all that the policy is told of, at the one time when no inbox takes it any more.
#[test]
fn handles_that_a_destructor_drops_at_the_end_are_told_to_the_policy() {
    for elsewhere in [false, true] {
        let (runtime, failures) = stopping();
        let handle = runtime.handle();
        let (remote, job) = runtime.block_on(async {
            let remote = ended(remote_panics(&handle), RemoteHandle::is_finished).await;
            (remote, ended(job_panics(), BlockingHandle::is_finished).await)
        });
        let handles = DropsAtTheEnd { handles: Some((remote, job)), elsewhere };
        runtime
            .spawn(async move {
                let _handles = handles;
                pending::<()>().await;
            })
            .detach();
        drop(runtime.shutdown());
        let expected = [
            "task #1 panicked: remote (tests/unhandled/elsewhere.rs)",
            "blocking job spawned at here panicked: job (tests/unhandled/elsewhere.rs)",
        ];
        assert_eq!(*failures.lock().unwrap(), expected, "on another thread: {elsewhere}");
    }
}

struct DropsAtTheEnd {
    handles: Option<(RemoteHandle<()>, BlockingHandle<()>)>,
    elsewhere: bool,
}

impl Drop for DropsAtTheEnd {
    fn drop(&mut self) {
        let handles = self.handles.take();
        if self.elsewhere {
            thread::spawn(move || drop(handles)).join().unwrap();
        }
    }
}

/// A handle dropped at home needs no look: the run that drops it is the one that stops.
#[test]
fn stop_ends_the_very_run_that_drops_the_handle() {
    let runtime = runtime(UnhandledPanic::Stop);
    let remote = ended(remote_panics(&runtime.handle()), RemoteHandle::is_finished);
    let text = text_of(|| runtime.block_on(async { drop(remote.await) }));
    assert!(text.contains("panicked: remote; no awaiter sees it"), "{text}");
}

#[test]
fn after_the_end_it_is_a_line_on_stderr() {
    if is_child() {
        let runtime = Builder::new().blocking_deadline(Duration::ZERO).build().unwrap();
        let remote = remote_panics(&runtime.handle());
        runtime.run_until_stalled();
        let (open, gate) = mpsc::channel::<()>();
        let (sender, told) = mpsc::channel();
        let payload = OnDrop(sender);
        runtime.block_on(async {
            let (begin, begun) = mpsc::channel();
            drop(spawn_blocking(move || {
                begin.send(()).unwrap();
                let _ = gate.recv();
                panic_any(payload)
            }));
            begun.recv().unwrap();
        });
        drop(runtime);
        drop(remote);
        drop(open);
        return told.recv_timeout(LIMIT).unwrap();
    }
    let said = said("elsewhere::after_the_end_it_is_a_line_on_stderr");
    let [remote, job] = &said[..] else { panic!("two lines: {said:?}") };
    assert!(
        remote.starts_with("task #1 panicked: remote; no awaiter sees it (spawned at "),
        "{remote}"
    );
    assert!(job.starts_with("blocking job spawned at "), "{job}");
    assert!(job.ends_with(" panicked; no awaiter sees it"), "{job}");
}

/// The payload of a panic that says when it is dropped.
struct OnDrop(mpsc::Sender<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
    }
}
