//! [`Barrier`]: tasks that wait for each other.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::in_line::{leave, poll_in_line};
use super::wait_list::{Key, WaitList};
use crate::common::awaited::{Awaited, Detail};
use crate::executor::budget;

/// A place where tasks wait until a number of them has come (asyncio's `Barrier`).
///
/// The last to come is the leader, and goes on at once. The others are woken in the order in which they came. Then the
/// barrier begins anew: a task that waits again is counted for the next time.
///
/// It needs no runtime, works under any executor, and stays on one thread: it is `!Sync`, and its futures are `!Send`.
///
/// ```
/// use std::rc::Rc;
/// use taketurns::{spawn, sync::Barrier};
///
/// taketurns::block_on(async {
///     let barrier = Rc::new(Barrier::new(3));
///     let tasks = [(); 3].map(|()| {
///         let barrier = Rc::clone(&barrier);
///         spawn(async move { barrier.wait().await.is_leader() })
///     });
///     let mut leads = Vec::new();
///     for task in tasks {
///         leads.push(task.await.unwrap());
///     }
///     assert_eq!(leads, [false, false, true]);
/// });
/// ```
pub struct Barrier {
    parties: usize,
    /// The futures that have come and wait.
    line: WaitList<()>,
}

impl Barrier {
    /// Lets `parties` futures go on together. With 1 none waits; 0 is taken for 1.
    #[must_use]
    pub const fn new(parties: usize) -> Self {
        let parties = if parties == 0 { 1 } else { parties };
        Barrier { parties, line: WaitList::new() }
    }

    /// Waits until as many futures have come as the barrier asks for, this one included.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped while it waits does not count any more. Once the last has come, all that waited have
    /// passed, and dropping one changes nothing for the others.
    #[track_caller]
    pub fn wait(&self) -> BarrierWait<'_> {
        BarrierWait { barrier: self, place: None, is_done: false, site: Location::caller() }
    }

    /// Lets all futures in line go if the caller is the last to come. Returns whether it is.
    fn release_if_last(&self) -> bool {
        let is_last = self.line.len() + 1 >= self.parties;
        if is_last {
            self.line.wake_all(|()| {});
        }
        is_last
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties)
            .field("waiters", &self.line.len())
            .finish()
    }
}

/// The future of [`Barrier::wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct BarrierWait<'a> {
    barrier: &'a Barrier,
    place: Option<Key>,
    is_done: bool,
    site: &'static Location<'static>,
}

impl BarrierWait<'_> {
    /// Whether it passes, and as the leader.
    fn poll_leads(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Barrier { parties, line } = self.barrier;
        let is_last = || self.barrier.release_if_last();
        let passed = poll_in_line(line, &mut self.place, cx, (), is_last);
        if passed.is_pending() {
            let parties = || Detail::Parties { there: line.len(), of: *parties };
            line.note(&self.place, || {
                Awaited::new("the `Barrier::wait()`", self.site).with(parties())
            });
        }
        passed.map(|let_go| let_go.is_none()) // the leader never was in line
    }
}

impl Future for BarrierWait<'_> {
    type Output = BarrierWaitResult;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!(
            !this.is_done,
            "the `Barrier::wait()` at {} was polled after it was ready: make another",
            this.site
        );
        ready!(budget::poll_ready(cx));
        let is_leader = ready!(this.poll_leads(cx));
        this.is_done = true;
        budget::spend();
        Poll::Ready(BarrierWaitResult { is_leader })
    }
}

impl Drop for BarrierWait<'_> {
    fn drop(&mut self) {
        leave(&self.barrier.line, &mut self.place);
    }
}

impl fmt::Debug for BarrierWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWait")
            .field("is_done", &self.is_done)
            .field("site", &format_args!("{}", self.site))
            .finish()
    }
}

/// What a future that has passed a [`Barrier`] is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Whether it was the last to come. True for exactly one of those that pass together.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }
}
