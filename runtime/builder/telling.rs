//! What a runtime tells of itself while it runs: stalls, deadlocks, numbers, its timeline.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use super::Builder;
use crate::common::debug_mode;
use crate::insight::{Deadlock, OnDeadlock, Stall, WatchdogSettings};

#[derive(Clone, Debug)]
pub(in crate::runtime) struct Telling {
    pub(super) watchdog: WatchdogSettings,
    pub(in crate::runtime) on_deadlock: Option<OnDeadlock>,
    pub(in crate::runtime) histograms: bool,
    pub(in crate::runtime) task_slab: bool,
    /// How many events of the timeline are kept; 0: there is none.
    pub(super) trace: usize,
}

impl Default for Telling {
    /// Nothing is told, but in the debug mode turns that do not end, and deadlocks.
    fn default() -> Self {
        Self {
            watchdog: WatchdogSettings::default(),
            on_deadlock: debug_mode::is_on().then_some(OnDeadlock::Print),
            histograms: false,
            task_slab: false,
            trace: 0,
        }
    }
}

impl Builder {
    /// From when on a turn that does not end is told of, *while* it lasts. By default none is; with a function for
    /// [`on_stall`](Self::on_stall), or with `TAKETURNS_DEBUG=1` in the environment, those of 100 ms are. Zero: none is, with either.
    ///
    /// A thread of its own, the watchdog, then looks four times in a threshold how far the loop is, and tells of a turn (or a
    /// look) that stands still for so long: which task has it, where that was spawned, how many others wait, and on Linux
    /// whether the thread computes, is blocked in a system call, or gets no core. It tells again each time that the stall has
    /// doubled, and once when the loop goes on. The first line of a stall ends with what to do about it. [`Stall`] says what,
    /// docs/insight.md with examples.
    ///
    /// It tells within 1.25 thresholds of the begin of the turn, give or take what the system takes to wake a thread. 100 ms are a
    /// good threshold for a program that shall answer soon. Less than 1 ms counts as 1 ms. The loop does not wait for the
    /// watchdog; what that costs is the same number of short wakes of a thread, also while the loop is parked.
    ///
    /// While the loop is parked, between runs, and while the process is stopped, nothing stands still. For stops shorter than a
    /// quarter of the threshold [`Stall::lasted`] has the exceptions.
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
    /// // no other task is known to be ready; the thread is blocked in futex (waits for a lock or another thread);
    /// // move the call to `spawn_blocking`, or await an async counterpart
    /// # std::io::Result::Ok(())
    /// ```
    pub fn stall_threshold(mut self, threshold: Duration) -> Self {
        self.telling.watchdog.threshold = Some(threshold);
        self
    }

    /// Sets a function that is called with each [`Stall`], on a thread of its own, in place of printing it to stderr. To
    /// have both, print it there: `eprintln!("{stall}")`. Without a [`stall_threshold`](Self::stall_threshold) it is told of
    /// turns of 100 ms; with one of zero, set before or after, it is never called.
    ///
    /// A panic of the function is caught and dropped. While it runs, the watchdog goes on looking, so how long a stall lasts
    /// is known all the same, but it tells nothing: the end of that stall, or the next doubling, is told when the
    /// function has returned, and a stall that begins and ends meanwhile is not, but counts in
    /// [`Metrics::stalls`](crate::insight::Metrics::stalls). The end of the runtime waits for the function, but at most for 1 s. All
    /// this is so for the printing, too, if stderr takes nothing.
    pub fn on_stall(mut self, hook: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.telling.watchdog.on_stall = Some(Arc::new(hook));
        self
    }

