//! One loop a core: where tasks go, how the loops start, end and fail, each and together. No test sleeps: channels say when.

#[path = "common/child.rs"]
mod child;
#[cfg(feature = "net")]
#[path = "common/example.rs"]
mod example;
#[cfg(feature = "net")]
#[path = "per_core/listeners.rs"]
mod listeners;

use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use taketurns::cancel::CancellationToken;
use taketurns::{Builder, PerCore, RemoteHandle};

/// How long a test waits for what must come, only so that a loop that is lost fails instead of hanging.
const LIMIT: Duration = Duration::from_secs(20);

async fn until_stopped(core: usize, stop: CancellationToken) -> usize {
    stop.cancelled().await;
    core
}

/// So many loops, which run until they are stopped.
fn loops(count: usize) -> PerCore<usize> {
    PerCore::builder().loops(count).start(until_stopped).unwrap()
}

fn thread_name() -> String {
    thread::current().name().unwrap().to_owned()
}

/// Sends its text when it is dropped.
struct OnDrop(mpsc::Sender<String>, String);

impl Drop for OnDrop {
    fn drop(&mut self) {
        _ = self.0.send(std::mem::take(&mut self.1));
    }
}

/// A task on the least loaded loop, which ends when its sender is dropped; and the name of the thread it is on.
fn waiting(loops: &PerCore<usize>) -> (String, oneshot::Sender<()>, RemoteHandle<()>) {
    let (ends, ended) = oneshot::channel::<()>();
    let (begins, begun) = mpsc::channel();
    let task = loops.spawn(move || async move {
        begins.send(thread_name()).unwrap();
        _ = ended.await;
    });
    (begun.recv_timeout(LIMIT).unwrap(), ends, task)
}

fn unfinished(loops: &PerCore<usize>) -> Vec<usize> {
    (0..loops.len()).map(|core| loops.unfinished(core)).collect()
}

#[test]
fn each_loop_has_its_number_and_a_thread_of_its_own() {
    let named = |runtime| {
        let main = |core, _| async move { (core, thread_name()) };
        let loops = PerCore::builder().loops(3).runtime(runtime).start(main).unwrap();
        loops.join().into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    let expected =
        |prefix| (0..3).map(|core| (core, format!("{prefix}-{core}"))).collect::<Vec<_>>();
    assert_eq!(named(Builder::new()), expected("taketurns"));
    assert_eq!(named(Builder::new().thread_name("web")), expected("web"));
}

#[test]
fn by_default_there_are_as_many_as_the_program_may_use() {
    let loops = PerCore::builder().start(until_stopped).unwrap();
    assert_eq!(loops.len(), thread::available_parallelism().unwrap().get());
}

#[test]
#[should_panic(expected = "`loops` must be at least 1")]
fn none_is_refused() {
    _ = PerCore::builder().loops(0);
}

#[test]
fn a_task_that_is_not_send_runs_on_the_loop_it_was_spawned_on() {
    let loops = loops(2);
    for core in [1, 0, 1] {
        let sent = loops.spawn_on(core, move || {
            let local = Rc::new(core);
            async move {
                taketurns::yield_now().await;
                (*local, thread_name())
            }
        });
        assert_eq!(sent.wait().unwrap(), (core, format!("taketurns-{core}")));
        let name = loops.handle(core).spawn(async { thread_name() }).wait().unwrap();
        assert_eq!(name, format!("taketurns-{core}"));
    }
}

#[test]
fn a_number_that_no_loop_has_panics_with_the_callers_place() {
    let loops = loops(2);
    let calls: [(u32, Box<dyn Fn()>); 3] = [
        (line!(), Box::new(|| drop(loops.handle(2)))),
        (line!(), Box::new(|| drop(loops.spawn_on(2, || async {})))),
        (line!(), Box::new(|| _ = loops.unfinished(2))),
    ];
    for (line, call) in calls {
        let (said, places) = mpsc::channel();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            _ = said.send((thread::current().id(), panic.location().unwrap().line()));
        }));
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
        std::panic::set_hook(before);
        let text = *panic.downcast::<String>().unwrap();
        assert_eq!(text, "there is no loop number 2: this `PerCore` has 2, numbered from 0");
        let here = thread::current().id();
        let places: Vec<_> = places.try_iter().filter(|place| place.0 == here).collect();
        assert_eq!(places, [(here, line)]);
    }
}

