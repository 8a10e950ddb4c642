//! What is said of tasks: by name where they have one, and to whom.

use std::error::Error;

use super::Hub;
use crate::executor::task::cell::silence;
use crate::executor::task::header::{TaskPtr, count};
use crate::executor::{Id, Info};

impl Hub {
    /// The task that has its turn now; not the future of `block_on`.
    pub(crate) fn current(&self) -> Option<Info> {
        // SAFETY: (ALIVE) its turn holds RUNNING, or the pin that `begin_turn` is about to trade.
        let task = self.running.get().map(|task| unsafe { self.describe(task) });
        task.filter(|task| task.id != Id::ROOT)
    }

    /// # Safety
    ///
    /// (ALIVE), at home.
    pub(in crate::executor::task) unsafe fn describe(&self, task: TaskPtr) -> Info {
        // SAFETY: (ALIVE) as the caller promised; (LEAF) looks up and copies.
        unsafe {
            let (id, polls) = ((*task.as_ptr()).id.get(), (*task.as_ptr()).polls.get());
            Info {
                id: Id(id),
                name: self.names.with(|names| names.get(&id).cloned()),
                site: (*task.as_ptr()).site,
                polls,
                state: count(task).state(polls),
            }
        }
    }

    /// Tells of a failure that nobody awaits.
    pub(crate) fn report(&self, task: Info, error: Box<dyn Error>) {
        let hook = self.on_unhandled.borrow().clone();
        silence(|| match hook {
            Some(hook) => hook(task, error),
            None => eprintln!("{error}; nobody awaits {task}"),
        });
    }

    #[cold]
    pub(super) fn forget_name(&self, id: u64) {
        // SAFETY: (LEAF) keys are numbers.
        unsafe { self.names.with(|names| names.remove(&id)) };
    }
}
