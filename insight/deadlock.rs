//! Deadlock under virtual time: nothing is ready, and nothing is left that could change that.
//!
//! Under the real clock the loop cannot tell a program that waits from a program that waits for ever. A virtual clock
//! moves only when the loop moves it, so there nearly everything is known: no timer will be due, no source is awaited, no
//! job runs, no guard holds the clock, and no `Handle` is out. Then a task that has no waker left is *certain* never to go
//! on. A task that has one is only *suspected*: a thread that the runtime does not know of may have that waker, so the run
//! waits for it during a grace, in real time.
//!
//! Once the deadlock is certain, or the grace is over, the verdict stands: the run panics. But a list of tasks that wait
//! does not yet say what went wrong, and only the tasks themselves know what they wait for. So before the panic they are
//! *asked* ([`waits`](crate::common::waits)): each task that the report lists takes one more turn. If a wake was lost, the task that needed it
//! goes on in that turn, and may wake others, or even end the run. None of it changes the verdict; otherwise asking would
//! hide the very mistake that the report is about.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use super::exit_report::{LISTED, write_more};
use super::waiting::Waiting;
use crate::common::awaited::{Awaited, names};
use crate::common::notes::Waits;
use crate::common::waits::Asking;
use crate::executor::{Hub, Id, Info, State, with_current};

/// The grace by default.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// The run looks deadlocked. If no wake comes within the grace, it is.
pub(crate) struct Suspicion {
    since: Instant,
    grace: Duration,
    is_certain: bool,
    is_told: bool,
    /// How many turns had ended when it began.
    turns: u64,
}

impl Suspicion {
    /// `panics_end_it`: so any task that can still go on may end the run.
    pub(crate) fn new(grace: Duration, panics_end_it: bool) -> Self {
        let is_certain =
            with_current(|hub| hub.is_stuck() && (!panics_end_it || hub.are_tasks_stuck()))
                .unwrap_or_default();
        Self { since: Instant::now(), grace, is_certain, is_told: false, turns: turns_of_work() }
    }

    /// Whether no task has had a turn since.
    pub(crate) fn stands(&self) -> bool {
        self.turns == turns_of_work()
    }

    /// How long the run still waits for a wake.
    pub(crate) fn grace(&self) -> Duration {
        if self.is_certain {
            Duration::ZERO
        } else {
            self.grace.saturating_sub(self.since.elapsed())
        }
    }
}

fn turns_of_work() -> u64 {
    with_current(Hub::turns_of_work).unwrap_or_default()
}

impl Suspicion {
    /// Under the real clock: whether the grace is over, no wake is on its way, and it was not told before. Then it is told now;
    /// from then on the run waits without limit.
    pub(crate) fn is_to_be_told(&mut self) -> bool {
        let is_due = !self.is_told && self.grace().is_zero();
        self.is_told |= is_due && with_current(Hub::expects) == Some(false);
        is_due && self.is_told
    }

    /// How long the run still waits for a wake before it is told; `None` once it was.
    pub(crate) fn wait(&self) -> Option<Duration> {
        (!self.is_told).then(|| self.grace())
    }

    /// Whether the run can never end.
    pub(crate) fn is_certain(&self) -> bool {
        self.is_certain
    }
}

/// The deadlock of a run, from the look that found it until the run panics.
#[derive(Default)]
pub(crate) struct Verdict(RefCell<Option<Found>>);

impl Verdict {
    /// Finds the run deadlocked if the grace is over and no wake is on its way, and begins to ask its tasks. Otherwise it
    /// gives the suspicion back.
    pub(crate) fn confirm(&self, suspicion: Suspicion) -> Option<Suspicion> {
        if !suspicion.grace().is_zero() || with_current(Hub::expects) != Some(false) {
            return Some(suspicion);
        }
        *self.0.borrow_mut() = Some(Found::ask(suspicion));
        None
    }

    /// To be called in each look, before the clock moves. Gives the text of the panic once every task has been asked.
    #[inline]
    pub(crate) fn look(&self) -> Option<String> {
        let mut found = self.0.borrow_mut();
        let asks = found.as_mut()?.has_more_looks() && with_current(Hub::has_ready) == Some(true);
        if asks { None } else { found.take().map(Found::into_text) }
    }

