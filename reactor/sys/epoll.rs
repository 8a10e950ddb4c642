//! Linux: epoll, with an eventfd to end a wait. No other file knows either.
//!
//! Descriptors are registered edge-triggered: an event announces a *change*, and comes once. That saves the system calls
//! that would turn a level-triggered event off and on. In return, an event that was collected must never be lost.

#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

use super::{Event, Readiness};
use crate::executor::Unpark;

/// How many events one wait collects at most. A flood of events must not delay timers and wakes from other threads.
const MAX_EVENTS: usize = 256;

/// The key of the eventfd. No descriptor has it, as its index in the slab would be `u32::MAX`.
const UNPARK_KEY: u64 = u64::MAX;

/// The kernel's list of the descriptors to watch.
pub(crate) struct Poller {
    epoll: OwnedFd,
    unpark: Arc<OwnedFd>,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let unpark = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let flags = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &unpark, EventData::new_u64(UNPARK_KEY), flags)?;
        let poller = Poller { epoll, unpark: Arc::new(unpark) };
        poller.wait(&mut Events::new(), Some(Duration::ZERO)).map_err(explain_old_kernel)?;
        Ok(poller)
    }

    /// Watches a descriptor in both directions. The kernel also reports what is ready already.
    pub(crate) fn add(&self, fd: impl AsFd, key: u64) -> io::Result<()> {
        let flags =
            EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::PRI | EventFlags::ET;
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(key), flags)?)
    }

    /// Stops watching it. Closing it would not do: while a duplicate of the descriptor is open, epoll goes on watching.
    pub(crate) fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Waits for events, at most `limit` (`None`: without end), and adds them to `events`. A signal ends the wait early.
    /// Rounding does not: `epoll_pwait2` takes nanoseconds.
    pub(crate) fn wait(&self, events: &mut Events, limit: Option<Duration>) -> io::Result<()> {
        // A limit that does not fit is longer than 292 billion years, so it is no limit.
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match epoll::wait(&self.epoll, spare_capacity(&mut events.list), limit.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Readable while a wait would return at once.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Ends a wait from any thread. May outlive the poller.
    pub(crate) fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(Unparker(Arc::clone(&self.unpark)))
    }
}

fn explain_old_kernel(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(Errno::NOSYS.raw_os_error()) {
        return io::Error::new(
            io::ErrorKind::Unsupported,
            "feature `net` needs `epoll_pwait2` (Linux 5.11): this kernel or sandbox lacks it",
        );
    }
    error
}

/// The events that a wait collected.
pub(crate) struct Events {
    list: Vec<epoll::Event>,
}

impl Events {
    pub(crate) fn new() -> Self {
        Events { list: Vec::with_capacity(MAX_EVENTS) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes the events out, in the order in which they happened.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Event> {
        self.list.drain(..).map(|event| {
            let flags = event.flags;
            Event { key: event.data.u64(), read: read(flags), write: write(flags) }
        })
    }
}

fn read(flags: EventFlags) -> Readiness {
    let more_than_bytes = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR | EventFlags::PRI;
    readiness(flags, EventFlags::IN, more_than_bytes)
}

fn write(flags: EventFlags) -> Readiness {
    readiness(flags, EventFlags::OUT, EventFlags::HUP | EventFlags::ERR)
}

fn readiness(flags: EventFlags, ready: EventFlags, sticky: EventFlags) -> Readiness {
    if flags.intersects(sticky) {
        Readiness::Sticky
    } else if flags.intersects(ready) {
        Readiness::Ready
    } else {
        Readiness::Blocked
    }
}

struct Unparker(Arc<OwnedFd>);

impl Unpark for Unparker {
    /// Each write is an edge, so the counter need not be read back: that saves a system call per wake.
    fn unpark(&self) {
        // It fails only when the counter is full, after 2^64 - 2 writes.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}
