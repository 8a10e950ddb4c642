//! The state that the halves of a channel share: the buffer, its slots, and the two lines of tasks that wait.
//!
//! A sender that waits could simply be woken when a value is taken, and look again. But until its turn comes, another sender
//! could take the free slot, and do so each time. So a slot that becomes free while senders wait is *granted* to the first of
//! them: it does not count as free, and its owner sends by it in a later turn. In the same way a value that arrives while
//! receivers wait is granted to the first of them. It stays in the buffer until that receiver takes one: values leave in the
//! order in which they came, and if the receiver is dropped, nothing is lost.
//!
//! # Invariants
//!
//! * Senders stand in line only while the buffer is as long as `limit`, or longer: a slot that becomes free goes to the line
//!   first. A granted or reserved slot is taken off the limit until its value is sent.
//! * Receivers stand in line only while every value in the buffer is granted, for the same reason.
//! * `limit` is 0 once the channel is closed.
//!
//! So a send or a receive that need not wait compares the length of the buffer with one number, and writes neither the
//! numbers nor the lines.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::task::{Context, Poll, Waker};

use crate::common::awaited::Awaited;
use crate::sync::error::{Closed, TryRecvError};
use crate::sync::wait_list::{Key, WaitList, drop_waker, wake_each};

/// A `Send` is polled after it was ready.
pub(super) const SENT: &str = "`Sender::send` was polled after it was ready: call `send` again";

/// The bound of a channel that has none.
pub(super) const NO_BOUND: usize = usize::MAX;

pub(super) struct Shared<T> {
    buffer: RefCell<VecDeque<T>>,
    /// How long a newcomer's value may make the buffer: the bound, without the slots that are reserved or granted.
    limit: Cell<usize>,
    /// How many values of the buffer are granted to receivers that were let go.
    granted: Cell<usize>,
    is_closed: Cell<bool>,
    receivers: WaitList<Due>,
    senders: WaitList<()>,
    /// Where the program made the channel.
    site: &'static Location<'static>,
    pub(super) bound: usize,
    pub(super) sender_count: Cell<usize>,
    pub(super) receiver_count: Cell<usize>,
}

/// What a receiver finds when it was let go.
#[derive(Clone, Copy)]
enum Due {
    /// The end of the channel. A receiver has this as it joins the line, and keeps it unless it is granted a value.
    End,
    Value,
}

