//! The parts of a runtime: those that the features leave.
//!
//! The one file that asks which features there are. Each part keeps a thread-local of its own, and
//! entering the runtime enters them all.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(feature = "net", feature = "time", feature = "offload")),
    allow(unused_variables, unused_imports, reason = "for the part that was taken away")
)]

use std::io;
#[cfg(feature = "net")]
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use super::Builder;
use super::exit::Ending;
use super::report::StuckJob;
use super::unhandled::Failures;
use crate::executor::{Pending, Unpark, scoped};
#[cfg(feature = "offload")]
use crate::offload::Pool;
#[cfg(feature = "net")]
use crate::reactor::core::Reactor;
#[cfg(feature = "time")]
use crate::timer::Timers;

/// Where the loop waits when there is no reactor to wait in.
#[cfg(not(feature = "net"))]
type Reactor = crate::executor::ParkThread;
#[cfg(not(feature = "net"))]
use crate::executor::Driver as _;

#[derive(Clone)]
pub(super) struct Parts {
    pub(super) ending: Rc<Ending>,
    pub(super) failures: Rc<Failures>,
    reactor: Rc<Reactor>,
    #[cfg(feature = "time")]
    timers: Rc<Timers>,
    #[cfg(feature = "offload")]
    pool: Rc<Pool>,
    #[cfg(feature = "offload")]
    blocking_deadline: Duration,
}

/// The thread is inside of the parts until this is dropped.
pub(super) struct Entered {
    _ending: scoped::Entered<Ending>,
    #[cfg(feature = "net")]
    _reactor: scoped::Entered<Reactor>,
    #[cfg(feature = "time")]
    _timers: scoped::Entered<Timers>,
    #[cfg(feature = "offload")]
    _pool: scoped::Entered<Pool>,
}

impl Parts {
    pub(super) fn new(builder: &Builder) -> io::Result<Self> {
        Ok(Self {
            ending: Rc::default(),
            failures: Rc::new(Failures::new(builder.unhandled_panic.clone())),
            #[cfg(feature = "net")]
            reactor: Reactor::new()?,
            #[cfg(not(feature = "net"))]
            reactor: Rc::new(Reactor::new()),
            #[cfg(feature = "time")]
            timers: Timers::new(builder.clock),
            #[cfg(feature = "offload")]
            pool: Pool::new(builder.blocking),
            #[cfg(feature = "offload")]
            blocking_deadline: builder.blocking_deadline,
        })
    }

    pub(super) fn enter(&self) -> Entered {
        Entered {
            _ending: self.ending.enter(),
            #[cfg(feature = "net")]
            _reactor: self.reactor.enter(),
            #[cfg(feature = "time")]
            _timers: self.timers.enter(),
            #[cfg(feature = "offload")]
            _pool: self.pool.enter(),
        }
    }

    /// Waits outside at most `limit`. Wakes nobody yet.
    #[inline]
    pub(super) fn wait(&self, limit: Option<Duration>) {
        self.reactor.wait(limit);
    }

    /// How long a wait may be; `None`: for ever.
    pub(super) fn until_next(&self) -> Option<Duration> {
        #[cfg(feature = "time")]
        return self.timers.until_next();
        #[cfg(not(feature = "time"))]
        None
    }

    /// Wakes whoever is due, then whoever the reactor has heard of. `idle`: no task is ready, so a manual
    /// clock may move, unless the reactor has heard of somebody.
    #[inline]
    pub(super) fn wake(&self, idle: bool) {
        #[cfg(feature = "net")]
        let idle = idle && !self.reactor.is_behind();
        #[cfg(feature = "time")]
        {
            if idle {
                self.timers.on_idle();
            }
            self.timers.fire();
        }
        #[cfg(feature = "net")]
        self.reactor.dispatch();
    }

    pub(super) fn pending(&self) -> Pending {
        Pending {
            #[cfg(feature = "time")]
            timers: self.timers.len(),
            #[cfg(not(feature = "time"))]
            timers: 0,
            #[cfg(feature = "net")]
            sources: self.reactor.interest(),
            #[cfg(not(feature = "net"))]
            sources: 0,
            next_deadline: self.until_next(),
        }
    }

    /// Readable when the loop has something to do.
    #[cfg(feature = "net")]
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.reactor.as_fd()
    }

    pub(super) fn unparker(&self) -> Box<dyn Unpark> {
        self.reactor.unparker()
    }

    /// Ends the pool. What still runs at its deadline is returned.
    pub(super) fn shut(&self) -> Vec<StuckJob> {
        #[cfg(feature = "offload")]
        let stuck = self.pool.shutdown(Some(self.blocking_deadline)).jobs.into_iter();
        #[cfg(feature = "offload")]
        let stuck = stuck.map(|job| StuckJob { thread: job.thread, site: job.site }).collect();
        #[cfg(not(feature = "offload"))]
        let stuck = Vec::new();
        stuck
    }
}
