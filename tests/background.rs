//! A loop on a thread of its own: how it starts, serves, stops, ends and is dropped. No test sleeps: channels say when.

#[path = "common/child.rs"]
mod child;
#[path = "background/drops.rs"]
mod drops;
#[path = "background/panics.rs"]
mod panics;
#[path = "background/shared.rs"]
mod shared;

use std::cell::Cell;
use std::fs;
use std::future::pending;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::{mpsc::unbounded, oneshot};
use futures::executor::block_on;
use taketurns::cancel::CancellationToken;
use taketurns::{Background, Builder, OnExit, PerCore, SharedBackground, spawn, yield_now};

/// How long a test waits for what must come, only so that a loop that is lost fails instead of hanging.
const LIMIT: Duration = Duration::from_secs(20);

const fn goes_anywhere<T: Send + Sync>() {}
const fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

const _: () = {
    goes_anywhere::<Background<Cell<u8>>>();
    goes_anywhere::<SharedBackground>();
    goes_anywhere::<PerCore<Cell<u8>>>();
    goes_anywhere::<Builder>();
    is_unwind_safe::<Background<Cell<u8>>>();
    is_unwind_safe::<SharedBackground>();
    is_unwind_safe::<PerCore<Cell<u8>>>();
};

/// A loop that runs until it is stopped.
fn until_stopped() -> Background<()> {
    Background::start(Builder::new(), |stop| async move { drop(stop.cancelled().await) }).unwrap()
}

/// Sends its text when it is dropped.
struct OnDrop(mpsc::Sender<&'static str>, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        _ = self.0.send(self.1);
    }
}

#[test]
fn it_runs_its_main_future_and_what_others_send_until_it_is_stopped() {
    let here = thread::current().id();
    let background = Background::start(Builder::new(), |stop| async move {
        let reason = stop.cancelled().await;
        (thread::current().id(), reason.to_string())
    })
    .unwrap();
    let sent = background.handle().spawn(async { thread::current().id() });
    let sent = block_on(sent).unwrap();
    assert!(!background.is_finished());
    background.stop();
    let (there, reason) = background.join().unwrap();
    assert_eq!(there, sent);
    assert_ne!(there, here);
    assert_eq!(reason, "its loop was stopped");
}

#[test]
fn its_main_future_need_not_be_send_and_is_made_inside_of_the_runtime() {
    let background = Background::start(Builder::new(), |_| {
        let shared = Rc::new(1);
        let task = spawn({
            let shared = Rc::clone(&shared);
            async move { *shared + 1 }
        });
        async move { *shared + task.await.unwrap() }
    });
    assert_eq!(background.unwrap().join().unwrap(), 3);
}

#[test]
fn its_thread_has_the_name_of_the_builder() {
    let name = |builder| {
        let main = |_: CancellationToken| async { thread::current().name().map(str::to_owned) };
        Background::start(builder, main).unwrap().join().unwrap().unwrap()
    };
    assert_eq!(name(Builder::new()), "taketurns-loop");
    assert_eq!(name(Builder::new().thread_name("feed")), "feed");
}

#[test]
#[should_panic(expected = "`thread_name` must not contain a NUL byte: \"fe\\0ed\"")]
fn a_name_that_no_thread_can_have_is_refused_where_it_is_set() {
    _ = Builder::new().thread_name("fe\0ed");
}

#[test]
fn its_runtime_has_ended_when_join_returns() {
    let (said, heard) = mpsc::channel();
    let builder = Builder::new().on_exit(OnExit::Wait { deadline: LIMIT }).on_lost(|_| {});
    let background = Background::start(builder, |_| async move {
        let (wakes, is_woken) = oneshot::channel::<()>();
        let waits = OnDrop(said.clone(), "waited for");
        spawn(async move {
            yield_now().await;
            is_woken.await.unwrap();
            drop(waits);
        })
        .detach();
        spawn(async move { wakes.send(()).unwrap() }).detach();
        let lost = OnDrop(said, "lost");
        spawn(async move {
            let _lost = lost;
            pending::<()>().await;
        })
        .detach();
    });
    background.unwrap().join().unwrap();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["waited for", "lost"]);
}

#[test]
fn a_handle_outlives_it_without_harm() {
    let background = until_stopped();
    let handle = background.handle();
    drop(background);
    assert!(block_on(handle.spawn(async {})).unwrap_err().is_shutdown());
    handle.stop();
}

