//! [`Reactor`]: collects the events of all descriptors, and wakes the tasks that waited for them.
//!
//! A look has two halves, so that the runtime can fire its timers in between: [`Reactor::wait`] only asks the kernel,
//! [`Reactor::dispatch`] only wakes. A waker may run any code, and may panic. So `dispatch` first collects the wakers,
//! and then wakes them with nothing borrowed.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use super::registration::Registration;
use super::slab::{Key, Slab};
use super::sys::{Events, Poller};
use crate::common::scoped;
use crate::executor::{Unpark, contain};

thread_local! {
    static CURRENT: scoped::Scoped<Reactor> = const { scoped::empty() };
}

/// One per runtime, on the runtime's thread.
pub(crate) struct Reactor {
    poller: Poller,
    registrations: RefCell<Slab<Rc<Registration>>>,
    /// How many of `registrations` have a waker.
    interest: Cell<usize>,
    /// A host loop watches the epoll descriptor.
    is_watched: Cell<bool>,
    /// Collected by `wait`, not yet dispatched.
    events: RefCell<Events>,
    /// To be woken. Empty outside of `dispatch`.
    due: RefCell<VecDeque<Waker>>,
}

impl Reactor {
    /// # Errors
    ///
    /// No descriptor is left, or the kernel is older than Linux 5.11.
    pub(crate) fn new() -> io::Result<Rc<Self>> {
        Ok(Rc::new(Reactor {
            poller: Poller::new()?,
            registrations: RefCell::new(Slab::new()),
            interest: Cell::new(0),
            is_watched: Cell::new(false),
            events: RefCell::new(Events::new()),
            due: RefCell::new(VecDeque::new()),
        }))
    }

    /// Until the guard is dropped, sockets made on this thread belong to this reactor.
    pub(crate) fn enter(self: &Rc<Self>) -> scoped::Entered<Reactor> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// The reactor of the runtime this thread is inside of, for `function`.
    ///
    /// # Panics
    ///
    /// This thread is not inside a runtime.
    #[track_caller]
    pub(crate) fn needed_by(function: &str) -> Rc<Self> {
        scoped::needed_by(function, &CURRENT)
    }

    /// As [`needed_by`](Self::needed_by), for a future of `function` that was made at `site`.
    ///
    /// # Panics
    ///
    /// This thread is not inside a runtime.
    pub(crate) fn needed_for(function: &str, site: &Location<'_>) -> Rc<Self> {
        scoped::needed_for(function, site, &CURRENT)
    }

    /// Whether this thread is inside of this reactor's runtime.
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

    /// A descriptor that is readable once a source has an event or the unparker was used. From now on every wait asks
    /// the kernel: otherwise the descriptor would stay readable, and the host loop would spin.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.is_watched.set(true);
        self.poller.as_fd()
    }

    /// Ends a [`wait`](Self::wait) from any thread. If there is none now, the next wait returns at once.
    pub(crate) fn unparker(&self) -> Box<dyn Unpark> {
        self.poller.unparker()
    }

    /// For how many descriptors a task waits. After a `poll` of futures-io that waited, the descriptor counts until
    /// its next event, even if the task never polls it again.
    pub(crate) fn interest(&self) -> usize {
        self.interest.get()
    }

    /// Collects events. If there are none, waits for one, at most `limit` (`None`: without end). Wakes no task. May
    /// return early for no reason.
    ///
    /// # Panics
    ///
    /// The kernel refuses, because other code closed the epoll descriptor.
    pub(crate) fn wait(&self, limit: Option<Duration>) {
        let needs_events = self.interest() > 0 || self.is_watched.get();
        let needs_no_call = limit == Some(Duration::ZERO) && !needs_events;
        // An edge comes once: events that are not dispatched yet must not be overwritten.
        if needs_no_call || self.has_events() {
            return;
        }
        if let Err(error) = self.poller.wait(&mut self.events.borrow_mut(), limit) {
            panic!("the reactor cannot wait, was its epoll descriptor closed? {error}");
        }
    }

    /// Whether [`wait`](Self::wait) has collected events that [`dispatch`](Self::dispatch) has not seen yet.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.borrow().is_empty()
    }

    /// Wakes the tasks that waited for the collected events, in the order of the events.
    ///
    /// A panic of a waker is contained, and the others are still woken in the same look. One `contain` serves all
    /// wakers, and after a panic another one serves the rest.
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
        let registrations = self.registrations.borrow();
        let mut due = self.due.borrow_mut();
        for event in self.events.borrow_mut().drain() {
            if let Some(registration) = registrations.get(Key::from_bits(event.key)) {
                self.counting_interest(registration, || {
                    due.extend(registration.read.note_event(event.read));
                    due.extend(registration.write.note_event(event.write));
                });
            }
        }
    }

    fn next_due(&self) -> Option<Waker> {
        self.due.borrow_mut().pop_front()
    }

    /// Runs `change`, which may set or take a waker of `registration`, and keeps [`interest`](Self::interest) right.
    pub(super) fn counting_interest<R>(
        &self,
        registration: &Registration,
        change: impl FnOnce() -> R,
    ) -> R {
        let before = usize::from(registration.is_awaited());
        let result = change();
        self.interest.set(self.interest() - before + usize::from(registration.is_awaited()));
        result
    }

    pub(super) fn register(
        &self,
        fd: BorrowedFd<'_>,
        registration: Rc<Registration>,
    ) -> io::Result<Key> {
        let key = self.registrations.borrow_mut().insert(registration);
        let added = self.poller.add(fd, key.to_bits());
        if added.is_err() {
            self.registrations.borrow_mut().remove(key);
        }
        added.map(|()| key)
    }

    pub(super) fn deregister(&self, fd: BorrowedFd<'_>, key: Key) {
        let registration = self.registrations.borrow_mut().remove(key);
        // It fails if other code closed the descriptor. Then the kernel has forgotten it already.
        let _ = self.poller.remove(fd);
        if let Some(registration) = registration {
            let wakers = self.counting_interest(&registration, || registration.take_wakers());
            contain(|| drop(wakers));
        }
    }
}
