//! [`Builder`]: what can be set of a runtime. Its settings of two kinds are in files of their own.

#![forbid(unsafe_code)]

#[cfg(feature = "offload")]
mod pool;
mod telling;

use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::insights::Insights;
use super::measured::Measured;
use super::order::{Order, UntilAsked};
use super::outside::Outside;
use super::parts::Parts;
use super::{OnExit, Runtime};
use crate::common::spin::Spin;
use crate::executor::{Chooser, EVENT_INTERVAL, Executor, Info};
use crate::insight::{GRACE, HomeThread, Recorder, UnhandledPanic};
#[cfg(feature = "time")]
use crate::timer::{self, Clock};
use telling::Telling;

/// Sets up a [`Runtime`].
///
/// ```
/// use std::time::Duration;
///
/// let runtime = taketurns::Builder::new()
///     .event_interval(31)
///     .max_blocking_threads(4)
///     .blocking_deadline(Duration::from_secs(1))
///     .build()?;
/// runtime.block_on(async {});
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    event_interval: NonZeroU32,
    order: Order,
    deadlock_grace: Duration,
    adaptive_wait: Duration,
    /// `None`: as many as the thread that builds may use.
    cores: Option<usize>,
    on_exit: OnExit,
    on_lost: Option<OnLost>,
    thread_name: Option<String>,
    pub(super) unhandled_panic: UnhandledPanic,
    pub(super) telling: Telling,
    #[cfg(feature = "time")]
    pub(super) clock: Clock,
    #[cfg(feature = "time")]
    pub(super) timer_resolution: Duration,
    #[cfg(feature = "net")]
    pub(super) timer_slack: Option<Duration>,
    #[cfg(feature = "offload")]
    pub(super) blocking: crate::offload::Limits,
    #[cfg(feature = "offload")]
    pub(super) blocking_deadline: Duration,
}

impl Builder {
    /// A builder with every setting at its default. With `TAKETURNS_DEBUG=1` in the environment of the process, the default is that
    /// turns of more than 100 ms, and deadlocks, are told of; and it is printed what was lost or came too late when a runtime ended, and
    /// which sockets were used in another runtime.
    pub fn new() -> Self {
        Self {
            event_interval: EVENT_INTERVAL,
            order: Order::default(),
            deadlock_grace: GRACE,
            adaptive_wait: Duration::ZERO,
            cores: None,
            on_exit: OnExit::default(),
            on_lost: None,
            thread_name: None,
            unhandled_panic: UnhandledPanic::default(),
            telling: Telling::default(),
            #[cfg(feature = "time")]
            clock: Clock::default(),
            #[cfg(feature = "time")]
            timer_resolution: timer::RESOLUTION,
            #[cfg(feature = "net")]
            timer_slack: None,
            #[cfg(feature = "offload")]
            blocking: crate::offload::Limits::default(),
            #[cfg(feature = "offload")]
            blocking_deadline: Duration::from_secs(5),
        }
    }

    /// How many turns may pass between two looks outside: 61 by default. With fewer, events are seen sooner and the system
    /// is asked more often.
    ///
    /// # Panics
    ///
    /// When `turns` is 0.
    #[track_caller]
    pub fn event_interval(mut self, turns: u32) -> Self {
        self.event_interval = NonZeroU32::new(turns).expect("`event_interval` must be at least 1");
        self
    }

    /// Which ready task runs next: by default the task that was ready first.
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// How long, in real time, a run under a virtual clock waits for a thread that it does not know of, when nothing else
    /// is left that could wake a task: 1 s by default. Then the run panics, and names the tasks that are deadlocked.
    ///
    /// It does not wait if the wait is in vain: when no waker is left of `block_on`'s future or, in `run_forever`, of any
    /// task. A thread that takes longer than the grace has to hold the clock, by [`time::hold`](crate::time::hold).
    ///
    /// While a socket is awaited there is no deadlock, as bytes may come. A socket that was polled by the traits of
    /// futures-io counts as awaited until its next event, even if the future that polled it has been dropped.
    ///
    /// ```should_panic
    /// use taketurns::time::Clock;
    ///
    /// let runtime = taketurns::Builder::new().clock(Clock::AutoAdvance).build().unwrap();
    /// runtime.block_on(async {
    ///     let waits = taketurns::spawn(std::future::pending::<()>());
    ///     waits.await.unwrap(); // deadlock: ... task #1, spawned at src/main.rs:5:17, ..., stuck: ...
    /// });
    /// ```
    ///
    /// Under the real clock a deadlock of the whole run is only [reported](Self::report_deadlocks), after the same grace.
    #[cfg(feature = "time")]
    pub fn deadlock_grace(mut self, grace: Duration) -> Self {
        self.deadlock_grace = grace;
        self
    }

