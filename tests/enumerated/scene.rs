//! Plays one case: runs, and what happens in and between them, in this order.
//!
//! 1. Spawned: a bystander, the subject, a bystander, who awaits the subject. Callbacks that are not late are
//!    registered here, or in the first run when it is a task that awaits.
//! 2. First run: everybody's first turn; the root wakes or aborts the subject.
//! 3. Between runs: this thread wakes or aborts it. When the case says so, the executor is closed here.
//! 4. Second run: a subject that was woken has ended now. Third: its handle and its last waker are dropped.
//! 5. Fourth: the bystanders go on, and fresh tasks take the memory that the subject left.
//! 6. The executor is closed. What the case keeps beyond is polled, used and dropped.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::panic_any;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use taketurns::executor::{Driver, EVENT_INTERVAL, Executor, Pending, Unpark};
use taketurns::task::Info;
use taketurns::{JoinHandle, spawn, yield_now};

use super::cast::{Awaiting, Bystander, Subject};
use super::notes::{Foreign, Load, Notes, Observed, drop_in_hand};
use super::{Cancel, Case, Done, Drops, Given, Handle, Last, Late, Seen, Wake};

fn elsewhere(act: impl FnOnce() + Send + 'static) {
    thread::spawn(act).join().unwrap();
}

/// More than any case needs.
const MOST_LOOKS: u32 = 100;

/// Never waits, and refuses to look for ever; its unparkers share `alive`, which tells whether anything
/// can still reach them.
struct Watched {
    alive: Arc<()>,
    looks: u32,
}

struct Alive(#[allow(dead_code, reason = "it is there to be counted")] Arc<()>);

impl Unpark for Alive {
    fn unpark(&self) {}
}

impl Driver for Watched {
    fn wait(&mut self, _: Option<Duration>) {
        self.looks += 1;
        assert!(self.looks <= MOST_LOOKS, "the run does not end");
    }

    fn wake(&mut self, _: bool) {}

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(Alive(Arc::clone(&self.alive)))
    }
}

/// What the tasks of a case share.
pub(super) struct Scene {
    pub(super) case: Case,
    pub(super) notes: Arc<Notes>,
    pub(super) handle: RefCell<Option<JoinHandle<Load>>>,
    /// Not yet registered.
    done: Cell<Done>,
    /// The subject's.
    pub(super) waker: RefCell<Option<Waker>>,
    /// The bystanders'.
    pub(super) gate: RefCell<Vec<Waker>>,
}

pub(super) fn play(case: Case) -> Observed {
    let (alive, notes) = (Arc::new(()), Notes::new());
    let driver = Watched { alive: Arc::clone(&alive), looks: 0 };
    let executor = Executor::new(driver, EVENT_INTERVAL);
    let told = Arc::clone(&notes);
    executor.on_unhandled(move |task, error| told.report(&task.expect("a task's"), error));
    let scene = Scene::new(case, Arc::clone(&notes));
    scene.open(&executor);
    if case.cancel != Cancel::CloseBeforeFirstTurn {
        scene.run_up_to_the_cancel(&executor);
    }
    if !case.cancel.closes() {
        scene.run_to_the_end(&executor);
    }
    scene.call_back_if(Done::LateAtTheClose);
    let lost = executor.close().iter().map(Info::polls).collect();
    scene.beyond();
    drop(scene);
    notes.observed(lost, &alive)
}

impl Scene {
    pub(super) fn new(case: Case, notes: Arc<Notes>) -> Rc<Self> {
        let (handle, waker, gate) = Default::default();
        Rc::new(Self { case, notes, handle, done: Cell::new(case.done), waker, gate })
    }

    fn open(self: &Rc<Self>, executor: &Executor<'_, Watched>) {
        executor.spawn(Bystander::new(self, "before", "-before")).detach();
        *self.handle.borrow_mut() = Some(executor.spawn(Subject::new(Rc::clone(self))));
        executor.spawn(Bystander::new(self, "after", "-after")).detach();
        if self.case.handle == Handle::AwaitedByTask {
            executor.spawn(Awaiting(Rc::clone(self))).detach();
        }
        let Case { cancel, handle, .. } = self.case;
        self.call_back_if(Done::First);
        self.call_back_if(Done::FirstBadly);
        if self.case.done == Done::FirstAgain {
            self.call_back_twice();
        }
        self.poll_by_hand_if(handle.polled_by_hand() || handle == Handle::GivenUp);
        if handle != Handle::AwaitedByTask {
            self.call_back_if(Done::Second);
        }
        self.abort_if(Cancel::AbortBeforeFirstTurn);
        if cancel == Cancel::Nothing || cancel.closes() {
            self.drop_handle_early();
        }
    }

    fn run_up_to_the_cancel(&self, executor: &Executor<'_, Watched>) {
        executor.block_on(async {
            self.call_back_if(Done::Second);
            self.wake_if(Wake::AtHome);
            self.wake_if(Wake::Elsewhere);
            self.abort_if(Cancel::AbortWhileItWaits);
        });
        self.poll_by_hand_if(self.case.handle.polled_by_hand());
        self.wake_if(Wake::BetweenRuns);
        self.abort_if(Cancel::AbortBetweenRuns);
        self.abort_if(Cancel::AbortElsewhere);
    }

