//! [`Trial`]: the body, run once.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use super::panics::{Panic, recorded};
use super::schedule::Prefix;
use super::trace::Trace;
use crate::insight::UnhandledPanic;
use crate::runtime::Builder;
use crate::timer::Clock;

/// As a limit of choices: all of them.
pub(super) const ALL: u64 = u64::MAX;

/// How a run of the body went.
pub(super) struct Trial {
    pub(super) trace: Trace,
    /// What panicked, the last of which ended the run; `None`: it passed.
    pub(super) failure: Option<Vec<Panic>>,
}

impl Trial {
    /// A run in a runtime of its own, the first `limit` choices by the seed; as if `block_on` were called at
    /// `site`.
    pub(super) fn run<Fut: Future<Output = ()>>(
        body: impl Fn() -> Fut,
        seed: u64,
        limit: u64,
        site: &'static Location<'static>,
    ) -> Self {
        let trace = Rc::new(RefCell::default());
        let schedule = Prefix::new(seed, limit, Rc::clone(&trace));
        let builder = Builder::new()
            .clock(Clock::AutoAdvance)
            .deadlock_grace(Duration::ZERO)
            .unhandled_panic(UnhandledPanic::Stop)
            .on_lost(|_| {});
        let runtime = match builder.build_scheduled(Some(Box::new(schedule)), site) {
            Ok(runtime) => runtime,
            Err(error) => panic!("`testing::explore` cannot make a runtime: {error}"),
        };
        let (failed, mut panics) = recorded(|| {
            let run = runtime.try_block_on_at(site, async { body().await });
            run.expect("`explore` is called outside of any run");
        });
        let mut unseen = Vec::new();
        let (failed_late, late_panics) = recorded(|| unseen = runtime.end_and_tell());
        // What panicked in a run that passed was dealt with there, unless nobody had seen it by the end.
        let passed = !failed;
        let failed = failed || failed_late || !unseen.is_empty();
        if passed {
            panics.extend(late_panics);
            panics.extend(unseen.into_iter().map(Panic::told));
        }
        Self { trace: trace.take(), failure: failed.then_some(panics) }
    }

    pub(super) fn failed(&self) -> bool {
        self.failure.is_some()
    }
}
