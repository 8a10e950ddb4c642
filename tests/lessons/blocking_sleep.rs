//! Lesson 12: a sleep that blocks the thread stops every task, and the watchdog names the task that is in it.

#![forbid(unsafe_code)]

use std::sync::mpsc;
use std::time::Duration;

use taketurns::time::sleep;
use taketurns::{Builder, spawn, task, yield_now};

use crate::common::Trace;
use crate::{SECOND, played};

async fn ticker(trace: Trace) {
    for tick in 0..3 {
        trace.push(format_args!("tick-{tick}"));
        yield_now().await;
    }
}

#[test]
fn one_that_blocks_lets_no_other_task_tick_and_is_named_while_it_blocks() {
    let trace = Trace::new();
    let (tell, told) = mpsc::channel();
    let on_stall = move |stall: &taketurns::insight::Stall| {
        if stall.name() == Some("culprit") {
            let _ = tell.send(stall.clone());
        }
    };
    // It blocks until it has been told of: that comes during its turn, or never. Then it fails.
    let builder = Builder::new().stall_threshold(Duration::from_millis(2)).on_stall(on_stall);
    builder.build().unwrap().block_on(async {
        let ticks = spawn(ticker(trace.clone()));
        let culprit = task::Builder::new().name("culprit").spawn({
            let trace = trace.clone();
            async move {
                trace.push("blocks");
                let stall = told.recv_timeout(SECOND * 10).unwrap();
                trace.push(format_args!("is-over:{}", stall.is_over()));
                assert!(stall.site().unwrap().file().ends_with("blocking_sleep.rs"));
            }
        });
        culprit.await.unwrap();
        ticks.await.unwrap();
    });
    assert_eq!(trace.take(), "tick-0 blocks is-over:false tick-1 tick-2");
}

#[test]
fn one_that_is_awaited_lets_the_others_tick() {
    let said = played(|said| async move {
        let ticks = spawn({
            let said = said.clone();
            async move {
                for tick in 0..3 {
                    said.say(format_args!("tick-{tick}"));
                    sleep(SECOND).await;
                }
            }
        });
        said.say("waits");
        sleep(10 * SECOND).await;
        said.say("waited");
        ticks.await.unwrap();
    });
    assert_eq!(said, "0:waits 0:tick-0 1:tick-1 2:tick-2 10:waited");
}
