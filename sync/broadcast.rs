//! Every value to every receiver, in order; a receiver that is too slow is told how many values it missed.
//!
//! One [`channel`](super::channel) for each receiver would do. But then a sender would have to wait for the slowest receiver, or
//! that one's channel would grow without a bound. Here all share one ring of the last `capacity` values. A sender never
//! waits: it overwrites the oldest value, and a receiver that had not taken that one gets [`RecvError::Lagged`].
//!
//! ```
//! use taketurns::sync::broadcast::{self, RecvError};
//!
//! taketurns::block_on(async {
//!     let (sender, mut slow) = broadcast::channel(2);
//!     let mut fast = sender.subscribe();
//!     for value in 1..=3 {
//!         assert_eq!(sender.send(value), Ok(2)); // how many receivers there are
//!         assert_eq!(fast.recv().await, Ok(value));
//!     }
//!     assert_eq!(slow.recv().await, Err(RecvError::Lagged(1)));
//!     assert_eq!(slow.recv().await, Ok(2));
//! });
//! ```
//!
//! Tasks that wait are woken in the order in which their futures were first polled. Both halves stay on this thread, and
//! work under every executor of it.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::error::Error;
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
use crate::executor::{budget, contain};

/// Makes a channel that keeps the last `capacity` values.
///
/// No memory is set aside: the ring grows as it is needed. A value is dropped once every receiver has it.
///
/// # Panics
///
/// If `capacity` is 0: every value would be missed.
#[must_use]
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(
        capacity > 0,
        "`broadcast::channel(0)` has no room for any value: use a capacity of at least 1"
    );
    let shared = Rc::new(Shared {
        ring: RefCell::default(),
        capacity,
        next: Cell::new(0),
        senders: Cell::new(1),
        receivers: Cell::new(1),
        line: WaitList::new(),
        site: Location::caller(),
    });
    (Sender { shared: Rc::clone(&shared) }, Receiver { shared, next: 0 })
}

struct Shared<T> {
    /// The value at position `p` is in slot `p % capacity`.
    ring: RefCell<Vec<Slot<T>>>,
    capacity: usize,
    /// The position of the value that is sent next.
    next: Cell<u64>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
    line: WaitList<()>,
    /// Where the program made it.
    site: &'static Location<'static>,
}

struct Slot<T> {
    /// Cloning a value is user code, so it happens outside of the ring, by a count on the value. The `Rc` is used again for
    /// the next value, so a steady state allocates nothing.
    value: Rc<Option<T>>,
    /// How many receivers have not got it yet.
    left: usize,
}

impl<T> Slot<T> {
    /// Puts `value` in place of the one that is there. Returns that, unless a clone of it is being made, which drops it then.
    fn replace(&mut self, value: Option<T>) -> Option<T> {
        match Rc::get_mut(&mut self.value) {
            Some(place) => mem::replace(place, value),
            None => {
                self.value = Rc::new(value);
                None
            }
        }
    }
}

/// See [`Shared::take`]. There always is a value in it.
enum Taken<T> {
    Last(Option<T>),
    Count(Rc<Option<T>>),
}

impl<T> Shared<T> {
    /// The position of the oldest value in the ring.
    fn oldest(&self) -> u64 {
        self.next.get().saturating_sub(self.capacity as u64)
    }

    fn index(&self, position: u64) -> usize {
        (position % self.capacity as u64) as usize
    }

    /// Returns the value that was overwritten, for the caller to drop.
    fn push(&self, value: T) -> Option<T> {
        let index = self.index(self.next.get());
        let mut ring = self.ring.borrow_mut();
        self.next.set(self.next.get() + 1);
        let left = self.receivers.get();
        match ring.get_mut(index) {
            Some(slot) => {
                slot.left = left;
                slot.replace(Some(value))
            }
            None => {
                ring.push(Slot { value: Rc::new(Some(value)), left });
                None
            }
        }
    }

    /// A receiver has got the value at `position`, or wants it no more. The last receiver gets the value itself, the others
    /// a count on it.
    fn take(&self, position: u64) -> Taken<T> {
        let index = self.index(position);
        let mut ring = self.ring.borrow_mut();
        let slot = &mut ring[index];
        slot.left -= 1;
        if slot.left == 0 {
            if let Some(place) = Rc::get_mut(&mut slot.value) {
                return Taken::Last(place.take());
            }
            // A clone of it is being made, further up the stack. That drops it.
            return Taken::Count(mem::take(&mut slot.value));
        }
        Taken::Count(Rc::clone(&slot.value))
    }

    fn fmt(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("sent", &self.next.get())
            .field("capacity", &self.capacity)
            .field("senders", &self.senders.get())
            .field("receivers", &self.receivers.get())
            .field("waiting", &self.line.len())
            .finish()
    }
}