    fn run_to_the_end(&self, executor: &Executor<'_, Watched>) {
        executor.block_on(yield_now());
        self.call_back_if(Done::LateBetweenRuns);
        if self.case.handle != Handle::AwaitedByTask {
            self.abort_if(Cancel::AbortAfterTheEnd);
        }
        self.poll_by_hand_if(self.case.handle.polled_by_hand());
        executor.block_on(async { self.after_the_end() });
        self.drop_handle_if(Handle::DroppedBetweenRuns);
        self.use_up_if(Last::BetweenRuns);
        executor.block_on(async {
            self.gate.take().into_iter().for_each(Waker::wake);
            for fresh in [spawn(Subject::plain()), spawn(Subject::plain())] {
                let what = if fresh.await.is_ok() { "fresh" } else { "spoiled" };
                self.notes.note(|events| events.bystanders.push(what));
            }
        });
    }

    /// In a turn of another task; when the executor is closed, in the destructor of one.
    pub(super) fn after_the_end(&self) {
        self.call_back_if(Done::LateInside);
        self.drop_handle_if(Handle::DroppedInside);
        self.use_up_if(Last::AtHome);
        self.use_up_if(Last::Elsewhere);
    }

    fn beyond(&self) {
        self.abort_if(Cancel::AbortBeyond);
        self.call_back_if(Done::Beyond);
        self.poll_by_hand_if(self.case.handle.polled_by_hand());
        self.poll_by_hand_if(self.case.handle == Handle::KeptBeyond);
        self.drop_handle_if(Handle::DroppedBeyond);
        self.use_up_if(Last::Beyond);
        self.use_up_if(Last::BeyondElsewhere);
    }

    fn call_back_if(&self, when: Done) {
        if self.done.get() == when {
            self.done.set(Done::Never);
            if matches!(when, Done::FirstBadly | Done::LateBetweenRuns) {
                self.call_back(when == Done::FirstBadly);
            }
            self.call_back(false);
        }
    }

    fn call_back(&self, badly: bool) {
        self.register(move |load| {
            if badly {
                panic_any(load);
            }
        });
    }

    fn call_back_twice(self: &Rc<Self>) {
        let scene = Rc::clone(self);
        self.register(move |_load| scene.call_back(false));
    }

    fn register(&self, callback: impl FnOnce(Load) + 'static) {
        let notes = Arc::clone(&self.notes);
        let load = Load::new(&notes, "callback", Drops::Quietly);
        let registered = self.handle.borrow().as_ref().unwrap().on_done(move |outcome| {
            notes.note(|events| events.seen.push(Seen::Called(Given::shown(outcome))));
            callback(load);
        });
        if let Err(refused) = registered {
            self.notes.note(|events| events.seen.push(Seen::Refused(refused)));
        }
    }

    pub(super) fn abort_if(&self, when: Cancel) {
        if self.case.cancel != when {
            return;
        }
        if matches!(when, Cancel::AbortElsewhere | Cancel::AbortBeyond) {
            let abort = self.handle.borrow().as_ref().unwrap().abort_handle();
            elsewhere(move || abort.abort());
        } else {
            self.handle.borrow().as_ref().unwrap().abort();
        }
        self.drop_handle_early();
    }

    /// Nothing is left to do with it.
    fn drop_handle_early(&self) {
        self.drop_handle_if(Handle::DroppedBefore);
        self.drop_handle_if(Handle::GivenUp);
    }

    fn drop_handle_if(&self, when: Handle) {
        if self.case.handle == when {
            let handle = self.handle.take();
            let panicked = drop_in_hand(handle);
            self.notes.note(|events| events.hand_panicked |= panicked);
        }
    }

    fn wake_if(&self, by: Wake) {
        if self.case.wake != by {
            return;
        }
        let act: Box<dyn FnOnce() + Send> = if self.case.last == Last::NobodyButHome {
            let waker = self.waker.take().unwrap();
            Box::new(|| waker.wake())
        } else {
            let waker = self.waker.borrow().clone().unwrap();
            Box::new(move || waker.wake_by_ref())
        };
        if by == Wake::Elsewhere {
            return elsewhere(act);
        }
        act();
    }

    fn use_up_if(&self, when: Last) {
        if self.case.last != when {
            return;
        }
        let late = self.case.late;
        let use_up = move |waker: Waker| {
            if late == Late::Used {
                let copy = waker.clone();
                waker.wake_by_ref();
                copy.wake();
            }
        };
        match self.waker.take() {
            None => {}
            Some(waker) if matches!(when, Last::Elsewhere | Last::BeyondElsewhere) => {
                elsewhere(move || use_up(waker));
            }
            Some(waker) => use_up(waker),
        }
    }

    pub(super) fn poll_handle(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut handle = self.handle.borrow_mut();
        let Poll::Ready(result) = pin!(handle.as_mut().unwrap()).poll(cx) else {
            return Poll::Pending;
        };
        let given = Given::of(result);
        self.notes.note(|events| events.seen.push(Seen::Gave(given)));
        Poll::Ready(())
    }

    fn poll_by_hand_if(&self, wanted: bool) {
        if wanted && !self.notes.note(|events| events.gave()) {
            let panics = self.case.handle == Handle::PolledByHandBadly;
            let waker = Waker::from(Foreign::new(&self.notes, panics));
            let _pending = self.poll_handle(&mut Context::from_waker(&waker));
        }
    }
}
