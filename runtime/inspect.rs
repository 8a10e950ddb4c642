//! What programs outside are told of a runtime, by [`insight::serve`](crate::insight::serve()).

#![forbid(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::insights::Insights;
use crate::executor::observe::LoopState;
use crate::executor::{HubHandle, Sample};
use crate::insight::{
    Asked, Dump, Logged, Metrics, Served, Source, Stalls, Trace, Watchdog, WatchdogSettings,
};
use crate::threads::Handle;

/// How long a loop may be silent when it is asked for its tasks.
const LIMIT: Duration = Duration::from_millis(500);

/// The same of a loop that is not in a run. One that a foreign loop steps is not in a run between two steps, and the question
/// makes it due for the next. Of any other nothing will come.
const BETWEEN_RUNS: Duration = Duration::from_millis(50);

/// From when on a turn is told of, where the program has not said it.
const THRESHOLD: Duration = Duration::from_secs(1);

struct FromOutside {
    /// No work comes by it.
    handle: Handle,
    insights: Arc<Insights>,
    /// Of a runtime that has no watchdog itself.
    watchdog: Option<Watchdog>,
}

impl Served for Handle {
    fn asked(&self) -> io::Result<Asked> {
        let insights = self.attached::<Insights>().ok_or_else(|| {
            let text = "a handle of a bare executor: only a `Runtime` can be asked from outside";
            io::Error::new(io::ErrorKind::Unsupported, text)
        })?;
        if insights.hub.has_closed() {
            let text = "the runtime of this handle has ended: there is nothing to ask";
            return Err(io::Error::new(io::ErrorKind::NotConnected, text));
        }
        let watchdog = match insights.stalls.get() {
            Some(_) => None,
            None => {
                let on_stall = Some(Arc::new(|_: &_| ()) as _); // it prints nothing
                let settings = WatchdogSettings { threshold: Some(THRESHOLD), on_stall };
                let thread = insights.home_thread.clone();
                settings.start(insights.hub.clone(), || thread, None)?
            }
        };
        Ok(Asked(Arc::new(FromOutside { handle: self.uncounted(), insights, watchdog })))
    }
}

impl Source for FromOutside {
    fn identity(&self) -> usize {
        Arc::as_ptr(&self.insights).addr()
    }

    fn hub(&self) -> &HubHandle {
        &self.insights.hub
    }

    fn metrics(&self) -> Metrics {
        self.insights.metrics()
    }

    fn stalls(&self, now: &Sample) -> Stalls {
        let own = self.watchdog.as_ref().map(Watchdog::counter);
        let counter = own.as_ref().or(self.insights.stalls.get()).expect("it has one of the two");
        let (goes_on, over) = counter.told(now);
        Stalls { threshold: counter.threshold(), counts: counter.read(), goes_on, over }
    }

    fn deadlocks(&self) -> Option<Vec<Logged>> {
        self.insights.deadlock_reports.as_ref().map(|reports| reports.last())
    }

    fn waits(&self) -> u64 {
        self.insights.measured.waits()
    }

    fn dump(&self) -> Dump {
        let is_in_run = self.insights.hub.pulse().stands != LoopState::Outside;
        self.handle.dump(if is_in_run { LIMIT } else { BETWEEN_RUNS })
    }

    fn trace(&self) -> Option<Trace> {
        self.insights.trace()
    }
}
