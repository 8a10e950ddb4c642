//! For tests: the same code under many schedules, and a failure that can be seen again.
//!
//! A runtime gives turns in the order in which tasks became ready. Code comes to rely on that without
//! knowing: it reads, awaits, and writes back what is no longer so, and no test shows it until something else
//! takes a turn more or less. [`explore`] runs a test under virtual time once for each of many seeds, each of
//! which has its own idea of whose turn is next. It needs no types of its own in the code that is tested.
//!
//! `docs/schedules.md` says how many seeds it took to find some bugs that were planted.
//!
//! # Layout
//!
//! 1. this file: [`explore`].
//! 2. `trial.rs`: one run; `schedule.rs`: whose turn is next in it; `trace.rs`: whose it was.
//! 3. `panics.rs`: what failed, from the panic hook; `shrink.rs`: the shortest schedule that does.
//! 4. `report.rs`: the text of a failure; `seed.rs`: the seed that the environment names.

#![forbid(unsafe_code)]

mod panics;
mod report;
mod schedule;
mod seed;
mod shrink;
mod trace;
mod trial;

use std::future::Future;
use std::panic::Location;

use crate::executor::with_current;
use report::Report;
use shrink::shrink;
use trial::{ALL, Trial};

/// Runs `body` once for each seed, in a runtime of its own, where the seed decides whose turn is next among
/// the tasks that are ready ([`Order::Shuffled`](crate::Order::Shuffled)). One seed gives one schedule, on
/// every machine, so a failure can be seen again.
///
/// Time is virtual and goes by itself ([`Clock::AutoAdvance`](crate::time::Clock::AutoAdvance)), so sleeps
/// and timeouts take none. A run fails
///
/// * when `body` panics, or a task does whose panic no handle receives, or a destructor as the runtime ends;
/// * on a deadlock: no task is ready, and nothing is left that could wake one. A plain thread that is to wake
///   one [holds](crate::time::hold) the clock, or it is not waited for (a [`Handle`](crate::Handle) keeps a run from
///   being a deadlock, and does not hold the clock);
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
///     yield_now().await; // somebody is asked
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
/// taketurns::block_on(two_deposits()); // nothing to be seen
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
/// The shortest schedule follows the seed for as few choices as still fail; from there on turns are given in
/// order. (A choice is a turn before which more than one task is ready.)
///
/// # What it does not see
///
/// It passes when it finds nothing, which proves nothing. A turn is one poll, and no schedule divides it;
/// threads run as they please. Time stands still while a task is ready, so no timeout ends before work that
/// takes none. A turn that never ends is not ended here, and while a [`Handle`](crate::Handle), a
/// [`hold`](crate::time::hold) or a blocking job is out, or a socket was awaited and has not been heard of
/// since, it waits for that in real time.
///
/// # The panic hook
///
/// The first call puts a panic hook in front of the one it finds, for the life of the process. On a thread
/// that is exploring it keeps what panicked for the report (with the first backtrace if `RUST_BACKTRACE`
/// asks for one), so that runs that pass say nothing; every other panic goes to the hook that was there
/// before. (Where panics abort, `panic = "abort"`, it keeps none, and nothing can be explored beyond the
/// first.)
///
/// # Panics
///
/// At the first seed that fails; inside of a running executor; when `TAKETURNS_SEED` is not a number; when a
/// runtime cannot be made.
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
    if let Some(report) = failure {
        panic!("{report}");
    }
}

fn first_failure<F, Fut>(
    seeds: impl IntoIterator<Item = u64>,
    body: &F,
    site: &'static Location<'static>,
) -> Option<Report>
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()>,
{
    for (seed, passed) in seeds.into_iter().zip(0..) {
        let trial = Trial::run(body, seed, ALL, site);
        if trial.failed() {
            let shrunk = shrink(trial, |choices| Trial::run(body, seed, choices, site));
            return Some(Report { seed, passed, shrunk });
        }
    }
    None
}
