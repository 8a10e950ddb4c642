//! [`Source`]: one descriptor, and how an operation on it waits.
//!
//! The reactor keeps, for each direction, whether the last it heard is that an operation may
//! succeed, and the waker that waits. An operation is tried only while its direction is ready; when the kernel
//! says that it would block, the direction is not, and the task leaves its waker.
//!
//! A descriptor begins ready in both directions: the first try is made at once, and costs nothing
//! when it succeeds. Registering has the kernel report what is ready already, so a beginning that
//! was too hopeful corrects itself.
//!
//! A direction has room for one waker. An operation that is a future of its own ([`Source::operate`]) takes
//! the direction when it begins to wait, and gives it back, with the waker, when it ends or is dropped: a second
//! one meanwhile is an error, as one of the two would wait for ever. The `poll` functions of futures-io know of
//! no end. The waker of the last poll stays, and another poll that replaces it wakes it: that task may be gone, or
//! polls again.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use super::reactor::Reactor;
use super::slab::Key;
use super::sys::Readiness;
use crate::executor::{budget, contain, is_noop};

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

/// One direction of a descriptor. At most one task waits.
pub(crate) struct Side {
    readiness: Cell<Readiness>,
    waker: RefCell<Option<Waker>>,
    /// It is an operation's, from when that begins to wait to its end.
    is_taken: Cell<bool>,
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
        Side {
            readiness: Cell::new(Readiness::Ready),
            waker: RefCell::new(None),
            is_taken: Cell::new(false),
        }
    }

    /// An event: takes what it says, and gives the waker that waited for it.
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
    /// Where the program made it.
    site: &'static Location<'static>,
}

// Each operation leaves it as it should be, or as it was, also when a waker of the user's panics.
impl<Io: AsFd> UnwindSafe for Source<Io> {}
impl<Io: AsFd> RefUnwindSafe for Source<Io> {}

impl<Io: AsFd> Source<Io> {
    /// Registers `io`, which must be non-blocking.
    #[track_caller]
    pub(crate) fn new(reactor: Rc<Reactor>, io: Io) -> io::Result<Self> {
        Self::made_at(Location::caller(), reactor, io)
    }

