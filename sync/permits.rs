//! [`Permits`]: a count that futures take from and wait for, first come, first served.
//!
//! A semaphore is such a count. So are the two locks: a mutex has one permit, and a read-write lock has many, of which a
//! reader takes one and a writer all. So all three have one order of waiting, and one place where a future that is
//! dropped hands on what it was granted.
//!
//! The naive way is to wake the first waiter when a permit comes back, and let it try again. But then a task that happens
//! to have its turn first takes the permit, and a waiter may try for ever. So a permit that comes back is *granted*: it is
//! taken from the count for the future at the front of the line, before that is woken. While a line stands, only its
//! front is served. If the front asks for more than there is, the permits stay until there are enough.

#![forbid(unsafe_code)]

mod noted;

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::task::{Context, Poll, Waker, ready};

use super::wait_list::{Key, WaitList, drop_waker, wake_each};
use crate::common::held::{self, Taken};
use crate::executor::budget;

/// The most permits. It leaves room above, so that a sum of two never overflows.
pub(super) const MAX: usize = usize::MAX >> 3;

pub(super) struct Permits {
    /// Not granted to any future. Includes permits that are too few for the front of the line.
    free: Cell<usize>,
    gate: Cell<Gate>,
    line: WaitList<Request>,
}

/// Whether a future that comes may take permits at once. Beside the line, so that taking does not have to look at that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    /// A line stands, or its last future left while no permit was free. The next permit that comes back looks.
    Line,
    Closed,
}

