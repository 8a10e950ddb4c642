//! What the watchdog of a scene tells of one task.
//!
//! A turn ends when its task says so, and the watchdog tells of it when its thread has a core. On a busy machine either may be
//! late. So a task that is to be told of goes on only once it was: the order of the two is not up to the machine.

#![forbid(unsafe_code)]

use std::hint;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taketurns::insight::Stall;

use crate::trace::say;

/// After this a watchdog tells no more.
const PATIENCE: Duration = Duration::from_secs(10);

/// For the watchdog, and for the task.
#[derive(Clone)]
pub(crate) struct Report {
    task: &'static str,
    told: Arc<(Mutex<Vec<Stall>>, Condvar)>,
}

impl Report {
    /// Of the task of this name.
    pub(crate) fn of(task: &'static str) -> Report {
        Report { task, told: Arc::default() }
    }

    /// For [`on_stall`](taketurns::Builder::on_stall).
    pub(crate) fn note(&self, stall: &Stall) {
        if stall.name() == Some(self.task) {
            self.told().push(stall.clone());
            self.told.1.notify_all();
        }
    }

    /// Blocks this thread until the watchdog has told of the task.
    pub(crate) fn wait(&self) {
        let (told, changed) = (self.told(), &self.told.1);
        drop(changed.wait_timeout_while(told, PATIENCE, |told| told.is_empty()));
    }

    /// Computes on this thread until the watchdog has told of the task.
    pub(crate) fn compute(&self) {
        let began = Instant::now();
        while self.told().is_empty() && began.elapsed() < PATIENCE {
            (0..1000).for_each(|_| hint::spin_loop());
        }
    }

    /// What was told first, while the turn lasted.
    pub(crate) fn first(&self) -> Option<Stall> {
        self.told().first().filter(|stall| !stall.is_over()).cloned()
    }

    /// As a line of the scene.
    pub(crate) fn say(&self) {
        say!("reported: {}", self.first().map_or("no task", |_| self.task));
    }

    fn told(&self) -> MutexGuard<'_, Vec<Stall>> {
        self.told.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
