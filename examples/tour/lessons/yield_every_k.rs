//! Lesson 32: one yield every k items. Overhead against latency, measured.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::hint::black_box;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use taketurns::{spawn, yield_now};

use crate::exercise::exercise;
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::block_on;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 32,
    slug: "yield-every-k",
    title: "yielding every k items: overhead against latency",
    moral: "Yield often enough, and no more often.",
    source: include_str!("yield_every_k.rs"),
    next: Next {
        file: "executor/budget.rs",
        item: "pub async fn consume_budget",
        why: "a yield every 128 rounds, without a counter of your own",
    },
    exercise: exercise!("yield-every-k"),
    twin: script!("32"),
    play,
};

const ITEMS: usize = 1000;

/// How far the worker is.
#[derive(Default)]
struct Progress {
    item: Cell<usize>,
    done: Cell<bool>,
}

/// Returns how often it has yielded.
async fn worker(k: usize, items: usize, progress: Rc<Progress>, work: fn(usize)) -> usize {
    let mut yields = 0;
    // [show
    for item in 1..=items {
        work(item);
        progress.item.set(item);
        if item % k == 0 && item < items {
            yields += 1;
            yield_now().await;
        }
    }
    // show]
    progress.done.set(true);
    yields
}

/// Takes turn after turn. Returns the most items that the worker did between two of them.
async fn other(progress: Rc<Progress>) -> usize {
    let (mut last, mut longest) = (0, 0);
    loop {
        longest = longest.max(progress.item.get() - last);
        last = progress.item.get();
        if progress.done.get() {
            return longest;
        }
        yield_now().await;
    }
}

async fn beside(k: usize) {
    let progress = Rc::<Progress>::default();
    let worker = spawn(worker(k, ITEMS, progress.clone(), |_| {}));
    let other = spawn(other(progress));
    let ended = "the task neither panics nor is aborted";
    let (yields, items) = (worker.await.expect(ended), other.await.expect(ended));
    say!("every {k}: {yields} yields, the other waited for {items} items at most");
}

/// How many items are worked on for the table.
const MEASURED: usize = 100_000;

/// Some 100 ns of work.
fn some_work(item: usize) {
    for round in 0..100 {
        black_box(item ^ round);
    }
}

/// How long the items took beside another task, and how long that one waited for its turn, in the middle of all waits.
fn measure(k: usize) -> (Duration, Duration) {
    let progress = Rc::<Progress>::default();
    let seen = progress.clone();
    block_on(async move {
        let began = Instant::now();
        let worker = spawn(worker(k, MEASURED, progress, some_work));
        let other = spawn(async move {
            let (mut last, mut waits) = (began, Vec::new());
            loop {
                waits.push(last.elapsed());
                if seen.done.get() {
                    return waits;
                }
                last = Instant::now();
                yield_now().await;
            }
        });
        let _ = worker.await;
        let took = began.elapsed();
        let mut waits = other.await.unwrap_or_default();
        waits.sort_unstable();
        (took, waits[waits.len() / 2])
    })
}

fn table() -> String {
    let mut rows =
        vec![format!("{:>8} {:>12} {:>12} {:>14}", "every k", "all items", "an item", "a wait")];
    for k in [1, 10, 100, 1000, MEASURED] {
        let (took, wait) = measure(k);
        let all = format!("{:.1} ms", took.as_secs_f64() * 1e3);
        let item = format!("{} ns", took.as_nanos() / MEASURED as u128);
        let wait = format!("{:.1} us", wait.as_secs_f64() * 1e6);
        rows.push(format!("{k:>8} {all:>12} {item:>12} {wait:>14}"));
    }
    rows.join("\n")
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let scene = |ks: [usize; 2]| {
        move || {
            ks.into_iter().for_each(|k| block_on(beside(k)));
            Ok(())
        }
    };
    let ends = stage.scene("wrong way", "yield after each item, and never", scene([1, ITEMS]))?;
    let middle =
        stage.scene("right way", "yield every 10 items, and every 100", scene([10, 100]))?;
    stage.why(
        "Between two yields no other task has a turn, so k items are the longest wait of the others. A \
         yield costs a turn of each task that is ready, whether or not that task has something to do. \
         Choose k so that k items take about as long as the others may wait.",
    );
    stage.note(&format!(
        "Measured here and now, in real time: {MEASURED} items beside a task that is always ready. Of its \
         waits the one in the middle.",
    ));
    stage.quote(&table());
    stage.check(
        "every item: 999 yields, and a wait of one item; never: none, and a wait of all",
        ends.is(&[
            "every 1: 999 yields, the other waited for 1 items at most",
            "every 1000: 0 yields, the other waited for 1000 items at most",
        ]),
    );
    stage.check(
        "between the two, k items are the longest wait, for one kth of the yields",
        middle.is(&[
            "every 10: 99 yields, the other waited for 10 items at most",
            "every 100: 9 yields, the other waited for 100 items at most",
        ]),
    );
    Ok(())
}