    /// The text of the panic, if the run ended before every task had been asked.
    pub(crate) fn take(&self) -> Option<String> {
        self.0.take().map(Found::into_text)
    }
}

struct Found {
    suspicion: Suspicion,
    /// Where the tasks stood before they were asked.
    blocked: Vec<Blocked>,
    asking: Asking,
    /// How many more looks the asking may take: as many as there are tasks to ask, as a turn at least comes between two. So
    /// tasks that go on and on do not put the panic off.
    looks: usize,
}

impl Found {
    fn ask(suspicion: Suspicion) -> Self {
        let blocked = with_current(Hub::blocked).unwrap_or_default();
        let listed = |is_stuck| all_that_are(is_stuck, &blocked).take(LISTED);
        let asked: BTreeSet<Id> =
            listed(true).chain(listed(false)).map(|(task, _)| task.id()).collect();
        let asking = Asking::begin(asked.iter().copied());
        with_current(|hub| hub.wake_blocked(|task| asked.contains(&task)));
        Self { suspicion, blocked, asking, looks: asked.len() }
    }

    fn has_more_looks(&mut self) -> bool {
        let left = self.looks.checked_sub(1);
        self.looks = left.unwrap_or_default();
        left.is_some()
    }

    fn into_text(self) -> String {
        let (blocked, answers) = (&self.blocked, &self.asking.end());
        let Suspicion { grace, is_certain, .. } = self.suspicion;
        let mut text = String::from(
            "deadlock: no task is ready, and under virtual time nothing is left that could wake one: \
             no timer, no source, no blocking job, no `Handle`",
        );
        let mut list = |heading: &str, is_stuck: bool| {
            let tasks: Vec<&Blocked> = all_that_are(is_stuck, blocked).collect();
            if !tasks.is_empty() {
                let _ = write!(text, "\n{heading}:{}", Told { tasks: &tasks, blocked, answers });
            }
            !tasks.is_empty()
        };
        list("for certain, as no waker of it is left", true);
        if is_certain {
            list("not waited for, as the run cannot end whatever they do", false);
        } else if list("suspected, as no waker of it was used", false) {
            text.push_str("\na thread of your own that is to wake a task");
            if !grace.is_zero() {
                let _ = write!(text, " after more than {grace:?}");
            }
            text.push_str(" has to hold the clock: `taketurns::time::hold()`");
        }
        if blocked.is_empty() {
            text.push_str("\nthere is no task, and nothing to stop the run");
        }
        text
    }
}

/// A task, and the task that awaits its handle.
type Blocked = (Info, Option<Id>);

/// The tasks that are stuck, or those that are not.
fn all_that_are(is_stuck: bool, blocked: &[Blocked]) -> impl Iterator<Item = &Blocked> {
    blocked.iter().filter(move |(task, _)| (task.state() == State::Stuck) == is_stuck)
}

/// These tasks, each with what it waits for, and no more than can be read.
struct Told<'a> {
    tasks: &'a [&'a Blocked],
    blocked: &'a [Blocked],
    answers: &'a Waits,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = names(self.blocked.iter().map(|(task, _)| task));
        for (task, _) in self.tasks.iter().take(LISTED) {
            let said = self.answers.get(&task.id()).map(Vec::as_slice).unwrap_or_default();
            let told: BTreeSet<Id> = said.iter().filter_map(Awaited::awaits).collect();
            let awaits = self.blocked.iter().filter(|(_, by)| *by == Some(task.id()));
            let awaits = awaits.map(|(awaited, _)| awaited.id()).filter(|id| !told.contains(id));
            let mut waits: Vec<_> =
                awaits.map(Awaited::for_task).chain(said.iter().cloned()).collect();
            waits.iter_mut().for_each(|wait| wait.name_tasks(&names));
            Waiting { task: task.clone(), waits }.fmt(f)?;
        }
        write_more(self.tasks.len(), f)
    }
}

#[cfg(all(test, not(loom)))]
#[path = "deadlock_tests.rs"]
mod tests;
