//! [`Trial`]: one run of the body.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use super::panics::{Panic, recorded};
use super::prefix::Prefix;
use super::source::Source;
use super::trace::Trace;
use crate::insight::UnhandledPanic;
use crate::runtime::Builder;
use crate::timer::Clock;

/// A limit of choices that is no limit.
pub(super) const ALL: usize = usize::MAX;

/// How a run of the body went.
pub(super) struct Trial {
    pub(super) trace: Trace,
    /// `None`: the run passed. Else what panicked; the last panic ended the run.
    pub(super) panics: Option<Vec<Panic>>,
}

impl Trial {
    /// Runs the body in a runtime of its own, with the first `limit` choices by `source`. `site` is where `block_on` seems
    /// to be called. `keep_all`: the trace has all turns.
    pub(super) fn run<Fut: Future<Output = ()>>(
        body: impl Fn() -> Fut,
        source: &Source,
        limit: usize,
        keep_all: bool,
        site: &'static Location<'static>,
    ) -> Self {
        let trace = Rc::new(RefCell::new(Trace::new(keep_all)));
        let chooser = Prefix::new(source.chooser(), limit, Rc::clone(&trace));
        let builder = Builder::new()
            .clock(Clock::AutoAdvance)
            .deadlock_grace(Duration::ZERO)
            .unhandled_panic(UnhandledPanic::Stop)
            .on_lost(|_| {});
        let runtime = match builder.build_with(Some(Box::new(chooser)), site) {
            Ok(runtime) => runtime,
            Err(error) => panic!("`testing::explore` cannot make a runtime: {error}"),
        };
        let (failed, mut panics) = recorded(|| {
            let run = runtime.try_block_on_at(site, async { body().await });
            run.expect("an exploration is begun outside of any run");
        });
        let mut unseen = Vec::new();
        let (failed_late, late_panics) = recorded(|| unseen = runtime.end_and_tell());
        // After a run that failed, the panics of the end are left out, as the last panic is taken for the one that ended the
        // run. After one that passed they fail it, and so does a task's panic that no handle has received.
        let passed = !failed;
        let failed = failed || failed_late || !unseen.is_empty();
        if passed {
            panics.extend(late_panics);
            panics.extend(unseen.into_iter().map(Panic::told));
        }
        Self { trace: trace.take(), panics: failed.then_some(panics) }
    }

    pub(super) fn failed(&self) -> bool {
        self.panics.is_some()
    }
}
