//! What the drop of a `Background` does: it stops, waits within its deadline, and says what it could not do.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use taketurns::{Background, Builder};

use super::child::{is_child, stderr};
use super::{LIMIT, OnDrop, until_stopped};

/// A loop that reports its end, `ended`.
fn reporting() -> (Background<()>, mpsc::Receiver<&'static str>) {
    let (said, heard) = mpsc::channel();
    let background = Background::start(Builder::new(), move |stop| async move {
        let _ended = OnDrop(said, "ended");
        stop.cancelled().await;
    });
    (background.unwrap(), heard)
}

#[test]
fn it_stops_the_loop_and_waits_for_its_end() {
    let (background, heard) = reporting();
    drop(background);
    assert_eq!(heard.try_recv(), Ok("ended"));
}

#[test]
fn so_it_does_while_the_thread_panics() {
    let (background, heard) = reporting();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _background = background;
        panic!("the first panic");
    }));
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "the first panic");
    assert_eq!(heard.try_recv(), Ok("ended"));
}

#[test]
fn an_output_that_panics_when_it_is_dropped_is_no_second_panic() {
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            panic!("a destructor");
        }
    }
    let background = Background::start(Builder::new(), |_| async { Grenade }).unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _background = background;
        panic!("the first panic");
    }));
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "the first panic");
}

/// A loop whose thread is in a call until `released` is dropped, and that reports its end.
struct Stuck {
    background: Background<()>,
    released: mpsc::Sender<()>,
    heard: mpsc::Receiver<&'static str>,
}

fn stuck() -> Stuck {
    let (said, heard) = mpsc::channel();
    let (released, waits) = mpsc::channel::<()>();
    let (blocks, is_stuck) = mpsc::channel();
    let background =
        Background::start(Builder::new().thread_name("st\nuck"), move |_| async move {
            let _ended = OnDrop(said, "ended");
            blocks.send(()).unwrap();
            assert!(waits.recv().is_err()); // the mistake: it blocks the loop
        });
    is_stuck.recv().unwrap();
    Stuck { background: background.unwrap(), released, heard }
}

#[test]
fn a_loop_that_does_not_stop_in_time_is_left_alone_and_named() {
    let name = "drops::a_loop_that_does_not_stop_in_time_is_left_alone_and_named";
    if is_child() {
        let Stuck { background, released, heard } = stuck();
        drop(background.with_drop_deadline(Duration::from_millis(20)));
        assert!(heard.try_recv().is_err(), "it runs on");
        drop(released);
        assert_eq!(heard.recv_timeout(LIMIT), Ok("ended"));
        return;
    }
    let stderr = stderr(name);
    let said: Vec<_> = stderr.lines().filter(|line| line.starts_with("the loop of")).collect();
    let [line] = *said else { panic!("{said:?}") };
    let begins = r"the loop of thread `st\nuck`, started at tests/background/drops.rs:";
    assert!(line.starts_with(begins), "{line}");
    assert!(line.contains("has not ended by the deadline of its drop"), "{line}");
    assert!(line.contains("or allow more time by `with_drop_deadline`"), "{line}");
}

#[test]
fn a_deadline_of_zero_does_not_wait() {
    let Stuck { background, released, heard } = stuck();
    drop(background.with_drop_deadline(Duration::ZERO));
    drop(released);
    assert_eq!(heard.recv_timeout(LIMIT), Ok("ended"));
}

#[test]
fn a_deadline_without_limit_waits() {
    let Stuck { background, released, heard } = stuck();
    let drops = thread::spawn(|| drop(background.with_drop_deadline(Duration::MAX)));
    drop(released);
    drops.join().unwrap();
    assert_eq!(heard.try_recv(), Ok("ended"));
}

