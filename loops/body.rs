//! What a loop's thread does, from its first step to its last.

#![forbid(unsafe_code)]

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::ending::Ending;
use crate::common::send_home::print_late;
use crate::executor::{JoinError, Subject, contain};
use crate::group::cancel::CancellationToken;
use crate::runtime::{Builder, Runtime};
use crate::threads::Handle;

/// What the main future of a loop ended with.
pub(super) type Outcome<T> = Result<T, JoinError>;

/// What the thread shares with the value that started it.
pub(super) struct Common<T> {
    /// The name of the thread.
    pub(super) thread: Box<str>,
    /// Where it was started.
    pub(super) site: &'static Location<'static>,
    pub(super) ending: Ending<Outcome<T>>,
}

impl<T> Common<T> {
    pub(super) fn new(thread: String, site: &'static Location<'static>) -> Self {
        Self { thread: thread.into(), site, ending: Ending::new() }
    }

    pub(super) fn subject(&self) -> Subject {
        Subject::Loop(self.thread.clone(), self.site)
    }
}

/// What the thread is given.
pub(super) struct Body<T, P, F> {
    /// Called before all else.
    pub(super) prepare: P,
    pub(super) builder: Builder,
    pub(super) main: F,
    pub(super) stop: CancellationToken,
    pub(super) common: Arc<Common<T>>,
}

impl<T, P: FnOnce() -> io::Result<()>, F> Body<T, P, F> {
    /// Prepares the thread, makes the runtime, and sends a handle of it, or the error. Then runs the main future, ends
    /// the runtime, and leaves the outcome.
    pub(super) fn run<Fut>(self, started: &SyncSender<io::Result<Handle>>)
    where
        F: FnOnce(CancellationToken) -> Fut,
        Fut: Future<Output = T>,
    {
        let Self { prepare, builder, main, stop, common } = self;
        let runtime = match prepare().and_then(|()| builder.build_at(common.site)) {
            Ok(runtime) => runtime,
            Err(error) => {
                contain(|| drop(main));
                _ = started.send(Err(error));
                return;
            }
        };
        _ = started.send(Ok(runtime.handle()));
        // Called inside of the runtime: it may spawn, and bind sockets.
        let outcome = run_and_end(runtime, &common, async move { main(stop).await });
        if let Some(outcome) = common.ending.fill(outcome) {
            discard(outcome);
        }
    }
}

/// Runs `main`, then ends the runtime. The first panic of the two is the outcome.
fn run_and_end<T>(
    runtime: Runtime,
    common: &Common<T>,
    main: impl Future<Output = T>,
) -> Outcome<T> {
    let panicked = |payload| JoinError::panicked(common.subject(), payload);
    let run = || runtime.try_block_on_at(common.site, main).expect("the thread has no other loop");
    let outcome = catch_unwind(AssertUnwindSafe(run)).map_err(panicked);
    let ended = catch_unwind(AssertUnwindSafe(|| drop(runtime))).map_err(panicked);
    match (outcome, ended) {
        (Ok(output), Err(error)) => {
            contain(|| drop(output));
            Err(error)
        }
        (outcome, Ok(())) => outcome,
        (Err(first), Err(second)) => {
            print_late(second);
            Err(first)
        }
    }
}

/// Drops an outcome that no thread joins. If it is a panic, it is printed.
pub(super) fn discard<T>(outcome: Outcome<T>) {
    match outcome {
        Ok(output) => contain(|| drop(output)),
        Err(error) => print_late(error),
    }
}
