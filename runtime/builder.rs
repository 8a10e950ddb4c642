//! [`Builder`]: what can be set of a runtime.

#![forbid(unsafe_code)]

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
use crate::common::debug_mode;
use crate::common::spin::Spin;
use crate::executor::{Chooser, EVENT_INTERVAL, Executor, Info};
use crate::insight::{
    Deadlock, GRACE, OnDeadlock, Recorder, Stall, THRESHOLD, UnhandledPanic, WatchdogSettings,
};
#[cfg(feature = "time")]
use crate::timer::{self, Clock};

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
    /// How many events of the timeline are kept; 0: there is none.
    trace: usize,
    pub(super) unhandled_panic: UnhandledPanic,
    pub(super) on_deadlock: Option<OnDeadlock>,
    watchdog: WatchdogSettings,
    pub(super) histograms: bool,
    pub(super) task_slab: bool,
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
    /// turns of more than 100 ms, and deadlocks, are told of.
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
            trace: 0,
            unhandled_panic: UnhandledPanic::default(),
            on_deadlock: debug_mode::is_on().then_some(OnDeadlock::Print),
            watchdog: WatchdogSettings {
                threshold: debug_mode::is_on().then_some(THRESHOLD),
                ..WatchdogSettings::default()
            },
            histograms: false,
            task_slab: false,
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

    /// Whether the loop counts how long its tasks are ready before their turns, and how long the turns take, for
    /// [`Metrics`](crate::insight::Metrics): off by default. It reads the clock three times a turn, some 90 ns in all.
    ///
    /// The time in the run queue is the best sign that a loop is overloaded: it grows before anything else does, whatever
    /// the tasks do. So a server can refuse work by it:
    ///
    /// ```
    /// use std::time::Duration;
    /// use taketurns::insight::Histogram;
    ///
    /// /// Whether the loop had more to do than it could, in the time between two readings.
    /// fn is_overloaded(before: &Histogram, now: &Histogram) -> bool {
    ///     now.since(before).percentile(90.0).is_some_and(|delay| delay > Duration::from_millis(50))
    /// }
    ///
    /// let runtime = taketurns::Builder::new().histograms(true).build()?;
    /// let handle = runtime.handle();
    /// let refused = runtime.block_on(async {
    ///     let before = handle.metrics().queue_delay.unwrap();
    ///     for _ in 0..10 {
    ///         taketurns::spawn(async { std::thread::sleep(Duration::from_millis(60)) }).detach();
    ///     }
    ///     taketurns::spawn(async move { // in line behind them
    ///         let now = handle.metrics().queue_delay.unwrap();
    ///         is_overloaded(&before, &now)
    ///     })
    ///     .await
    ///     .unwrap()
    /// });
    /// assert!(refused);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn histograms(mut self, on: bool) -> Self {
        self.histograms = on;
        self
    }

    /// Whether the loop writes down what each live task does, so that a [`Dump`](crate::insight::Dump) of a loop that is stuck
    /// has its tasks, and each dump says what woke a task last: off by default. A task takes 24 bytes, and a turn some 20 ns.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = taketurns::Builder::new().task_slab(true).build()?;
    /// let handle = runtime.handle();
    /// runtime.block_on(async {
    ///     let (dumped, stuck) = std::sync::mpsc::channel();
    ///     std::thread::spawn(move || dumped.send(handle.dump(Duration::from_millis(10))));
    ///     let dump = stuck.recv().unwrap(); // blocks the loop
    ///     assert!(!dump.is_answered());
    ///     println!("{dump}");
    ///     // no answer from the loop within 10ms: it is in the turn of the future of `block_on`, called at src/main.rs:5:9;
    ///     // what it wrote down last: no task and the future of `block_on`:
    ///     // the future of `block_on`, called at src/main.rs:5:9, polled once, running; woken last by the program, between turns
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn task_slab(mut self, on: bool) -> Self {
        self.task_slab = on;
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

    /// Whether deadlocks are reported under the real clock: by default they are not. The reports go to stderr, or to the function of
    /// [`on_deadlock`](Self::on_deadlock).
    ///
    /// Before the loop parks it looks for
    ///
    /// * tasks of which no waker is left: nothing but an abort can ever give them a turn
    ///   ([`Finding::Stuck`](crate::insight::Finding));
    /// * tasks that wait for each other, by handles or by locks, and as far as this crate can see for nothing else
    ///   (`Circle`);
    /// * a task that waits for what was granted to another future of its own, which it does not poll (`Futurelock`);
    /// * a run that nothing can end (`Certain`), or in which nothing is left that is known to wake a task: no timer, no
    ///   socket, no blocking job, no [`Handle`](crate::Handle) (`Suspected`, after a second, or the grace of
    ///   `deadlock_grace`).
    ///
    /// Each is reported once, with what each task waits for. To know that, each future of this crate notes what it waits for
    /// as it begins to, which costs 0.05 to 0.1 us for each wait, and 0.03 us for each lock that is taken. The tasks are
    /// looked at before every park if they and their waits are at most 64, otherwise not more often than once a second, and
    /// for a twentieth of the loop's time at most.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use taketurns::insight::Finding;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let runtime = taketurns::Builder::new()
    ///     .on_deadlock(move |deadlock| tell.send(deadlock.finding()).unwrap())
    ///     .build()?;
    /// runtime.block_on(async {
    ///     taketurns::spawn(std::future::pending::<()>()).detach(); // nothing can ever wake it
    ///     # #[cfg(feature = "time")]
    ///     taketurns::time::sleep(std::time::Duration::from_millis(1)).await;
    ///     # #[cfg(not(feature = "time"))]
    ///     # taketurns::spawn_blocking(|| {}).await.unwrap();
    /// });
    /// assert_eq!(told.try_recv(), Ok(Finding::Stuck));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn report_deadlocks(mut self, reports: bool) -> Self {
        self.on_deadlock = match (reports, self.on_deadlock) {
            (true, on_deadlock) => Some(on_deadlock.unwrap_or(OnDeadlock::Print)),
            (false, _) => None,
        };
        self
    }

    /// [Reports deadlocks](Self::report_deadlocks) to a function in place of stderr. It is called on the loop's thread,
    /// between turns, and may wake tasks. A panic of it is caught and dropped.
    pub fn on_deadlock(mut self, hook: impl Fn(&Deadlock) + Send + Sync + 'static) -> Self {
        self.on_deadlock = Some(OnDeadlock::Call(Arc::new(hook)));
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

    /// From when on a turn that does not end is told of, *while* it lasts: by default none is (zero).
    ///
    /// A thread of its own, the watchdog, then looks four times in a threshold how far the loop is, and tells of a turn (or a
    /// look) that stands still for so long: which task has it, where that was spawned, how many others wait, and on Linux
    /// whether the thread computes, is blocked in a system call, or gets no core. It tells again each time that the stall has
    /// doubled, and once when the loop goes on. [`Stall`] says what, docs/insight.md with examples.
    ///
    /// It tells within 1.25 thresholds of the begin of the turn, give or take what the system takes to wake a thread. 100 ms are a
    /// good threshold for a program that shall answer soon. Less than 1 ms counts as 1 ms. The loop does not wait for the
    /// watchdog; what that costs is the same number of short wakes of a thread, also while the loop is parked.
    ///
    /// While the loop is parked, between runs, and while the process is stopped, nothing stands still.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let runtime = taketurns::Builder::new()
    ///     .stall_threshold(Duration::from_millis(5))
    ///     .on_stall(move |stall| _ = tell.send(stall.clone()))
    ///     .build()?;
    /// let stuck = runtime.spawn(async move { told.recv().unwrap() }); // blocks the loop
    /// let stall = runtime.block_on(stuck).unwrap();
    /// println!("{stall}");
    /// // the loop on thread main stands still: task #1, spawned at src/main.rs:9:21, has had its turn for at least 5.1ms;
    /// // no other task is ready; the thread is blocked in futex (waits for a lock or another thread)
    /// # std::io::Result::Ok(())
    /// ```
    pub fn stall_threshold(mut self, threshold: Duration) -> Self {
        self.watchdog.threshold = Some(threshold);
        self
    }

    /// Sets a function that is called with each [`Stall`], on the watchdog's thread, in place of printing it to stderr. To
    /// have both, print it there: `eprintln!("{stall}")`. Without a [`stall_threshold`](Self::stall_threshold) that is 100 ms.
    ///
    /// A panic of the function is caught and dropped. While it runs, the watchdog does not look. The end of the runtime
    /// waits for it, but at most for 1 s.
    pub fn on_stall(mut self, hook: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.watchdog.on_stall = Some(Arc::new(hook));
        self
    }

    /// Records what the loop does: turns, what woke each task, looks, waits of the thread, spawns, ends, lost tasks. By default it
    /// records nothing (0).
    ///
    /// It keeps the last `events`, rounded up to a power of two, in 16 bytes each; a turn is three or so. When there are more, the
    /// oldest are dropped, and the [`Trace`](crate::insight::Trace) says how many. [`Runtime::trace`] and
    /// [`Handle::trace`](crate::Handle::trace) give it, to look at as a page, in Perfetto or in the terminal.
    ///
    /// An event costs about 10 ns, most of which is the clock, read once a turn. Without a trace, nothing.
    ///
    /// ```
    /// let runtime = taketurns::Builder::new().trace(100_000).build()?;
    /// runtime.block_on(async { taketurns::yield_now().await });
    /// let page = runtime.trace().unwrap().to_html();
    /// assert!(page.starts_with("<!doctype html>")); // write it to a file, and open that in a browser
    /// # std::io::Result::Ok(())
    /// ```
    pub fn trace(mut self, events: usize) -> Self {
        self.trace = events;
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

    /// How many threads the pool for blocking work may have: 64 by default.
    ///
    /// # Panics
    ///
    /// When `threads` is 0.
    #[cfg(feature = "offload")]
    #[track_caller]
    pub fn max_blocking_threads(mut self, threads: usize) -> Self {
        assert!(threads > 0, "`max_blocking_threads` must be at least 1");
        self.blocking.max_threads = threads;
        self
    }

    /// How many blocking jobs may wait, beyond those that the threads run: by default as many as come.
    ///
    /// The pool then has at most `max_blocking_threads` and `jobs` more: those that run, those that wait for a thread or for a
    /// [`Limiter`](crate::offload::Limiter), and the [`Room`](crate::offload::Room)s that are reserved. Beyond them
    /// [`offload::reserve`](crate::offload::reserve) waits, [`offload::try_spawn_blocking`](crate::offload::try_spawn_blocking)
    /// gives the function back, and [`spawn_blocking`](crate::spawn_blocking) drops it: the handle gives a
    /// [`JoinError`](crate::JoinError) that [is_queue_full](crate::JoinError::is_queue_full). With 0, no job waits for a thread.
    /// The names that sockets connect to are resolved on the pool, and wait for room.
    #[cfg(feature = "offload")]
    pub fn max_queued_jobs(mut self, jobs: usize) -> Self {
        self.blocking.max_queued = Some(jobs);
        self
    }

    /// How long a thread of the pool waits for its next job before it ends: 10 s by default.
    #[cfg(feature = "offload")]
    pub fn thread_keep_alive(mut self, keep_alive: Duration) -> Self {
        self.blocking.keep_alive = keep_alive;
        self
    }

    /// Before a thread of the pool sleeps, it may look out for its next job in a loop for this long. By default (zero) it does so
    /// for some microseconds only, and yields its core meanwhile. One thread of the pool does so at a time.
    ///
    /// A job that comes meanwhile costs the loop no system call, and begins within a microsecond. With
    /// [`adaptive_wait`](Self::adaptive_wait) for the way back, a round trip through the pool takes about one microsecond in
    /// place of some ten. The price is CPU time on another core: up to `limit` after each job that no other follows in time, or
    /// after one in 8 of these, if none follows again and again. docs/offload.md has the numbers.
    ///
    /// Where the process may use one core only, no thread spins.
    #[cfg(feature = "offload")]
    pub fn blocking_adaptive_wait(mut self, limit: Duration) -> Self {
        self.blocking.adaptive_wait = limit;
        self
    }

    /// What the names of the pool's threads begin with: `taketurns-blocking` by default. A number follows. (Linux shows the
    /// first 15 bytes of a name.)
    ///
    /// # Panics
    ///
    /// When `prefix` contains a NUL byte, which no thread's name may.
    #[cfg(feature = "offload")]
    #[track_caller]
    pub fn blocking_thread_name(mut self, prefix: impl Into<String>) -> Self {
        let prefix = prefix.into();
        assert!(!prefix.contains('\0'), "`blocking_thread_name` must not contain a NUL byte");
        self.blocking.thread_name = prefix.into();
        self
    }

    /// How large the stack of a thread of the pool is, in bytes: by default as std has it, 2 MiB or what the environment
    /// variable `RUST_MIN_STACK` says. The system makes it at least as large as its own minimum.
    ///
    /// # Panics
    ///
    /// When `bytes` is 0.
    #[cfg(feature = "offload")]
    #[track_caller]
    pub fn blocking_stack_size(mut self, bytes: usize) -> Self {
        assert!(bytes > 0, "`blocking_stack_size` must be at least 1 byte");
        self.blocking.stack_size = Some(bytes);
        self
    }

    /// How long the end of the runtime waits for blocking jobs that have begun: 5 s by default. The
    /// [`ExitReport`](crate::ExitReport) names the jobs that still run then; their threads run on.
    #[cfg(feature = "offload")]
    pub fn blocking_deadline(mut self, deadline: Duration) -> Self {
        self.blocking_deadline = deadline;
        self
    }

    /// Makes the runtime, for this thread.
    ///
    /// # Errors
    ///
    /// When the system gives no descriptor for the reactor, lacks `epoll_pwait2` (Linux before 5.11),
    /// refuses the timer slack, or gives no thread for the watchdog.
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
        if self.watchdog.threshold().is_some() {
            executor.watch();
        }
        if let Some(chooser) = chooser {
            executor = executor.with_chooser(Box::new(UntilAsked(chooser)));
        }
        #[cfg(feature = "tracing")]
        executor.open_scopes(crate::insight::open_span);
        // Whether it will be asked from outside is not known yet.
        #[cfg(feature = "inspect")]
        executor.watch();
        let measured = Measured::new(&self, &executor);
        #[cfg(feature = "offload")]
        let measured = measured.with_jobs(parts.job_counter());
        let reports = parts.deadlock_reports();
        let insights = Arc::new(Insights::new(executor.remote(), reports, measured));
        parts.connect(&executor.remote(), Arc::clone(&insights));
        let mut recording = None;
        if self.trace > 0 {
            let hub = executor.remote();
            let name_of = Box::new(move |task| hub.name_of(task));
            let recorder = Recorder::new(self.trace, parts.timeline_clock(), name_of);
            insights.record(recorder.recording());
            recording = Some(recorder.recording());
            executor.observe(Box::new(recorder));
        }
        let failures = Rc::clone(&parts.failures);
        executor.on_unhandled(move |task, error| failures.add(task, error));
        let Self { on_exit, on_lost, watchdog, .. } = self;
        let watchdog = match watchdog.start(executor.remote(), recording) {
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
