//! [`Parts`]: the parts of a runtime that the enabled features provide.
//!
//! Of the files that the loop passes through, this alone asks which features there are. Each part keeps a thread-local of
//! its own, and entering the runtime enters them all.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(feature = "net", feature = "time", feature = "offload")),
    allow(unused_variables, unused_imports, reason = "for the part that was taken away")
)]

use std::io;
#[cfg(feature = "net")]
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Builder;
use super::insights::Insights;
use crate::common::explained::{self, Explained};
use crate::common::running_job::RunningJob;
use crate::common::scoped;
use crate::common::tokens::Tokens;
use crate::executor::observe::Cause;
use crate::executor::{Hub, HubHandle, Pending, Unpark, with_current};
#[cfg(feature = "offload")]
use crate::insight::Recording;
use crate::insight::{DeadlockWatch, Failures, Log, TimelineClock, Verdict};
#[cfg(feature = "offload")]
use crate::offload::Pool;
#[cfg(feature = "net")]
use crate::reactor::{Reactor, sys::TimerSlack};
use crate::threads::{EnteredHandles, Handles};
#[cfg(feature = "time")]
use crate::timer::Timers;

/// Where the loop waits when there is no reactor to wait in.
#[cfg(not(feature = "net"))]
type Reactor = crate::executor::ParkThread;
#[cfg(not(feature = "net"))]
use crate::executor::Driver as _;

#[derive(Clone)]
pub(super) struct Parts {
    pub(super) failures: Rc<Failures>,
    pub(super) deadlock: Rc<Verdict>,
    /// Looks for deadlocks under the real clock, if it is asked to.
    pub(super) deadlocks: Option<Rc<DeadlockWatch>>,
    holds: Arc<Tokens>,
    /// What the tasks wait for, if the runtime explains it.
    pub(super) explained: Option<Rc<Explained>>,
    /// One for each `Handle`.
    pub(super) handles: Rc<Handles>,
    reactor: Rc<Reactor>,
    #[cfg(feature = "time")]
    timers: Rc<Timers>,
    #[cfg(feature = "offload")]
    pool: Rc<Pool>,
    #[cfg(feature = "offload")]
    blocking_deadline: Duration,
    #[cfg(feature = "net")]
    _timer_slack: Option<Rc<TimerSlack>>,
}

/// The thread is inside of each part until this is dropped.
pub(super) struct Entered {
    _handles: EnteredHandles,
    _explained: explained::Entered,
    _failures: scoped::Entered<Failures>,
    #[cfg(feature = "net")]
    _reactor: scoped::Entered<Reactor>,
    #[cfg(feature = "time")]
    _timers: scoped::Entered<Timers>,
    #[cfg(feature = "offload")]
    _pool: scoped::Entered<Pool>,
}

impl Parts {
    pub(super) fn new(builder: &Builder) -> io::Result<Self> {
        #[cfg(feature = "net")]
        let reactor = Reactor::new()?;
        #[cfg(not(feature = "net"))]
        let reactor = Rc::new(Reactor::new());
        let holds = Tokens::new(reactor.unparker());
        let on_deadlock = builder.telling.on_deadlock.clone();
        let explained: Option<Rc<Explained>> = on_deadlock.is_some().then(Rc::default);
        let on_deadlock = on_deadlock.zip(explained.clone());
        let failures = Rc::new(Failures::new(builder.unhandled_panic.clone()));
        Ok(Self {
            handles: Handles::new(reactor.unparker(), failures.tell()),
            failures,
            deadlock: Rc::default(),
            deadlocks: on_deadlock.map(|(on_deadlock, explained)| {
                Rc::new(DeadlockWatch::new(on_deadlock, explained))
            }),
            holds: Arc::clone(&holds),
            explained,
            reactor,
            #[cfg(feature = "time")]
            timers: Timers::new(builder.clock, builder.timer_resolution, Arc::clone(&holds)),
            #[cfg(feature = "offload")]
            pool: Pool::new(builder.blocking.clone(), holds),
            #[cfg(feature = "offload")]
            blocking_deadline: builder.blocking_deadline,
            #[cfg(feature = "net")]
            _timer_slack: builder.timer_slack.map(TimerSlack::set).transpose()?.map(Rc::new),
        })
    }

    /// How many deadlocks were reported.
    pub(super) fn deadlock_reports(&self) -> Option<Arc<Log>> {
        self.deadlocks.as_ref().map(|deadlocks| Arc::clone(deadlocks.reports()))
    }

    /// To be called once the executor is there: the handles send to it, and it is told of the jobs' panics that no handle
    /// receives.
    pub(super) fn connect(&self, home: &HubHandle, insights: Arc<Insights>) {
        self.handles.connect(home.clone());
        self.handles.attach(insights);
        #[cfg(feature = "offload")]
        {
            let (home, tell) = (home.clone(), self.failures.tell());
            self.pool.set_context(self.handles.for_jobs());
            self.pool.set_tell_panic(Arc::new(move |error| tell(&home, error)));
        }
    }

    pub(super) fn enter(&self) -> Entered {
        Entered {
            _handles: self.handles.enter(),
            _explained: explained::enter(self.explained.as_ref()),
            _failures: self.failures.enter(),
            #[cfg(feature = "net")]
            _reactor: self.reactor.enter(),
            #[cfg(feature = "time")]
            _timers: self.timers.enter(),
            #[cfg(feature = "offload")]
            _pool: self.pool.enter(),
        }
    }

