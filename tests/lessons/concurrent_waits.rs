//! Lesson 7: one after the other the waits add up; tasks wait at the same time.

#![forbid(unsafe_code)]

use futures::future::join_all;
use taketurns::spawn;
use taketurns::time::sleep;

use crate::{SECOND, Said, played};

async fn count(said: Said, name: char) {
    said.say(format_args!("One-{name}"));
    sleep(SECOND).await;
    said.say(format_args!("Two-{name}"));
}

#[test]
fn one_after_the_other_take_three_seconds() {
    let said = played(|said| async move {
        for name in ['a', 'b', 'c'] {
            count(said.clone(), name).await;
        }
        said.say("end");
    });
    assert_eq!(said, "0:One-a 1:Two-a 1:One-b 2:Two-b 2:One-c 3:Two-c 3:end");
}

#[test]
fn spawned_together_take_one_second() {
    let said = played(|said| async move {
        join_all(['a', 'b', 'c'].map(|name| spawn(count(said.clone(), name)))).await;
        said.say("end");
    });
    assert_eq!(said, "0:One-a 0:One-b 0:One-c 1:Two-a 1:Two-b 1:Two-c 1:end");
}

#[test]
fn joined_in_one_task_take_one_second_too() {
    let said = played(|said| async move {
        join_all(['a', 'b', 'c'].map(|name| count(said.clone(), name))).await;
        said.say("end");
    });
    assert_eq!(said, "0:One-a 0:One-b 0:One-c 1:Two-a 1:Two-b 1:Two-c 1:end");
}