/// The half that sends. Can be cloned.
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends a value to every receiver that there is now, and returns how many that are. Never waits.
    ///
    /// # Errors
    ///
    /// The value comes back if there is no receiver.
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let receivers = self.shared.receivers.get();
        if receivers == 0 {
            return Err(SendError(value));
        }
        let overwritten = self.shared.push(value);
        self.shared.line.wake_all(|()| {});
        drop(overwritten); // last, as its destructor may do anything
        Ok(receivers)
    }

    /// Makes a receiver. It gets the values that are sent from now on.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        let count = &self.shared.receivers;
        count.set(count.get() + 1);
        Receiver { shared: Rc::clone(&self.shared), next: self.shared.next.get() }
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers.get()
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
            self.shared.line.wake_all(|()| {});
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt("Sender", f)
    }
}

/// The half that receives every value.
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    /// The position of the value that it gets next.
    next: u64,
}

impl<T: Clone> Receiver<T> {
    /// Receives the next value. Waits until it is sent.
    ///
    /// The value is cloned, except for the receiver that is the last to get it. If the clone panics, this receiver has
    /// missed the value.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] with the number of values that were overwritten before this receiver got them; it goes on with
    /// the oldest that is left. [`RecvError::Closed`] once every sender is gone and no value is left.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Panics
    ///
    /// The future panics when it is polled after it was ready.
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv { receiver: Some(self), place: None }
    }

    /// Receives the next value if it has been sent.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if it has not, and the errors of [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let oldest = self.shared.oldest();
        if self.next < oldest {
            let missed = oldest - mem::replace(&mut self.next, oldest);
            return Err(TryRecvError::Lagged(missed));
        }
        if self.is_empty() {
            let is_closed = self.shared.senders.get() == 0;
            return Err(if is_closed { TryRecvError::Closed } else { TryRecvError::Empty });
        }
        let position = self.next;
        self.next += 1;
        let value = match self.shared.take(position) {
            Taken::Last(value) => value,
            Taken::Count(value) => (*value).clone(),
        };
        Ok(value.expect("a value that is still to be received"))
    }
}

impl<T: Clone> Receiver<T> {
    pub(super) fn poll_recv(
        &mut self,
        place: &mut Option<Key>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, RecvError>> {
        ready!(budget::poll_ready(cx));
        let shared = &self.shared;
        let is_ready = || !self.is_empty() || shared.senders.get() == 0;
        if poll_in_line(&shared.line, place, cx, (), is_ready).is_pending() {
            let wait = || Awaited::new("a value of the `broadcast` channel made", shared.site);
            shared.line.note(place, wait);
            return Poll::Pending;
        }
        let received = match self.try_recv() {
            Ok(value) => Ok(value),
            Err(TryRecvError::Lagged(missed)) => Err(RecvError::Lagged(missed)),
            Err(TryRecvError::Closed | TryRecvError::Empty) => Err(RecvError::Closed),
        };
        budget::spend();
        Poll::Ready(received)
    }
}

impl<T> Receiver<T> {
    pub(super) fn leave(&self, place: &mut Option<Key>) {
        leave(&self.shared.line, place);
    }

    /// How many values were sent that this receiver has not got. Those that it has missed count until it is told so.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.shared.next.get() - self.next).unwrap_or(usize::MAX)
    }

    /// Whether [`len`](Self::len) is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // From now on this one is not counted, so what its values' destructors send is not left for it.
        self.shared.receivers.set(self.shared.receivers.get() - 1);
        let end = self.shared.next.get();
        let mut position = self.next;
        while position < end {
            // A destructor may send, and overwrite. If it panics, the values after it are dropped all the same.
            position = position.max(self.shared.oldest());
            if position < end {
                let taken = self.shared.take(position);
                contain(|| drop(taken));
            }
            position += 1;
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt("Receiver", f)
    }
}

/// The future of [`Receiver::recv`].
#[must_use = "futures do nothing unless awaited"]
pub struct Recv<'a, T> {
    /// `None` after it was ready.
    receiver: Option<&'a mut Receiver<T>>,
    place: Option<Key>,
}

impl<T: Clone> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Recv { receiver, place } = &mut *self;
        let waits = receiver
            .as_mut()
            .expect("`Receiver::recv` was polled after it was ready: call `recv` again");
        let received = ready!(waits.poll_recv(place, cx));
        *receiver = None;
        Poll::Ready(received)
    }
}

impl<T> Drop for Recv<'_, T> {
    fn drop(&mut self) {
        if let Some(receiver) = &self.receiver {
            receiver.leave(&mut self.place);
        }
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

/// Why there is no value to receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecvError {
    /// So many values were overwritten before this receiver got them.
    Lagged(u64),
    /// Every sender is gone, and no value is left.
    Closed,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Lagged(missed) => {
                write!(f, "the receiver was too slow, and missed {missed} values")
            }
            RecvError::Closed => Closed.fmt(f),
        }
    }
}

impl Error for RecvError {}

/// Why there is no value to receive now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TryRecvError {
    /// The next value has not been sent yet.
    Empty,
    /// See [`RecvError::Lagged`].
    Lagged(u64),
    /// See [`RecvError::Closed`].
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            TryRecvError::Empty => super::error::TryRecvError::Empty.fmt(f),
            TryRecvError::Lagged(missed) => RecvError::Lagged(missed).fmt(f),
            TryRecvError::Closed => RecvError::Closed.fmt(f),
        }
    }
}

impl Error for TryRecvError {}
