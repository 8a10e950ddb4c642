//! [`Source`]: one registered descriptor, and how an operation on it waits.
//!
//! An operation is tried only while its direction is ready. When the kernel says that it would block, the direction
//! is no longer ready and the task leaves its waker. The next event makes the direction ready and wakes the task.
//!
//! A direction has room for one waker. A second task that came to wait would push the first one's waker out, and the
//! first task would wait for ever. Two kinds of callers prevent that in two ways:
//!
//! * An operation that is a future of its own ([`Source::operate`]) reserves the direction when it begins to wait, and
//!   releases it, with the waker, when it ends or is dropped. A second operation meanwhile is an error.
//! * The `poll` functions of futures-io are never told that the caller gave up, so they cannot reserve anything. The
//!   waker of the last poll stays. A poll that replaces it wakes it: its task may have moved on, and otherwise polls again.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use super::reactor::Reactor;
use super::registration::{Direction, Registration, Side};
use super::slab;
use crate::common::awaited::{Awaited, Detail};
use crate::common::debug_mode;
use crate::common::waits::{self, Key};
use crate::executor::{budget, contain, is_noop};

/// A descriptor, registered in a reactor until this is dropped.
pub(crate) struct Source<Io: AsFd> {
    /// `None` only inside [`into_io`](Self::into_io).
    io: Option<Io>,
    key: slab::Key,
    registration: Rc<Registration>,
    reactor: Rc<Reactor>,
    /// Where the program made it.
    site: &'static Location<'static>,
}

// An operation that a panic cuts short leaves the source consistent: a waker may be any code, and may panic.
impl<Io: AsFd> UnwindSafe for Source<Io> {}
impl<Io: AsFd> RefUnwindSafe for Source<Io> {}

impl<Io: AsFd> Source<Io> {
    /// Registers `io`, which must be non-blocking.
    #[track_caller]
    pub(crate) fn new(reactor: Rc<Reactor>, io: Io) -> io::Result<Self> {
        Self::new_at(Location::caller(), reactor, io)
    }

    /// [`new`](Self::new), with the place in the program where the socket was made.
    pub(crate) fn new_at(
        site: &'static Location<'static>,
        reactor: Rc<Reactor>,
        io: Io,
    ) -> io::Result<Self> {
        let registration = Rc::new(Registration::new());
        let key = reactor.register(io.as_fd(), Rc::clone(&registration))?;
        Ok(Source { io: Some(io), key, registration, reactor, site })
    }

    pub(crate) fn io(&self) -> &Io {
        self.io.as_ref().expect("`io` is taken only by `into_io`, which consumes the source")
    }

    pub(crate) fn reactor(&self) -> &Rc<Reactor> {
        &self.reactor
    }

    /// Deregisters the descriptor and returns it, still open and non-blocking.
    pub(crate) fn into_io(mut self) -> Io {
        self.reactor.deregister(self.io().as_fd(), self.key);
        self.io.take().expect("`into_io` consumes the source")
    }

    /// Tries `op` while `direction` is ready; otherwise leaves the waker. `function` is named in errors.
    pub(crate) fn poll_io<T>(
        &self,
        direction: Direction,
        function: &'static str,
        cx: &mut Context<'_>,
        op: impl FnMut(&Io) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        self.try_or_wait(direction, function, cx, op, None)
    }

    /// [`poll_io`](Self::poll_io) for an `op` that moves up to `len` bytes of a stream.
    pub(crate) fn poll_transfer(
        &self,
        direction: Direction,
        function: &'static str,
        cx: &mut Context<'_>,
        len: usize,
        op: impl FnMut(&Io) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if len == 0 {
            return self.poll_nothing(direction, cx);
        }
        let moved = ready!(self.poll_io(direction, function, cx, op))?;
        Poll::Ready(Ok(self.moved(direction, moved, len)))
    }

    /// Runs `op`, waiting until `direction` is ready for it. While it waits, it has the direction to itself.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the task's waker and frees the direction.
    pub(crate) async fn operate<T>(
        &self,
        direction: Direction,
        function: &'static str,
        mut op: impl FnMut(&Io) -> io::Result<T>,
    ) -> io::Result<T> {
        let operation = Operation { source: self, direction, is_waiting: Cell::new(false) };
        let is_waiting = &operation.is_waiting;
        poll_fn(|cx| self.try_or_wait(direction, function, cx, &mut op, Some(is_waiting))).await
    }

    /// [`operate`](Self::operate) for an `op` that moves up to `len` bytes of a stream.
    pub(crate) async fn transfer(
        &self,
        direction: Direction,
        function: &'static str,
        len: usize,
        op: impl FnMut(&Io) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if len == 0 {
            return poll_fn(|cx| self.poll_nothing(direction, cx)).await;
        }
        let moved = self.operate(direction, function, op).await?;
        Ok(self.moved(direction, moved, len))
    }

    /// A transfer of no bytes: ready without a try.
    fn poll_nothing(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        ready!(budget::poll_ready(cx));
        self.side(direction)?;
        budget::spend();
        Poll::Ready(Ok(0))
    }

