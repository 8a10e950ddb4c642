//! Lesson 25: a thread that waits for a task of the loop.

#![forbid(unsafe_code)]

use std::sync::mpsc;
use std::time::Duration;

use taketurns::{Handle, Runtime, block_on, spawn, spawn_blocking};

async fn work(fails: bool) -> Result<u32, &'static str> {
    if fails { Err("no") } else { Ok(222) }
}

#[test]
fn has_no_answer_of_a_loop_that_does_not_run_until_it_does() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let waits = move || {
        let mut sent = handle.spawn(work(false));
        // A negative, with a bound.
        assert!(sent.wait_timeout(Duration::from_millis(50)).is_none());
        sent
    };
    let sent = std::thread::spawn(waits).join().unwrap();
    assert_eq!(runtime.block_on(sent).unwrap(), Ok(222));
}

#[test]
fn is_refused_where_it_is_the_thread_of_the_loop() {
    block_on(async {
        let error = Handle::current().spawn(work(false)).wait().unwrap_err();
        assert!(error.is_own_thread(), "{error}");
        let error = Handle::current().call(|| ()).unwrap_err();
        assert!(error.is_own_thread(), "{error}");
        assert_eq!(spawn(work(false)).await.unwrap(), Ok(222), "the loop goes on");
    });
}

#[test]
fn has_the_value_and_the_error_of_what_it_sent() {
    for (fails, expected) in [(false, Ok(222)), (true, Err("no"))] {
        let answer = block_on(async {
            let job = spawn_blocking(move || Handle::current().spawn(work(fails)).wait());
            job.await.unwrap()
        });
        assert_eq!(answer.unwrap(), expected);
    }
}

/// A task whose callback answers by a channel, where `tells` lets it.
fn bridged(
    fails: bool,
    tells: fn(&Result<u32, &'static str>) -> bool,
) -> Option<Result<u32, &'static str>> {
    block_on(async {
        let job = spawn_blocking(move || {
            let (answers, answered) = mpsc::channel();
            let spawns = move || {
                let task = spawn(work(fails));
                let callback = task.on_done(move |outcome| {
                    let outcome = outcome.as_ref().unwrap();
                    if tells(outcome) {
                        answers.send(*outcome).unwrap();
                    }
                });
                callback.unwrap();
                task.detach();
            };
            Handle::current().call(spawns).unwrap();
            answered.recv().ok()
        });
        job.await.unwrap()
    })
}

#[test]
fn has_each_end_that_a_callback_tells_and_waits_for_none_that_it_drops() {
    assert_eq!(bridged(false, |_| true), Some(Ok(222)));
    assert_eq!(bridged(true, |_| true), Some(Err("no")));
    assert_eq!(bridged(true, Result::is_ok), None);
}
