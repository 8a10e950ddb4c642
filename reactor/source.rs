//! [`Source`]: one descriptor, and how an operation on it waits.
//!
//! The reactor keeps, for each direction, whether the last it heard is that an operation may
//! succeed, and who waits. An operation is tried only while its direction is ready; when the kernel
//! says that it would block, the direction is not, and the task leaves its waker.
//!
//! A descriptor begins ready in both directions: the first try is made at once, and costs nothing
//! when it succeeds. Registering has the kernel report what is ready already, so a beginning that
//! was too hopeful corrects itself.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use super::core::Reactor;
use super::slab::Key;
use super::sys::Readiness;
use crate::executor::{budget, contain};

/// Which way bytes go. Reading includes accepting; writing includes connecting.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// What the reactor keeps of a descriptor.
pub(crate) struct Registration {
    pub(crate) read: Side,
    pub(crate) write: Side,
}

/// One direction of a descriptor. At most one task waits: the last that asked.
pub(crate) struct Side {
    readiness: Cell<Readiness>,
    waker: RefCell<Option<Waker>>,
}

impl Registration {
    pub(crate) fn new() -> Self {
        Registration { read: Side::new(), write: Side::new() }
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.read.is_awaited() || self.write.is_awaited()
    }

    pub(crate) fn take_wakers(&self) -> [Option<Waker>; 2] {
        [self.read.waker.take(), self.write.waker.take()]
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }
}

impl Side {
    fn new() -> Self {
        Side { readiness: Cell::new(Readiness::Ready), waker: RefCell::new(None) }
    }

    /// An event: takes what it says, and gives who waited for it.
    pub(crate) fn apply(&self, event: Readiness) -> Option<Waker> {
        if event == Readiness::Blocked {
            return None;
        }
        self.readiness.set(self.readiness.get().max(event));
        self.waker.take()
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.waker.borrow().is_some()
    }

    fn is_awaited_by(&self, waker: &Waker) -> bool {
        self.waker.borrow().as_ref().is_some_and(|known| known.will_wake(waker))
    }
}

/// A descriptor registered in a reactor for as long as this lives.
pub(crate) struct Source<Io: AsFd> {
    /// `None` only inside [`into_io`](Self::into_io).
    io: Option<Io>,
    key: Key,
    registration: Rc<Registration>,
    reactor: Rc<Reactor>,
}

impl<Io: AsFd> Source<Io> {
    /// Registers `io`, which must be non-blocking.
    pub(crate) fn new(reactor: Rc<Reactor>, io: Io) -> io::Result<Self> {
        let registration = Rc::new(Registration::new());
        let key = reactor.register(io.as_fd(), Rc::clone(&registration))?;
        Ok(Source { io: Some(io), key, registration, reactor })
    }

    pub(crate) fn io(&self) -> &Io {
        self.io.as_ref().expect("`io` is taken only by `into_io`, which consumes the source")
    }

    pub(crate) fn reactor(&self) -> &Rc<Reactor> {
        &self.reactor
    }

    /// Ends the registration and gives the descriptor back, still open and non-blocking.
    pub(crate) fn into_io(mut self) -> Io {
        self.reactor.deregister(self.io().as_fd(), self.key);
        self.io.take().expect("`into_io` consumes the source")
    }

    /// Tries `op` while `direction` is ready, and waits for it otherwise.
    pub(crate) fn poll_io<T>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&Io) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        ready!(budget::poll_ready(cx));
        if !self.reactor.is_current() {
            return Poll::Ready(Err(foreign()));
        }
        let side = self.registration.side(direction);
        while side.readiness.get() != Readiness::Blocked {
            match op(self.io()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    side.readiness.set(Readiness::Blocked);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    budget::spend();
                    return Poll::Ready(result);
                }
            }
        }
        self.wait(side, cx.waker());
        Poll::Pending
    }

    /// [`poll_io`](Self::poll_io) for an `op` that moves up to `len` bytes of a stream.
    pub(crate) fn poll_transfer(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        len: usize,
        op: impl FnMut(&Io) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let moved = ready!(self.poll_io(direction, cx, op))?;
        let side = self.registration.side(direction);
        // A short transfer emptied (or filled) the kernel's buffer: whatever changes that from now
        // on is a new edge, so the try that would only say "would block" is saved.
        if 0 < moved && moved < len && side.readiness.get() == Readiness::Ready {
            side.readiness.set(Readiness::Blocked);
        }
        Poll::Ready(Ok(moved))
    }

    fn wait(&self, side: &Side, waker: &Waker) {
        if side.is_awaited_by(waker) {
            return;
        }
        // A waker's clone and drop may be anybody's code: both happen outside the borrow.
        let waker = waker.clone();
        let before = self.reactor.counting(&self.registration, || side.waker.replace(Some(waker)));
        contain(|| drop(before));
    }
}

impl<Io: AsFd> Drop for Source<Io> {
    fn drop(&mut self) {
        if let Some(io) = &self.io {
            self.reactor.deregister(io.as_fd(), self.key);
        }
    }
}

#[cold]
fn foreign() -> io::Error {
    io::Error::other(
        "a socket was used outside the runtime it was made in, where nothing would wake the task: \
         use it inside that runtime, or take it to another with `into_std` and `from_std`",
    )
}

#[cfg(test)]
mod tests;
