//! Lesson 10: at most three of ten at once, first come, first served.

#![forbid(unsafe_code)]

use std::rc::Rc;

use taketurns::spawn;
use taketurns::sync::Semaphore;
use taketurns::time::sleep;

use crate::{SECOND, Said, played};

async fn worker(said: Said, permits: Rc<Semaphore>, number: u32) {
    let _permit = permits.acquire().await.unwrap();
    said.say(format_args!("+{number}"));
    sleep(SECOND).await;
    said.say(format_args!("-{number}"));
}

fn ten(limit: usize) -> String {
    played(move |said| async move {
        let permits = Rc::new(Semaphore::new(limit));
        let start = |number| spawn(worker(said.clone(), permits.clone(), number));
        for worker in (0..10).map(start).collect::<Vec<_>>() {
            worker.await.unwrap();
        }
        assert_eq!(permits.available_permits(), limit);
    })
}

#[test]
fn three_work_at_once_and_those_that_waited_longest_come_next() {
    let rounds = [
        "0:+0 0:+1 0:+2 1:-0 1:-1 1:-2",
        "1:+3 1:+4 1:+5 2:-3 2:-4 2:-5",
        "2:+6 2:+7 2:+8 3:-6 3:-7 3:-8",
        "3:+9 4:-9",
    ];
    assert_eq!(ten(3), rounds.join(" "));
}

#[test]
fn one_at_a_time_is_in_order_and_ten_are_all() {
    let one: Vec<String> = (0..10).map(|n| format!("{n}:+{n} {}:-{n}", n + 1)).collect();
    assert_eq!(ten(1), one.join(" "));
    let all = ["+", "-"].map(|sign| {
        let time = if sign == "+" { 0 } else { 1 };
        (0..10).map(|n| format!("{time}:{sign}{n}")).collect::<Vec<_>>().join(" ")
    });
    assert_eq!(ten(10), all.join(" "));
}
