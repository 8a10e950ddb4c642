//! [`Watchdog`]: a thread that sees when a turn of its loop does not end, and tells while that lasts.
//!
//! The loop could take the time of each turn and print those that were long. But that comes too late: a turn that never ends
//! is never told of. It also costs two readings of the clock a turn. So the loop only counts its turns, which another thread
//! can read, and that thread has the clock. It looks at the count four times in a threshold
//! ([`standstill`](super::standstill)), also while the loop is parked: to be woken when the loop goes on would cost the loop
//! a system call each time.
//!
//! The program's function could be called on that thread. But it may take long, as it writes to a disk or asks the loop for a
//! dump; and meanwhile the thread would not see whether the turn ends, nor whether the process was stopped. So a second
//! thread calls it, which is started when there is something to tell for the first time. It prints, too, if there is no function: a
//! stderr that is a full pipe, or that the stalled turn has locked, blocks whoever writes to it. Reports do not pile up
//! behind that: there is never more than one that waits.

#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::sync::PoisonError;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle, Scope};
use std::time::{Duration, Instant};

use super::log::Log;
#[cfg(feature = "inspect")]
use super::log::Logged;
use super::proc::{Act, OwnSchedule, Schedule, Thread, sleep_in_time};
use super::stall::{Brief, Stall, StallCounts};
#[cfg(feature = "inspect")]
use super::standstill::stands_still;
use super::standstill::{News, Scene, Standstill};
use super::trace::Recording;
use crate::common::debug_mode;
use crate::executor::primitives::{Arc, Condvar, Mutex, MutexGuard, wait_timeout};
use crate::executor::{HubHandle, Id, Sample, shortened, silence};

/// The threshold of a program that says what is to be told, but not from when on, and of the debug mode.
const THRESHOLD: Duration = Duration::from_millis(100);
/// Below this the watchdog's sleep would be no longer than the kernel takes to end it.
const SHORTEST: Duration = Duration::from_millis(1);
/// As good as never, and far from what overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long the end of a runtime waits for the function that is told of stalls, if that runs just then.
const PATIENCE: Duration = Duration::from_secs(1);
/// Linux shows the first 15 bytes: all of them.
const NAME: &str = "taketurns-watch";
/// The thread that calls the function.
const TELLER: &str = "taketurns-tell";

/// What a builder was told about the watchdog.
#[derive(Clone, Default)]
pub(crate) struct WatchdogSettings {
    pub(crate) threshold: Option<Duration>,
    pub(crate) on_stall: Option<OnStall>,
}

type OnStall = std::sync::Arc<dyn Fn(&Stall) + Send + Sync>;

/// The threads, as their runtime has them. They end when this is dropped.
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
    /// Whether the function is being called.
    is_telling: bool,
    counts: StallCounts,
    /// The stall that goes on, and the sample that has seen it last.
    #[cfg(feature = "inspect")]
    goes_on: Option<(Sample, Stall)>,
}

/// For any thread, also after the watchdog's end.
pub(crate) struct StallCounter(Arc<Shared>);

impl WatchdogSettings {
    /// Whether the program has asked for it, by a threshold or a function.
    fn is_asked_for(&self) -> bool {
        self.threshold.is_some() || self.on_stall.is_some()
    }

    /// From when on a turn is told of; `None`: no watchdog.
    pub(crate) fn threshold(&self) -> Option<Duration> {
        let default = || (self.is_asked_for() || debug_mode::is_on()).then_some(THRESHOLD);
        let threshold = self.threshold.or_else(default)?;
        (!threshold.is_zero()).then(|| threshold.clamp(SHORTEST, LONGEST))
    }