#[test]
fn the_least_loaded_loop_is_given_the_next_task() {
    let loops = loops(3);
    let mut tasks: Vec<_> = (0..4).map(|_| waiting(&loops)).collect();
    let names: Vec<_> = tasks.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["taketurns-0", "taketurns-1", "taketurns-2", "taketurns-0"]);
    assert_eq!(unfinished(&loops), [2, 1, 1]);
    let (_, ends, task) = tasks.remove(2);
    drop(ends);
    task.wait().unwrap();
    assert_eq!(unfinished(&loops), [2, 1, 0]);
    assert_eq!(waiting(&loops).0, "taketurns-2");
}

#[test]
fn a_task_counts_until_it_has_ended_however_it_ends() {
    let loops = loops(1);
    let panics = loops.spawn(|| async { panic!("a task") });
    assert!(panics.wait().unwrap_err().is_panic());
    assert_eq!(loops.unfinished(0), 0);
    let unmade = loops.spawn(|| -> std::future::Ready<()> { panic!("no future") });
    assert!(unmade.wait().unwrap_err().is_panic());
    assert_eq!(loops.unfinished(0), 0);
    let waits = loops.spawn(pending::<()>);
    assert_eq!(loops.unfinished(0), 1);
    waits.abort();
    assert!(waits.wait().unwrap_err().is_cancelled());
    assert_eq!(loops.unfinished(0), 0);
}

#[test]
fn a_loop_that_has_ended_is_given_no_task_while_another_runs() {
    let (end, ends) = mpsc::channel::<CancellationToken>();
    let main = move |core, stop: CancellationToken| {
        let end = end.clone();
        async move {
            let first_ends = stop.child_token();
            if core == 0 {
                end.send(first_ends.clone()).unwrap();
            }
            first_ends.cancelled().await;
            core
        }
    };
    let loops = PerCore::builder().loops(2).start(main).unwrap();
    let (said, heard) = mpsc::channel();
    let lost = OnDrop(said, "lost".to_owned());
    let waits = loops.spawn_on(0, || async move {
        let _lost = lost;
        pending::<()>().await;
    });
    let busy = [loops.spawn_on(1, pending::<()>), loops.spawn_on(1, pending::<()>)];
    ends.recv_timeout(LIMIT).unwrap().cancel("the first alone");
    assert_eq!(heard.recv_timeout(LIMIT).unwrap(), "lost", "its runtime has ended");
    assert!(waits.wait().unwrap_err().is_shutdown());
    assert_eq!(unfinished(&loops), [0, 2]);
    let waits = waiting(&loops);
    assert_eq!(waits.0, "taketurns-1");
    let refused = loops.spawn_on(0, pending::<()>);
    assert!(refused.wait().unwrap_err().is_shutdown());
    assert_eq!(unfinished(&loops), [0, 3]);
    drop((busy, waits));
    loops.stop();
    let outputs: Vec<_> = loops.join().into_iter().map(Result::unwrap).collect();
    assert_eq!(outputs, [0, 1]);
}

#[test]
fn a_panic_of_one_loop_is_its_result_and_the_others_go_on() {
    let main = |core, stop: CancellationToken| async move {
        assert_ne!(core, 1, "the second");
        until_stopped(core, stop).await
    };
    let loops = PerCore::builder().loops(3).start(main).unwrap();
    for core in [0, 2] {
        loops.spawn_on(core, || async {}).wait().unwrap();
    }
    loops.stop();
    let [first, second, third] = <[_; 3]>::try_from(loops.join()).unwrap();
    assert_eq!((first.unwrap(), third.unwrap()), (0, 2));
    let error = second.unwrap_err();
    assert!(error.is_panic());
    let text = error.to_string();
    assert!(text.starts_with("loop `taketurns-1` started at tests/per_core.rs:"), "{text}");
}

#[test]
fn join_on_a_thread_of_its_own_stops_all_loops_and_is_an_error_for_that_one() {
    let loops = loops(3);
    let (said, heard) = mpsc::channel();
    let handle = loops.handle(1);
    handle.spawn(async move { said.send(loops.join()).unwrap() }).detach();
    let results = heard.recv_timeout(LIMIT).unwrap();
    let [first, second, third] = <[_; 3]>::try_from(results).unwrap();
    assert_eq!((first.unwrap(), third.unwrap()), (0, 2));
    assert!(second.unwrap_err().is_own_thread());
}

