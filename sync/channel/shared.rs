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
//! * Senders stand in line only while `free` is 0: a slot that becomes free goes to the line first.
//! * Receivers stand in line only while every value in the buffer is granted, for the same reason.
//! * `free` stays 0 once the channel is closed.
//!
//! So a send or a receive that need not wait looks at one number each, and never at a line that is empty.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::task::{Context, Poll, Waker};

use crate::common::waits::note;
use crate::sync::error::{Closed, TryRecvError};
use crate::sync::wait_list::{Key, WaitList, drop_waker, wake_each};

/// The bound of a channel that has none.
pub(super) const NO_BOUND: usize = usize::MAX;

pub(super) struct Shared<T> {
    buffer: RefCell<VecDeque<T>>,
    /// How many values a newcomer may send. A slot that is reserved or granted is not free.
    free: Cell<usize>,
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
    /// The end of the channel, unless it is granted a value before.
    End,
    Value,
}

impl<T> Shared<T> {
    #[track_caller]
    pub(super) fn new(bound: usize) -> Self {
        Shared {
            buffer: RefCell::default(),
            free: Cell::new(bound),
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
        self.free.get() == 0 && !self.is_closed()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Takes a free slot.
    #[inline]
    pub(super) fn try_take_slot(&self) -> bool {
        let free = self.free.get();
        if free > 0 {
            self.free.set(free - 1);
        }
        free > 0
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
                note(|| format!("room in the channel made at {}", self.site));
                return Poll::Pending;
            }
            return Poll::Ready(if self.is_closed() { Err(Closed) } else { Ok(()) });
        }
        // The clone may run any code, so whether to wait is decided after it.
        let waker = cx.waker().clone();
        let is_ready = self.try_take_slot();
        if is_ready || self.is_closed() {
            drop_waker(Some(waker));
            return Poll::Ready(if is_ready { Ok(()) } else { Err(Closed) });
        }
        *place = Some(self.senders.push_back((), waker));
        Poll::Pending
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

    /// Puts a value into a slot that the caller has taken.
    #[inline]
    pub(super) fn push(&self, value: T) {
        let mut buffer = self.buffer.borrow_mut();
        let all_granted = buffer.len() == self.granted.get();
        buffer.push_back(value);
        drop(buffer);
        if all_granted && !self.receivers.is_empty() {
            self.grant_value();
        }
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
    #[inline]
    pub(super) fn try_pop(&self) -> Option<T> {
        let mut buffer = self.buffer.borrow_mut();
        if buffer.len() == self.granted.get() {
            return None;
        }
        let value = buffer.pop_front();
        drop(buffer);
        self.release_slot();
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
                    note(|| format!("a value of the channel made at {}", self.site));
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
        Poll::Pending
    }

    /// Takes the value that a receiver was granted. `shutdown` may have taken it away.
    fn pop_granted(&self) -> Result<T, Closed> {
        let value = self.buffer.borrow_mut().pop_front().ok_or(Closed)?;
        self.granted.set(self.granted.get() - 1);
        self.release_slot();
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
        values.iter().for_each(|_| self.release_slot());
        values
    }

    /// A slot is free again. It goes to the first sender in line.
    #[inline]
    pub(super) fn release_slot(&self) {
        match self.free.get() {
            0 => self.grant_slot(),
            free => self.free.set(free + 1),
        }
    }

    #[inline(never)]
    fn grant_slot(&self) {
        if self.is_closed() {
            return self.end_if_empty();
        }
        match self.senders.pop_front_if(|()| true) {
            Some(waker) => wake(waker),
            None => self.free.set(1),
        }
    }

    /// No value is taken from now on. Those in the buffer can still be received.
    pub(super) fn close(&self) {
        if !self.is_closed.replace(true) {
            self.free.set(0);
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
