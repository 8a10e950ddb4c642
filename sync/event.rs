//! [`Event`]: something has happened, and every task that waits for it goes on.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::in_line::{leave, poll_within_budget};
use super::wait_list::{Key, WaitList};
use crate::common::awaited::Awaited;

/// A flag that tasks can wait for, as asyncio's `Event`.
///
/// Share it by reference or in an `Rc`. It works under every executor of this thread.
///
/// # Order
///
/// [`set`](Self::set) wakes all tasks that wait, in the order in which their futures were first polled.
///
/// ```
/// use std::rc::Rc;
/// use taketurns::{spawn, sync::Event};
///
/// taketurns::block_on(async {
///     let ready = Rc::new(Event::new());
///     let tell = Rc::clone(&ready);
///     spawn(async move { tell.set() }).detach();
///     ready.wait().await;
///     assert!(ready.is_set());
/// });
/// ```
pub struct Event {
    is_set: Cell<bool>,
    line: WaitList<()>,
    /// Where the program made it.
    site: &'static Location<'static>,
}

impl Event {
    /// An event that is not set.
    #[must_use]
    #[track_caller]
    pub const fn new() -> Self {
        Event { is_set: Cell::new(false), line: WaitList::new(), site: Location::caller() }
    }

    /// Sets the event. The tasks that wait now go on, even if it is [cleared](Self::clear) before their turn comes.
    pub fn set(&self) {
        self.is_set.set(true);
        self.line.wake_all(|()| {});
    }

    /// Tasks that wait from now on wait for the next [`set`](Self::set).
    pub fn clear(&self) {
        self.is_set.set(false);
    }

    /// Whether it was set and not cleared since.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.is_set.get()
    }

    /// Waits until the event is set. Ready at once if it is set at the first poll.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    pub fn wait(&self) -> Wait<'_> {
        Wait { event: Some(self), place: None, owed: None }
    }
}

impl Default for Event {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("is_set", &self.is_set())
            .field("waiting", &self.line.len())
            .finish()
    }
}

/// The future of [`Event::wait`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<'a> {
    /// `None` after it was ready.
    event: Option<&'a Event>,
    /// Where it waits in line.
    place: Option<Key>,
    /// It is ready, and yields first.
    owed: Option<Option<()>>,
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let event =
            self.event.expect("`Event::wait` was polled after it was ready: call `wait` again");
        let Self { place, owed, .. } = &mut *self;
        let is_ready = || event.is_set();
        if poll_within_budget(&event.line, place, owed, cx, (), is_ready).is_pending() {
            event.line.note(place, || Awaited::new("the `Event` made", event.site));
            return Poll::Pending;
        }
        self.event = None;
        Poll::Ready(())
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(event) = self.event {
            leave(&event.line, &mut self.place);
        }
    }
}
