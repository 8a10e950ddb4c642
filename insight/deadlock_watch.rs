//! [`DeadlockWatch`]: looks for deadlocks under the real clock, and reports them once each.
//!
//! A loop that has nothing to do cannot tell a program that waits from one that waits for ever: a socket, a timer or another
//! thread may bring something. Three things it can tell, and looks for them before it parks:
//!
//! * A task of which no waker is left. That is certain.
//! * Tasks that wait for each other, and for nothing else. (Through a future that was granted a lock and not polled since, that is
//!   only suspected.)
//! * That nothing is left which the runtime knows of: no timer, no source, no job, no `Handle`. A thread that the runtime
//!   does not know of may still wake a task, so this is only suspected, and reported after a grace.
//!
//! To find the first two, all tasks and waits are looked at. With many that takes longer than a park should, so then it is done
//! once a second at most ([`Pace`]).

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::circle::{Circle, circles, closed_circles};
use super::deadlock_report::{Deadlock, Finding};
use super::log::Log;
use super::pace::Pace;
use super::waiting::{Waiting, waiting};
use crate::common::explained::Explained;
use crate::executor::{Hub, Id, State, silence, with_current};

/// What becomes of a report.
#[derive(Clone)]
pub(crate) enum OnDeadlock {
    Print,
    Call(Arc<dyn Fn(&Deadlock) + Send + Sync>),
}

impl fmt::Debug for OnDeadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Print => "Print",
            Self::Call(_) => "Call(..)",
        })
    }
}

/// Looks for the deadlocks of one runtime.
pub(crate) struct DeadlockWatch {
    /// `None` only while this is dropped.
    on_deadlock: Option<OnDeadlock>,
    /// What was reported, for any thread to read.
    reports: Arc<Log>,
    explained: Rc<Explained>,
    pace: Cell<Pace>,
    /// Tasks that were reported as stuck. Those that have ended since are taken out.
    stuck: RefCell<BTreeSet<Id>>,
    /// The circles that were reported, while all their tasks live; with each, whether for certain.
    circles: RefCell<BTreeSet<(BTreeSet<Id>, bool)>>,
    /// The deadlocks of all tasks that were reported, by the newest of the tasks.
    all: RefCell<BTreeMap<Id, AllWait>>,
}

/// A deadlock of all tasks. While the newest of them lives, how many there are tells these from any others, as every older task was
/// there, and none that has ended comes back. But each run has another future of `block_on`.
#[derive(Clone, Copy)]
struct AllWait {
    tasks: usize,
    /// The run, if the future of `block_on` is one of them.
    root: Option<u64>,
    is_certain: bool,
}

impl DeadlockWatch {
    pub(crate) fn new(on_deadlock: OnDeadlock, explained: Rc<Explained>) -> Self {
        Self {
            on_deadlock: Some(on_deadlock),
            reports: Arc::default(),
            explained,
            pace: Cell::default(),
            stuck: RefCell::default(),
            circles: RefCell::default(),
            all: RefCell::default(),
        }
    }

    pub(crate) fn reports(&self) -> &Arc<Log> {
        &self.reports
    }

    /// The loop is about to park: reports the tasks that can never go on. Gives in how long it has to be asked again, if it did not
    /// look, as it had looked at many a short time ago.
    pub(crate) fn look(&self) -> Option<Duration> {
        let live = with_current(Hub::live).unwrap_or_default();
        let many = live.max(self.explained.len());
        let begin = Instant::now();
        let due_in = self.pace.get().due_in(many, begin);
        if !due_in.is_zero() {
            return Some(due_in);
        }
        let all = waiting(&self.explained);
        let closed = closed_circles(&all);
        self.pace.set(Pace::after(many, begin, Instant::now())); // without the function's time, which is the program's
        self.look_for_stuck(&all);
        self.look_for_circles(&all, closed);
        None
    }

    fn look_for_stuck(&self, all: &[Waiting]) {
        // The future of `block_on` may be one that only keeps the run going.
        let is_stuck = |waiting: &&Waiting| {
            waiting.task.state() == State::Stuck && waiting.task.id() != Id::ROOT
        };
        let stuck: Vec<_> = all.iter().filter(is_stuck).collect();
        let ids: BTreeSet<Id> = stuck.iter().map(|waiting| waiting.task.id()).collect();
        let before = self.stuck.replace(ids);
        let new = stuck.into_iter().filter(|waiting| !before.contains(&waiting.task.id()));
        let new: Vec<_> = new.cloned().collect();
        if !new.is_empty() {
            self.report(&Deadlock::new(Finding::Stuck, new, Vec::new()));
        }
    }

