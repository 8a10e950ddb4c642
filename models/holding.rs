//! A virtual clock does not jump over what takes real time: a token comes back while home decides whether the clock may jump,
//! or whether the run is deadlocked.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::{
    AtomicUsize, EVENT_INTERVAL, Notify, Ordering, Parked, UNBOUNDED, bounded_twice, model, thread,
};
use crate::Handle;
use crate::common::tokens::Tokens;
use crate::executor::{Driver, Executor, Hub, Pending, Unpark, with_current};

/// A driver with one timer and a clock that jumps to it whenever nothing holds the clock.
struct Jumps {
    parked: Parked,
    holds: Arc<Tokens>,
    /// Whether the clock was held before the inbox was taken in.
    was_held: bool,
    jumped: Rc<Cell<bool>>,
    timer: Rc<RefCell<Option<Waker>>>,
}

impl Jumps {
    fn new() -> Self {
        let parked = Parked::default();
        let holds = Tokens::new(parked.unparker());
        Self { parked, holds, was_held: false, jumped: Rc::default(), timer: Rc::default() }
    }
}

impl Driver for Jumps {
    fn wait(&mut self, limit: Option<Duration>) {
        self.was_held = self.holds.are_out();
        if self.was_held && limit.is_none() {
            self.parked.0.wait();
        }
    }

    fn wake(&mut self, any_ready: bool) {
        if !any_ready && !self.was_held {
            if let Some(timer) = self.timer.take() {
                self.jumped.set(true);
                timer.wake();
            }
        }
    }

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        self.parked.unparker()
    }
}

/// Lets `run` run a task that awaits a job and has a timer. When the task ends, the clock has not jumped.
fn job_under_a_clock(
    run: impl Fn(&Executor<'static, Jumps>, &Notify, Pin<Box<dyn Future<Output = ()>>>),
) {
    let driver = Jumps::new();
    let unparked = Arc::clone(&driver.parked.0);
    let (jumped, timer) = (Rc::clone(&driver.jumped), Rc::clone(&driver.timer));
    let mut hold = Some(driver.holds.take());
    let away = Rc::new(RefCell::new(None));
    let (written, started) = (Arc::new(AtomicUsize::new(0)), Rc::clone(&away));
    let task = poll_fn(move |cx| {
        if written.load(Ordering::Relaxed) == 1 {
            *timer.borrow_mut() = None;
            return Poll::Ready(());
        }
        *timer.borrow_mut() = Some(cx.waker().clone());
        if let Some(hold) = hold.take() {
            let (waker, written) = (cx.waker().clone(), Arc::clone(&written));
            *started.borrow_mut() = Some(thread::spawn(move || {
                written.store(1, Ordering::Relaxed);
                waker.wake();
                drop(hold);
            }));
        }
        Poll::Pending
    });
    run(&Executor::new(driver, EVENT_INTERVAL), &unparked, Box::pin(task));
    assert!(!jumped.get(), "the clock jumped over the job");
    away.take().unwrap().join().unwrap();
}

/// A job completes while the loop decides to jump. What the job did is seen, and the clock has not moved.
///
/// Unbounded: two threads.
#[test]
fn job_against_jump() {
    model(UNBOUNDED, || job_under_a_clock(|executor, _, task| executor.block_on(task)));
}

/// The same between steps of a host loop, where home looks without having parked.
///
/// Unbounded: two threads.
#[test]
fn job_against_jump_in_a_step() {
    model(UNBOUNDED, || {
        job_under_a_clock(|executor, unparked, task| {
            let task = executor.spawn(task);
            loop {
                executor.run_until_stalled();
                if task.is_finished() {
                    return;
                }
                if executor.next_deadline().is_none() {
                    unparked.wait();
                }
            }
        });
    });
}

/// The last token comes back, and no task is woken. Home, which may sleep by then, is unparked, and the clock jumps.
///
/// Unbounded: three threads of two steps.
#[test]
fn last_token_against_park() {
    model(UNBOUNDED, || {
        let driver = Jumps::new();
        let (jumped, timer) = (Rc::clone(&driver.jumped), Rc::clone(&driver.timer));
        let away = [driver.holds.take(), driver.holds.take()]
            .map(|hold| thread::spawn(move || drop(hold)));
        Executor::new(driver, EVENT_INTERVAL).block_on(poll_fn(|cx| {
            if jumped.get() {
                return Poll::Ready(());
            }
            *timer.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        }));
        for thread in away {
            thread.join().unwrap();
        }
    });
}

/// A driver that calls it a deadlock when no handle is out, no task is ready, no wake is on its way and no stop waits to be
/// taken.
struct Accuses {
    parked: Parked,
    handles: Arc<Tokens>,
    /// Whether a handle was out before the inbox was taken in. `None` if the wait had a limit: then it accuses no task.
    was_out: Option<bool>,
    /// Something is on its way, and will end a wait.
    comes: bool,
}

impl Driver for Accuses {
    fn wait(&mut self, limit: Option<Duration>) {
        let comes = std::mem::take(&mut self.comes);
        let is_out = self.handles.are_out();
        if (is_out || comes) && limit.is_none() {
            self.parked.0.wait();
        }
        self.was_out = limit.is_none().then_some(is_out);
    }

    fn wake(&mut self, any_ready: bool) {
        if !any_ready && self.was_out == Some(false) {
            self.comes = with_current(Hub::expects).unwrap();
            assert!(self.comes, "it is no deadlock");
        }
    }

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        self.parked.unparker()
    }
}

