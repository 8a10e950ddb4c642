//! [`Job`]: a job as the pool sees it, whatever its output.

#![forbid(unsafe_code)]

use std::panic::Location;

use crate::executor::JoinError;

/// What the pool and its threads may do with a job.
pub(super) trait Job: Send + Sync {
    /// Runs the closure, unless the job has ended already, and wakes the awaiter.
    fn run(&self, finish: &mut Finish<'_>);

    /// A limiter lets the job into the line of its pool: the job gives the permit back when it ends. `false`: it has ended.
    fn grant(&self) -> bool;

    /// Ends a job that never ran with this error, and drops its closure before that. (Inside the destructor of another closure
    /// that is refused, it is dropped after that one; see [`discard`](crate::common::discard).) `false`: it had ended.
    fn refuse(&self, error: JoinError) -> bool;

    /// Ends a job in line because the pool does, and drops its closure. A job that runs is asked to end.
    fn shut_down(&self);

    /// By what the job is asked to end, while it runs.
    fn asked(&self) -> Option<&'static str>;

    /// Whether it has ended, or never runs and is about to: a line need not keep it.
    fn has_ended(&self) -> bool;

    /// Where the job was spawned.
    fn site(&self) -> &'static Location<'static>;
}

/// What a job calls when its closure has returned: runs the function that it is given, which stores the output, and, if the job
/// has ended then, counts the thread as free, in one step. So an awaiter that polls by itself does not find the output of a
/// thread that still counts as busy. The function runs under the pool's lock.
pub(super) type Finish<'a> = dyn FnMut(&mut dyn FnMut() -> Ended) + 'a;

/// Whether a job has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// An output that no handle wants is still to be dropped.
    NotYet,
    Now,
    /// In the line, by an abort or the close; that gave its place in the pool back.
    Before,
}
