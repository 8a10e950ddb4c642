//! [`settle()`]: waits until every other task has taken all the turns it can.
//!
//! A test could yield a few times instead, until the other tasks "must have" come as far as they can. But how many times
//! is enough changes with each line of theirs. Only the loop knows when no task is ready, and it finds out just before it
//! would wait, or move a virtual clock. So the tasks that settle wait in a list, and such a look wakes them instead. (The
//! model is trio's `wait_all_tasks_blocked`.)

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::settlers::{MOST_LOOKS, Settler};
use super::timers::Timers;
use crate::common::awaited::Awaited;
use crate::common::waits::{self, Numbered};
use crate::executor::{Hub, State, budget, contain, is_noop, with_current};

/// How many of the tasks that are still ready are named.
const NAMED: usize = 3;

/// Waits until every other task has taken all the turns it can: no task is ready, no wake of another thread has come, no
/// timer is due, and no socket is ready.
///
/// For a test that wants to act once the code under test waits for it, however many turns that takes. A virtual clock does
/// not move meanwhile: a task that sleeps has taken all its turns. Under the real clock it sleeps on too. Blocking jobs and
/// threads are not waited for. Tasks that settle at the same time go on together, in the order in which they began to.
///
/// # Cancellation
///
/// Nothing is lost when the future is dropped.
///
/// # Panics
///
/// Outside of a runtime. When tasks are still ready after a million looks of the loop, as one that wakes itself without
/// end always is; the text names some of them. When polled after it was ready.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use taketurns::{spawn, testing::settle, yield_now};
///
/// taketurns::block_on(async {
///     let steps = Rc::new(Cell::new(0));
///     let done = Rc::clone(&steps);
///     spawn(async move {
///         for step in 1..=10 {
///             yield_now().await;
///             done.set(step);
///         }
///         std::future::pending::<()>().await;
///     })
///     .detach();
///     settle().await;
///     assert_eq!(steps.get(), 10);
/// });
/// ```
#[track_caller]
pub fn settle() -> Settle {
    let timers = Timers::needed_by("testing::settle");
    Settle { timers, wait: Wait::New, site: Location::caller() }
}

/// The future of [`settle()`].
#[must_use = "futures do nothing unless awaited"]
pub struct Settle {
    timers: Rc<Timers>,
    wait: Wait,
    site: &'static Location<'static>,
}

#[derive(Clone, Copy)]
enum Wait {
    New,
    Registered(u64),
    Done,
}

impl Settle {
    fn poll_settled(&mut self, cx: &Context<'_>) -> Poll<()> {
        let settlers = &self.timers.settlers;
        match self.wait {
            // A poll with a noop waker asks to forget the registered waker.
            Wait::New if is_noop(cx.waker()) => {}
            Wait::New => {
                let waker = cx.waker().clone(); // may do anything, so nothing is borrowed
                self.wait = Wait::Registered(settlers.add(waker));
            }
            Wait::Registered(key) => match settlers.would_wake(key, cx.waker()) {
                None => {
                    self.end(key);
                    return Poll::Ready(());
                }
                Some(true) => {}
                Some(false) if is_noop(cx.waker()) => self.forget(),
                Some(false) => {
                    let mut waker = cx.waker().clone();
                    settlers.replace_waker(key, &mut waker);
                    contain(|| drop(waker));
                }
            },
            Wait::Done => panic!("a `Settle` was polled after it was ready: call `settle` again"),
        }
        if let Wait::Registered(key) = self.wait {
            waits::note(wait_key(key), || Awaited::new("the `settle`", self.site));
        }
        Poll::Pending
    }

    /// The wait has ended.
    fn end(&mut self, key: u64) {
        self.wait = Wait::Done;
        waits::over(wait_key(key));
        if let Some(Settler::GivenUp) = self.timers.settlers.remove(key) {
            panic!(
                "`settle` at {} waited for {MOST_LOOKS} looks of the loop, and tasks are still ready{}: a task that wakes \
                 itself without end never lets the others settle; end it first",
                self.site,
                ready_tasks()
            );
        }
    }

    /// Forgets the waker: the next poll begins anew.
    fn forget(&mut self) {
        if let Wait::Registered(key) = std::mem::replace(&mut self.wait, Wait::New) {
            waits::over(wait_key(key));
            let settler = self.timers.settlers.remove(key);
            contain(|| drop(settler));
        }
    }
}

/// Names the wait of a `settle` of this runtime.
fn wait_key(key: u64) -> waits::Key {
    waits::Key::numbered(Numbered::Settler, key)
}

/// `, such as ..`: some of the tasks that are ready.
fn ready_tasks() -> String {
    let all = with_current(Hub::blocked).unwrap_or_default();
    let ready = all.into_iter().filter(|(task, _)| task.state() == State::Ready);
    let named: Vec<_> = ready.take(NAMED).map(|(task, _)| task.to_string()).collect();
    if named.is_empty() { String::new() } else { format!(", such as {}", named.join("; ")) }
}

impl Future for Settle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(budget::poll_ready(cx));
        ready!(self.poll_settled(cx));
        budget::spend();
        Poll::Ready(())
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        self.forget();
    }
}

impl fmt::Debug for Settle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settle").field("site", &self.site).finish_non_exhaustive()
    }
}
