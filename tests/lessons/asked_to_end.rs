//! Lesson 11: cancelling a task that cleans up.

#![forbid(unsafe_code)]

use taketurns::cancel::OrCancelled;
use taketurns::spawn;
use taketurns::time::sleep;

use crate::{HOUR, SECOND, Said, played};

async fn cleans_up(said: Said) {
    let _left = said.trace.on_drop("left");
    if let Err(cancelled) = sleep(HOUR).or_cancelled().await {
        said.say(cancelled.reason());
        sleep(SECOND).await;
        said.say("clean");
    }
}

#[test]
fn drops_it_where_it_stands_by_abort() {
    let said = played(|said| async move {
        let task = spawn(cleans_up(said.clone()));
        sleep(SECOND).await;
        task.abort();
        let error = task.await.unwrap_err();
        said.say(error.is_cancelled());
        assert!(error.reason().is_none());
    });
    assert_eq!(said, "left 1:true");
}

#[test]
fn tells_the_task_and_then_its_awaiter_why_by_cancel() {
    let said = played(|said| async move {
        let task = spawn(cleans_up(said.clone()));
        sleep(SECOND).await;
        task.cancel("enough");
        said.say("asked");
        said.say(task.await.unwrap_err().reason().unwrap());
    });
    assert_eq!(said, "1:asked 1:enough 2:clean left 2:enough");
}

#[test]
fn interrupts_nothing_that_does_not_listen() {
    let said = played(|said| async move {
        let task = spawn(sleep(HOUR));
        sleep(SECOND).await;
        task.cancel("enough");
        let _ = task.await;
        said.say("end");
    });
    assert_eq!(said, "3600:end");
}
