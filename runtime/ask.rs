//! What any thread may ask of a runtime by a [`Handle`]: metrics, and a dump.

#![forbid(unsafe_code)]

use std::time::Duration;

use super::Runtime;
use super::insights::Insights;
use crate::common::awaited::MOST_HOLDERS;
use crate::insight::{Dump, Metrics, Questions};
use crate::threads::Handle;

impl Insights {
    pub(super) fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::read(&self.hub);
        metrics.stalls = self.stalls();
        metrics.deadlocks = self.deadlock_reports.as_ref().map(|reports| reports.count());
        metrics.queue_delay = self.measured.queue_delay();
        metrics.poll_time = self.measured.poll_time();
        metrics.look_gap = self.measured.look_gap();
        #[cfg(feature = "offload")]
        {
            metrics.jobs = self.measured.jobs();
        }
        metrics
    }
}

impl Handle {
    /// What the loop has done so far, and what it has now. Never waits for a turn to end, and costs the loop nothing but a short lock
    /// when a task with a name has its turn, so it may be asked as often as one likes, and also while the loop is stuck. After the runtime has ended, they are its last.
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// let handle = runtime.handle();
    /// runtime.block_on(async {
    ///     taketurns::spawn(async {}).await.unwrap();
    ///     let metrics = std::thread::spawn(move || handle.metrics()).join().unwrap();
    ///     assert_eq!((metrics.spawned, metrics.live), (1, 0));
    ///     println!("{metrics}");
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        match self.attached::<Insights>() {
            Some(insights) => insights.metrics(),
            None => Metrics::read(self.hub()), // of a bare executor
        }
    }

    /// Lists every live task: what it is, where it was spawned, how it stands, and which task awaits it. No task is polled for
    /// it.
    ///
    /// On another thread this asks the loop, and waits for the answer. It gives up once the loop has been silent for `limit`; the
    /// dump then has what a loop that is [stuck](Dump::is_answered) has written down before. The loop lists its tasks in slices of
    /// a quarter of a millisecond. Between two slices other tasks have their turns, so tasks may come and go meanwhile: a task
    /// that lives all the while is listed, no task is listed twice, and each is described as it stood when its slice was listed.
    /// What the tasks wait for, if the runtime [notes](crate::Builder::report_deadlocks) that, is copied in slices behind them, as it
    /// is then.
    ///
    /// At most 16 threads may wait for the answers of a loop; one more is told so, at once, with what the loop has written down. A
    /// dump has a million tasks at most, and says [how many it leaves out](Dump::left_out).
    ///
    /// In a task, or anywhere else on the loop's own thread, it reads the list at once, and `limit` does not matter.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = taketurns::Runtime::new()?;
    /// let handle = runtime.handle();
    /// runtime.block_on(async {
    ///     let task = taketurns::spawn(std::future::pending::<()>());
    ///     let dump = taketurns::spawn_blocking(move || handle.dump(Duration::from_secs(5)));
    ///     println!("{}", dump.await.unwrap());
    ///     drop(task);
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn dump(&self, limit: Duration) -> Dump {
        let insights = self.attached::<Insights>();
        let slab = insights.as_ref().and_then(|all| all.measured.slab());
        let of_bare_executor = Questions::default();
        let questions = insights.as_ref().map_or(&of_bare_executor, |all| &all.questions);
        Dump::take(self.hub(), questions, slab, self.is_home(), limit)
    }
}

impl Runtime {
    /// What the loop has done so far, as [`Handle::metrics`].
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.handle().metrics()
    }

    /// Lists every live task, as [`Handle::dump`] does in a task, and also between runs.
    ///
    /// ```
    /// let runtime = taketurns::Runtime::new()?;
    /// runtime.spawn(std::future::pending::<()>()).detach();
    /// let dump = runtime.dump();
    /// assert_eq!(dump.tasks().len(), 1);
    /// println!("{dump}");
    /// // 1 task:
    /// // task #1, spawned at src/main.rs:2:9, never polled, ready to run
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn dump(&self) -> Dump {
        let insights = self.handle().attached::<Insights>();
        let slab = insights.as_ref().and_then(|all| all.measured.slab());
        let waits = self.parts.explained.as_ref().map(|table| table.waits(MOST_HOLDERS));
        Dump::at_home(self.executor.hub(), waits, slab)
    }
}