    /// Whether deadlocks are reported under the real clock: by default they are not. The reports go to stderr, or to the function of
    /// [`on_deadlock`](Self::on_deadlock).
    ///
    /// Before the loop parks, in a run or in its end by [`OnExit`](crate::OnExit), it looks for
    ///
    /// * tasks of which no waker is left: nothing but an abort can ever give them a turn
    ///   ([`Finding::Stuck`](crate::insight::Finding));
    /// * tasks that wait for each other, by handles, locks, sets or groups, and as far as this crate can see for nothing else
    ///   (`Circle`);
    /// * a task that waits for what was granted to another future, which it has not polled since (`Futurelock`; suspected, as that may
    ///   have been moved);
    /// * a run without limit in which nothing is left that is known to wake a task: no timer, no socket, no blocking job, no
    ///   [`Handle`](crate::Handle). If no waker of its future is left either, that is certain (`Certain`); otherwise suspected (`Suspected`,
    ///   after a second, or the grace of `deadlock_grace`).
    ///
    /// A host loop parks by itself: [`Runtime::try_tick`](crate::Runtime::try_tick) does not look.
    ///
    /// Each is reported once, with what each task waits for. To know that, each future of this crate notes what it waits for
    /// as it begins to, which costs 0.05 to 0.1 us for each wait, and 0.03 us for each lock that is taken. The tasks are
    /// looked at before every park if they and their waits are at most 64, which adds 0.4 to 0.6 us of CPU time to the park for each
    /// that waits. If they are more, not more often than once a second, and for a twentieth of the loop's time at most. A loop
    /// that never parks reports nothing.
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
        self.telling.on_deadlock = match (reports, self.telling.on_deadlock) {
            (true, on_deadlock) => Some(on_deadlock.unwrap_or(OnDeadlock::Print)),
            (false, _) => None,
        };
        self
    }

    /// [Reports deadlocks](Self::report_deadlocks) to a function in place of stderr. It is called on the loop's thread,
    /// between turns, and may wake tasks. A panic of it is caught and dropped. While it runs the loop is not parked: in
    /// [`Metrics`](crate::insight::Metrics) and timeline the wait begins after it, and the watchdog tells of one that does not end.
    pub fn on_deadlock(mut self, hook: impl Fn(&Deadlock) + Send + Sync + 'static) -> Self {
        self.telling.on_deadlock = Some(OnDeadlock::Call(Arc::new(hook)));
        self
    }

    /// Whether the loop counts how long its tasks are ready before their turns, how long the turns take, and how long it gives
    /// turns before it looks outside, for [`Metrics`](crate::insight::Metrics): off by default. It reads the clock at the
    /// end of each turn and at each wake, 30 to 60 ns in all.
    ///
    /// The time in the run queue grows when a loop has many turns to give, and the time from look to look when turns are long:
    /// what came from outside meanwhile is in no queue yet. So a server can refuse work by the two. A turn that goes on is in
    /// neither: while it does, another thread has [`stall_threshold`](Self::stall_threshold).
    ///
    /// ```
    /// use std::time::Duration;
    /// use taketurns::insight::Metrics;
    ///
    /// /// Whether the loop had more to do than it could, in the time between two readings.
    /// fn is_overloaded(before: &Metrics, now: &Metrics) -> bool {
    ///     let pairs = [(&before.queue_delay, &now.queue_delay), (&before.look_gap, &now.look_gap)];
    ///     pairs.into_iter().any(|(before, now)| {
    ///         let since = now.as_ref().unwrap().since(before.as_ref().unwrap());
    ///         since.percentile(90.0).is_some_and(|delay| delay > Duration::from_millis(50))
    ///     })
    /// }
    ///
    /// let runtime = taketurns::Builder::new().histograms(true).build()?;
    /// let handle = runtime.handle();
    /// let refused = runtime.block_on(async {
    ///     let before = handle.metrics();
    ///     for _ in 0..10 {
    ///         taketurns::spawn(async { std::thread::sleep(Duration::from_millis(60)) }).detach();
    ///     }
    ///     taketurns::spawn(async move { // in line behind them
    ///         let now = handle.metrics();
    ///         is_overloaded(&before, &now)
    ///     })
    ///     .await
    ///     .unwrap()
    /// });
    /// assert!(refused);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn histograms(mut self, on: bool) -> Self {
        self.telling.histograms = on;
        self
    }

    /// Whether the loop writes down what each live task does, so that a [`Dump`](crate::insight::Dump) of a loop that is stuck
    /// has its tasks, and each dump says what woke a task last: off by default. A task takes 32 bytes, and a turn some 5 to 10 ns.
    /// (What a task waits for is in a dump with [`report_deadlocks`](Self::report_deadlocks), as that costs more.)
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
        self.telling.task_slab = on;
        self
    }

    /// Records what the loop does: turns, what woke each task, looks, waits of the thread, spawns, ends, lost tasks, blocking
    /// jobs. By default it records nothing (0).
    ///
    /// It keeps the last `events`, rounded up to a power of two, in 16 bytes each; a turn that follows another is one. More than 2^26 it does not
    /// keep, whatever `events` is: that is 1 GiB, which [`build`](Self::build) takes at once, in some seconds. When there are more, the
    /// oldest are dropped, and the [`Trace`](crate::insight::Trace) says how many. [`Runtime::trace`](crate::Runtime::trace) and
    /// [`Handle::trace`](crate::Handle::trace) give it, to look at as a page, in Perfetto or in the terminal.
    ///
    /// A turn that is recorded costs 23 ns more, most of which is the clock, read once a turn. Without a trace, nothing.
    ///
    /// ```
    /// let runtime = taketurns::Builder::new().trace(100_000).build()?;
    /// runtime.block_on(async { taketurns::yield_now().await });
    /// let page = runtime.trace().unwrap().to_html();
    /// assert!(page.starts_with("<!doctype html>")); // write it to a file, and open that in a browser
    /// # std::io::Result::Ok(())
    /// ```
    pub fn trace(mut self, events: usize) -> Self {
        self.telling.trace = events;
        self
    }
}
