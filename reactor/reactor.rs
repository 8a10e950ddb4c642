//! [`Reactor`]: collects what happened to descriptors, and wakes the tasks that waited for it.
//!
//! A look has two halves, so that the runtime can put its timers between them: [`Reactor::wait`]
//! only asks the kernel, [`Reactor::dispatch`] only wakes. Wakers are
//! collected first and woken after, with nothing borrowed: a waker may be anybody's code, and may panic.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use super::slab::{Key, Slab};
use super::source::Registration;
use super::sys::{Events, Poller};
use crate::common::scoped;
use crate::executor::{Unpark, contain};

thread_local! {
    static CURRENT: scoped::Scoped<Reactor> = const { scoped::empty() };
}

/// See the module. One a runtime, on its thread.
pub(crate) struct Reactor {
    poller: Poller,
    sources: RefCell<Slab<Rc<Registration>>>,
    /// How many of `sources` are awaited.
    interest: Cell<usize>,
    /// A host loop watches the epoll descriptor.
    is_watched: Cell<bool>,
    /// Collected by `wait`, not yet dispatched.
    events: RefCell<Events>,
    /// Due to be woken. Empty outside of `dispatch`.
    due: RefCell<VecDeque<Waker>>,
}

impl Reactor {
    /// # Errors
    ///
    /// No descriptor is left, or the kernel is older than Linux 5.11.
    pub(crate) fn new() -> io::Result<Rc<Self>> {
        Ok(Rc::new(Reactor {
            poller: Poller::new()?,
            sources: RefCell::new(Slab::new()),
            interest: Cell::new(0),
            is_watched: Cell::new(false),
            events: RefCell::new(Events::new()),
            due: RefCell::new(VecDeque::new()),
        }))
    }

    /// Makes it the one that sockets made on this thread belong to, until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>) -> scoped::Entered<Reactor> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// The one of the runtime this thread is inside of, for `function`.
    ///
    /// # Panics
    ///
    /// There is none.
    #[track_caller]
    pub(crate) fn current(function: &str) -> Rc<Self> {
        scoped::needed_by(function, &CURRENT)
    }

    /// As [`current`](Self::current), for a future of `function` that was made at `site`.
    ///
    /// # Panics
    ///
    /// There is none.
    pub(crate) fn current_for(function: &str, site: &Location<'_>) -> Rc<Self> {
        scoped::needed_for(function, site, &CURRENT)
    }

    /// This thread is inside of its runtime.
    pub(crate) fn is_current(&self) -> bool {
        CURRENT
            .try_with(|current| {
                current
                    .borrow()
                    .as_ref()
                    .is_some_and(|current| std::ptr::eq(Rc::as_ptr(current), self))
            })
            .unwrap_or(false)
    }

    /// Readable when a source has news or the unparker was used. From now on every wait asks the kernel,
    /// so that it does not stay readable.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.is_watched.set(true);
        self.poller.as_fd()
    }

    /// Ends a [`wait`](Self::wait) from any thread; without one, keeps the next from waiting.
    pub(crate) fn unparker(&self) -> Box<dyn Unpark> {
        self.poller.unparker()
    }

    /// How many descriptors some task waits for. One whose last `poll` waited counts until the descriptor's next
    /// event, though its task may never poll it again.
    pub(crate) fn interest(&self) -> usize {
        self.interest.get()
    }

    /// Collects what happened, waiting for it at most `limit` (`None`: without end). Wakes no task.
    /// May return early without a reason.
    ///
    /// # Panics
    ///
    /// The kernel refuses, because other code closed the epoll descriptor.
    pub(crate) fn wait(&self, limit: Option<Duration>) {
        let nobody_asks = self.interest() == 0 && !self.is_watched.get();
        let nothing_to_ask = limit == Some(Duration::ZERO) && nobody_asks;
        if nothing_to_ask || self.is_behind() {
            return;
        }
        if let Err(error) = self.poller.wait(&mut self.events.borrow_mut(), limit) {
            panic!("the reactor cannot wait, was its epoll descriptor closed? {error}");
        }
    }

    /// A dispatch is owed. An edge comes once, so what it was told must not be overwritten.
    pub(crate) fn is_behind(&self) -> bool {
        !self.events.borrow().is_empty()
    }

    /// Wakes the tasks that waited for what [`wait`](Self::wait) collected, in the order in which it happened. A waker
    /// that panics is contained, and the rest are woken in the same look: one `contain` for all of them, and
    /// another one after each panic.
    pub(crate) fn dispatch(&self) {
        self.apply_events();
        while !self.due.borrow().is_empty() {
            contain(|| {
                while let Some(waker) = self.next_due() {
                    waker.wake();
                }
            });
        }
    }

    fn apply_events(&self) {
        let sources = self.sources.borrow();
        let mut due = self.due.borrow_mut();
        for event in self.events.borrow_mut().drain() {
            if let Some(source) = sources.get(Key::from_bits(event.key)) {
                self.counting(source, || {
                    due.extend(source.read.apply(event.read));
                    due.extend(source.write.apply(event.write));
                });
            }
        }
    }

    fn next_due(&self) -> Option<Waker> {
        self.due.borrow_mut().pop_front()
    }

    /// Runs `change`, which may alter which tasks wait for `source`, and keeps the count of interest.
    pub(crate) fn counting<R>(&self, source: &Registration, change: impl FnOnce() -> R) -> R {
        let before = usize::from(source.is_awaited());
        let result = change();
        self.interest.set(self.interest() - before + usize::from(source.is_awaited()));
        result
    }

    pub(crate) fn register(&self, fd: BorrowedFd<'_>, source: Rc<Registration>) -> io::Result<Key> {
        let key = self.sources.borrow_mut().insert(source);
        let added = self.poller.add(fd, key.to_bits());
        if added.is_err() {
            self.sources.borrow_mut().remove(key);
        }
        added.map(|()| key)
    }

    pub(crate) fn deregister(&self, fd: BorrowedFd<'_>, key: Key) {
        let source = self.sources.borrow_mut().remove(key);
        // It fails when the descriptor was closed behind our back, which ended the registration.
        let _ = self.poller.remove(fd);
        if let Some(source) = source {
            let wakers = self.counting(&source, || source.take_wakers());
            contain(|| drop(wakers));
        }
    }
}
