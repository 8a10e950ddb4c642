//! [`Background`]: a runtime on a thread of its own.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{Location, RefUnwindSafe, UnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::body::{Body, Common, discard};
use crate::executor::{JoinError, silence};
use crate::group::cancel::CancellationToken;
use crate::runtime::Builder;
use crate::threads::Handle;

/// How long the drop waits, unless [`Background::with_drop_deadline`] says otherwise. It is longer than the runtime's own wait
/// for blocking jobs, 5 s by default, which is a part of it: a job that is stuck is named by the runtime then.
pub(super) const DROP_DEADLINE: Duration = Duration::from_secs(6);

/// A runtime on a thread of its own, for a program that is synchronous itself. It lives as long as its main future, which
/// [`start`](Self::start) is given; other threads send it work by its [`handle`](Self::handle).
///
/// ```
/// use taketurns::{Background, Builder};
///
/// let background = Background::start(Builder::new(), |stop| async move {
///     // Here: spawn tasks, listen on sockets. They run while this future does.
///     stop.cancelled().await;
///     "goodbye"
/// })?;
/// let sent = background.handle().spawn(async { 6 * 7 });
/// assert_eq!(sent.wait().unwrap(), 42);
/// background.stop();
/// assert_eq!(background.join().unwrap(), "goodbye");
/// # std::io::Result::Ok(())
/// ```
///
/// # How it ends
///
/// When the main future has ended, the runtime ends on its thread: tasks that are left are treated as
/// [`Builder::on_exit`] says. Then [`join`](Self::join) returns, and the thread is gone.
///
/// [`stop`](Self::stop) only asks. ([`Handle::stop`] has no effect here: it ends a `run_forever`.) The main future must listen to the token that it was given, and end:
/// `stop.cancelled().await`, or [`stop.run_until_cancelled(..)`](CancellationToken::run_until_cancelled).
///
/// Dropping it stops it and waits until the thread is gone, also while the dropping thread panics. If the thread is still there
/// after 6 s ([`with_drop_deadline`](Self::with_drop_deadline)), it is left alone, and a line on stderr says so. A panic of the
/// main future that no `join` received is printed too.
///
/// A loop cannot wait for itself. If a `Background` is dropped on its own thread, as by a task that owns it, or in a blocking
/// job of its own, it is stopped and not waited for, and a line on stderr says so.
///
/// The destructors of the thread's thread-locals run last of all, and no limit holds for them: one that is stuck keeps
/// `join`, `join_timeout` and the drop. std does not tell when they are done.
///
/// Both `join` and the drop block their thread. In a task of another loop, move the `Background` into
/// `spawn_blocking(move || background.join())`.
///
/// # Panics of its tasks
///
/// They stay with their tasks, as in every runtime. Under [`UnhandledPanic::Stop`](crate::UnhandledPanic::Stop) an unhandled one
/// ends the loop: `join` gives it.
#[must_use = "dropping it stops the loop at once: keep it for as long as the loop is needed"]
pub struct Background<T> {
    handle: Handle,
    stop: CancellationToken,
    common: Arc<Common<T>>,
    /// `None`: it is a daemon.
    drop_deadline: Option<Duration>,
    /// `None` once it has been joined.
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts a thread, makes a runtime on it as `builder` says, and runs there the future that `main` returns. Returns when the
    /// runtime is made; `main` has perhaps not been called yet.
    ///
    /// `main` is called on the new thread, inside of the runtime, so its future need not be `Send`. It is given a token that
    /// [`stop`](Self::stop) cancels.
    ///
    /// The thread has the name of [`Builder::thread_name`].
    ///
    /// # Errors
    ///
    /// When the system starts no thread, and the errors of [`Builder::build`]. `main` is dropped then.
    ///
    /// # Panics
    ///
    /// With the panic of [`Builder::build`], if that panics.
    #[track_caller]
    pub fn start<F, Fut>(builder: Builder, main: F) -> io::Result<Self>
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = T>,
    {
        Self::start_prepared(builder, Location::caller(), || Ok(()), main)
    }

