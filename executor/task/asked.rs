//! Asking a task to end, which leaves the end to the task.
//!
//! An abort drops the future where it stands. To *ask* only makes the task's [`CancelRequest`], and wakes what listens for it
//! inside the task. Most tasks are never asked and never listen. So a request is not part of the header: it is
//! in the hub's notes, a table by id, as names are. The bit ASKED says that there is one to look at when the task ends.

use std::rc::Rc;

use super::contain::{contain_for, describe};
use super::header::TaskRef;
use super::hub::Hub;
use crate::executor::{CancelRequest, JoinError, Reason, Subject};

impl Hub {
    /// The request of the task that has its turn now, or of the future of `block_on`. `None` outside of a turn, and in a turn
    /// that delivers after the task's end.
    pub(crate) fn current_request(&self) -> Option<Rc<CancelRequest>> {
        let running = self.home.running.get();
        // SAFETY: (ALIVE) its turn holds RUNNING.
        let lives = |&task: &TaskRef| unsafe { task.home() }.state.is_listed();
        let task = running.filter(|task| lives(task) || self.home.root.get() == Some(*task))?;
        // SAFETY: (ALIVE) as above; it is listed, or the root.
        let request = unsafe { self.request(task) };
        // SAFETY: (LEAF) clones a text.
        if let Some(reason) = unsafe { self.home.all_asked.with(|asked| asked.clone()) } {
            // SAFETY: (ALIVE) as above.
            unsafe { task.home() }.state.ask();
            request.ask(&reason); // it is new, or has been asked by `ask_all`
        }
        Some(request)
    }

    /// Asks every task to end, now and in future.
    pub(crate) fn ask_all(&self, reason: &Reason) {
        // First what runs no user code, as a waker may do anything.
        let tasks = self.live_tasks();
        // SAFETY: (ALIVE) LISTED is held until the task's own turn to end.
        let requests: Vec<_> = tasks.iter().map(|&task| unsafe { self.note_asked(task) }).collect();
        // SAFETY: (LEAF) moves, and at most the drop of a text.
        unsafe { self.home.all_asked.with(|asked| *asked = Some(reason.clone())) };
        requests.iter().flatten().for_each(|request| request.ask(reason));
    }

    /// Asks a task to end. That wakes what listens in it, and nothing else.
    ///
    /// # Safety
    ///
    /// (ALIVE) A task of this hub.
    pub(super) unsafe fn ask(&self, task: TaskRef, reason: &Reason) {
        // SAFETY: (ALIVE) as the caller promised. The task is not touched after this.
        if let Some(request) = unsafe { self.note_asked(task) } {
            request.ask(reason);
        }
    }

    /// The request of a task that is to be asked. `None` if it has ended.
    ///
    /// # Safety
    ///
    /// (ALIVE) A task of this hub.
    unsafe fn note_asked(&self, task: TaskRef) -> Option<Rc<CancelRequest>> {
        // SAFETY: (ALIVE) as the caller promised.
        unsafe { task.home().state.ask().then(|| self.request(task)) }
    }

    /// # Safety
    ///
    /// (ALIVE) A task of this hub that is listed, or the root: only their ends forget the note.
    unsafe fn request(&self, task: TaskRef) -> Rc<CancelRequest> {
        // SAFETY: (ALIVE) as the caller promised.
        let home = unsafe { task.home() };
        home.state.set_noted();
        // SAFETY: (LEAF) keys are numbers; a new request is empty.
        unsafe {
            self.home.notes.with(|notes| {
                let note = notes.entry(home.id.get()).or_default();
                Rc::clone(note.request.get_or_insert_default())
            })
        }
    }
}

/// The outcome of a task that was asked to end. If it heard of that, or was aborted after it, it was cancelled for that reason;
/// its value is dropped. If not, the outcome stays.
///
/// # Safety
///
/// (ALIVE), at home.
#[cold]
#[inline(never)]
pub(super) unsafe fn outcome_of_asked<T>(
    task: TaskRef,
    result: Result<T, JoinError>,
) -> Result<T, JoinError> {
    // SAFETY: (ALIVE), at home, as the caller promised; (HUB) the task holds a reference on its hub.
    let request = unsafe { task.fixed().hub.at_home().request(task) };
    let is_cancelled = match &result {
        Ok(_) => request.was_heard(),
        Err(error) => error.is_cancelled(),
    };
    match request.reason() {
        Some(reason) if is_cancelled => {
            // SAFETY: (ALIVE), at home, as the caller promised.
            unsafe {
                contain_for(task, || drop(result));
                Err(JoinError::cancelled_for(Subject::Task(describe(task)), reason.clone()))
            }
        }
        _ => result,
    }
}
