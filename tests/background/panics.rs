//! Panics of a loop reach `join`, or are printed; those of its tasks stay with the tasks.

use std::future::{Future, Ready};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::executor::block_on;
use taketurns::{Background, Builder, JoinError, UnhandledPanic, spawn};

use super::child::{is_child, said, threads, wait_for_threads};
use super::until_stopped;

/// The text of the panic in this error.
fn text(error: JoinError) -> String {
    let payload = error.into_panic().expect("a panic");
    match payload.downcast::<&str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => *payload.downcast::<String>().expect("a text"),
    }
}

struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

#[test]
fn a_panic_of_the_main_future_reaches_join() {
    let background = Background::start(Builder::new().thread_name("be\nan"), |_| async {
        panic!("out of coffee")
    });
    let background: Background<()> = background.unwrap();
    let error = background.join().unwrap_err();
    let shown = error.to_string();
    assert!(shown.starts_with(r"loop `be\nan` started at tests/background/panics.rs:"), "{shown}");
    assert!(shown.ends_with(" panicked: out of coffee"), "{shown}");
    assert!(error.task().is_none());
    assert_eq!(text(error), "out of coffee");
}

#[test]
fn so_does_a_panic_before_there_is_a_future() {
    let main = |_| -> Ready<()> { panic!("no future") };
    let background = Background::start(Builder::new(), main).unwrap();
    assert_eq!(text(background.join().unwrap_err()), "no future");
}

#[test]
fn so_does_a_panic_of_the_main_futures_destructor() {
    struct Panics(Grenade);
    impl Future for Panics {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            let Self(Grenade) = *self;
            Poll::Ready(())
        }
    }
    let background = Background::start(Builder::new(), |_| Panics(Grenade)).unwrap();
    assert_eq!(text(background.join().unwrap_err()), "a destructor");
}

#[test]
fn a_panic_of_a_task_stays_with_the_task_and_the_loop_serves_on() {
    let background = until_stopped();
    let handle = background.handle();
    let panics = handle.spawn(async { panic!("a task") });
    assert_eq!(text(block_on(panics).unwrap_err()), "a task");
    let drops = handle.spawn(async { drop(Grenade) });
    assert_eq!(text(block_on(drops).unwrap_err()), "a destructor");
    assert_eq!(block_on(handle.spawn(async { 42 })).unwrap(), 42);
    background.stop();
    background.join().unwrap();
}

#[test]
fn an_unhandled_panic_that_stops_the_run_reaches_join() {
    let builder = Builder::new().unhandled_panic(UnhandledPanic::Stop);
    let background = Background::start(builder, |stop| async move {
        spawn(async { panic!("unseen") }).detach();
        stop.cancelled().await;
    });
    let text = text(background.unwrap().join().unwrap_err());
    assert!(text.starts_with("task #1 panicked: unseen"), "{text}");
}

#[test]
fn a_panic_that_is_not_joined_is_printed() {
    if is_child() {
        let background = Background::start(Builder::new(), |_| async { panic!("unseen") });
        return drop::<Background<()>>(background.unwrap());
    }
    let said = said("panics::a_panic_that_is_not_joined_is_printed");
    let [line] = said.as_slice() else { panic!("{said:?}") };
    assert!(line.starts_with("loop `taketurns-loop` started at tests/background/panics"), "{line}");
    assert!(line.ends_with(" panicked: unseen; no awaiter sees it"), "{line}");
}

#[test]
fn a_panic_after_the_loop_was_left_alone_is_printed_by_its_own_thread() {
    if is_child() {
        let before = threads();
        let (released, waits) = mpsc::channel::<()>();
        let main = move |_| async move {
            assert!(waits.recv().is_err()); // the mistake: it blocks the loop
            panic!("late")
        };
        let background: Background<()> = Background::start(Builder::new(), main).unwrap();
        drop(background.with_drop_deadline(Duration::ZERO));
        drop(released);
        wait_for_threads(before); // no other sign is left that it has ended
        return;
    }
    let said = said("panics::a_panic_after_the_loop_was_left_alone_is_printed_by_its_own_thread");
    let [line] = said.as_slice() else { panic!("{said:?}") };
    assert!(line.ends_with(" panicked: late; no awaiter sees it"), "{line}");
}
