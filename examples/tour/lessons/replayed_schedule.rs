//! Lesson 34: the order in which tasks take their turns, tried out by seed, and one of them played again.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;

use taketurns::time::Clock;
use taketurns::{Order, testing, yield_now};

use crate::exercise::exercise;
use crate::lane::{lane, spawn_named};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::{self, Recorded};
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 34,
    slug: "replayed-schedule",
    title: "a schedule replayed",
    moral: "A seed finds the order that fails, again.",
    source: include_str!("replayed_schedule.rs"),
    next: Next {
        file: "testing/explorer.rs",
        item: "pub fn explore",
        why: "many seeds, and the shortest schedule that fails",
    },
    exercise: exercise!("replayed-schedule"),
    twin: script!("34"),
    play,
};

const SEEDS: std::ops::Range<u64> = 0..1000;

/// An account, and where what happens to it is told.
struct Account {
    balance: Cell<u32>,
    tell: fn(&str),
}

/// Reads, and writes back what may no longer be so.
// [show
async fn deposit(account: &Account, amount: u32) {
    let before = account.balance.get();
    (account.tell)(&format!("read {before}"));
    yield_now().await; // ask the bank
    account.balance.set(before + amount);
    (account.tell)(&format!("wrote {}", before + amount));
}
// show]

/// Reads after it has asked.
async fn deposit_at_once(account: &Account, amount: u32) {
    yield_now().await;
    let before = account.balance.get();
    (account.tell)(&format!("read {before}"));
    account.balance.set(before + amount);
    (account.tell)(&format!("wrote {}", before + amount));
}

/// Two deposits of 60: the second comes two turns after the first.
async fn two_deposits(
    tell: fn(&str),
    deposit: impl AsyncFn(&Account, u32) + Copy + 'static,
) -> u32 {
    let account = Rc::new(Account { balance: Cell::new(0), tell });
    let wages = Rc::clone(&account);
    // [show
    let wages = spawn_named("wages", async move { deposit(&wages, 60).await });
    yield_now().await;
    yield_now().await;
    deposit(&account, 60).await;
    // show]
    wages.await.expect("it neither panics nor is aborted");
    tell(&format!("balance {}", account.balance.get()));
    account.balance.get()
}

fn aloud(text: &str) {
    say!("{text}");
}

fn silent(_: &str) {}

/// Whether all seeds pass; else what is said of the first that does not, and not on stderr.
fn explore(deposit: impl AsyncFn(&Account, u32) + Copy + 'static) -> Result<(), String> {
    let body = move || async move { assert_eq!(two_deposits(silent, deposit).await, 120) };
    let before = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let explored = panic::catch_unwind(AssertUnwindSafe(|| testing::explore(SEEDS, body)));
    panic::set_hook(before);
    explored.map_err(|payload| payload.downcast().map_or_else(|_| String::new(), |text| *text))
}

/// Plays one schedule aloud.
fn play_in(order: Order, deposit: impl AsyncFn(&Account, u32) + Copy + 'static) -> io::Result<u32> {
    let builder = timeline::builder().clock(Clock::AutoAdvance).order(order);
    let runtime = Recorded::from(builder.build()?);
    Ok(runtime.block_on(lane("main", two_deposits(aloud, deposit))))
}

/// The seed that the report names.
fn seed_in(report: &str) -> Option<u64> {
    report.split_whitespace().nth(1)?.parse().ok()
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let plain =
        stage.scene("wrong way, in order", "two deposits of 60, two turns apart", || {
            play_in(Order::Fifo, deposit)
        })?;
    let report = explore(deposit).expect_err("a seed was to fail");
    let seed = seed_in(&report).expect("the report names its seed");
    let lost = stage.scene("wrong way, by a seed", "the first seed that fails, played", || {
        play_in(Order::Shuffled(seed), deposit)
    })?;
    let again = stage.scene("wrong way, again", "the same seed once more", || {
        play_in(Order::Shuffled(seed), deposit)
    })?;
    let right =
        stage.scene("right way, by that seed", "no await between read and write", || {
            play_in(Order::Shuffled(seed), deposit_at_once)
        })?;
    stage.why(
        "Tasks have their turns in the order in which they became ready. So a test sees one order, and in \
         that one the second deposit comes just late enough. `testing::explore` runs the test once for \
         each seed, each time in another order, and shortens the schedule that fails:",
    );
    let shortest = report.lines().skip_while(|line| !line.starts_with("shortest"));
    let shortest = shortest.take_while(|line| !line.starts_with("backtrace"));
    stage.quote(&shortest.collect::<Vec<_>>().join("\n"));
    stage.by_nature(
        "it is an option of the runtime. asyncio has none, so the twin brings a loop that shuffles the \
         tasks that are ready. Its seeds differ, its outcome is the same.",
    );
    let over = ["read 0", "wrote 60", "read 60", "wrote 120", "balance 120"];
    let once = ["read 0", "read 0", "wrote 60", "wrote 60", "balance 60"];
    stage.check("in order nothing shows", plain.is(&over));
    stage.check("a seed finds the lost update", lost.is(&once));
    stage.check("and shows it again", again.is(&once));
    stage.check("put right, it passes by that seed", right.is(&over));
    stage.check("and by all thousand", explore(deposit_at_once).is_ok());
    Ok(())
}
