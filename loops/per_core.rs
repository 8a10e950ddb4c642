//! [`PerCore`]: n runtimes on n threads.
//!
//! One runtime could have several threads, which take tasks from each other. But then each task would have to be
//! `Send`, and the run queue, the timers and the reactor would be shared by all threads, and paid for in every turn. So
//! each thread has a whole runtime, and tasks are spread when they are made: by the caller, by the load, or by the
//! kernel as it spreads connections.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::background::{Background, DROP_DEADLINE};
use super::load::Load;
#[cfg(feature = "net")]
use super::pinning::{allowed_cpus, pin_to};
use crate::executor::JoinError;
use crate::group::cancel::CancellationToken;
use crate::runtime::Builder;
use crate::threads::{Handle, RemoteHandle};

/// One runtime a core, each on a thread of its own: for a server that one core cannot serve.
///
/// Nothing is shared between the loops, and no task moves from one to another. So futures need not be `Send`, and a loop pays
/// nothing for the others. The price is that a loop without work does not help one that has too much: it fits many small
/// tasks, and connections that are spread well.
///
/// Each loop runs a main future, which [`PerCoreBuilder::start`] is given. A server listens in it:
#[cfg_attr(
    feature = "net",
    doc = "each loop has a listener of its own on the same port \
           ([`TcpListener::bind_reuse_port`](crate::net::TcpListener::bind_reuse_port)), and the kernel spreads the connections."
)]
#[cfg_attr(
    not(feature = "net"),
    doc = "each loop has a listener of its own on the same port (`TcpListener::bind_reuse_port` of the feature `net`), and the \
           kernel spreads the connections."
)]
/// Other threads send a loop work by [`spawn_on`](Self::spawn_on), and the least loaded loop by [`spawn`](Self::spawn).
///
/// ```
/// use std::rc::Rc;
/// use taketurns::PerCore;
///
/// let loops = PerCore::builder().loops(2).start(|core, stop| async move {
///     stop.cancelled().await; // here: what loop number `core` serves
///     core
/// })?;
/// let sent = loops.spawn(|| async {
///     let local = Rc::new(42); // it never leaves its loop
///     taketurns::yield_now().await;
///     *local
/// });
/// assert_eq!(sent.wait().unwrap(), 42);
/// loops.stop();
/// let ended: Vec<usize> = loops.join().into_iter().map(Result::unwrap).collect();
/// assert_eq!(ended, [0, 1]);
/// # std::io::Result::Ok(())
/// ```
///
/// # How it ends
///
/// As a [`Background`], each of its loops. The drop stops all loops, then waits for all within one deadline.
///
/// A loop whose main future has ended is gone; the others go on. [`spawn`](Self::spawn) leaves it out.
#[must_use = "dropping it stops the loops at once: keep it for as long as they are needed"]
pub struct PerCore<T> {
    loops: Vec<Member<T>>,
    drop_deadline: Duration,
}

/// One loop.
struct Member<T> {
    background: Background<T>,
    load: Arc<Load>,
}

/// Sets up a [`PerCore`]; made by [`PerCore::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct PerCoreBuilder {
    loops: Option<usize>,
    runtime: Builder,
    #[cfg(feature = "net")]
    is_pinned: bool,
}

impl PerCore<()> {
    /// A builder with every setting at its default.
    pub fn builder() -> PerCoreBuilder {
        PerCoreBuilder {
            loops: None,
            runtime: Builder::new(),
            #[cfg(feature = "net")]
            is_pinned: false,
        }
    }
}

impl PerCoreBuilder {
    /// How many loops: by default [`available_parallelism`](thread::available_parallelism), 1 where that is not known.
    ///
    /// # Panics
    ///
    /// When `loops` is 0.
    #[track_caller]
    pub fn loops(mut self, loops: usize) -> Self {
        assert!(loops > 0, "`loops` must be at least 1");
        self.loops = Some(loops);
        self
    }

    /// How each runtime is made. Its [`thread_name`](Builder::thread_name) is the first part of the threads' names:
    /// those of "web" are "web-0", "web-1" and so on; without a name it is "taketurns".
    pub fn runtime(mut self, runtime: Builder) -> Self {
        self.runtime = runtime;
        self
    }

    /// Whether each thread runs on one CPU alone: by default not. Loop *i* gets the *i*-th of the CPUs that the calling
    /// thread may run on; if there are more loops than CPUs, it begins again with the first.
    ///
    /// A thread that stays finds its memory in the CPU's caches. But it also waits there while another thread has the
    /// CPU and the next CPU is free. So measure, and pin only if nothing else runs on the machine. The threads of a
    /// loop's pool for blocking work inherit the CPU.
    #[cfg(feature = "net")]
    pub fn pinned(mut self, is_pinned: bool) -> Self {
        self.is_pinned = is_pinned;
        self
    }

