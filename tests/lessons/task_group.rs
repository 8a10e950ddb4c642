//! Lesson 17: a task group.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;

use taketurns::cancel::OrCancelled;
use taketurns::task::TaskGroup;
use taketurns::time::sleep;
use taketurns::yield_now;

use crate::{HOUR, Said, played};

type Outcome = Result<(), &'static str>;

/// How many of `children` had started when the body was over, and when the group was.
fn started(children: usize, yields: bool) -> (usize, usize) {
    taketurns::block_on(async move {
        let started = Rc::new(Cell::new(0));
        let in_body = TaskGroup::<&str>::scope(async |group| {
            for _ in 0..children {
                let started = started.clone();
                group.spawn(async move {
                    started.set(started.get() + 1);
                    Ok(())
                });
                if yields {
                    yield_now().await;
                }
            }
            Ok(started.get())
        });
        (in_body.await.unwrap(), started.get())
    })
}

#[test]
fn does_not_yield_by_itself_and_waits_for_all() {
    assert_eq!(started(1000, false), (0, 1000));
    assert_eq!(started(1000, true), (1000, 1000));
}

async fn fails_in_its_clean_up(said: Said) -> Outcome {
    let _ = sleep(HOUR).or_cancelled().await;
    said.say("clean-up");
    Err("b")
}

#[test]
fn gives_the_errors_of_all_in_the_order_of_failing() {
    let said = played(|said| async move {
        let tell = said.clone();
        let group = TaskGroup::scope(async |group| {
            group.spawn(fails_in_its_clean_up(tell));
            group.spawn(async { Err::<(), _>("a") });
            sleep(HOUR).await;
            Ok(())
        });
        for failure in group.await.unwrap_err().failures() {
            said.say(failure.error().unwrap());
        }
    });
    assert_eq!(said, "0:clean-up 0:a 0:b");
}

#[test]
fn drops_a_child_without_a_turn_where_the_body_fails_first() {
    let said = played(|said| async move {
        let tell = said.clone();
        let group = TaskGroup::scope(async |group| {
            group.spawn(async move {
                tell.say("never");
                Ok(())
            });
            Err::<(), _>("body")
        });
        said.say(group.await.unwrap_err().failures()[0].error().unwrap());
    });
    assert_eq!(said, "0:body");
}