/// What a future in line asks for.
#[derive(Clone, Copy)]
struct Request {
    ask: Ask,
    /// Where the program made the future.
    site: &'static Location<'static>,
    /// The permits are taken from the count, and the future's.
    is_granted: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Ask {
    pub(super) operation: Operation,
    pub(super) permits: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Operation {
    Acquire,
    Lock,
    /// Its guard is no borrow of the lock.
    LockOwned,
    Read,
    Write,
}

/// The permits were closed before this future was granted any.
#[derive(Debug)]
pub(super) struct Closed;

impl Permits {
    pub(super) const fn new(permits: usize) -> Self {
        Permits { free: Cell::new(permits), gate: Cell::new(Gate::Open), line: WaitList::new() }
    }

    pub(super) fn free(&self) -> usize {
        self.free.get()
    }

    /// How many futures are in line.
    pub(super) fn waiters(&self) -> usize {
        self.line.len()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.gate.get() == Gate::Closed
    }

    /// Takes so many permits, if that needs no waiting.
    #[inline]
    pub(super) fn try_take(&self, permits: usize) -> bool {
        let free = self.free.get();
        let takes = permits <= free && self.gate.get() == Gate::Open;
        if takes {
            self.free.set(free - permits);
        }
        takes
    }

    /// Puts permits back, and grants them to the futures in line that now fit.
    #[inline]
    pub(super) fn give(&self, permits: usize) {
        self.free.set(self.free.get().saturating_add(permits));
        self.serve_line();
    }

    #[inline]
    fn serve_line(&self) {
        if self.gate.get() == Gate::Line {
            self.serve();
        }
    }

    /// Takes a lock, if that needs no waiting.
    #[inline]
    pub(super) fn try_lock(&self, ask: Ask) -> bool {
        let takes = self.try_take(ask.permits);
        if takes {
            self.took(ask, None);
        }
        takes
    }

    /// A lock that one future at a time has is given back.
    #[inline]
    pub(super) fn unlock(&self, permits: usize) {
        held::gave_back(|| self.line.line_key());
        self.free.set(self.free.get() + permits); // never more than it was made with
        self.serve_line();
    }

    /// A lock is given back of which this was taken.
    #[inline]
    pub(super) fn unlock_one(&self, permits: usize, taken: Taken) {
        taken.give_back(|| self.line.line_key());
        self.give(permits);
    }

    /// What the one future that has the lock goes on with, as if it had asked for that.
    #[inline]
    pub(super) fn goes_on_with(&self, ask: Ask) -> Taken {
        Taken::go_on(|| self.line.line_key(), ask.name())
    }

    /// Takes up to so many permits away, and returns how many.
    pub(super) fn forget(&self, permits: usize) -> usize {
        let forgotten = permits.min(self.free.get());
        self.free.set(self.free.get() - forgotten);
        forgotten
    }

    /// From now on nothing is granted. The futures in line are woken, in order. Those that were granted permits before
    /// keep them.
    pub(super) fn close(&self) {
        self.gate.set(Gate::Closed);
        self.line.wake_all(|_| {});
    }

    /// Grants permits to the futures at the front, one after the other, until one asks for more than there is.
    #[inline(never)]
    fn serve(&self) {
        wake_each(|| self.grant());
    }

    fn grant(&self) -> Option<Waker> {
        // The line need not be looked at to see that it is empty, or that there is nothing for it.
        if self.gate.get() != Gate::Line || self.free.get() == 0 {
            return None;
        }
        let granted = self.line.pop_front_if(|request| {
            let left = self.free.get().checked_sub(request.ask.permits);
            request.is_granted = left.is_some();
            left.inspect(|&left| self.free.set(left)).is_some()
        });
        if self.line.is_empty() {
            self.gate.set(Gate::Open);
        }
        granted
    }
}

/// Where a future stands that takes permits. The future owns it, and calls [`leave`](Self::leave) when it is dropped.
pub(super) struct Acquiring {
    site: &'static Location<'static>,
    place: Option<Key>,
    is_done: bool,
}

impl Acquiring {
    #[inline]
    pub(super) fn new(site: &'static Location<'static>) -> Self {
        Acquiring { site, place: None, is_done: false }
    }

    pub(super) fn site(&self) -> &'static Location<'static> {
        self.site
    }

    /// Ready when the permits are taken. They are the caller's then.
    #[inline]
    pub(super) fn poll(
        &mut self,
        permits: &Permits,
        ask: Ask,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Closed>> {
        ready!(budget::poll_ready(cx));
        let taken = if self.place.is_some() {
            ready!(self.poll_in_line(permits, ask, cx))
        } else if !self.is_done && permits.try_take(ask.permits) {
            permits.took(ask, Some(self.site));
            Ok(())
        } else {
            ready!(self.join(permits, ask, cx))
        };
        self.is_done = true;
        budget::spend();
        Poll::Ready(taken)
    }

    /// [`poll`](Self::poll), for a lock, which is never closed.
    #[inline]
    pub(super) fn poll_open(
        &mut self,
        permits: &Permits,
        ask: Ask,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        self.poll(permits, ask, cx).map(|taken| taken.expect("locks are never closed"))
    }

    #[inline(never)]
    fn poll_in_line(
        &mut self,
        permits: &Permits,
        ask: Ask,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Closed>> {
        match permits.line.poll(&mut self.place, cx) {
            Poll::Ready(Request { is_granted: true, .. }) => {
                permits.took(ask, Some(self.site));
                Poll::Ready(Ok(()))
            }
            Poll::Ready(_) => Poll::Ready(Err(Closed)),
            Poll::Pending => {
                permits.note(&self.place, ask, self.site);
                Poll::Pending
            }
        }
    }

    /// The first poll of a future that finds too few permits.
    #[inline(never)]
    fn join(
        &mut self,
        permits: &Permits,
        ask: Ask,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Closed>> {
        if self.is_done {
            polled_again(ask, self.site);
        }
        // Nothing never waits, and overtakes no future by that.
        if ask.permits == 0 && !permits.is_closed() {
            return Poll::Ready(Ok(()));
        }
        let waker = cx.waker().clone();
        // The clone may have run any code: permits may have come back, or be closed.
        let taken = match permits.is_closed() {
            true => Err(Closed),
            false if permits.try_take(ask.permits) => {
                permits.took(ask, Some(self.site));
                Ok(())
            }
            false => {
                let request = Request { ask, site: self.site, is_granted: false };
                self.place = Some(permits.line.push_back(request, waker));
                permits.gate.set(Gate::Line);
                permits.note(&self.place, ask, self.site);
                return Poll::Pending;
            }
        };
        drop_waker(Some(waker));
        Poll::Ready(taken)
    }

    /// The future is dropped. What it was granted goes on to the next in line. If it was in line, those behind it may
    /// fit now.
    #[inline]
    pub(super) fn leave(&mut self, permits: &Permits) {
        if self.place.is_some() {
            self.leave_line(permits);
        }
    }

    #[inline(never)]
    fn leave_line(&mut self, permits: &Permits) {
        let Some(removed) = permits.line.remove(&mut self.place) else { return };
        let granted = !removed.was_in_line && removed.state.is_granted;
        permits.give(if granted { removed.state.ask.permits } else { 0 });
        drop_waker(removed.waker);
    }

    /// For `Debug` of a future.
    pub(super) fn fmt<'a, 'b>(
        &self,
        name: &str,
        permits: &Permits,
        f: &'a mut fmt::Formatter<'b>,
    ) -> fmt::DebugStruct<'a, 'b> {
        let state = match &self.place {
            _ if self.is_done => "done",
            None => "not in line",
            Some(place) if permits.line.is_let_go(place) => "woken",
            Some(_) => "in line",
        };
        let mut text = f.debug_struct(name);
        text.field("state", &format_args!("{state}")).field("site", &format_args!("{}", self.site));
        text
    }
}

#[cold]
fn polled_again(ask: Ask, site: &Location<'_>) -> ! {
    panic!("the `{ask}` at {site} was polled after it was ready: make another");
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.operation, self.permits) {
            (Operation::Acquire, 1) => f.write_str("Semaphore::acquire()"),
            (Operation::Acquire, permits) => write!(f, "Semaphore::acquire_many({permits})"),
            (Operation::Lock | Operation::LockOwned, _) => f.write_str("Mutex::lock()"),
            (Operation::Read, _) => f.write_str("RwLock::read()"),
            (Operation::Write, _) => f.write_str("RwLock::write()"),
        }
    }
}
