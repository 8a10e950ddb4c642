//! [`Failures`]: how a failure that no handle receives comes to the runtime, and what that does with it.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::mem;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Unhandled, UnhandledPanic};
use crate::common::scoped;
use crate::common::send_home::{Tell, print_late, send_home};
use crate::executor::{HubHandle, Info, JoinError, silence};

thread_local! {
    static CURRENT: scoped::Scoped<Failures> = const { scoped::empty() };
}

/// The failures of one runtime.
pub(crate) struct Failures {
    policy: UnhandledPanic,
    /// The first failure that is to stop the run.
    stopping: RefCell<Option<Unhandled>>,
    late: Late,
    runtime_ends: Cell<bool>,
    /// The texts of the failures that were to stop a run, when no run was left.
    #[cfg(feature = "time")]
    came_late: RefCell<Vec<String>>,
}

impl Failures {
    pub(crate) fn new(policy: UnhandledPanic) -> Self {
        Self {
            policy,
            stopping: RefCell::new(None),
            late: Late::new(),
            runtime_ends: Cell::new(false),
            #[cfg(feature = "time")]
            came_late: RefCell::default(),
        }
    }

    pub(crate) fn enter(self: &Rc<Self>) -> scoped::Entered<Self> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// Deals with a failure as the policy says. The policy's function, the failure's text and destructor, and a closed
    /// stderr may panic; none of these panics leaves this function.
    pub(crate) fn add(&self, task: Option<Info>, error: Box<dyn Error>) {
        let unhandled = Unhandled { task, error };
        match &self.policy {
            UnhandledPanic::Call(function) => silence(|| function(&unhandled)),
            UnhandledPanic::Stop
                if !self.runtime_ends.get() && self.stopping.borrow().is_none() =>
            {
                *self.stopping.borrow_mut() = Some(unhandled);
                return;
            }
            UnhandledPanic::Print | UnhandledPanic::Stop => {
                let text = unhandled.text();
                silence(|| eprintln!("{text}"));
                #[cfg(feature = "time")]
                if self.may_stop() && self.runtime_ends.get() {
                    self.came_late.borrow_mut().push(text);
                }
            }
        }
        silence(|| drop(unhandled));
    }

    /// Whether a panic that no handle receives ends the run.
    pub(crate) fn may_stop(&self) -> bool {
        matches!(self.policy, UnhandledPanic::Stop)
    }

    /// Whether a failure is to stop the run.
    #[inline]
    pub(crate) fn are_to_stop(&self) -> bool {
        self.stopping.borrow().is_some()
    }

    /// The text of the failure that is to stop the run, if there is one. The caller panics with it.
    #[inline]
    pub(crate) fn stops_the_run(&self) -> Option<String> {
        if self.are_to_stop() { self.take_text() } else { None }
    }

    #[cold]
    fn take_text(&self) -> Option<String> {
        let unhandled = self.stopping.take()?;
        let text = unhandled.text();
        silence(|| drop(unhandled));
        Some(text)
    }

    /// The runtime begins to end: no run is left to be stopped.
    pub(crate) fn begin_end(&self) {
        self.runtime_ends.set(true);
        if let Some(Unhandled { task, error }) = self.stopping.take() {
            self.add(task, error);
        }
    }

    /// The function by which other threads tell of a panic that no handle receives.
    pub(crate) fn tell(&self) -> Tell {
        let late = self.late.clone();
        Arc::new(move |home, error| late.tell(home, error))
    }

    /// The runtime has ended: deals with the failures that came after the executor's end. Later ones are printed.
    pub(crate) fn finish_end(&self) {
        let late = self.late.lock().take();
        for error in late.into_iter().flatten() {
            self.add(error.task().cloned(), error.into());
        }
    }

    /// The texts of the failures that were to stop a run and came too late for that.
    #[cfg(feature = "time")]
    pub(crate) fn came_late(&self) -> Vec<String> {
        self.came_late.take()
    }
}

impl Drop for Failures {
    /// The policy's function may own anything, so its destructor may panic.
    fn drop(&mut self) {
        let policy = mem::take(&mut self.policy);
        silence(|| drop(policy));
    }
}

/// The failures that came after the end of the executor, while its runtime still waited for the pool. `None` once the
/// runtime has ended too.
#[derive(Clone)]
struct Late(Arc<Mutex<Option<Vec<JoinError>>>>);

impl Late {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// Deals with `error` at once if this thread is inside of the runtime. Otherwise sends it to the executor. If the
    /// executor has ended, the runtime finds the error at its own end; after that the error is printed.
    fn tell(&self, home: &HubHandle, error: JoinError) {
        let is_of = |failures: &Rc<Failures>| Arc::ptr_eq(&failures.late.0, &self.0);
        if let Some(failures) = scoped::current(&CURRENT).filter(is_of) {
            return failures.add(error.task().cloned(), error.into());
        }
        let late = self.clone();
        send_home(home, error, move |error| late.add(error));
    }

    /// Keeps the failure for the runtime's thread, or prints it if the runtime has ended.
    fn add(&self, error: JoinError) {
        let refused = match &mut *self.lock() {
            Some(late) => {
                late.push(error);
                None
            }
            None => Some(error),
        };
        if let Some(error) = refused {
            print_late(error);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<JoinError>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