    #[cfg(feature = "offload")]
    pub(super) fn observe_jobs(&self, observer: Arc<Recording>) {
        self.pool.observe(observer);
    }

    /// Counts the jobs of the pool.
    #[cfg(feature = "offload")]
    pub(super) fn job_counter(&self) -> crate::offload::Counter {
        self.pool.counter()
    }

    /// Waits outside at most `limit` (`None`: without limit). Wakes no task.
    #[inline]
    pub(super) fn wait(&self, limit: Option<Duration>) {
        #[cfg(feature = "net")]
        self.reactor.wait(limit);
        #[cfg(not(feature = "net"))]
        self.reactor.park(limit);
    }

    /// Until the guard is dropped, the clock does not advance by itself.
    #[cfg(feature = "time")]
    pub(super) fn turn_auto_advance_off(&self) -> crate::timer::AutoAdvanceOff {
        self.timers.turn_auto_advance_off()
    }

    /// How long a wait may be; `None`: for ever.
    pub(super) fn wait_limit(&self) -> Option<Duration> {
        #[cfg(feature = "time")]
        return self.timers.wait_limit();
        #[cfg(not(feature = "time"))]
        None
    }

    /// The clock that the runtime was built with, for its timeline.
    pub(super) fn timeline_clock(&self) -> TimelineClock {
        #[cfg(feature = "time")]
        if self.is_virtual() {
            let timers = Rc::clone(&self.timers);
            return TimelineClock::Virtual(Box::new(move || timers.now()));
        }
        TimelineClock::Real
    }

    pub(super) fn is_virtual(&self) -> bool {
        #[cfg(feature = "time")]
        return self.timers.is_virtual();
        #[cfg(not(feature = "time"))]
        false
    }

    /// Whether a source has an event, or the unparker was used. Asks the kernel if a source is awaited.
    pub(super) fn has_events(&self) -> bool {
        #[cfg(feature = "net")]
        {
            self.reactor.wait(Some(Duration::ZERO));
            self.reactor.has_events()
        }
        #[cfg(not(feature = "net"))]
        false
    }

    /// Whether something that takes real time holds the clock, so that a virtual one has to stand still.
    pub(super) fn is_held(&self) -> bool {
        #[cfg(feature = "time")]
        return self.timers.is_held();
        #[cfg(not(feature = "time"))]
        false
    }

    /// Whether, as far as the parts know, nothing is left that could wake a task: no timer is armed, no source is awaited, and no
    /// `Handle` is out. Nor does anything hold the clock, which has been asked for a virtual one. A run under the real clock ends
    /// so only if deadlocks are to be reported.
    pub(super) fn is_at_an_end(&self) -> bool {
        if !self.is_virtual() && (self.deadlocks.is_none() || self.holds.are_out()) {
            return false;
        }
        #[cfg(feature = "net")]
        let no_source = self.reactor.interest() == 0 && !self.reactor.has_events();
        #[cfg(not(feature = "net"))]
        let no_source = true;
        no_source && self.wait_limit().is_none() && !self.handles.are_out()
    }

    /// Wakes the tasks whose timers are due, then the tasks whose sources are ready. `idle`: no task is ready and nothing
    /// holds the clock, so a virtual clock moves first, unless the reactor has events left.
    #[inline]
    pub(super) fn wake(&self, idle: bool) {
        #[cfg(feature = "net")]
        let idle = idle && !self.reactor.has_events();
        #[cfg(feature = "time")]
        {
            wakes_come_from(Cause::Timer);
            if idle {
                self.timers.move_virtual_clock();
            }
            self.timers.fire();
        }
        #[cfg(feature = "net")]
        {
            wakes_come_from(Cause::Source);
            self.reactor.dispatch();
        }
    }

    /// Writes down for other threads what a wait waits for.
    #[inline]
    pub(super) fn show_pending(&self) {
        #[cfg(feature = "time")]
        let timers = self.timers.len();
        #[cfg(not(feature = "time"))]
        let timers = 0;
        #[cfg(feature = "net")]
        let sources = self.reactor.interest();
        #[cfg(not(feature = "net"))]
        let sources = 0;
        with_current(|hub| hub.pulse().set_pending(timers, sources));
    }

    /// Whether tasks wait until no task is ready, by `testing::settle`.
    #[inline]
    pub(super) fn are_settling(&self) -> bool {
        #[cfg(feature = "time")]
        return self.timers.are_settling();
        #[cfg(not(feature = "time"))]
        false
    }

    /// Wakes these tasks if `wake` has found no other.
    pub(super) fn settle(&self) {
        let any_ready = with_current(Hub::has_ready) == Some(true);
        #[cfg(feature = "net")]
        let any_ready = any_ready || self.reactor.has_events();
        #[cfg(feature = "time")]
        self.timers.settle(any_ready);
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
            next_deadline: self.wait_limit(),
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

    /// Ends the pool. Gives the jobs that still run at its deadline.
    pub(super) fn shut_down(&self) -> Vec<RunningJob> {
        #[cfg(feature = "offload")]
        let still_running = self.pool.shut_down(Some(self.blocking_deadline));
        #[cfg(not(feature = "offload"))]
        let still_running = Vec::new();
        self.failures.finish_end();
        still_running
    }
}

/// For observers of the executor.
#[allow(dead_code, reason = "used by the parts that a feature can take away")]
#[inline]
fn wakes_come_from(cause: Cause) {
    with_current(|hub| hub.set_cause(cause));
}
