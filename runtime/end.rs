//! How a runtime ends: first its tasks, as [`OnExit`] says; then the tasks that are left; then the pool.

#![forbid(unsafe_code)]

use std::error::Error;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::builder::OnLost;
use super::{OnExit, Runtime};
use crate::common::debug_mode;
use crate::common::running_job::RunningJob;
use crate::executor::{Info, silence};
use crate::insight::{ExitReport, Lost, StillRunning};

impl Runtime {
    /// Ends the runtime. Gives the texts of the failures that were to stop a run
    /// ([`UnhandledPanic::Stop`](crate::UnhandledPanic::Stop)) and came too late for that.
    #[cfg(feature = "time")]
    pub(crate) fn end_and_tell(mut self) -> Vec<String> {
        self.end(self.made);
        let came_late = self.parts.failures.came_late();
        drop(self); // not as this returns: a destructor that panics then would leak them
        came_late
    }

    /// Ends the runtime, step by step. A panic in one step does not keep it from the next. `site` is what
    /// [`Nested`](crate::Nested) names if a destructor tries to run the loop.
    pub(super) fn end(&mut self, site: &'static Location<'static>) -> ExitReport {
        self.ended = true;
        let _entered = self.parts.enter();
        self.parts.failures.begin_end();
        let waited = catch_unwind(AssertUnwindSafe(|| self.let_tasks_end(site)));
        if let Err(payload) = waited {
            silence(|| drop(payload)); // the panic hook has printed its text
            self.tell("the loop panicked, so the end of the runtime no longer waits for its tasks");
        }
        let lost = self.executor.close_at(site);
        if let Some(OnLost(hook)) = self.on_lost.take() {
            lost.iter().for_each(|task| silence(|| hook(task)));
            silence(|| drop(hook)); // what it owns may panic too
        }
        self.watchdog = None; // it has watched the destructors too
        let report = ExitReport::new(lost, self.parts.shut_down());
        if debug_mode::is_on() {
            print(report.lost(), report.still_running(), "when the runtime ended");
        }
        report
    }

    /// Reports a failure that belongs to no task.
    fn tell(&self, error: impl Into<Box<dyn Error>>) {
        self.parts.failures.add(None, error.into());
    }

    /// Gives turns until each task has ended or can never go on, but not longer than `on_exit` says.
    fn let_tasks_end(&self, site: &'static Location<'static>) {
        let limit = match self.on_exit {
            OnExit::Drop => return,
            OnExit::Cancel { grace } => {
                self.executor.ask_all(&"the runtime ends".into(), site);
                grace
            }
            OnExit::Wait { deadline } => deadline,
        };
        let begin = Instant::now();
        // What a `Handle` has sent becomes a task in a look, so a look that finds no task ready comes before the first wait.
        let mut wait = Duration::ZERO;
        loop {
            let left = limit.saturating_sub(begin.elapsed());
            if left.is_zero() || thread::panicking() {
                return;
            }
            match self.executor.tick_within(wait.min(left), site) {
                Ok(true) => wait = Duration::ZERO,
                Ok(false) if !self.executor.is_stuck() => wait = Duration::MAX,
                Ok(false) | Err(_) => return,
            }
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if !self.ended {
            let has_hook = self.on_lost.is_some();
            let report = self.end(self.made);
            if cfg!(debug_assertions) && !debug_mode::is_on() {
                let lost = if has_hook { &[] } else { report.lost() };
                print(lost, report.still_running(), "when the runtime was dropped");
            }
        }
    }
}

/// Prints what the runtime still had, if it had anything.
fn print(lost: &[Info], still_running: &[RunningJob], when: &str) {
    if !lost.is_empty() {
        let lost = Lost { tasks: lost, how: &format!(" {when}") };
        silence(|| eprintln!("{lost}"));
    }
    if !still_running.is_empty() {
        let jobs = StillRunning(still_running);
        silence(|| eprintln!("left to their threads {when}:{jobs}"));
    }
}