    /// As [`new`](Self::new), for a place that is not the caller's.
    pub(crate) fn made_at(
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

    /// Ends the registration and gives the descriptor back, still open and non-blocking.
    pub(crate) fn into_io(mut self) -> Io {
        self.reactor.deregister(self.io().as_fd(), self.key);
        self.io.take().expect("`into_io` consumes the source")
    }

    /// Tries `op` for `function` while `direction` is ready, and waits for it otherwise.
    pub(crate) fn poll_io<T>(
        &self,
        direction: Direction,
        function: &str,
        cx: &mut Context<'_>,
        op: impl FnMut(&Io) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        self.try_or_wait(direction, function, cx, op, None)
    }

    /// [`poll_io`](Self::poll_io) for an `op` that moves up to `len` bytes of a stream.
    pub(crate) fn poll_transfer(
        &self,
        direction: Direction,
        function: &str,
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

    /// Does `op` once `direction` is ready for it. While it waits, it has the direction to itself.
    ///
    /// # Cancellation
    ///
    /// The waker is let go at once.
    pub(crate) async fn operate<T>(
        &self,
        direction: Direction,
        function: &str,
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
        function: &str,
        len: usize,
        op: impl FnMut(&Io) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if len == 0 {
            return poll_fn(|cx| self.poll_nothing(direction, cx)).await;
        }
        let moved = self.operate(direction, function, op).await?;
        Ok(self.moved(direction, moved, len))
    }

    /// A transfer of no bytes does not wait for any.
    fn poll_nothing(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        ready!(budget::poll_ready(cx));
        self.side(direction)?;
        budget::spend();
        Poll::Ready(Ok(0))
    }

    /// A short transfer emptied (or filled) the kernel's buffer: whatever changes that from now on is a new
    /// edge, so the try that would only say "would block" is saved.
    fn moved(&self, direction: Direction, moved: usize, len: usize) -> usize {
        let side = self.registration.side(direction);
        if 0 < moved && moved < len && side.readiness.get() == Readiness::Ready {
            side.readiness.set(Readiness::Blocked);
        }
        moved
    }

    fn side(&self, direction: Direction) -> io::Result<&Side> {
        if self.reactor.is_current() {
            Ok(self.registration.side(direction))
        } else {
            Err(foreign(self.site))
        }
    }

    /// Tries `op` while `side` is ready. `Pending`: the caller must still register its waker.
    fn attempt<T>(
        &self,
        side: &Side,
        mut op: impl FnMut(&Io) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
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
        Poll::Pending
    }

    /// One poll: of an operation, whose flag `operation` is, or of the traits.
    ///
    /// A waker's clone, wake and drop may be anybody's code, which may poll this very source. All three happen outside of
    /// any borrow; an operation takes the direction before the clone; and after it everything is looked at again.
    fn try_or_wait<T>(
        &self,
        direction: Direction,
        function: &str,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&Io) -> io::Result<T>,
        operation: Option<&Cell<bool>>,
    ) -> Poll<io::Result<T>> {
        ready!(budget::poll_ready(cx));
        let side = match self.side(direction) {
            Ok(side) => side,
            Err(foreign) => {
                budget::spend();
                return Poll::Ready(Err(foreign));
            }
        };
        let was_waiting = operation.is_some_and(Cell::get);
        let mut cloned = None;
        let polled = loop {
            if side.is_taken.get() && !operation.is_some_and(Cell::get) {
                budget::spend(); // it is ready, and a loop that tries again must give way
                break Poll::Ready(Err(busy(function)));
            }
            let tried = self.attempt(side, &mut op);
            if tried.is_ready() {
                break tried;
            }
            if let Some(is_waiting) = operation {
                is_waiting.set(true);
                side.is_taken.set(true);
            }
            if side.is_awaited_by(cx.waker()) {
                break Poll::Pending;
            }
            // A noop waker only removes the one before it: an operation's own is dropped. Another poll's is woken, as it may be
            // another task's, which polls again.
            if was_waiting && is_noop(cx.waker()) {
                operation.inspect(|is_waiting| Self::give_up(side, is_waiting));
                self.let_go(side);
                break Poll::Pending;
            }
            if operation.is_none() && side.is_awaited() && is_noop(cx.waker()) {
                if let Some(before) = self.replace(side, None) {
                    contain(|| before.wake());
                }
                break Poll::Pending;
            }
            if cloned.is_none() {
                cloned = Some(cx.waker().clone());
                continue;
            }
            // One that a poll of the traits left is woken, as it would not be woken any more; the operation's own is
            // good for nothing now.
            if let Some(before) = self.replace(side, cloned.take()) {
                contain(|| if was_waiting { drop(before) } else { before.wake() });
            }
            break Poll::Pending;
        };
        if let Some(unused) = cloned {
            contain(|| drop(unused));
        }
        polled
    }

    /// An operation gives the direction back.
    fn give_up(side: &Side, is_waiting: &Cell<bool>) {
        is_waiting.set(false);
        side.is_taken.set(false);
    }

    fn let_go(&self, side: &Side) {
        let waker = self.replace(side, None);
        contain(|| drop(waker));
    }

    fn replace(&self, side: &Side, waker: Option<Waker>) -> Option<Waker> {
        self.reactor.counting(&self.registration, || side.waker.replace(waker))
    }
}

/// An operation on one direction of a source. See [`Source::operate`].
struct Operation<'a, Io: AsFd> {
    source: &'a Source<Io>,
    direction: Direction,
    /// The direction is this one's.
    is_waiting: Cell<bool>,
}

impl<Io: AsFd> Drop for Operation<'_, Io> {
    fn drop(&mut self) {
        if self.is_waiting.get() {
            let side = self.source.registration.side(self.direction);
            Source::<Io>::give_up(side, &self.is_waiting);
            self.source.let_go(side);
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
fn foreign(site: &Location<'_>) -> io::Error {
    io::Error::other(format!(
        "the socket made at {site} was used outside the runtime it was made in, where nothing would wake the \
         task: use it inside that runtime, or take it to another with `into_std` and `from_std`"
    ))
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
