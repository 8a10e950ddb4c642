//! Lesson 2: a task that is awaited finishes first.

#![forbid(unsafe_code)]

use taketurns::spawn;
use taketurns::time::sleep;

use crate::{SECOND, Said, played};

async fn background(said: Said) {
    for i in 0..3 {
        said.say(i);
        sleep(SECOND).await;
    }
    said.say("finished");
}

#[test]
fn goes_on_before_its_awaiter_does() {
    let said = played(|said| async move {
        said.say("a");
        let scheduled = spawn(background(said.clone()));
        said.say("scheduled");
        scheduled.await.unwrap();
        said.say("b");
    });
    assert_eq!(said, "0:a 0:scheduled 0:0 1:1 2:2 3:finished 3:b");
}

#[test]
fn keeps_the_synchronous_caller_until_its_end() {
    let trace = crate::Trace::new();
    let runtime = crate::losing();
    trace.push("before");
    runtime.block_on(async {
        let trace = trace.clone();
        let task = spawn(async move {
            sleep(SECOND).await;
            trace.push("finished");
        });
        task.await.unwrap();
    });
    trace.push("after");
    assert_eq!(trace.take(), "before finished after");
    assert!(runtime.shutdown().lost().is_empty());
}
