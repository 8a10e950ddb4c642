//! The latest value of something, for many tasks: each sees the newest, and may miss those between.
//!
//! A [`channel`](super::channel) would keep every value until a task has taken it. A task that wants to know the state of
//! something, a configuration for instance, needs only the latest. So here is one place for one value, and a number that
//! grows with each change. A [`Receiver`] remembers the number it saw last.
//!
//! ```
//! use taketurns::{spawn, sync::watch};
//!
//! taketurns::block_on(async {
//!     let (sender, mut receiver) = watch::channel("starting");
//!     let task = spawn(async move {
//!         receiver.wait_for(|state| *state == "ready").await.unwrap();
//!         *receiver.borrow()
//!     });
//!     sender.send("warm").unwrap();
//!     sender.send("ready").unwrap(); // the task never sees "warm"
//!     assert_eq!(task.await.unwrap(), "ready");
//! });
//! ```
//!
//! Tasks that wait are woken in the order in which their futures were first polled. Both halves stay on this thread, and
//! work under every executor of it.

#![forbid(unsafe_code)]

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::error::{Closed, SendError};
use super::in_line::{leave, poll_in_line};
use super::wait_list::{Key, WaitList};
use crate::common::awaited::Awaited;
use crate::executor::{budget, consume_budget};

/// Makes a channel that holds `value`, which the receiver has seen.
#[must_use]
#[track_caller]
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared {
        value: RefCell::new(value),
        version: Cell::new(0),
        senders: Cell::new(1),
        receivers: Cell::new(1),
        changed: WaitList::new(),
        closed: WaitList::new(),
        site: Location::caller(),
    });
    (Sender { shared: Rc::clone(&shared) }, Receiver { shared, seen: 0 })
}

struct Shared<T> {
    value: RefCell<T>,
    /// How often the value was changed.
    version: Cell<u64>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
    /// Receivers that wait for a change.
    changed: WaitList<()>,
    /// Senders that wait for the last receiver to go.
    closed: WaitList<()>,
    /// Where the program made it.
    site: &'static Location<'static>,
}

impl<T> Shared<T> {
    #[track_caller]
    fn borrow(&self) -> Ref<'_, T> {
        match self.value.try_borrow() {
            Ok(value) => value,
            Err(_) => panic!(
                "the closure of `watch::Sender::send_modify` or `send_if_modified` reads its own channel, which it is \
                 changing: use the value that the closure is given"
            ),
        }
    }

    #[track_caller]
    fn borrow_mut(&self) -> RefMut<'_, T> {
        match self.value.try_borrow_mut() {
            Ok(value) => value,
            Err(_) => panic!(
                "a `watch` channel is sent to while its value is borrowed: drop what `borrow` returned first, and do \
                 not send in the closure of `wait_for`, `send_modify` or `send_if_modified`"
            ),
        }
    }

    fn tell(&self) {
        self.version.set(self.version.get() + 1);
        self.changed.wake_all(|()| {});
    }

    /// Waits in `changed`, until a value is there that a receiver has not seen. `Err`: no sender is left.
    fn poll_changed(
        &self,
        seen: &mut u64,
        place: &mut Option<Key>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), Closed>> {
        let is_ready = || self.version.get() != *seen || self.senders.get() == 0;
        if poll_in_line(&self.changed, place, cx, (), is_ready).is_pending() {
            let wait = || Awaited::new("a change in the `watch` channel made", self.site);
            self.changed.note(place, wait);
            return Poll::Pending;
        }
        let is_new = mem::replace(seen, self.version.get()) != self.version.get();
        Poll::Ready(if is_new { Ok(()) } else { Err(Closed) })
    }

    fn fmt(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("version", &self.version.get())
            .field("senders", &self.senders.get())
            .field("receivers", &self.receivers.get())
            .field("waiting", &self.changed.len())
            .finish_non_exhaustive()
    }
}

/// The half that changes the value. Can be cloned.
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Puts a value in place of the one that is there, and wakes the receivers that wait. Never waits itself.
    ///
    /// # Errors
    ///
    /// The value comes back if there is no receiver. To change it all the same, use [`send_modify`](Self::send_modify).
    ///
    /// # Panics
    ///
    /// While the value is borrowed: by what [`borrow`](Self::borrow) returned, or by a closure of this channel that is
    /// running.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        let before = mem::replace(&mut *self.shared.borrow_mut(), value);
        self.shared.tell();
        drop(before); // last, as its destructor may do anything
        Ok(())
    }

    /// Changes the value in place, and wakes the receivers that wait. If `change` panics, they are not woken.
    ///
    /// # Panics
    ///
    /// As [`send`](Self::send). `change` must not use this channel.
    #[track_caller]
    pub fn send_modify(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.shared.borrow_mut());
        self.shared.tell();
    }

    /// As [`send_modify`](Self::send_modify), but wakes them only if `change` returns `true`. Returns what it returned.
    ///
    /// # Panics
    ///
    /// As [`send`](Self::send). `change` must not use this channel.
    #[track_caller]
    pub fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let is_changed = change(&mut self.shared.borrow_mut());
        if is_changed {
            self.shared.tell();
        }
        is_changed
    }

    /// The value. Drop what is returned before the next await: while it is held, a send panics.
    ///
    /// # Panics
    ///
    /// Inside a closure that changes the value, such as that of [`send_modify`](Self::send_modify).
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow()
    }

    /// Makes a receiver, which has seen the value that is there now.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        let count = &self.shared.receivers;
        count.set(count.get() + 1);
        Receiver { shared: Rc::clone(&self.shared), seen: self.shared.version.get() }
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers.get()
    }

    /// Whether there is no receiver. [`subscribe`](Self::subscribe) makes one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until there is no receiver.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    pub fn closed(&self) -> SenderClosed<'_, T> {
        SenderClosed { shared: Some(&self.shared), place: None }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.senders.set(self.shared.senders.get() + 1);
        Sender { shared: Rc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.senders.set(self.shared.senders.get() - 1);
        if self.shared.senders.get() == 0 {
            self.shared.changed.wake_all(|()| {});
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt("Sender", f)
    }
}

