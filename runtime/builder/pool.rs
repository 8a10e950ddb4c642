//! What can be set of the pool for blocking work.

#![forbid(unsafe_code)]

use std::time::Duration;

use super::Builder;

impl Builder {
    /// How many threads the pool for blocking work may have: 64 by default.
    ///
    /// # Panics
    ///
    /// When `threads` is 0.
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
    pub fn max_queued_jobs(mut self, jobs: usize) -> Self {
        self.blocking.max_queued = Some(jobs);
        self
    }

    /// How long a thread of the pool waits for its next job before it ends: 10 s by default.
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
    #[track_caller]
    pub fn blocking_stack_size(mut self, bytes: usize) -> Self {
        assert!(bytes > 0, "`blocking_stack_size` must be at least 1 byte");
        self.blocking.stack_size = Some(bytes);
        self
    }

    /// How long the end of the runtime waits for blocking jobs that have begun: 5 s by default. The
    /// [`ExitReport`](crate::ExitReport) names the jobs that still run then; their threads run on.
    pub fn blocking_deadline(mut self, deadline: Duration) -> Self {
        self.blocking_deadline = deadline;
        self
    }
}