    /// Before the loop sleeps, it may look out for work in a loop for this long: by default it does not (zero).
    ///
    /// A wake from another thread that comes meanwhile costs neither that thread a system call nor this one the way back
    /// to its core: 0.2 to 0.8 us in all, where it took 12 to 15 without (two cores that were free; `benches/bin/remote.rs`).
    /// The price is CPU time. A wait that is longer than `limit` spends up to `limit` more of it; if waits are long again and
    /// again, only about one in 8 spins. 20 to 50 us is what coming back from sleep costs, and so a good limit.
    ///
    /// It gains only while a core is free. Where all cores are busy, the loop spins on the core that the thread it waits for
    /// needs: there a question to another thread took 10 to 20 us, and 5 without.
    ///
    /// While it spins, timers fire on time and sources are asked every microsecond or so, by a system call. Where the
    /// thread may use one core only, or the clock is virtual, the loop never spins. The waits of a host loop are its own:
    /// [`Runtime::try_tick`] does not spin.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = taketurns::Builder::new()
    ///     .adaptive_wait(Duration::from_micros(50))
    ///     .build()?;
    /// let waker = runtime.handle();
    /// let thread = std::thread::spawn(move || waker.spawn(async { 42 }));
    /// assert_eq!(runtime.block_on(async { thread.join().unwrap().await.unwrap() }), 42);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn adaptive_wait(mut self, limit: Duration) -> Self {
        self.adaptive_wait = limit;
        self
    }

    /// What the end of the runtime does with tasks that have not ended: by default it drops them.
    pub fn on_exit(mut self, on_exit: OnExit) -> Self {
        self.on_exit = on_exit;
        self
    }

    /// Sets a function that is called for each task that was lost when the runtime ended, in the order of spawning. A panic
    /// of the function is caught and dropped.
    ///
    /// Without one, a debug build prints the lost tasks when the runtime is dropped, as no caller gets the report then: to
    /// stderr, how many, and a line for each of the first 50. `on_lost(|_| {})` prints nothing.
    pub fn on_lost(mut self, hook: impl Fn(&Info) + Send + Sync + 'static) -> Self {
        self.on_lost = Some(OnLost(Arc::new(hook)));
        self
    }

    /// The name of the thread that a [`Background`](crate::Background) starts: "taketurns-loop" by default. The threads of a
    /// [`PerCore`](crate::PerCore) have a number after it. Panics and debuggers show it; Linux's `top -H` shows its first 15
    /// bytes. It has no effect on a runtime that [`build`](Self::build) makes, as that starts no thread.
    ///
    /// # Panics
    ///
    /// When `name` contains a NUL byte.
    #[track_caller]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        assert!(!name.contains('\0'), "`thread_name` must not contain a NUL byte: {name:?}");
        self.thread_name = Some(name);
        self
    }

    /// How many cores the loops have together: each is pinned to one of them, which alone would look like the only one.
    #[cfg(feature = "net")]
    pub(crate) fn of_cores(mut self, cores: usize) -> Self {
        self.cores = Some(cores);
        self
    }

    fn spin(&self) -> Spin {
        match self.cores {
            Some(cores) => Spin::on(cores, self.adaptive_wait),
            None => Spin::new(self.adaptive_wait),
        }
    }

    /// What was set by [`thread_name`](Self::thread_name).
    pub(crate) fn name_of_thread(&self) -> Option<&str> {
        self.thread_name.as_deref()
    }

    /// What becomes of [unhandled](crate::task::Unhandled) failures: by default they are printed.
    pub fn unhandled_panic(mut self, policy: UnhandledPanic) -> Self {
        self.unhandled_panic = policy;
        self
    }

    /// Which clock the runtime goes by: the real clock by default.
    ///
    /// # Panics
    ///
    /// When the rate of [`Clock::Scaled`] is not more than 0, or not finite.
    #[cfg(feature = "time")]
    #[track_caller]
    pub fn clock(mut self, clock: Clock) -> Self {
        clock.check();
        self.clock = clock;
        self
    }

    /// How finely timers are told apart under the real clock: the tick of the wheel, rounded down to a power of two of
    /// nanoseconds. 65.5 us by default, which is 2^16 ns. A timer is never early. It is late by at most one tick, plus what
    /// [`timer_slack`](Self::timer_slack) and the tasks before it add.
    ///
    /// Timers of one tick share one wake of the thread, which is a system call and some microseconds of CPU time. With a
    /// finer tick fewer timers share a wake; with a coarser tick, 10 ms say, more do, where lateness does not matter. Arming
    /// and cancelling cost the same. A virtual clock has ticks of 1 ns, whatever is set here.
    ///
    /// # Panics
    ///
    /// When `tick` is zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = taketurns::Builder::new()
    ///     .timer_resolution(Duration::from_micros(1)) // 512 ns
    ///     .build()?;
    /// runtime.block_on(async { taketurns::time::sleep(Duration::from_micros(100)).await });
    /// # std::io::Result::Ok(())
    /// ```
    #[cfg(feature = "time")]
    #[track_caller]
    pub fn timer_resolution(mut self, tick: Duration) -> Self {
        assert!(!tick.is_zero(), "`timer_resolution` must be at least 1 ns");
        self.timer_resolution = tick;
        self
    }

    /// How much later than asked the kernel may end a wait, so as to end several with one interrupt. It is an
    /// attribute of the thread, 50 us unless the program changed it. 1 us makes an idle loop's timers more
    /// punctual, for more interrupts. More than 2.1 s (2^31 ns) counts as that. A wait of more than 1000
    /// times the slack has a thousandth of itself instead, at most 100 ms, which no slack changes
    /// (docs/time.md).
    ///
    /// [`build`](Self::build) sets it for this thread: for every wait of the thread, between runs too, and for the threads
    /// that it starts, which inherit it (the pool's threads too). When the runtime ends, the thread gets back the slack that
    /// it had before `build`; so end several runtimes of one thread in the reverse order of their making. Under a real-time
    /// scheduling policy the kernel ignores the slack.
    ///
    /// # Panics
    ///
    /// When `slack` is zero, which to the kernel means its default.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = taketurns::Builder::new()
    ///     .timer_slack(Duration::from_micros(1))
    ///     .build()?;
    /// # std::io::Result::Ok(())
    /// ```
    #[cfg(feature = "net")]
    #[track_caller]
    pub fn timer_slack(mut self, slack: Duration) -> Self {
        assert!(!slack.is_zero(), "`timer_slack` must be at least 1 ns");
        self.timer_slack = Some(slack);
        self
    }

    /// Makes the runtime, for this thread.
    ///
    /// # Errors
    ///
    /// When the system gives no descriptor for the reactor, lacks `epoll_pwait2` (Linux before 5.11),
    /// refuses the timer slack, or gives no thread for the watchdog that
    /// [`stall_threshold`](Self::stall_threshold) or [`on_stall`](Self::on_stall) has asked for.
    #[track_caller]
    pub fn build(self) -> io::Result<Runtime> {
        self.build_at(Location::caller())
    }

    /// As [`build`](Self::build), called at `made`.
    pub(crate) fn build_at(self, made: &'static Location<'static>) -> io::Result<Runtime> {
        let chooser = self.order.chooser();
        self.build_with(chooser, made)
    }

    /// As [`build`](Self::build), called at `made`. `None`: first come, first served.
    pub(crate) fn build_with(
        self,
        chooser: Option<Box<dyn Chooser>>,
        made: &'static Location<'static>,
    ) -> io::Result<Runtime> {
        let parts = match Parts::new(&self) {
            Ok(parts) => parts,
            Err(error) => {
                drop(self); // not as this returns: a destructor that panics then would leak the error
                return Err(error);
            }
        };
        let outside = Outside::new(parts.clone(), self.deadlock_grace, self.spin());
        let mut executor = Executor::new(outside, self.event_interval);
        if self.telling.watchdog.threshold().is_some() {
            executor.watch();
        }
        if let Some(chooser) = chooser {
            executor = executor.with_chooser(Box::new(UntilAsked(chooser)));
        }
        #[cfg(feature = "tracing")]
        executor.open_scopes(crate::insight::OPEN_SPAN);
        // Whether it will be asked from outside is not known yet.
        #[cfg(feature = "inspect")]
        executor.watch();
        let measured = Measured::new(&self, &executor);
        #[cfg(feature = "offload")]
        let measured = measured.with_jobs(parts.job_counter());
        #[cfg(feature = "inspect")]
        let measured = measured.with_waits(parts.explained.as_ref().map(|table| table.counter()));
        let reports = parts.deadlock_reports();
        let insights = Arc::new(Insights::new(executor.remote(), reports, measured));
        parts.connect(&executor.remote(), Arc::clone(&insights));
        let mut recording = None;
        if self.telling.trace > 0 {
            let hub = executor.remote();
            let name_of = Box::new(move |task| hub.name_of(task));
            let recorder = Recorder::new(self.telling.trace, parts.timeline_clock(), name_of);
            insights.record(recorder.recording());
            recording = Some(recorder.recording());
            #[cfg(feature = "offload")]
            parts.observe_jobs(recorder.recording());
            executor.observe(Box::new(recorder));
        }
        let failures = Rc::clone(&parts.failures);
        executor.on_unhandled(move |task, error| failures.add(task, error));
        let Self { on_exit, on_lost, telling, .. } = self;
        let watchdog =
            match telling.watchdog.start(executor.remote(), HomeThread::current, recording) {
                Ok(watchdog) => watchdog,
                Err(error) => {
                    drop(on_lost); // not as this returns: see above
                    return Err(error);
                }
            };
        if let Some(watchdog) = &watchdog {
            insights.count_stalls(watchdog.counter());
        }
        Ok(Runtime { executor, parts, watchdog, on_exit, on_lost, ended: false, made })
    }
}

/// See [`Builder::on_lost`].
#[derive(Clone)]
pub(super) struct OnLost(pub(super) Arc<dyn Fn(&Info) + Send + Sync>);

impl fmt::Debug for OnLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnLost(..)")
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}
