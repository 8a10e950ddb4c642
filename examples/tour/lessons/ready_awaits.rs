//! Lesson 26: awaiting what is ready does not yield. What a budget rescues, and what it cannot.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use taketurns::sync::{Semaphore, channel};
use taketurns::task::unconstrained;
use taketurns::{spawn, yield_now};

use crate::exercise::exercise;
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::block_on;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 26,
    slug: "ready-awaits",
    title: "awaiting what is ready does not yield",
    moral: "An `.await` may yield. Only Pending does.",
    source: include_str!("ready_awaits.rs"),
    next: Next {
        file: "executor/budget.rs",
        item: "pub(crate) fn poll_ready",
        why: "the first line of every leaf operation",
    },
    exercise: exercise!("ready-awaits"),
    twin: script!("26"),
    play,
};

const ROUNDS: usize = 1000;

/// How many rounds the first task has made, and how many turns the other has had.
#[derive(Default)]
struct Counts {
    rounds: Cell<usize>,
    turns: Cell<usize>,
}

async fn nop() {}

async fn ready(what: &str, counts: Rc<Counts>) {
    let (sender, receiver) = channel::unbounded();
    let permits = Semaphore::new(1);
    // [show
    for round in 1..=ROUNDS {
        match what {
            "queue" => {
                sender.try_send(round).expect("it has room");
                receiver.recv().await.expect("it is open"); // ready
            }
            "semaphore" => drop(permits.acquire().await), // ready
            "nop" => nop().await,                         // ready
            _ => yield_now().await,                       // Pending, once
        }
        counts.rounds.set(round);
    }
    // show]
}

async fn other(counts: Rc<Counts>) {
    while counts.rounds.get() < ROUNDS {
        counts.turns.set(counts.turns.get() + 1);
        yield_now().await;
    }
}

/// How many turns another task has beside 1000 rounds of `what`.
fn turns_beside(what: &'static str, has_budget: bool) -> usize {
    let counts = Rc::<Counts>::default();
    let beside = counts.clone();
    block_on(async move {
        let rounds = ready(what, beside.clone());
        let first = if has_budget { spawn(rounds) } else { spawn(unconstrained(rounds)) };
        let other = spawn(other(beside.clone()));
        first.await.expect("it neither panics nor is aborted");
        let turns = beside.turns.get();
        other.await.expect("it neither panics nor is aborted");
        turns
    })
}

fn tell(name: &str, turns: usize) {
    say!("{name}: {ROUNDS} rounds, the other task took {turns} turns");
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let starved = stage.scene("wrong way", "await what is ready, without a budget", || {
        for what in ["queue", "semaphore", "nop"] {
            tell(what, turns_beside(what, false));
        }
        Ok(())
    })?;
    let budgeted = stage.scene("budget of 128", "the same queue, and nop, as tasks are", || {
        tell("budget", turns_beside("queue", true));
        tell("nop", turns_beside("nop", true));
        Ok(())
    })?;
    let yielded = stage.scene("right way", "yield in each round", || {
        tell("yield", turns_beside("yield", true));
        Ok(())
    })?;
    stage.why(
        "`.await` on a future that is ready goes on at once, in the same turn. A task that always finds \
         something ready keeps the thread, though it awaits in every round.",
    );
    stage.by_nature(
        "each turn has a budget: after 128 leaf operations that were ready, the next one yields. 1000 \
         rounds of one operation each are 8 turns, with 7 of the other task between them. asyncio has \
         no budget; its twin plays it by hand. `unconstrained` lifts it.",
    );
    stage.slip(
        "The budget cannot rescue what is no leaf operation: `nop` never asks the executor, so it is \
         ready for ever. Such a loop needs `yield_now`, or `consume_budget`.",
    );
    let all =
        |what: &str, turns| format!("{what}: {ROUNDS} rounds, the other task took {turns} turns");
    stage.check(
        "without a budget the other task had no turn",
        starved.is(&[&all("queue", 0), &all("semaphore", 0), &all("nop", 0)]),
    );
    stage.check(
        "with the budget it had 7, and beside `nop` none",
        budgeted.is(&[&all("budget", 7), &all("nop", 0)]),
    );
    stage.check("the semaphore spends as the queue does: 7", turns_beside("semaphore", true) == 7);
    stage.check("with a yield in each round it had 1000", yielded.is(&[&all("yield", 1000)]));
    Ok(())
}
