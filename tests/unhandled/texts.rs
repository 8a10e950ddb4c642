//! The texts of failures, which are in part user code.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::future::pending;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::child::{self, is_child, said};
use super::{runtime, text_of};
use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
use taketurns::task::reported;
use taketurns::{UnhandledPanic, yield_now};

#[test]
fn stop_survives_an_error_whose_text_cannot_be_made() {
    #[derive(Debug)]
    struct Wordless;
    impl Display for Wordless {
        fn fmt(&self, _: &mut Formatter<'_>) -> fmt::Result {
            panic!("no words");
        }
    }
    impl Error for Wordless {}
    let runtime = runtime(UnhandledPanic::Stop);
    runtime.spawn(reported(async { Err::<(), _>(Wordless) })).detach();
    let text = text_of(|| runtime.block_on(pending()));
    assert!(text.contains("whose text could not be made"), "{text}");
    runtime.block_on(async {});
}

/// Its text takes a lock that another thread has while that prints.
#[derive(Debug)]
struct Locking;

fn another_thread_can_print() -> bool {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        eprintln!("another thread prints");
        tell.send(())
    });
    told.recv_timeout(Duration::from_secs(10)).is_ok() // only a failing test waits so long
}

impl Display for Locking {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if another_thread_can_print() { "words" } else { "a deadlock" })
    }
}

impl Error for Locking {}

#[test]
fn a_text_is_made_without_the_lock_of_stderr() {
    if is_child() {
        let print = runtime(UnhandledPanic::Print);
        print.spawn(reported(async { Err::<(), _>(Locking) })).detach();
        print.run_until_stalled();
        let bare = Executor::new(ParkThread::new(), EVENT_INTERVAL);
        bare.spawn(reported(async { Err::<(), _>(Locking) })).detach();
        bare.block_on(yield_now());
        return;
    }
    let said = said("texts::a_text_is_made_without_the_lock_of_stderr");
    assert!(said[0].starts_with("task #1 gave an error: words; no awaiter sees it"), "{said:?}");
    assert!(said[1].starts_with("words; no awaiter sees it (spawned at "), "{said:?}");
}

#[test]
fn of_a_text_that_panics_what_came_before_is_printed() {
    #[derive(Debug)]
    struct Torn;
    impl Display for Torn {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("the disk ")?;
            panic!("no more words");
        }
    }
    impl Error for Torn {}
    if is_child() {
        let runtime = runtime(UnhandledPanic::Print);
        runtime.spawn(reported(async { Err::<(), _>(Torn) })).detach();
        runtime.run_until_stalled();
        return;
    }
    let stderr = child::stderr("texts::of_a_text_that_panics_what_came_before_is_printed");
    assert!(stderr.contains("task #1 gave an error: the disk "), "{stderr}");
}