fn executor_that_accuses() -> (Executor<'static, Accuses>, Arc<Tokens>) {
    let parked = Parked::default();
    let handles = Tokens::new(parked.unparker());
    let driver = Accuses { parked, handles: Arc::clone(&handles), was_out: None, comes: false };
    (Executor::new(driver, EVENT_INTERVAL), handles)
}

/// The last handle sends a task and is dropped, while home checks whether a handle is out. The task is seen.
///
/// Unbounded: two threads.
#[test]
fn last_handle_against_deadlock() {
    model(UNBOUNDED, || {
        let (executor, handles) = executor_that_accuses();
        let mut handle = Some(Handle::counted(&executor, handles.take()));
        let done = Arc::new(AtomicUsize::new(0));
        let mut away = None;
        executor.block_on(poll_fn(|cx| {
            if let Some(handle) = handle.take() {
                let (waker, done) = (cx.waker().clone(), Arc::clone(&done));
                away = Some(thread::spawn(move || {
                    drop(handle.spawn(async move {
                        done.store(1, Ordering::Relaxed);
                        waker.wake();
                    }));
                }));
            }
            if done.load(Ordering::Relaxed) == 1 { Poll::Ready(()) } else { Poll::Pending }
        }));
        away.unwrap().join().unwrap();
    });
}

/// The last handle stops the run and is dropped, while home checks whether a handle is out. The stop is seen.
///
/// Unbounded: two threads.
#[test]
fn last_stop_against_deadlock() {
    model(UNBOUNDED, || {
        let (executor, handles) = executor_that_accuses();
        let handle = Handle::counted(&executor, handles.take());
        let away = thread::spawn(move || handle.stop());
        executor.run_forever();
        away.join().unwrap();
    });
}

/// Two threads wake one task, and only one of them holds a token. Its wake may do nothing, as the other thread's wake has
/// begun and is not in the inbox yet when the token comes back. That is no deadlock.
///
/// Three preemptions: one for each of the three threads.
#[test]
fn two_wakes_against_deadlock() {
    model(bounded_twice(3, 4), || {
        let (executor, tokens) = executor_that_accuses();
        let written = Arc::new(AtomicUsize::new(0));
        let mut token = Some(tokens.take());
        let mut away = None;
        executor.block_on(poll_fn(|cx| {
            if let Some(token) = token.take() {
                let (first, second, written) =
                    (cx.waker().clone(), cx.waker().clone(), Arc::clone(&written));
                away = Some([
                    thread::spawn(move || first.wake()),
                    thread::spawn(move || {
                        written.store(1, Ordering::Relaxed);
                        second.wake();
                        drop(token);
                    }),
                ]);
            }
            if written.load(Ordering::Relaxed) == 1 { Poll::Ready(()) } else { Poll::Pending }
        }));
        away.unwrap().into_iter().for_each(|thread| thread.join().unwrap());
    });
}