    /// Starts the watchdog of a loop, if there is to be one. `thread` gives the thread that is to run it. Stalls are noted in
    /// `recording`, too.
    ///
    /// # Errors
    ///
    /// When the system gives no thread, and the program has asked for it. If only the debug mode has, the program is to do what it
    /// does without: a line is printed.
    pub(crate) fn start(
        self,
        home: HubHandle,
        thread: impl FnOnce() -> HomeThread,
        recording: Option<std::sync::Arc<Recording>>,
    ) -> io::Result<Option<Watchdog>> {
        let Some(threshold) = self.threshold() else { return Ok(None) };
        let is_asked_for = self.is_asked_for();
        let HomeThread { name, thread: home_thread } = thread();
        let standstill = Standstill::new(threshold, name);
        let begin = Instant::now();
        let scene = move || Loop { begin, home, home_thread, own_schedule: OwnSchedule::current() };
        let on_stall = match recording {
            Some(recording) => Some(noting(recording, self.on_stall)),
            None => self.on_stall,
        };
        match Watchdog::start(standstill, scene, on_stall) {
            Err(error) if !is_asked_for => {
                debug_mode::say(|| {
                    format!(
                        "the system gives no thread for the watchdog, so turns that do not end are not told of: {error}"
                    )
                });
                Ok(None)
            }
            started => started.map(Some),
        }
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
            sleep_in_time();
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

    /// Takes samples and has them told, until the watchdog is to end; then one more, which sees the end of a stall.
    fn watch(&self, standstill: &mut Standstill, scene: &impl Scene, on_stall: Option<&OnStall>) {
        thread::scope(|scope| {
            // `Some` from the first report on. The inner one: `None` if the system gave no thread.
            let mut teller: Option<Option<Sender<Stall>>> = None;
            // The end of a stall, while its begin is being told.
            let mut held = None;
            let mut is_last = false;
            while !is_last {
                let may_end = |state: &State| state.is_to_end && !state.is_telling;
                is_last = self.wait(standstill.wait(), may_end);
                let is_free = !self.lock().is_telling;
                let stall = self.sample(standstill, scene, is_free && held.is_none());
                held = held.or(stall);
                if let Some(stall) = held.take_if(|_| is_free) {
                    match teller.get_or_insert_with(|| self.start_teller(scope, on_stall)) {
                        Some(teller) => {
                            self.lock().is_telling = true;
                            teller.send(stall).expect("it ends when this sender is dropped");
                        }
                        None => tell(&stall, on_stall),
                    }
                }
            }
        });
    }

    fn sample(
        &self,
        standstill: &mut Standstill,
        scene: &impl Scene,
        may_tell: bool,
    ) -> Option<Stall> {
        let news = standstill.sample(scene, may_tell);
        let mut state = self.lock();
        state.counts = standstill.counts;
        if let Some(News { stall, .. }) = news.as_ref().filter(|news| news.stall.is_over) {
            self.over.add(&Brief(stall), Some(stall.remedy()));
        }
        #[cfg(feature = "inspect")]
        {
            state.goes_on = standstill.goes_on();
        }
        news.filter(|news| news.is_to_tell).map(|news| news.stall)
    }

    /// Starts the thread that tells what it is sent, if the system gives one.
    fn start_teller<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        on_stall: Option<&'scope OnStall>,
    ) -> Option<Sender<Stall>> {
        let (sender, stalls) = mpsc::channel();
        let tell_all = move || {
            for stall in stalls {
                tell(&stall, on_stall);
                self.lock().is_telling = false;
                self.changed.notify_all();
            }
        };
        let thread = thread::Builder::new().name(TELLER.to_owned());
        thread.spawn_scoped(scope, tell_all).is_ok().then_some(sender)
    }
}

fn tell(stall: &Stall, on_stall: Option<&OnStall>) {
    silence(|| match on_stall {
        Some(on_stall) => on_stall(stall),
        None => eprintln!("{stall}"),
    });
}

impl Drop for Watchdog {
    /// Waits for the threads. But if one is in the function of the user's, which may itself wait for the thread that is here,
    /// then not for long: they end when the function returns.
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
        let (text, remedy) = (Brief(&stall).to_string(), Some(stall.remedy()));
        over.insert(0, Logged { ago: Duration::ZERO, text, remedy });
        (None, over)
    }
}

/// A real loop, seen from its watchdog's thread.
struct Loop {
    begin: Instant,
    home: HubHandle,
    home_thread: Option<Thread>,
    own_schedule: Option<OwnSchedule>,
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

    fn own_schedule(&self) -> Option<Schedule> {
        self.own_schedule.as_ref()?.read()
    }

    fn schedule(&self) -> Option<Schedule> {
        self.home_thread.as_ref()?.schedule()
    }

    fn act(&self) -> Option<Act> {
        self.home_thread.as_ref()?.act()
    }
}

#[cfg(all(test, not(loom)))]
#[path = "watchdog_tests.rs"]
mod tests;
