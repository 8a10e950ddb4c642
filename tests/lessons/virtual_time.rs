//! Lesson 33: an hour without waiting.

#![forbid(unsafe_code)]

use taketurns::spawn;
use taketurns::time::{sleep, timeout};

use crate::{HOUR, SECOND, Said, played};

async fn heartbeat(said: Said) {
    for _ in 0..4 {
        sleep(1000 * SECOND).await;
        said.say("alive");
    }
}

#[test]
fn passes_in_exact_order_without_waiting() {
    let said = played(|said| async move {
        let beats = spawn(heartbeat(said.clone()));
        if timeout(HOUR, sleep(2 * HOUR)).await.is_err() {
            said.say("timed-out");
        }
        beats.await.unwrap();
        said.say("end");
    });
    let beats = "1000:alive 2000:alive 3000:alive 3600:timed-out 4000:alive 4000:end";
    assert_eq!(said, beats);
}

#[cfg(feature = "offload")]
#[test]
fn waits_for_a_job_however_often_the_loop_looks_meanwhile() {
    let runtime = crate::losing();
    let (finish, finished) = std::sync::mpsc::channel();
    // A job on its own thread ends at once. One that ran in place would block this thread, but not for ever.
    let patience = 30 * SECOND;
    let limited = runtime.spawn(async move {
        let job = taketurns::spawn_blocking(move || finished.recv_timeout(patience).unwrap());
        timeout(HOUR, job).await
    });
    for _ in 0..100 {
        while runtime.try_tick().unwrap() {}
    }
    assert!(!limited.is_finished(), "the clock is at the limit already");
    finish.send("in time").unwrap();
    assert_eq!(runtime.block_on(limited).unwrap().unwrap().unwrap(), "in time");
}
