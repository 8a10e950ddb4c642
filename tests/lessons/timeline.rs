//! Lesson 37: a task that is ready behind others, as the chart of the timeline shows it.

#![forbid(unsafe_code)]

use std::rc::Rc;

use taketurns::sync::{Semaphore, oneshot};
use taketurns::time::{Clock, sleep};
use taketurns::{Builder, spawn, task, yield_now};

use crate::SECOND;

/// The chart of a request that comes while so many rows are imported at once; a column for each turn.
fn chart(at_once: usize) -> Vec<String> {
    let runtime = Builder::new().clock(Clock::AutoAdvance).trace(1000).build().unwrap();
    runtime.block_on(async {
        let (ask, asked) = oneshot::channel();
        let health = task::Builder::new().name("health").spawn(async { asked.await.unwrap() });
        let import = spawn(async move {
            let permits = Rc::new(Semaphore::new(at_once));
            sleep(SECOND).await;
            for _ in 0..4 {
                let permit = permits.acquire_owned().await.unwrap();
                spawn(async move {
                    yield_now().await;
                    drop(permit);
                })
                .detach();
            }
            drop(permits.acquire_many(at_once).await.unwrap());
        });
        let client = spawn(async move {
            sleep(SECOND).await;
            ask.send(()).unwrap();
        });
        for task in [health, import, client] {
            task.await.unwrap();
        }
    });
    let text = runtime.trace().unwrap().to_text_within(40);
    let lines = text.lines().skip(2).take_while(|line| !line.starts_with("loop"));
    lines.map(str::to_owned).collect()
}

#[test]
fn behind_four_rows_it_is_ready_for_four_turns() {
    assert_eq!(
        chart(4),
        [
            "block_on  █···········░░░░█·█",
            "#1 health  █·····░░░░█",
            "#2         ░█··█··········░█",
            "#3         ░░█·░█",
            "#4              ░█░░░░█",
            "#5              ░░█░░░░█",
            "#6              ░░░█░░░░█",
            "#7              ░░░░█░░░░█",
        ]
    );
}

#[test]
fn behind_one_row_at_a_time_it_is_ready_for_one_turn() {
    assert_eq!(
        chart(1),
        [
            "block_on  █········░█··········█",
            "#1 health  █·····░█",
            "#2         ░█··█····░█··█··█··█",
            "#3         ░░█·░█",
            "#4              ░█░█",
            "#5                    ██",
            "#6                       ██",
            "#7                          ██",
        ]
    );
}