    /// Starts the loops. On each thread `main` is called with the number of its loop, counted from 0, and a token that
    /// [`PerCore::stop`] cancels. Returns when all runtimes are made; their main futures have perhaps not begun.
    ///
    /// `main` is called inside of the loop's runtime, so its future need not be `Send`. An error of it, as of a listener that
    /// cannot bind, is its output: it ends that loop alone, and [`PerCore::join`] gives it.
    ///
    /// # Errors
    ///
    /// As [`Background::start`], or that a thread cannot be pinned. The loops that did start are stopped then,
    /// and waited for, as by the drop of a [`PerCore`].
    #[track_caller]
    pub fn start<T, F, Fut>(self, main: F) -> io::Result<PerCore<T>>
    where
        T: Send + 'static,
        F: Fn(usize, CancellationToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = T>,
    {
        let site = Location::caller();
        let count =
            self.loops.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        #[cfg(feature = "net")]
        let cpus = if self.is_pinned { allowed_cpus()? } else { Vec::new() };
        let prefix = self.runtime.name_of_thread().unwrap_or("taketurns").to_owned();
        let main = Arc::new(main);
        // Dropped by an error: then those that have started are stopped.
        let mut started = PerCore { loops: Vec::new(), drop_deadline: DROP_DEADLINE };
        for core in 0..count {
            #[cfg(feature = "net")]
            let cpu = (!cpus.is_empty()).then(|| cpus[core % cpus.len()]);
            let prepare = move || {
                #[cfg(feature = "net")]
                cpu.map_or(Ok(()), pin_to)?;
                Ok(())
            };
            let load = Load::new();
            let (main, ends) = (Arc::clone(&main), load.ends());
            let runs = move |stop| async move {
                let _ends = ends;
                main(core, stop).await
            };
            let builder = self.runtime.clone().thread_name(format!("{prefix}-{core}"));
            #[cfg(feature = "net")]
            let builder = if self.is_pinned { builder.of_cores(cpus.len()) } else { builder };
            let background = Background::start_prepared(builder, site, prepare, runs)?;
            started.loops.push(Member { background, load });
        }
        Ok(started)
    }
}

impl<T> PerCore<T> {
    /// As [`Background::with_drop_deadline`]: one deadline for all loops together.
    pub fn with_drop_deadline(mut self, deadline: Duration) -> Self {
        self.drop_deadline = deadline;
        self
    }

    /// How many loops there are, those included that have ended: at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.loops.len()
    }

    /// A way into loop number `core`.
    ///
    /// # Panics
    ///
    /// When there is no such loop.
    #[track_caller]
    #[must_use]
    pub fn handle(&self, core: usize) -> Handle {
        self.member(core).background.handle()
    }

    /// How many of the tasks that [`spawn_on`](Self::spawn_on) and [`spawn`](Self::spawn) have sent to loop number
    /// `core` have not ended. Other tasks of the loop do not count.
    ///
    /// # Panics
    ///
    /// When there is no such loop.
    #[track_caller]
    #[must_use]
    pub fn unfinished(&self, core: usize) -> usize {
        self.member(core).load.tasks()
    }

    /// Has loop number `core` call `make` and run the future that it returns, which need not be `Send`: see
    /// [`Handle::spawn_with`].
    ///
    /// # Panics
    ///
    /// When there is no such loop. A panic of `make` or of the future is the error of the handle.
    #[track_caller]
    pub fn spawn_on<F, Fut>(&self, core: usize, make: F) -> RemoteHandle<Fut::Output>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future + 'static,
        Fut::Output: Send + 'static,
    {
        self.member(core).spawn(make)
    }

    /// As [`spawn_on`](Self::spawn_on), on the loop with the fewest [unfinished](Self::unfinished) tasks; of several,
    /// on the first. A loop whose main future has ended is left out while another runs.
    ///
    /// The counts are read one after the other, while other threads may spawn and tasks end. So it is a good choice, not
    /// always the best.
    #[track_caller]
    pub fn spawn<F, Fut>(&self, make: F) -> RemoteHandle<Fut::Output>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future + 'static,
        Fut::Output: Send + 'static,
    {
        let least = self.loops.iter().min_by_key(|member| member.load.rank());
        least.expect("there is at least one").spawn(make)
    }

    /// Asks all main futures to end. Does not wait.
    pub fn stop(&self) {
        for member in &self.loops {
            member.background.stop();
        }
    }

    /// Waits until all loops have ended, and gives what each ended with, in the order of their numbers. It does not stop them.
    /// It blocks this thread.
    ///
    /// # Errors
    ///
    /// Each result is as of [`Background::join`]. If this is the own thread of one of the loops, all are stopped: the
    /// others would else keep that thread for as long as they run.
    #[must_use = "the errors of the loops are in it"]
    pub fn join(mut self) -> Vec<Result<T, JoinError>> {
        if self.loops.iter().any(|member| member.background.is_own()) {
            self.stop();
        }
        mem::take(&mut self.loops).into_iter().map(|member| member.background.join()).collect()
    }

    #[track_caller]
    fn member(&self, core: usize) -> &Member<T> {
        let len = self.len();
        match self.loops.get(core) {
            Some(member) => member,
            None => {
                panic!("there is no loop number {core}: this `PerCore` has {len}, numbered from 0")
            }
        }
    }
}

impl<T> Member<T> {
    #[track_caller]
    fn spawn<F, Fut>(&self, make: F) -> RemoteHandle<Fut::Output>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future + 'static,
        Fut::Output: Send + 'static,
    {
        let ticket = self.load.ticket();
        self.background.handle().spawn_with(move || {
            let future = make();
            async move {
                let _ticket = ticket; // dropped with the future: however the task ends
                future.await
            }
        })
    }
}

/// Stops all loops, then waits for their threads, within the deadline.
impl<T> Drop for PerCore<T> {
    fn drop(&mut self) {
        let begin = Instant::now();
        self.stop();
        for member in self.loops.drain(..) {
            let left = self.drop_deadline.saturating_sub(begin.elapsed());
            drop(member.background.with_drop_deadline(left));
        }
    }
}

impl<T> fmt::Debug for PerCore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.loops.iter().map(|member| &member.background)).finish()
    }
}