/// The half that sees the value. A clone has seen what this one has.
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    /// The version that it saw last.
    seen: u64,
}

impl<T> Receiver<T> {
    /// The value. It stays unseen if it is. Drop what is returned before the next await: while it is held, a send panics.
    ///
    /// # Panics
    ///
    /// Inside a closure that changes the value, such as that of [`send_modify`](Sender::send_modify).
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow()
    }

    /// The value, which is seen from now on: [`changed`](Self::changed) waits for the next one.
    ///
    /// # Panics
    ///
    /// Inside a closure that changes the value, such as that of [`send_modify`](Sender::send_modify).
    #[track_caller]
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        self.seen = self.shared.version.get();
        self.shared.borrow()
    }

    /// Whether there is a value that this receiver has not seen.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.seen != self.shared.version.get()
    }

    /// Waits for a value that this receiver has not seen. From then on it is seen.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the last value is seen and no sender is left.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped: a value that it has not told of stays unseen.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    pub fn changed(&mut self) -> Changed<'_, T> {
        Changed { receiver: Some(self), place: None }
    }

    /// Waits for a value for which `condition` is true, which may be the one that is there now. It is seen from then on.
    ///
    /// `condition` may read this channel. If it sends to it, that panics.
    ///
    /// # Errors
    ///
    /// [`Closed`] if it is false for the last value and no sender is left.
    ///
    /// # Cancellation
    ///
    /// Values for which `condition` was false are seen. Nothing else is lost when the future is dropped.
    pub async fn wait_for(
        &mut self,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, Closed> {
        consume_budget().await;
        while !condition(&self.borrow_and_update()) {
            self.changed().await?;
        }
        Ok(self.borrow())
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.receivers.set(self.shared.receivers.get() + 1);
        Receiver { shared: Rc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receivers.set(self.shared.receivers.get() - 1);
        if self.shared.receivers.get() == 0 {
            self.shared.closed.wake_all(|()| {});
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt("Receiver", f)
    }
}

/// The future of [`Receiver::changed`].
#[must_use = "futures do nothing unless awaited"]
pub struct Changed<'a, T> {
    /// `None` after it was ready.
    receiver: Option<&'a mut Receiver<T>>,
    place: Option<Key>,
}

impl<T> Future for Changed<'_, T> {
    type Output = Result<(), Closed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Changed { receiver, place } = &mut *self;
        let waits = receiver
            .as_mut()
            .expect("`Receiver::changed` was polled after it was ready: call `changed` again");
        ready!(budget::poll_ready(cx));
        let outcome = ready!(waits.shared.poll_changed(&mut waits.seen, place, cx));
        *receiver = None;
        budget::spend();
        Poll::Ready(outcome)
    }
}

impl<T> Drop for Changed<'_, T> {
    fn drop(&mut self) {
        if let Some(receiver) = &self.receiver {
            leave(&receiver.shared.changed, &mut self.place);
        }
    }
}

impl<T> fmt::Debug for Changed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changed").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

/// The future of [`Sender::closed`].
#[must_use = "futures do nothing unless awaited"]
pub struct SenderClosed<'a, T> {
    /// `None` after it was ready.
    shared: Option<&'a Shared<T>>,
    place: Option<Key>,
}

impl<T> Future for SenderClosed<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let shared = self
            .shared
            .expect("`Sender::closed` was polled after it was ready: call `closed` again");
        ready!(budget::poll_ready(cx));
        let is_ready = || shared.receivers.get() == 0;
        if poll_in_line(&shared.closed, &mut self.place, cx, (), is_ready).is_pending() {
            shared.closed.note(&self.place, || {
                Awaited::new("the end of all receivers of the `watch` channel made", shared.site)
            });
            return Poll::Pending;
        }
        self.shared = None;
        budget::spend();
        Poll::Ready(())
    }
}

impl<T> Drop for SenderClosed<'_, T> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared {
            leave(&shared.closed, &mut self.place);
        }
    }
}

impl<T> fmt::Debug for SenderClosed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderClosed")
            .field("is_done", &self.shared.is_none())
            .finish_non_exhaustive()
    }
}
