//! Lesson 13: several results at once, and a task that is made now and awaited later.

#![forbid(unsafe_code)]

use taketurns::spawn;
use taketurns::task::join_all;
use taketurns::time::sleep;

use crate::{SECOND, Said, played};

async fn fetch(said: Said, n: u32, seconds: u32) -> u32 {
    said.say(format_args!("begin-{n}"));
    sleep(seconds * SECOND).await;
    said.say(format_args!("end-{n}"));
    n
}

#[test]
fn futures_that_are_awaited_one_by_one_begin_one_by_one() {
    let said = played(|said| async move {
        let (one, two) = (fetch(said.clone(), 1, 3), fetch(said.clone(), 2, 1));
        said.say("made");
        said.say(one.await + 10 * two.await);
    });
    assert_eq!(said, "0:made 0:begin-1 3:end-1 3:begin-2 4:end-2 4:21");
}

#[test]
fn joined_results_stand_in_the_order_of_the_arguments() {
    let said = played(|said| async move {
        let all = [(1, 3), (2, 1), (3, 2)].map(|(n, seconds)| fetch(said.clone(), n, seconds));
        assert_eq!(join_all(all).await, [1, 2, 3]);
        said.say("joined");
    });
    assert_eq!(said, "0:begin-1 0:begin-2 0:begin-3 1:end-2 2:end-3 3:end-1 3:joined");
}

#[test]
fn a_task_that_is_made_now_runs_beside_other_work() {
    let said = played(|said| async move {
        let task = spawn(fetch(said.clone(), 4, 1));
        said.say("work");
        sleep(2 * SECOND).await;
        said.say(task.await.unwrap());
    });
    assert_eq!(said, "0:work 0:begin-4 1:end-4 2:4");
}
