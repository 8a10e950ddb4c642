//! [`OnExit`]: what the end of a runtime does with tasks that have not ended.

#![forbid(unsafe_code)]

use std::time::Duration;

/// What the end of a runtime does with tasks that have not ended. Its times are by the real clock, also in a runtime with
/// a virtual one, so that it ends.
///
/// A runtime that is dropped inside a run, or while its thread panics, drops the tasks at once.
///
/// `Cancel` and `Wait` also run the tasks that a [`Handle`](crate::Handle) has sent. They return before their time when
/// each task has ended or can never go on, as it has no waker left ([`State::Stuck`](crate::task::State::Stuck)). A panic
/// of the loop ends the wait; the runtime goes on to end, and reports the panic as an
/// [unhandled](crate::task::Unhandled) failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnExit {
    /// The tasks are dropped where they stand, in the order of spawning.
    #[default]
    Drop,
    /// The tasks are asked to end, as by [`JoinHandle::cancel`](crate::JoinHandle::cancel) of each: those that listen
    /// ([`cancel::cancelled`](crate::cancel::cancelled)) hear of it. They run on until they have ended, but at most for
    /// `grace`. The tasks that are left then are dropped.
    Cancel {
        /// How long the tasks have to clean up.
        grace: Duration,
    },
    /// The tasks run on until they have ended, but at most for `deadline`. The tasks that are left then are dropped.
    Wait {
        /// How long the tasks may take, from the beginning of the end.
        deadline: Duration,
    },
}
