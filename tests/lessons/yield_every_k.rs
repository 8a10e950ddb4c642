//! Lesson 32: one yield every k items.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;

use taketurns::{block_on, spawn, yield_now};

const ITEMS: usize = 1000;

/// How often a worker that yields every `k` items yields, and the most items between two turns of another task.
fn beside(k: usize) -> (usize, usize) {
    let done = Rc::new(Cell::new(0));
    let seen = done.clone();
    block_on(async move {
        let worker = spawn(async move {
            let mut yields = 0;
            for item in 1..=ITEMS {
                done.set(item);
                if item % k == 0 && item < ITEMS {
                    yields += 1;
                    yield_now().await;
                }
            }
            yields
        });
        let other = spawn(async move {
            let (mut last, mut longest) = (0, 0);
            while last < ITEMS {
                longest = longest.max(seen.get() - last);
                last = seen.get();
                yield_now().await;
            }
            longest
        });
        (worker.await.unwrap(), other.await.unwrap())
    })
}

#[test]
fn k_items_are_the_longest_wait_of_the_others() {
    assert_eq!(
        [1, 7, 10, 100, 1000].map(beside),
        [(999, 1), (142, 7), (99, 10), (9, 100), (0, 1000)]
    );
}
