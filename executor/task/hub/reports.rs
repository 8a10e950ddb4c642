//! What is said of tasks: by name where they have one, and to whom.

use std::error::Error;
use std::ptr::NonNull;
use std::task::Waker;

use super::Hub;
use crate::executor::contain::{print, silence};
use crate::executor::primitives::order;
use crate::executor::task::header::{TaskPtr, count};
use crate::executor::task::waker;
use crate::executor::{Id, Info, State};

impl Hub {
    /// Whether `waker` is the one that the task which has its turn now was polled with.
    pub(crate) fn is_running(&self, waker: &Waker) -> bool {
        let running = self.running.get();
        running.is_some() && waker::task_of(waker, NonNull::from(self)) == running
    }

    /// The task that has its turn now; not the future of `block_on`.
    pub(crate) fn current(&self) -> Option<Info> {
        // SAFETY: (ALIVE) its turn holds RUNNING, or the pin that `begin_turn` is about to trade.
        let task = self.running.get().map(|task| unsafe { self.describe(task) });
        task.filter(|task| task.id != Id::ROOT)
    }

    /// Those that have not ended, in the order of spawning.
    pub(super) fn live_tasks(&self) -> Vec<TaskPtr> {
        // SAFETY: (LEAF) copies pointers.
        let mut tasks: Vec<TaskPtr> = unsafe { self.live.with(|live| live.iter().collect()) };
        // SAFETY: (ALIVE) LISTED is held.
        tasks.sort_by_key(|task| unsafe { (*task.as_ptr()).id.get() });
        tasks
    }

    /// All that have not ended, the future of `block_on` first; each with who awaits its handle.
    pub(crate) fn blocked(&self) -> Vec<(Info, Option<Id>)> {
        // SAFETY: (ALIVE) LISTED is held; the root's handle is further up the stack, in `with_root`.
        let describe = |task| unsafe { self.describe(task) };
        // SAFETY: (ALIVE) as above.
        let awaiter = |task: TaskPtr| unsafe { (*task.as_ptr()).waiters.awaiter(self) };
        let all = self.root.get().into_iter().chain(self.live_tasks());
        all.map(|task| (describe(task), awaiter(task).map(|by| describe(by).id))).collect()
    }

    /// The run can never end: no waker is left of the root future or, in `run_forever`, of any live task.
    pub(crate) fn is_stuck(&self) -> bool {
        // SAFETY: (ALIVE) LISTED is held; the root's handle is further up the stack, in `with_root`.
        let is_stuck = |task: TaskPtr| unsafe {
            let polls = (*task.as_ptr()).polls.get();
            count(task).state(polls) == State::Stuck
        };
        // SAFETY: (LEAF) reads counts.
        let all_are = || unsafe { self.live.with(|live| live.iter().all(is_stuck)) };
        self.root.get().map_or_else(all_are, is_stuck)
    }

    /// Whether something is on its way that a look has not seen: a stop, of a run that it ends, or a wake that
    /// has begun.
    pub(crate) fn expects(&self) -> bool {
        let is_stopped = self.root.get().is_none() && self.stop.load(order::stop_seen()) != 0;
        is_stopped || self.blocked().iter().any(|(task, _)| task.state == State::Ready)
    }

    /// Which task of this executor `waker` wakes.
    pub(crate) fn task_of(&self, waker: &Waker) -> Option<Id> {
        // SAFETY: (ALIVE) by the waker.
        waker::task_of(waker, NonNull::from(self)).map(|task| unsafe { self.describe(task).id })
    }

    /// # Safety
    ///
    /// (ALIVE), at home.
    pub(in crate::executor::task) unsafe fn describe(&self, task: TaskPtr) -> Info {
        // SAFETY: (ALIVE), at home, as the caller promised, so the task's cells may be read; (LEAF) numbers are compared and a
        // text is copied, neither of which is code of the user's.
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
    pub(crate) fn report(&self, task: Option<Info>, error: Box<dyn Error>) {
        // SAFETY: (LEAF) counts one more.
        let hook = unsafe { self.on_unhandled.with(|hook| hook.clone()) };
        silence(|| match hook {
            Some(hook) => hook(task, error),
            None => print(task.as_ref(), &*error),
        });
    }

    #[cold]
    pub(super) fn forget_name(&self, id: u64) {
        // SAFETY: (LEAF) keys are numbers.
        unsafe { self.names.with(|names| names.remove(&id)) };
    }
}