#[test]
fn the_drop_stops_all_loops_and_waits_for_each() {
    let (said, heard) = mpsc::channel();
    // Each main future waits until all have been stopped: stopped one after the other, the first would wait for ever.
    let stopped = Arc::new(Barrier::new(3));
    let main = move |core, stop: CancellationToken| {
        let (ended, stopped) = (OnDrop(said.clone(), format!("{core}")), Arc::clone(&stopped));
        async move {
            let _ended = ended;
            stop.cancelled().await;
            stopped.wait();
        }
    };
    let loops = PerCore::builder().loops(3).start(main).unwrap();
    drop(loops.with_drop_deadline(Duration::MAX));
    let mut heard: Vec<_> = heard.try_iter().collect();
    heard.sort();
    assert_eq!(heard, ["0", "1", "2"]);
}

#[test]
fn a_loop_that_is_stuck_is_left_alone_and_named_and_no_other() {
    const NAME: &str = "a_loop_that_is_stuck_is_left_alone_and_named_and_no_other";
    if !child::is_child() {
        let stderr = child::stderr(NAME);
        let said: Vec<_> = stderr.lines().filter(|line| line.contains("the loop of")).collect();
        let [line] = *said else { panic!("{said:?}") };
        assert!(line.starts_with("the loop of thread `taketurns-0`, started at tests/"), "{line}");
        return;
    }
    let (released, waits) = meeting();
    let (said, heard) = mpsc::channel();
    let main = move |core: usize, stop| {
        let (ended, waits) = (OnDrop(said.clone(), format!("{core}")), Arc::clone(&waits));
        async move {
            let _ended = ended;
            match core {
                0 => _ = waits.wait(), // the mistake: it blocks the loop
                _ => _ = until_stopped(core, stop).await,
            }
        }
    };
    let loops = PerCore::builder().loops(2).start(main).unwrap();
    loops.stop();
    assert_eq!(heard.recv_timeout(LIMIT).unwrap(), "1");
    drop(loops.with_drop_deadline(Duration::from_millis(500))); // the other has that long for the rest of its end
    released.wait();
    assert_eq!(heard.recv_timeout(LIMIT).unwrap(), "0");
}

/// A meeting of two.
fn meeting() -> (Arc<Barrier>, Arc<Barrier>) {
    let both = Arc::new(Barrier::new(2));
    (Arc::clone(&both), both)
}

/// Each runtime takes two descriptors, and without `net` none.
#[cfg(feature = "net")]
#[test]
fn if_one_loop_does_not_start_the_others_end_and_the_error_comes_back() {
    use std::fs::File;
    const NAME: &str = "if_one_loop_does_not_start_the_others_end_and_the_error_comes_back";
    if !child::is_child() {
        child::stderr(NAME);
        return;
    }
    // In a process of its own, as no other test can open a file meanwhile.
    let before = child::threads();
    let (said, heard) = mpsc::channel();
    let main = move |core: usize, stop| {
        let ended = OnDrop(said.clone(), format!("{core}"));
        async move {
            let _ended = ended;
            until_stopped(core, stop).await
        }
    };
    let mut files = Vec::new();
    let full = loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => break error,
        }
    };
    files.truncate(files.len() - 5); // enough for two runtimes, not for three
    let error = PerCore::builder().loops(4).start(main).unwrap_err();
    drop(files);
    assert_eq!(error.raw_os_error(), full.raw_os_error());
    let mut heard: Vec<_> = heard.try_iter().collect();
    heard.sort();
    assert_eq!(heard, ["0", "1"]);
    child::wait_for_threads(before);
}

#[cfg(feature = "net")]
#[test]
fn each_pinned_thread_has_one_of_the_cpus_that_the_program_may_use() {
    use rustix::thread::{CpuSet, sched_getaffinity};
    let cpus = || {
        let allowed = sched_getaffinity(None).unwrap();
        (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect::<Vec<_>>()
    };
    let here = cpus();
    let main = move |_, _| async move { cpus() };
    let loops = PerCore::builder().loops(here.len() + 1).pinned(true).start(main).unwrap();
    let there: Vec<_> = loops.join().into_iter().map(Result::unwrap).collect();
    let expected: Vec<_> = here.iter().chain(&here[..1]).map(|&cpu| vec![cpu]).collect();
    assert_eq!(there, expected);
    assert_eq!(cpus(), here, "the calling thread is not pinned");
}