    /// As [`start`](Self::start), called at `site`. The thread calls `prepare` before it makes the runtime.
    pub(super) fn start_prepared<P, F, Fut>(
        builder: Builder,
        site: &'static Location<'static>,
        prepare: P,
        main: F,
    ) -> io::Result<Self>
    where
        P: FnOnce() -> io::Result<()> + Send + 'static,
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = T>,
    {
        let name = builder.name_of_thread().unwrap_or("taketurns-loop").to_owned();
        let common = Arc::new(Common::new(name.clone(), site));
        let stop = CancellationToken::new();
        let body = Body { prepare, builder, main, stop: stop.clone(), common: Arc::clone(&common) };
        let (started, starts) = sync_channel(1);
        let thread = thread::Builder::new().name(name).spawn(move || body.run(&started))?;
        match starts.recv() {
            Ok(Ok(handle)) => Ok(Self {
                handle,
                stop,
                common,
                drop_deadline: Some(DROP_DEADLINE),
                thread: Some(thread),
            }),
            Ok(Err(error)) => {
                join_thread(thread);
                Err(error)
            }
            Err(_) => match thread.join() {
                Err(panic) => resume_unwind(panic),
                Ok(()) => unreachable!("the thread sends a handle or an error, or panics"),
            },
        }
    }

    /// As [`start`](Self::start), for a loop that the end of the process may cut off anywhere. Its drop neither stops it nor
    /// waits: the loop runs on.
    ///
    /// When the process ends, the loop is not told. Its thread is gone in the middle of a turn; nothing of it is dropped,
    /// nothing is written that was not written yet. So use it only for work that may be lost at any point, such as a
    /// sampler of metrics. [`stop`](Self::stop) and [`join`](Self::join) work as ever, for as long as the `Background` is kept.
    /// A panic of the main future that no `join` received is printed.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// ```
    /// use taketurns::{Background, Builder};
    ///
    /// let daemon = Background::daemon(Builder::new(), |_stop| std::future::pending::<()>())?;
    /// let handle = daemon.handle();
    /// drop(daemon); // the loop runs on
    /// assert_eq!(handle.spawn(async { 42 }).wait().unwrap(), 42);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn daemon<F, Fut>(builder: Builder, main: F) -> io::Result<Self>
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = T>,
    {
        let mut background = Self::start(builder, main)?;
        background.drop_deadline = None;
        Ok(background)
    }
}

impl<T> Background<T> {
    /// How long the drop waits for the thread to end: 6 s by default. `Duration::ZERO` does not wait: the drop says on
    /// stderr that the loop still runs, if it does. `Duration::MAX` waits without limit. The drop of a [`daemon`](Self::daemon) never waits.
    ///
    /// The end of the runtime is part of the wait. So [`Builder::on_exit`]'s times and `Builder::blocking_deadline` (5 s by
    /// default) should be less than this together.
    pub fn with_drop_deadline(mut self, deadline: Duration) -> Self {
        self.drop_deadline = self.drop_deadline.map(|_| deadline);
        self
    }

    /// A way in, for other threads and other loops. It may outlive the loop.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Asks the main future to end, by the token that it was given. Does not wait.
    pub fn stop(&self) {
        self.stop.cancel("its loop was stopped");
    }

