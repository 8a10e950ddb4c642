//! [`Notify`]: wakes a task that waits, or the next that will.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::in_line::poll_within_budget;
use super::wait_list::{Key, WaitList, drop_waker, wake_each};
use crate::common::awaited::Awaited;

/// Wakes tasks without a value: one, or all that wait. It is what a condition variable is for threads, without the lock.
///
/// A task checks its condition, and awaits [`notified`](Self::notified) if that does not hold. No other task runs between
/// the two, as both are in one turn. So nothing has to be registered before the check.
///
/// # Order
///
/// Tasks that wait are notified in the order in which their futures were first polled. A future takes part from its
/// first poll on: before that, [`notify_waiters`](Self::notify_waiters) passes it over.
///
/// ```
/// use std::{cell::RefCell, collections::VecDeque, rc::Rc};
/// use taketurns::{spawn, sync::Notify};
///
/// taketurns::block_on(async {
///     let queue = Rc::new((RefCell::new(VecDeque::new()), Notify::new()));
///     let fills = Rc::clone(&queue);
///     spawn(async move {
///         fills.0.borrow_mut().push_back("a job");
///         fills.1.notify_one();
///     })
///     .detach();
///     let job = loop {
///         let next = queue.0.borrow_mut().pop_front();
///         match next {
///             Some(job) => break job,
///             None => queue.1.notified().await,
///         }
///     };
///     assert_eq!(job, "a job");
/// });
/// ```
pub struct Notify {
    /// `notify_one` was called while no task waited.
    is_stored: Cell<bool>,
    line: WaitList<By>,
    /// Where the program made it.
    site: &'static Location<'static>,
}

/// Which call let a future go.
#[derive(Clone, Copy, PartialEq, Debug)]
enum By {
    NotifyOne,
    NotifyWaiters,
}

impl Notify {
    /// Without a stored notification.
    #[must_use]
    #[track_caller]
    pub const fn new() -> Self {
        Notify { is_stored: Cell::new(false), line: WaitList::new(), site: Location::caller() }
    }

    /// Notifies the task that waits longest. If no task waits, the notification is stored for the next one that comes. At
    /// most one is stored.
    pub fn notify_one(&self) {
        let mut waker = self.line.pop_front_if(|by| {
            *by = By::NotifyOne;
            true
        });
        match waker {
            Some(_) => wake_each(|| waker.take()),
            None => self.is_stored.set(true),
        }
    }

    /// Notifies every task that waits now. Nothing is stored.
    pub fn notify_waiters(&self) {
        self.line.wake_all(|by| *by = By::NotifyWaiters);
    }

    /// Waits for a notification. Ready at once if one is stored, which it takes.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped: a notification of [`notify_one`](Self::notify_one) that it was given
    /// goes to the next task, or is stored.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    pub fn notified(&self) -> Notified<'_> {
        Notified { notify: Some(self), place: None, owed: None }
    }
}

impl Default for Notify {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify")
            .field("is_stored", &self.is_stored.get())
            .field("waiting", &self.line.len())
            .finish()
    }
}

/// The future of [`Notify::notified`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Notified<'a> {
    /// `None` after it was ready.
    notify: Option<&'a Notify>,
    /// Where it waits in line.
    place: Option<Key>,
    /// It is ready, and yields first: by what; `None` for the notification that was stored.
    owed: Option<Option<By>>,
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let notify = self
            .notify
            .expect("`Notify::notified` was polled after it was ready: call `notified` again");
        let Self { place, owed, .. } = &mut *self;
        let is_ready = || notify.is_stored.take();
        let first = By::NotifyWaiters;
        if poll_within_budget(&notify.line, place, owed, cx, first, is_ready).is_pending() {
            notify.line.note(place, || Awaited::new("the `Notify` made", notify.site));
            return Poll::Pending;
        }
        self.notify = None;
        Poll::Ready(())
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        let Some(notify) = self.notify else { return };
        if matches!(self.owed, Some(None | Some(By::NotifyOne))) {
            notify.notify_one();
        }
        if let Some(removed) = notify.line.remove(&mut self.place) {
            if !removed.was_in_line && removed.state == By::NotifyOne {
                notify.notify_one();
            }
            drop_waker(removed.waker);
        }
    }
}
