//! [`Insights`]: what other threads may ask a runtime, whether its loop runs or is stuck.
//!
//! A [`Handle`] carries it; `insight/` has the reports that are made of it.

#![forbid(unsafe_code)]

use std::sync::{Arc, OnceLock};

use super::Runtime;
use super::measured::Measured;
use crate::executor::HubHandle;
#[cfg(feature = "inspect")]
use crate::insight::HomeThread;
use crate::insight::{Log, Questions, Recording, StallCounter, StallCounts, Trace};
use crate::threads::Handle;

/// For any thread. It may outlive the runtime.
pub(crate) struct Insights {
    pub(super) hub: HubHandle,
    /// The deadlocks that were reported, if they are.
    pub(super) deadlock_reports: Option<Arc<Log>>,
    /// Set if the runtime is traced.
    recording: OnceLock<Arc<Recording>>,
    /// Set if the runtime has a watchdog.
    pub(super) stalls: OnceLock<StallCounter>,
    pub(super) questions: Questions,
    #[cfg(feature = "inspect")]
    pub(super) home_thread: HomeThread,
    pub(super) measured: Measured,
}

impl Insights {
    /// On the thread that is to run the loop.
    pub(super) fn new(
        hub: HubHandle,
        deadlock_reports: Option<Arc<Log>>,
        measured: Measured,
    ) -> Self {
        Self {
            hub,
            deadlock_reports,
            recording: OnceLock::new(),
            stalls: OnceLock::new(),
            questions: Questions::default(),
            #[cfg(feature = "inspect")]
            home_thread: HomeThread::current(),
            measured,
        }
    }

    /// To be called once, before the first run.
    pub(super) fn record(&self, recording: Arc<Recording>) {
        assert!(self.recording.set(recording).is_ok(), "it is set once");
    }

    /// To be called once at most.
    pub(super) fn count_stalls(&self, counter: StallCounter) {
        assert!(self.stalls.set(counter).is_ok(), "it is set once");
    }

    pub(super) fn stalls(&self) -> Option<StallCounts> {
        self.stalls.get().map(StallCounter::read)
    }

    pub(super) fn trace(&self) -> Option<Trace> {
        self.recording.get().map(|recording| recording.trace())
    }
}

impl Runtime {
    /// What the loop has done, if [`Builder::trace`](crate::Builder::trace) has asked for it.
    ///
    /// ```
    /// use taketurns::insight::What;
    ///
    /// let runtime = taketurns::Builder::new().trace(1000).build()?;
    /// let task = runtime.block_on(async {
    ///     let task = taketurns::spawn(taketurns::yield_now());
    ///     let id = task.id();
    ///     task.await.unwrap();
    ///     id
    /// });
    /// let trace = runtime.trace().unwrap();
    /// let turns = trace.events().iter().filter(|event| event.what == What::TurnBegan { task });
    /// assert_eq!(turns.count(), 2);
    /// println!("{}", trace.to_text());
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn trace(&self) -> Option<Trace> {
        self.handle().trace()
    }
}

impl Handle {
    /// What the loop has done, if [`Builder::trace`](crate::Builder::trace) has asked for it. On any thread, while the loop runs,
    /// is stuck, or has ended: what is lost with the runtime is in it then.
    #[must_use]
    pub fn trace(&self) -> Option<Trace> {
        self.attached::<Insights>()?.trace()
    }
}