    /// Passes on how many bytes an operation moved, of the `len` it had room for.
    fn moved(&self, direction: Direction, moved: usize, len: usize) -> usize {
        if 0 < moved && moved < len {
            self.registration.side(direction).note_short_transfer();
        }
        moved
    }

    fn side(&self, direction: Direction) -> io::Result<&Side> {
        if self.reactor.is_current() {
            Ok(self.registration.side(direction))
        } else {
            Err(used_elsewhere(self.site))
        }
    }

    /// Tries `op` while `side` is ready. After `Pending` the caller must leave its waker.
    fn attempt<T>(
        &self,
        side: &Side,
        mut op: impl FnMut(&Io) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        while side.is_ready() {
            match op(self.io()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    side.note_would_block();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    budget::spend();
                    return Poll::Ready(result);
                }
            }
        }
        Poll::Pending
    }

    /// One poll, of an operation (`operation` is its flag) or of a trait of futures-io.
    ///
    /// Cloning, waking or dropping a waker may run any code, and that may poll this very source. So nothing is borrowed
    /// meanwhile, an operation reserves the direction before the clone, and after the clone everything is checked again.
    fn try_or_wait<T>(
        &self,
        direction: Direction,
        function: &'static str,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&Io) -> io::Result<T>,
        operation: Option<&Cell<bool>>,
    ) -> Poll<io::Result<T>> {
        ready!(budget::poll_ready(cx));
        let side = match self.side(direction) {
            Ok(side) => side,
            Err(error) => {
                budget::spend();
                return Poll::Ready(Err(error));
            }
        };
        let was_waiting = operation.is_some_and(Cell::get);
        let mut cloned = None;
        let polled = loop {
            if side.is_reserved() && !operation.is_some_and(Cell::get) {
                budget::spend(); // ready at once, so a loop that tries again must spend budget to yield
                break Poll::Ready(Err(busy(function)));
            }
            let tried = self.attempt(side, &mut op);
            if tried.is_ready() {
                break tried;
            }
            if let Some(is_waiting) = operation {
                is_waiting.set(true);
                side.set_reserved(true);
            }
            if side.is_awaited_by(cx.waker()) {
                break Poll::Pending;
            }
            // A poll with a noop waker only asks to forget the waker before it. That one is the operation's own and is
            // dropped, or it is the last poll's: woken, as it may be of another task, which then polls again.
            if was_waiting && is_noop(cx.waker()) {
                operation.inspect(|is_waiting| Self::release(side, is_waiting));
                self.drop_waker(side);
                break Poll::Pending;
            }
            if operation.is_none() && side.is_awaited() && is_noop(cx.waker()) {
                if let Some(before) = self.replace_waker(side, None) {
                    contain(|| before.wake());
                }
                break Poll::Pending;
            }
            if cloned.is_none() {
                cloned = Some(cx.waker().clone());
                continue;
            }
            // The waker before is the operation's own and is dropped, or the last poll's: woken, as no event would
            // wake it any more.
            if let Some(before) = self.replace_waker(side, cloned.take()) {
                contain(|| if was_waiting { drop(before) } else { before.wake() });
            }
            break Poll::Pending;
        };
        if let Some(unused) = cloned {
            contain(|| drop(unused));
        }
        if polled.is_pending() && side.is_awaited_by(cx.waker()) {
            let wait = || Awaited::new("the socket made", self.site).with(Detail::By(function));
            waits::note(Key::at(side), wait);
        }
        polled
    }

    /// Ends an operation's reservation.
    fn release(side: &Side, is_waiting: &Cell<bool>) {
        is_waiting.set(false);
        side.set_reserved(false);
    }

    fn drop_waker(&self, side: &Side) {
        let waker = self.replace_waker(side, None);
        contain(|| drop(waker));
    }

    fn replace_waker(&self, side: &Side, waker: Option<Waker>) -> Option<Waker> {
        self.reactor.counting_interest(&self.registration, || side.replace_waker(waker))
    }
}

/// An operation on one direction of a source. See [`Source::operate`].
struct Operation<'a, Io: AsFd> {
    source: &'a Source<Io>,
    direction: Direction,
    /// It has reserved the direction.
    is_waiting: Cell<bool>,
}

impl<Io: AsFd> Drop for Operation<'_, Io> {
    fn drop(&mut self) {
        if self.is_waiting.get() {
            let side = self.source.registration.side(self.direction);
            Source::<Io>::release(side, &self.is_waiting);
            self.source.drop_waker(side);
        }
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
fn used_elsewhere(site: &Location<'_>) -> io::Error {
    let text = format!(
        "the socket made at {site} was used outside the runtime it was made in, where nothing would wake the \
         task: use it inside that runtime, or take it to another with `into_std` and `from_std`"
    );
    debug_mode::say(|| text.clone());
    io::Error::other(text)
}

#[cold]
fn busy(function: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        format!(
            "`{function}`: another task waits for the same socket in the same direction, and only one can: have \
             one task do it and hand on what it gets, or drop the operation that waits first"
        ),
    )
}
