//! For tests: the same code under many schedules, and a failure that can be seen again.
//!
//! A test could run its code once, as the program does. But a runtime gives turns in the order in which tasks became
//! ready, and code comes to rely on that order by accident: it reads a value, awaits, and writes back what is out of date
//! by then. One run does not show that, as long as no task takes a turn more or less. So [`explore`] runs a test under
//! virtual time, once for each of many seeds, and each seed chooses differently whose turn is next. The code that is
//! tested needs no special types.
//!
//! `docs/schedules.md` says how many seeds it took to find some planted bugs.
//!
//! # Layout
//!
//! 1. This file: [`explore`].
//! 2. `trial.rs`: one run. `schedule.rs`: which task has the next turn in it. `trace.rs`: which task had each turn.
//! 3. `panics.rs`: what failed, by the panic hook. `shrink.rs`: the shortest schedule that fails.
//! 4. `failure.rs`: the text of a failure. `seed.rs`: the seed that the environment names.

#![forbid(unsafe_code)]

mod failure;
mod panics;
mod schedule;
mod seed;
mod shrink;
mod trace;
mod trial;

use std::future::Future;
use std::panic::Location;

use crate::executor::with_current;
use failure::Failure;
use shrink::shrink;
use trial::{ALL, Trial};

/// Runs `body` once for each seed, each time in a new runtime in which the seed chooses whose turn is next among the ready
/// tasks ([`Order::Shuffled`](crate::Order::Shuffled)). One seed gives one schedule, on every machine, so a failure can be
/// seen again.
///
/// Time is virtual and advances by itself ([`Clock::AutoAdvance`](crate::time::Clock::AutoAdvance)), so sleeps and timeouts
/// take no real time. A run fails
///
/// * when `body` panics, or a task whose panic no handle receives, or a destructor as the runtime ends;
/// * when it is deadlocked: no task is ready, and nothing is left that could wake one. If a plain thread is to wake a task,
///   it has to [hold](crate::time::hold) the clock; otherwise the run does not wait for it. (While a
///   [`Handle`](crate::Handle) is out, a run is not taken for deadlocked, but the clock goes on.)
/// * after a million turns.
///
/// At the first failure this panics. The text has the seed, what panicked, the turns of the shortest
/// schedule that fails, and the line that replays it:
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use taketurns::{spawn, testing::explore, yield_now};
///
/// async fn deposit(balance: Rc<Cell<u32>>, amount: u32) {
///     let before = balance.get();
///     yield_now().await; // as if a server were asked
///     balance.set(before + amount);
/// }
///
/// async fn two_deposits() {
///     let balance = Rc::new(Cell::new(0));
///     let wages = spawn(deposit(Rc::clone(&balance), 100));
///     yield_now().await;
///     yield_now().await; // in order, the first deposit is over now
///     deposit(Rc::clone(&balance), 20).await;
///     wages.await.unwrap();
///     assert_eq!(balance.get(), 120);
/// }
///
/// taketurns::block_on(two_deposits()); // it passes
/// let failure = std::panic::catch_unwind(|| explore(0..100, two_deposits)).unwrap_err();
/// println!("{}", failure.downcast::<String>().unwrap());
/// // seed 0 fails, after 0 that passed
/// //   panicked at src/main.rs:17:5: assertion `left == right` failed
/// //   left: 20
/// //  right: 120
/// // shortest schedule: 3 choices by the seed, then in order, 6 turns:
/// //    turn       clock  task
/// //       1         0ns  the future of `block_on`
/// //       2         0ns  task #1, spawned at src/main.rs:12:17
/// //       3         0ns  the future of `block_on`
/// //       4 *       0ns  the future of `block_on`
/// //       5         0ns  task #1, spawned at src/main.rs:12:17
/// //       6         0ns  the future of `block_on`
/// //       * the seed took it before others that were queued
/// // again: run it with TAKETURNS_SEED=0 in the environment
/// //    or: taketurns::testing::explore([0], ..)
/// ```
///
/// With `TAKETURNS_SEED` in the environment every `explore` of the process runs that seed alone.
///
/// The shortest schedule follows the seed for as few choices as are found to be enough, and then gives turns in order. (A
/// choice is a turn before which more than one task is ready.)
///
/// # What it does not see
///
/// If no seed fails, that proves nothing. A turn is one poll, and no schedule divides it. Threads run as they please. Time
/// stands still while a task is ready, so no timeout ends before work that is ready. A turn that never ends is not ended.
/// And it waits in real time for what it cannot choose: while a [`Handle`](crate::Handle), a [`hold`](crate::time::hold) or
/// a blocking job is out, or a socket was awaited and has had no event since.
///
/// # The panic hook
///
/// The first call puts a panic hook in front of the one it finds, for the life of the process. It keeps the panics of a
/// thread that explores (with the first backtrace if `RUST_BACKTRACE` asks for one), so that runs that pass print nothing.
/// Every other panic goes to the hook before. (Where panics abort, `panic = "abort"`, it keeps none, and the first panic
/// ends the exploration.)
///
/// # Panics
///
/// At the first seed that fails; inside of a running executor; if `TAKETURNS_SEED` is not a number; if a runtime cannot be
/// made.
#[track_caller]
pub fn explore<F, Fut>(seeds: impl IntoIterator<Item = u64>, body: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()>,
{
    assert!(
        with_current(|_| ()).is_none(),
        "`testing::explore` makes runtimes of its own: call it outside of `block_on`, in a plain test"
    );
    let site = Location::caller();
    let failure = match seed::from_environment() {
        Some(seed) => first_failure([seed], &body, site),
        None => first_failure(seeds, &body, site),
    };
    if let Some(failure) = failure {
        panic!("{failure}");
    }
}

fn first_failure<F, Fut>(
    seeds: impl IntoIterator<Item = u64>,
    body: &F,
    site: &'static Location<'static>,
) -> Option<Failure>
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()>,
{
    for (seed, passed) in seeds.into_iter().zip(0..) {
        let trial = Trial::run(body, seed, ALL, site);
        if trial.failed() {
            let shrunk = shrink(trial, |choices| Trial::run(body, seed, choices, site));
            return Some(Failure { seed, passed, shrunk });
        }
    }
    None
}
