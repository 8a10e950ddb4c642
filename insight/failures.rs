//! [`Failures`]: how a failure that no handle receives comes to the runtime, and what that does with it.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::mem;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Unhandled, UnhandledPanic};
use crate::common::scoped;
use crate::common::unhandled::{Tell, print_late, send_home};
use crate::executor::{HubHandle, Info, JoinError, silence};

thread_local! {
    static CURRENT: scoped::Scoped<Failures> = const { scoped::empty() };
}

/// The failures of one runtime.
pub(crate) struct Failures {
    policy: UnhandledPanic,
    /// The first that is to stop the run.
    stopping: RefCell<Option<Unhandled>>,
    late: Late,
    ending: Cell<bool>,
    /// The texts of those that were to stop a run, when there was none any more.
    #[cfg(feature = "time")]
    came_late: RefCell<Vec<String>>,
}

impl Failures {
    pub(crate) fn new(policy: UnhandledPanic) -> Self {
        Self {
            policy,
            stopping: RefCell::new(None),
            late: Late::new(),
            ending: Cell::new(false),
            #[cfg(feature = "time")]
            came_late: RefCell::default(),
        }
    }

    pub(crate) fn enter(self: &Rc<Self>) -> scoped::Entered<Self> {
        scoped::enter(&CURRENT, Rc::clone(self))
    }

    /// Deals with one as the policy says. Nothing that panics on the way leaves this: the policy's function, the
    /// failure's text, its destructor, or a closed stderr.
    pub(crate) fn add(&self, task: Option<Info>, error: Box<dyn Error>) {
        let unhandled = Unhandled { task, error };
        match &self.policy {
            UnhandledPanic::Call(function) => silence(|| function(&unhandled)),
            UnhandledPanic::Stop if !self.ending.get() && self.stopping.borrow().is_none() => {
                *self.stopping.borrow_mut() = Some(unhandled);
                return;
            }
            UnhandledPanic::Print => silence(|| eprintln!("{unhandled}")),
            UnhandledPanic::Stop => {
                let text = unhandled.text();
                silence(|| eprintln!("{text}"));
                #[cfg(feature = "time")]
                if self.ending.get() {
                    self.came_late.borrow_mut().push(text);
                }
            }
        }
        silence(|| drop(unhandled));
    }

    /// The text of the failure that is to end the run, if there is one: the caller panics with it.
    pub(crate) fn stops_the_run(&self) -> Option<String> {
        let unhandled = self.stopping.take()?;
        let text = unhandled.text();
        silence(|| drop(unhandled));
        Some(text)
    }

    /// The runtime ends: no run is left to be stopped.
    pub(crate) fn end(&self) {
        self.ending.set(true);
        if let Some(Unhandled { task, error }) = self.stopping.take() {
            self.add(task, error);
        }
    }

    /// How other threads tell of a panic that no handle receives.
    pub(crate) fn tell(&self) -> Tell {
        let late = self.late.clone();
        Arc::new(move |home, error| late.tell(home, error))
    }

    /// Reports what came since the executor ended; from now on it is printed.
    pub(crate) fn close(&self) {
        let late = self.late.lock().take();
        for error in late.into_iter().flatten() {
            self.add(error.task().cloned(), error.into());
        }
    }

    /// The texts of those that were to stop a run and came too late for that.
    #[cfg(feature = "time")]
    pub(crate) fn came_late(&self) -> Vec<String> {
        self.came_late.take()
    }
}

impl Drop for Failures {
    /// The function of the policy may own anything.
    fn drop(&mut self) {
        let policy = mem::take(&mut self.policy);
        silence(|| drop(policy));
    }
}

/// Failures that came when the executor had ended already, while its runtime still waited for the pool; `None`: the
/// runtime has ended too.
#[derive(Clone)]
struct Late(Arc<Mutex<Option<Vec<JoinError>>>>);

impl Late {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// One rule for all of them. Inside of the runtime it is told at once. From elsewhere the executor is sent it; if that
    /// has ended, the runtime finds it at its own end; and after that it is printed here.
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