#[test]
fn joining_with_a_limit_gives_it_back_while_it_runs() {
    let background = until_stopped();
    let background = background.join_timeout(Duration::ZERO).unwrap_err();
    background.stop();
    background.join_timeout(Duration::MAX).unwrap().unwrap();
}

#[test]
fn a_daemon_runs_on_when_it_is_dropped_and_is_cut_off_by_the_end_of_the_process() {
    const NAME: &str =
        "a_daemon_runs_on_when_it_is_dropped_and_is_cut_off_by_the_end_of_the_process";
    struct Cries(&'static str);
    impl Drop for Cries {
        fn drop(&mut self) {
            eprintln!("{} dropped", self.0);
        }
    }
    if !child::is_child() {
        let said = child::stderr(NAME);
        assert!(!said.contains("dropped") && !said.contains("the loop of"), "{said}");
        return;
    }
    let main = |stop: CancellationToken| async move {
        let _main = Cries("main");
        stop.cancelled().await;
    };
    let daemon = Background::daemon(Builder::new(), main).unwrap();
    let handle = daemon.handle();
    drop(daemon.with_drop_deadline(Duration::MAX));
    let (begins, has_begun) = mpsc::channel();
    let task = async move {
        let _task = Cries("task");
        begins.send(()).unwrap();
        pending::<()>().await;
    };
    handle.spawn(task).detach();
    has_begun.recv_timeout(LIMIT).unwrap();
    // The process ends here.
}

#[test]
fn a_daemon_that_is_kept_is_stopped_and_joined_as_any_other() {
    let daemon = Background::daemon(Builder::new(), |stop| async move {
        stop.cancelled().await;
        42
    });
    let daemon = daemon.unwrap();
    daemon.stop();
    assert_eq!(daemon.join().unwrap(), 42);
}

#[test]
fn two_of_them_talk_by_their_handles() {
    let [first, second] = [(); 2].map(|()| until_stopped());
    let (to_first, mut at_first) = unbounded();
    let (to_second, mut at_second) = unbounded();
    // Each number goes to and fro, one larger each time, as a task of the other loop.
    let echo = second.handle().spawn({
        let home = first.handle();
        async move {
            while let Some(number) = at_second.next().await {
                let to_first = to_first.clone();
                home.spawn(async move { to_first.unbounded_send(number + 1).unwrap() }).detach();
            }
        }
    });
    let asks = first.handle().spawn({
        let away = second.handle();
        async move {
            let mut number = 0;
            while number < 200 {
                let to_second = to_second.clone();
                away.spawn(async move { to_second.unbounded_send(number + 1).unwrap() }).detach();
                number = at_first.next().await.unwrap();
            }
            number
        }
    });
    assert_eq!(block_on(asks).unwrap(), 200);
    block_on(echo).unwrap();
}

#[test]
fn threads_start_use_stop_and_drop_many_at_once() {
    const THREADS: usize = 4;
    let together = Arc::new(Barrier::new(THREADS));
    let threads = [(); THREADS].map(|()| {
        let together = Arc::clone(&together);
        thread::spawn(move || {
            together.wait();
            for round in 0..100 {
                let background = until_stopped();
                let sent = background.handle().spawn(async move { round });
                match round % 4 {
                    0 => assert_eq!(block_on(sent).unwrap(), round),
                    1 => background.stop(),
                    2 => sent.abort(),
                    _ => sent.detach(),
                }
                if round % 3 == 0 {
                    background.stop();
                    background.join().unwrap();
                }
            }
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn an_error_of_the_start_comes_back_and_leaves_no_thread() {
    const NAME: &str = "an_error_of_the_start_comes_back_and_leaves_no_thread";
    if !child::is_child() {
        child::stderr(NAME);
        return;
    }
    // In a process of its own, as no other test can open a file meanwhile.
    let before = child::threads();
    let (said, heard) = mpsc::channel();
    let main = OnDrop(said, "dropped");
    let mut files = Vec::new();
    let error = loop {
        match fs::File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => break error,
        }
    };
    let started = Background::start(Builder::new(), move |_| async move { drop(main) });
    drop(files);
    if cfg!(feature = "net") {
        assert_eq!(started.unwrap_err().raw_os_error(), error.raw_os_error());
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["dropped"]);
    }
    child::wait_for_threads(before);
}