#[test]
fn on_its_own_thread_it_stops_the_loop_does_not_wait_and_says_so() {
    let name = "drops::on_its_own_thread_it_stops_the_loop_does_not_wait_and_says_so";
    if is_child() {
        let (background, heard) = reporting();
        background.handle().spawn(async { drop(background) }).detach();
        assert_eq!(heard.recv_timeout(LIMIT), Ok("ended"));
        return;
    }
    let stderr = stderr(name);
    let said: Vec<_> = stderr.lines().filter(|line| line.starts_with("the loop of")).collect();
    let [line] = *said else { panic!("{said:?}") };
    assert!(line.contains("of thread `taketurns-loop`, started at tests/background/"), "{line}");
    assert!(line.contains("was dropped on its own thread"), "{line}");
    assert!(line.ends_with("Drop it on another thread, or `join` it there"), "{line}");
}

#[test]
fn join_on_its_own_thread_is_an_error_at_once_and_stops_the_loop() {
    let (background, heard) = reporting();
    let (said, error) = mpsc::channel();
    let handle = background.handle();
    handle.spawn(async move { said.send(background.join().unwrap_err()).unwrap() }).detach();
    let error = error.recv_timeout(LIMIT).unwrap();
    assert!(error.is_own_thread() && !error.is_panic());
    let text = error.to_string();
    assert!(text.starts_with("loop `taketurns-loop` started at tests/background/"), "{text}");
    assert!(text.ends_with("wait on another"), "{text}");
    assert_eq!(heard.recv_timeout(LIMIT), Ok("ended"));
}

#[cfg(feature = "offload")]
#[test]
fn so_is_join_in_a_blocking_job_of_its_own() {
    let (background, heard) = reporting();
    let (said, error) = mpsc::channel();
    let handle = background.handle();
    let job = move || said.send(background.join().unwrap_err()).unwrap();
    handle.spawn(async move { taketurns::spawn_blocking(job).detach() }).detach();
    assert!(error.recv_timeout(LIMIT).unwrap().is_own_thread());
    assert_eq!(heard.recv_timeout(LIMIT), Ok("ended"));
}

/// What the job runs is a loop of its own, and still the job keeps the `Background`'s loop from its end.
#[cfg(feature = "offload")]
#[test]
fn so_is_join_in_a_runtime_that_a_blocking_job_of_its_own_runs() {
    let (background, heard) = reporting();
    let (said, error) = mpsc::channel();
    let handle = background.handle();
    let job = move || {
        let joins = async move { background.join().unwrap_err() };
        said.send(taketurns::block_on(joins)).unwrap();
    };
    handle.spawn(async move { taketurns::spawn_blocking(job).detach() }).detach();
    assert!(error.recv_timeout(LIMIT).unwrap().is_own_thread());
    assert_eq!(heard.recv_timeout(LIMIT), Ok("ended"));
}

#[test]
fn in_a_destructor_of_a_thread_local_of_its_thread_it_has_ended() {
    struct AtThreadEnd(Background<()>, mpsc::Sender<bool>);
    impl Drop for AtThreadEnd {
        fn drop(&mut self) {
            self.1.send(self.0.is_finished()).unwrap();
        }
    }
    thread_local! {
        static OWN: RefCell<Option<AtThreadEnd>> = const { RefCell::new(None) };
    }
    let (said, heard) = mpsc::channel();
    let background = until_stopped();
    let handle = background.handle();
    handle
        .spawn(async move {
            background.stop();
            OWN.set(Some(AtThreadEnd(background, said)));
        })
        .detach();
    assert_eq!(heard.recv_timeout(LIMIT), Ok(true));
}

#[test]
fn join_waits_for_the_destructors_of_the_threads_locals() {
    struct Slow(mpsc::Receiver<()>, mpsc::Sender<()>);
    impl Drop for Slow {
        fn drop(&mut self) {
            _ = self.0.recv();
            _ = self.1.send(());
        }
    }
    thread_local! {
        static SLOW: RefCell<Option<Slow>> = const { RefCell::new(None) };
    }
    let (go_on, waits) = mpsc::channel();
    let (ends, ended) = mpsc::channel();
    let background = Background::start(Builder::new(), move |_| async move {
        SLOW.set(Some(Slow(waits, ends)));
    });
    thread::spawn(move || {
        (0..10_000).for_each(|_| thread::yield_now());
        go_on.send(()).unwrap();
    });
    background.unwrap().join().unwrap();
    assert_eq!(ended.try_recv(), Ok(()));
}