    /// The token that the main future was given: to stop the loop from elsewhere, while this value waits in
    /// [`join`](Self::join). A handler of Ctrl-C takes one.
    ///
    /// ```
    /// use taketurns::{Background, Builder};
    ///
    /// let background = Background::start(Builder::new(), |stop| async move {
    ///     stop.cancelled().await;
    ///     "all is stored"
    /// })?;
    /// let stop = background.stop_token();
    /// # let interrupted = || ();
    /// let handler = std::thread::spawn(move || {
    ///     interrupted(); // here: until the signal comes, as by the crate signal-hook
    ///     stop.cancel("Ctrl-C");
    /// });
    /// assert_eq!(background.join().unwrap(), "all is stored");
    /// # handler.join().unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Whether the main future and its runtime have ended, so that [`join`](Self::join) returns at once.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.common.ending.is_filled()
    }

    /// Waits until the main future has ended, and its runtime and its thread with it. Returns the output of the future.
    ///
    /// It does not stop the loop: call [`stop`](Self::stop) before, unless the main future ends by itself. It blocks this thread.
    ///
    /// # Errors
    ///
    /// * The main future panicked ([is_panic](JoinError::is_panic)), or the run did, as under
    ///   [`UnhandledPanic::Stop`](crate::UnhandledPanic::Stop).
    /// * This is the loop's own thread, or a blocking job of the loop ([is_own_thread](JoinError::is_own_thread)): the wait would
    ///   be for itself. The loop is stopped, as no `Background` is left to do that.
    ///
    /// ```
    /// use taketurns::{Background, Builder};
    ///
    /// let background = Background::start(Builder::new(), |_| async { panic!("out of coffee") })?;
    /// let error = background.join().unwrap_err();
    /// assert_eq!(*error.into_panic().unwrap().downcast::<&str>().unwrap(), "out of coffee");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn join(mut self) -> Result<T, JoinError> {
        let is_own = self.is_own();
        let thread = self.thread.take().expect("only `join` and `drop` take it");
        if !is_own {
            let outcome = self.common.ending.take();
            join_thread(thread);
            return outcome;
        }
        self.stop();
        // A destructor of a thread-local runs after the end, on the same thread.
        let outcome = self.common.ending.take_or_leave(Duration::ZERO);
        outcome.unwrap_or_else(|| Err(JoinError::own_thread(self.common.subject())))
    }

    /// As [`join`](Self::join), but waits at most for `limit`.
    ///
    /// # Errors
    ///
    /// Gives `self` back when the limit has passed.
    pub fn join_timeout(self, limit: Duration) -> Result<Result<T, JoinError>, Self> {
        if self.is_own() || self.common.ending.is_filled_within(limit) {
            Ok(self.join())
        } else {
            Err(self)
        }
    }
}

/// Stops the loop and waits for its thread, within the deadline; not so a [`daemon`](Background::daemon).
impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        let is_own = self.is_own();
        let Some(thread) = self.thread.take() else { return };
        if self.drop_deadline.is_some() {
            self.stop.cancel("its `Background` was dropped");
        }
        let limit = self.drop_deadline.filter(|_| !is_own);
        match self.common.ending.take_or_leave(limit.unwrap_or_default()) {
            Some(outcome) => {
                if limit.is_some() {
                    join_thread(thread);
                }
                discard(outcome);
            }
            None if self.drop_deadline.is_none() => {}
            None if is_own => self.say(
                "was dropped on its own thread, or in a blocking job of its own, which cannot wait for itself: it is stopped \
                 and not waited for. Drop it on another thread, or `join` it there",
            ),
            None => self.say(
                "has not ended by the deadline of its drop, and is left alone: let its main future end when the token `stop` is \
                 cancelled, keep turns, destructors and blocking jobs short, or allow more time by `with_drop_deadline`",
            ),
        }
    }
}

impl<T> Background<T> {
    /// Whether the loop can end only when this thread goes on: it is the loop's own thread, or is in a blocking job of the loop.
    pub(super) fn is_own(&self) -> bool {
        self.handle.needs_this_thread()
    }

    /// Prints a line about this loop. A closed stderr is no panic.
    fn say(&self, what: &str) {
        let (thread, site) = (self.common.thread.escape_debug(), self.common.site);
        silence(|| eprintln!("the loop of thread `{thread}`, started at {site}, {what}"));
    }
}

// A panic leaves nothing half done that could be seen through it.
impl<T> UnwindSafe for Background<T> {}
impl<T> RefUnwindSafe for Background<T> {}

/// Waits for a thread that has nothing left to do.
fn join_thread(thread: JoinHandle<()>) {
    silence(|| drop(thread.join()));
}

impl<T> fmt::Debug for Background<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background")
            .field("thread", &self.common.thread)
            .field("stopped", &self.stop.is_cancelled())
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
