//! [`Watchdog`]: a thread that sees when a turn of its loop does not end, and tells while that lasts.
//!
//! The loop could take the time of each turn and print those that were long. But that comes too late: a turn that never ends
//! is never told of. It also costs two readings of the clock a turn. So the loop only counts its turns, which another thread
//! can read, and that thread has the clock. It looks at the count four times in a threshold
//! ([`standstill`](super::standstill)), also while the loop is parked: to be woken when the loop goes on would cost the loop
//! a system call each time.

#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::sync::PoisonError;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::log::Log;
#[cfg(feature = "inspect")]
use super::log::Logged;
use super::proc::{Act, Schedule, Thread};
use super::stall::{Brief, Stall, StallCounts};
#[cfg(feature = "inspect")]
use super::standstill::stands_still;
use super::standstill::{Scene, Standstill};
use super::trace::Recording;
use crate::executor::primitives::{Arc, Condvar, Mutex, MutexGuard, wait_timeout};
use crate::executor::{HubHandle, Id, Sample, shortened, silence};

/// The threshold of a program that says what is to be told, but not from when on.
pub(crate) const THRESHOLD: Duration = Duration::from_millis(100);
/// Below this the watchdog's sleep would be no longer than the kernel takes to end it.
const SHORTEST: Duration = Duration::from_millis(1);
/// As good as never, and far from what overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long the end of a runtime waits for the function that is told of stalls, if that runs just then.
const PATIENCE: Duration = Duration::from_secs(1);
/// Linux shows the first 15 bytes: all of them.
const NAME: &str = "taketurns-watch";

/// What a builder was told about the watchdog.
#[derive(Clone, Default)]
pub(crate) struct WatchdogSettings {
    pub(crate) threshold: Option<Duration>,
    pub(crate) on_stall: Option<OnStall>,
}

type OnStall = std::sync::Arc<dyn Fn(&Stall) + Send + Sync>;

/// The thread, as its runtime has it. It ends when this is dropped.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A thread that runs a loop, as its watchdog tells of it.
#[derive(Clone)]
pub(crate) struct HomeThread {
    name: std::sync::Arc<str>,
    thread: Option<Thread>,
}

impl HomeThread {
    /// The calling thread.
    pub(crate) fn current() -> Self {
        let name = shortened(thread::current().name().unwrap_or("unnamed")).into();
        Self { name, thread: Thread::current() }
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// The stalls that are over. One is added while the state is locked.
    over: Log,
    #[cfg(feature = "inspect")]
    threshold: Duration,
}

#[derive(Default)]
struct State {
    is_to_end: bool,
    has_ended: bool,
    counts: StallCounts,
    /// The stall that goes on, and the sample that has seen it last.
    #[cfg(feature = "inspect")]
    goes_on: Option<(Sample, Stall)>,
}

/// For any thread, also after the watchdog's end.
pub(crate) struct StallCounter(Arc<Shared>);

impl WatchdogSettings {
    /// From when on a turn is told of; `None`: no watchdog.
    pub(crate) fn threshold(&self) -> Option<Duration> {
        let threshold = self.threshold.or(self.on_stall.as_ref().map(|_| THRESHOLD))?;
        (!threshold.is_zero()).then(|| threshold.clamp(SHORTEST, LONGEST))
    }

    /// Starts the watchdog of a loop, if there is to be one. `thread` gives the thread that is to run it. Stalls are noted in
    /// `recording`, too.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(crate) fn start(
        self,
        home: HubHandle,
        thread: impl FnOnce() -> HomeThread,
        recording: Option<std::sync::Arc<Recording>>,
    ) -> io::Result<Option<Watchdog>> {
        let Some(threshold) = self.threshold() else { return Ok(None) };
        let HomeThread { name, thread: home_thread } = thread();
        let standstill = Standstill::new(threshold, name);
        let begin = Instant::now();
        let scene = move || Loop { begin, home, home_thread, this_thread: Thread::current() };
        let on_stall = match recording {
            Some(recording) => Some(noting(recording, self.on_stall)),
            None => self.on_stall,
        };
        Watchdog::start(standstill, scene, on_stall).map(Some)
    }
}

/// Calls `on_stall` after it has noted the stall.
fn noting(recording: std::sync::Arc<Recording>, on_stall: Option<OnStall>) -> OnStall {
    std::sync::Arc::new(move |stall| {
        recording.note(stall);
        match &on_stall {
            Some(on_stall) => on_stall(stall),
            None => eprintln!("{stall}"),
        }
    })
}

impl fmt::Debug for WatchdogSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on_stall = self.on_stall.as_ref().map(|_| "..");
        f.debug_struct("WatchdogSettings")
            .field("threshold", &self.threshold)
            .field("on_stall", &on_stall)
            .finish()
    }
}

