//! How a runtime ends: its tasks as [`OnExit`] says, then what is left, then the pool.

#![forbid(unsafe_code)]

use std::panic::Location;
use std::thread;
use std::time::Instant;

use super::builder::OnLost;
use super::report::Lost;
use super::{ExitReport, OnExit, Runtime};
use crate::executor::silence;

impl Runtime {
    /// Ends. Whether a failure that was to stop a run ([`UnhandledPanic::Stop`](super::UnhandledPanic::Stop))
    /// came too late for that.
    #[cfg(feature = "time")]
    pub(crate) fn end_and_tell(mut self) -> bool {
        self.end(self.made);
        self.parts.failures.came_late()
    }

    /// `site`: for a run inside a destructor, which is refused.
    pub(super) fn end(&mut self, site: &'static Location<'static>) -> ExitReport {
        self.ended = true;
        let _entered = self.parts.enter();
        self.parts.failures.end();
        self.let_tasks_end(site);
        let lost = self.executor.end(site);
        if let Some(OnLost(hook)) = &self.on_lost {
            lost.iter().for_each(|task| silence(|| hook(task)));
        }
        ExitReport::new(lost, self.parts.shut())
    }

    fn let_tasks_end(&self, site: &'static Location<'static>) {
        let limit = match self.on_exit {
            OnExit::Drop => return,
            OnExit::Cancel { grace } => {
                self.parts.ending.ask();
                grace
            }
            OnExit::Wait { deadline } => deadline,
        };
        let begin = Instant::now();
        while self.executor.live() > 0 && !thread::panicking() {
            let left = limit.saturating_sub(begin.elapsed());
            if left.is_zero() || self.executor.tick_within(left, site).is_err() {
                return;
            }
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if !self.ended {
            let report = self.end(self.made);
            if cfg!(debug_assertions) && self.on_lost.is_none() && !report.lost().is_empty() {
                let lost = Lost { tasks: report.lost(), how: " when the runtime was dropped" };
                silence(|| eprintln!("{lost}"));
            }
        }
    }
}