impl<T> Shared<T> {
    #[track_caller]
    pub(super) fn new(bound: usize) -> Self {
        Shared {
            buffer: RefCell::default(),
            limit: Cell::new(bound),
            granted: Cell::new(0),
            is_closed: Cell::new(false),
            receivers: WaitList::new(),
            senders: WaitList::new(),
            site: Location::caller(),
            bound,
            sender_count: Cell::new(1),
            receiver_count: Cell::new(1),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.borrow().len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.limit.get() && !self.is_closed()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Takes a free slot, for a value that comes later.
    pub(super) fn try_take_slot(&self) -> bool {
        let is_free = self.len() < self.limit.get();
        if is_free {
            self.limit.set(self.limit.get() - 1);
        }
        is_free
    }

    /// Waits for a slot. `Err`: the channel is closed.
    #[inline(never)]
    pub(super) fn poll_slot(
        &self,
        place: &mut Option<Key>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), Closed>> {
        if place.is_some() {
            if self.senders.poll(place, cx).is_pending() {
                self.note_full(place);
                return Poll::Pending;
            }
            return Poll::Ready(if self.is_closed() { Err(Closed) } else { Ok(()) });
        }
        // The clone may run any code, so whether to wait is decided after it.
        let waker = cx.waker().clone();
        if self.try_take_slot() || self.is_closed() {
            drop_waker(Some(waker)); // which may close the channel
            return Poll::Ready(if self.is_closed() { Err(Closed) } else { Ok(()) });
        }
        *place = Some(self.senders.push_back((), waker));
        self.note_full(place);
        Poll::Pending
    }

    #[inline]
    fn note_full(&self, place: &Option<Key>) {
        self.senders.note(place, || Awaited::new("room in the channel made", self.site));
    }

    #[inline]
    fn note_empty(&self, place: &Option<Key>) {
        self.receivers.note(place, || Awaited::new("a value of the channel made", self.site));
    }

    /// A sender that waited is dropped. A slot that it was granted is handed on.
    #[inline(never)]
    pub(super) fn leave_senders(&self, place: &mut Option<Key>) {
        if let Some(removed) = self.senders.remove(place) {
            if !removed.was_in_line {
                self.release_slot();
            }
            drop_waker(removed.waker);
        }
    }

    /// Puts a value into a slot that the caller has taken. The channel is not closed.
    pub(super) fn push_into_slot(&self, value: T) {
        self.limit.set(self.limit.get() + 1);
        let is_pushed = self.try_push(&mut Some(value));
        assert!(is_pushed, "a slot that was granted is no longer there: a bug in `taketurns`");
    }

    /// Takes the value out of `value` and puts it into a free slot. `false`: there is none, or the channel is closed.
    ///
    /// # Panics
    ///
    /// If there is a slot, and no value.
    #[inline(always)]
    pub(super) fn try_push(&self, value: &mut Option<T>) -> bool {
        let mut buffer = self.buffer.borrow_mut();
        let len = buffer.len();
        if len >= self.limit.get() {
            return false;
        }
        buffer.push_back(value.take().expect(SENT));
        drop(buffer);
        if len == self.granted.get() && !self.receivers.is_empty() {
            self.grant_value();
        }
        true
    }

    /// Grants a value that is not granted to the first receiver in line.
    #[inline(never)]
    fn grant_value(&self) {
        let let_go = self.receivers.pop_front_if(|due| {
            *due = Due::Value;
            true
        });
        if let Some(waker) = let_go {
            self.granted.set(self.granted.get() + 1);
            wake(waker);
        }
    }

    /// Takes a value that is not granted.
    #[inline(always)]
    pub(super) fn try_pop(&self) -> Option<T> {
        let mut buffer = self.buffer.borrow_mut();
        let len = buffer.len();
        if len == self.granted.get() {
            return None;
        }
        let value = buffer.pop_front();
        drop(buffer);
        if len >= self.limit.get() {
            self.grant_slot(); // the channel was full, or is closed
        }
        value
    }

    /// Why [`try_pop`](Self::try_pop) found no value.
    pub(super) fn why_empty(&self) -> TryRecvError {
        if self.has_ended() { TryRecvError::Closed } else { TryRecvError::Empty }
    }

    /// Waits for a value.
    #[inline(never)]
    pub(super) fn poll_value(
        &self,
        place: &mut Option<Key>,
        cx: &Context<'_>,
    ) -> Poll<Result<T, Closed>> {
        if place.is_some() {
            return match self.receivers.poll(place, cx) {
                Poll::Ready(Due::Value) => Poll::Ready(self.pop_granted()),
                Poll::Ready(Due::End) => Poll::Ready(Err(Closed)),
                Poll::Pending => {
                    self.note_empty(place);
                    Poll::Pending
                }
            };
        }
        // The clone may run any code, so whether to wait is decided after it.
        let waker = cx.waker().clone();
        let value = self.try_pop();
        if value.is_some() || self.has_ended() {
            drop_waker(Some(waker));
            return Poll::Ready(value.ok_or(Closed));
        }
        *place = Some(self.receivers.push_back(Due::End, waker));
        self.note_empty(place);
        Poll::Pending
    }

    /// Takes the value that a receiver was granted. `shutdown` may have taken it away.
    fn pop_granted(&self) -> Result<T, Closed> {
        let value = self.buffer.borrow_mut().pop_front().ok_or(Closed)?;
        self.granted.set(self.granted.get() - 1);
        self.grant_slot();
        Ok(value)
    }

    /// A receiver that waited is dropped. A value that it was granted is granted to the next.
    #[inline(never)]
    pub(super) fn leave_receivers(&self, place: &mut Option<Key>) {
        let Some(removed) = self.receivers.remove(place) else { return };
        let granted = self.granted.get();
        if matches!(removed.state, Due::Value) && granted > 0 {
            self.granted.set(granted - 1);
            self.grant_value();
        }
        drop_waker(removed.waker);
    }

    /// Takes every value that is not granted.
    pub(super) fn drain(&self) -> Vec<T> {
        let mut buffer = self.buffer.borrow_mut();
        let count = buffer.len() - self.granted.get();
        let values: Vec<T> = buffer.drain(..count).collect();
        drop(buffer);
        if self.is_closed() {
            self.end_if_empty();
            return values;
        }
        // A wake may run any code, which may send. So all slots count as taken until the line has had each of them.
        self.limit.set(self.limit.get() - count);
        (0..count).for_each(|_| self.release_slot());
        values
    }

    /// A slot that was taken is not used.
    pub(super) fn release_slot(&self) {
        if !self.is_closed() {
            self.limit.set(self.limit.get() + 1);
            self.grant_slot();
        }
    }

    /// A slot has become free, which the first sender in line is granted. A closed channel may have ended.
    #[inline(never)]
    fn grant_slot(&self) {
        if self.is_closed() {
            self.end_if_empty();
        } else if let Some(waker) = self.senders.pop_front_if(|()| true) {
            self.limit.set(self.limit.get() - 1);
            wake(waker);
        }
    }

    /// No value is taken from now on. Those in the buffer can still be received.
    pub(super) fn close(&self) {
        if !self.is_closed.replace(true) {
            self.limit.set(0);
            self.end_if_empty();
            self.senders.wake_all(|()| {});
        }
    }

    /// Closes, and returns what is in the buffer, for the caller to drop.
    pub(super) fn shut_down(&self) -> VecDeque<T> {
        self.granted.set(0);
        let values = mem::take(&mut *self.buffer.borrow_mut());
        self.close();
        self.end_if_empty(); // it may have been closed before
        values
    }

    /// Whether nothing is left to receive, and nothing will come. A value that is granted may still come back.
    fn has_ended(&self) -> bool {
        self.is_closed() && self.len() == 0
    }

    fn end_if_empty(&self) {
        if self.has_ended() {
            self.receivers.wake_all(|_| {});
        }
    }

    pub(super) fn fmt(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("is_closed", &self.is_closed())
            .field("senders", &self.sender_count.get())
            .field("receivers", &self.receiver_count.get())
            .field("waiting_senders", &self.senders.len())
            .field("waiting_receivers", &self.receivers.len())
            .finish()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        (self.bound != NO_BOUND).then_some(self.bound)
    }
}

fn wake(waker: Waker) {
    let mut waker = Some(waker);
    wake_each(|| waker.take());
}