impl Watchdog {
    /// `scene` makes the scene on the watchdog's thread.
    fn start<S: Scene>(
        mut standstill: Standstill,
        scene: impl FnOnce() -> S + Send + 'static,
        on_stall: Option<OnStall>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            over: Log::default(),
            #[cfg(feature = "inspect")]
            threshold: standstill.threshold,
        });
        let of_thread = Arc::clone(&shared);
        let watch = move || {
            of_thread.watch(&mut standstill, &scene(), on_stall.as_ref());
            silence(|| drop(on_stall)); // what it owns may panic
            of_thread.lock().has_ended = true;
            of_thread.changed.notify_all();
        };
        let thread = thread::Builder::new().name(NAME.to_owned());
        Ok(Self { shared, thread: Some(thread.spawn(watch)?) })
    }

    pub(crate) fn counter(&self) -> StallCounter {
        StallCounter(Arc::clone(&self.shared))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the state `is` so, at most for `limit`.
    fn wait(&self, limit: Duration, is: impl Fn(&State) -> bool) -> bool {
        let begin = Instant::now();
        let mut state = self.lock();
        loop {
            let left = limit.saturating_sub(begin.elapsed());
            if is(&state) || left.is_zero() {
                return is(&state);
            }
            state = wait_timeout(&self.changed, &self.state, state, Some(left)).0;
        }
    }

    /// Takes samples and tells of them, until the watchdog is to end; then one more, which sees the end of a stall.
    fn watch(&self, standstill: &mut Standstill, scene: &impl Scene, on_stall: Option<&OnStall>) {
        let mut is_last = false;
        while !is_last {
            is_last = self.wait(standstill.wait(), |state| state.is_to_end);
            let stall = standstill.sample(scene);
            let mut state = self.lock();
            state.counts = standstill.counts;
            if let Some(over) = stall.as_ref().filter(|stall| stall.is_over) {
                self.over.add(&Brief(over), over.remedy());
            }
            #[cfg(feature = "inspect")]
            {
                state.goes_on = standstill.goes_on();
            }
            drop(state);
            if let Some(stall) = stall {
                silence(|| match on_stall {
                    Some(on_stall) => on_stall(&stall),
                    None => eprintln!("{stall}"),
                });
            }
        }
    }
}

impl Drop for Watchdog {
    /// Waits for the thread. But if that is in the function of the user's, which may itself wait for the thread that is here,
    /// then not for long: it ends when the function returns.
    fn drop(&mut self) {
        self.shared.lock().is_to_end = true;
        self.shared.changed.notify_all();
        let has_ended = self.shared.wait(PATIENCE, |state| state.has_ended);
        let thread = self.thread.take().filter(|_| has_ended);
        if let Some(Err(payload)) = thread.map(JoinHandle::join) {
            silence(|| drop(payload));
        }
    }
}

impl StallCounter {
    pub(crate) fn read(&self) -> StallCounts {
        self.0.lock().counts
    }

    /// From when on a turn is told of.
    #[cfg(feature = "inspect")]
    pub(crate) fn threshold(&self) -> Duration {
        self.0.threshold
    }

    /// The stall that goes on in the turn that `now` shows; and the last that are over, as [`Log::last`].
    #[cfg(feature = "inspect")]
    pub(crate) fn told(&self, now: &Sample) -> (Option<Stall>, Vec<Logged>) {
        let state = self.0.lock();
        let (goes_on, mut over) = (state.goes_on.clone(), self.0.over.last());
        drop(state);
        let Some((seen, stall)) = goes_on else { return (None, over) };
        if stands_still(&seen, now) {
            return (Some(stall), over);
        }
        // The watchdog has not seen it yet.
        let stall = Stall { is_over: true, ..stall };
        let (text, remedy) = (Brief(&stall).to_string(), stall.remedy());
        over.insert(0, Logged { ago: Duration::ZERO, text, remedy });
        (None, over)
    }
}

/// A real loop, seen from its watchdog's thread.
struct Loop {
    begin: Instant,
    home: HubHandle,
    home_thread: Option<Thread>,
    this_thread: Option<Thread>,
}

impl Scene for Loop {
    fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    fn pulse(&self) -> Sample {
        self.home.pulse()
    }

    fn name(&self, task: Id) -> Option<String> {
        self.home.name_of(task).map(Into::into)
    }

    fn own_wait(&self) -> Option<Duration> {
        Some(self.this_thread.as_ref()?.schedule()?.waited)
    }

    fn schedule(&self) -> Option<Schedule> {
        self.home_thread.as_ref()?.schedule()
    }

    fn act(&self) -> Option<Act> {
        self.home_thread.as_ref()?.act()
    }
}