    fn look_for_circles(&self, all: &[Waiting], closed: Vec<(Circle, bool)>) {
        let ids: BTreeSet<Id> = all.iter().map(|waiting| waiting.task.id()).collect();
        self.circles.borrow_mut().retain(|(tasks, _)| tasks.is_subset(&ids));
        for (circle, is_certain) in closed {
            if !self.circles.borrow_mut().insert((circle.tasks(all), is_certain)) {
                continue;
            }
            let (those, circle) = circle.alone(all);
            let finding = if is_certain { Finding::Circle } else { Finding::Futurelock };
            self.report(&Deadlock::new(finding, those, vec![circle]));
        }
    }

    /// Nothing is left that could wake a task, and the grace is over. Reports it, unless that was reported of the same tasks
    /// before. A suspicion says less than that each of the tasks is stuck or in a circle, so after that it is not told either: not
    /// even if the future of `block_on` is neither, and only waits for such tasks.
    pub(crate) fn all_wait(&self, is_certain: bool) {
        let all = waiting(&self.explained);
        let ids: BTreeSet<Id> = all.iter().map(|waiting| waiting.task.id()).collect();
        let certain = self.told_for_certain(&all);
        let is_told = |waiting: &Waiting| {
            let id = waiting.task.id();
            certain.contains(&id) || id == Id::ROOT && waiting.depends_on(&certain)
        };
        if !is_certain && all.iter().all(is_told) {
            return;
        }
        let mut told = self.all.borrow_mut();
        told.retain(|newest, _| ids.contains(newest));
        let root = ids.contains(&Id::ROOT).then(|| self.explained.runs());
        let now = AllWait { tasks: ids.len(), root, is_certain };
        let before = ids.last().and_then(|newest| told.insert(*newest, now));
        drop(told);
        let is_same = |it: &AllWait| (it.tasks, it.root) == (now.tasks, now.root);
        if before.filter(is_same).is_some_and(|it| it.is_certain || !is_certain) {
            return;
        }
        let finding = if is_certain { Finding::Certain } else { Finding::Suspected };
        let circles = circles(&all);
        self.report(&Deadlock::new(finding, all, circles));
    }

    /// The tasks that were reported as stuck, or as in a circle for certain, and still are.
    fn told_for_certain(&self, all: &[Waiting]) -> BTreeSet<Id> {
        let (stuck, told) = (self.stuck.borrow(), self.circles.borrow());
        let is_stuck = |waiting: &&Waiting| waiting.task.state() == State::Stuck;
        let ids = all.iter().filter(is_stuck).map(|waiting| waiting.task.id());
        let closed = closed_circles(all).into_iter().map(|(circle, is)| (circle.tasks(all), is));
        let closed = closed.filter(|circle| circle.1 && told.contains(circle));
        let closed = closed.flat_map(|(tasks, _)| tasks);
        ids.filter(|id| stuck.contains(id)).chain(closed).collect()
    }

    /// The function is the program's own. Nothing is borrowed while it runs, and its panic ends here.
    fn report(&self, deadlock: &Deadlock) {
        self.reports.add(deadlock, deadlock.remedy());
        match &self.on_deadlock {
            Some(OnDeadlock::Call(function)) => silence(|| function(deadlock)),
            _ => silence(|| eprintln!("{deadlock}")),
        }
    }
}

impl Drop for DeadlockWatch {
    /// The function may own anything, so its destructor may panic.
    fn drop(&mut self) {
        let on_deadlock = self.on_deadlock.take();
        silence(|| drop(on_deadlock));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::future::pending;
    use std::sync::mpsc;

    use super::*;
    use crate::executor::{EVENT_INTERVAL, Executor, ParkThread, spawn, yield_now};

    #[test]
    fn the_time_in_the_programs_function_is_not_the_looks() {
        let (tell, told) = mpsc::channel();
        let slow = move |_: &Deadlock| {
            tell.send(Instant::now()).unwrap();
            std::thread::sleep(Duration::from_millis(100));
        };
        let watch = DeadlockWatch::new(OnDeadlock::Call(Arc::new(slow)), Rc::default());
        Executor::new(ParkThread::new(), EVENT_INTERVAL).block_on(async {
            (0..100).for_each(|_| spawn(pending::<()>()).detach());
            yield_now().await;
            let begin = Instant::now();
            assert_eq!(watch.look(), None);
            let looked = told.try_recv().expect("they are stuck") - begin; // however busy the machine is
            let due_in = watch.look().expect("with so many it is taken now and then");
            assert!(due_in <= Duration::from_secs(1).max(20 * looked), "{due_in:?} {looked:?}");
        });
    }
}
