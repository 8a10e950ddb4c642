//! [`Questions`]: how another thread has the loop list its tasks.
//!
//! The loop could list all of them in one turn. But with 100,000 tasks that turn would stop the loop for tens of
//! milliseconds, and a tool that looks why a program is slow must not be the reason. So the loop lists them in slices: a
//! slice is a function that the loop calls, it ends after a quarter of a millisecond, and then sends the next one to its
//! own inbox. Between two slices tasks have their turns. What the tasks wait for, if the runtime notes that, is copied in the
//! same way behind them, and put in order by the thread that asked.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::mem;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::common::explained::notes_from;
use crate::common::notes::{Note, Waits, in_order};
use crate::common::waits::{Key, is_explaining};
use crate::executor::primitives::{Arc, Condvar, Mutex, MutexGuard, wait_timeout};
use crate::executor::{Hub, HubHandle, Id, Info, with_current};

/// How long one slice may be. Under test it ends as soon as the clock is looked at.
const SLICE: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_micros(250) };
/// How many places of the list of tasks are looked at before the clock is.
pub(super) const STEP: usize = 32;

/// How many tasks an answer has at most. Each takes some 100 bytes, and a long name 200 more.
pub(super) const MOST: usize = 1_000_000;
/// How many threads may wait for the answers of one loop.
pub(super) const ASKERS: usize = 16;

/// A task, as the loop lists it.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) task: Info,
    /// The task that awaits its handle.
    pub(crate) awaited_by: Option<Id>,
    /// Its handle is awaited by a waker that leads to no task.
    pub(crate) is_awaited_elsewhere: bool,
}

/// What came of asking.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Every task, or so many as were asked for; and what each waits for, if the runtime explains it.
    All(Vec<Listed>, Option<Waits>),
    /// It was not asked: too many threads wait for its answers.
    Crowded,
    /// The loop gave no sign for as long as the limit.
    Silent,
    /// The executor has closed, or did so meanwhile.
    Ended,
}

/// The questions to one loop.
#[derive(Default)]
pub(crate) struct Questions(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// How many threads wait for answers: [`ASKERS`] at most, as each answer has all tasks.
    askers: usize,
    /// Those that were given up, and that the loop has still to find in its inbox.
    ///
    /// A loop that is stuck finds all of them when it goes on. So a new question takes up an old one, if there is one: there are never
    /// more than threads that ask at once.
    given_up: Vec<Arc<Question>>,
}

impl Questions {
    /// Has the loop list its tasks, `most` at most: the future of `block_on`, then the others. To be called on any other thread. Gives up
    /// once the loop has been silent for `limit`.
    pub(crate) fn ask(&self, hub: &HubHandle, limit: Duration, most: usize) -> Answer {
        let Some(taken_up) = self.enter() else { return Answer::Crowded };
        let question = taken_up.unwrap_or_else(|| {
            let question = Arc::new(Question { state: Mutex::default(), told: Condvar::new() });
            send(
                hub,
                Slice { question: Some(Arc::clone(&question)), from: From::Place(0), left: most },
            );
            question
        });
        let answer = question.wait(limit);
        let mut open = self.lock();
        open.askers -= 1;
        if matches!(answer, Answer::Silent) {
            open.given_up.push(question);
        }
        answer
    }

    /// One more thread asks, if it may: by a question that was given up, if there is one.
    fn enter(&self) -> Option<Option<Arc<Question>>> {
        let mut open = self.lock();
        if open.askers == ASKERS {
            return None;
        }
        open.askers += 1;
        open.given_up.retain(|question| !question.was_found());
        let index = open.given_up.iter().position(|question| question.take_up());
        Some(index.map(|index| open.given_up.swap_remove(index)))
    }

    /// Nothing panics under the lock, so it is never poisoned.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All tasks, or the first `most`, read at once by the loop's own thread.
pub(crate) fn list(hub: &Hub, most: usize) -> Vec<Listed> {
    let (mut all, mut left) = (Vec::new(), most);
    list_from(hub, 0, &mut left, || true, &mut all);
    all
}

/// Lists the tasks in the places from `from` on, `left` at most, for as long as `goes_on`. Gives where to go on.
fn list_from(
    hub: &Hub,
    from: usize,
    left: &mut usize,
    mut goes_on: impl FnMut() -> bool,
    listed: &mut Vec<Listed>,
) -> Option<usize> {
    let places_left = Cell::new(*left);
    let tell = |task, awaited_by, is_awaited_elsewhere| {
        places_left.set(places_left.get().saturating_sub(1));
        listed.push(Listed { task, awaited_by, is_awaited_elsewhere });
    };
    let next = hub.blocked_from(from, || places_left.get() > 0 && goes_on(), tell);
    *left = places_left.get();
    next.filter(|_| *left > 0)
}

/// A question, and its answer as far as it has come.
pub(crate) struct Question {
    state: Mutex<State>,
    /// A slice has been listed, or no other will be.
    told: Condvar,
}

#[derive(Default)]
struct State {
    /// What the slices have listed so far. Each is a vector of its own, as one that grows would be copied, in the loop's time.
    slices: Vec<Vec<Listed>>,
    /// The same, of what they wait for. `None`: that is not known.
    notes: Option<Vec<Vec<Note>>>,
    /// How many slices the loop has told.
    told: usize,
    end: Option<End>,
}

#[derive(Clone, Copy)]
enum End {
    Complete,
    /// The thread that asked no longer waits, and the loop does not know.
    GivenUp,
    /// A slice was dropped: instead of being called, or as the answer was given up.
    Dropped,
}

impl State {
    fn is_wanted(&mut self) -> bool {
        if matches!(self.end, Some(End::GivenUp)) {
            self.end = Some(End::Dropped);
        }
        self.end.is_none()
    }
}

impl Question {
    /// Nothing panics under the lock, so it is never poisoned.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop has found a slice. Whether the answer is still waited for; if not, it will not be taken up either.
    fn is_wanted(&self) -> bool {
        self.lock().is_wanted()
    }

    /// Whether it was given up, and the loop has found that.
    fn was_found(&self) -> bool {
        matches!(self.lock().end, Some(End::Dropped))
    }

    /// From now on the answer is waited for again, if the loop has not begun with it.
    fn take_up(&self) -> bool {
        let mut state = self.lock();
        let can_be = matches!(state.end, Some(End::GivenUp)) && state.told == 0;
        if can_be {
            state.end = None;
        }
        can_be
    }

    /// Adds what a slice has listed. Whether the answer is still waited for.
    fn tell(&self, found: Found, end: Option<End>) -> bool {
        let mut state = self.lock();
        let is_wanted = state.is_wanted();
        if is_wanted {
            match found {
                Found::Tasks(listed) => state.slices.push(listed),
                Found::Notes(noted) => state.notes.get_or_insert_default().push(noted),
            }
            state.told += 1;
            state.end = end;
        }
        drop(state);
        self.told.notify_one();
        is_wanted
    }

    fn wait(&self, limit: Duration) -> Answer {
        let mut state = self.lock();
        let mut told = 0;
        let mut until = Instant::now().checked_add(limit);
        let end = loop {
            if let Some(end) = state.end {
                break end;
            }
            if state.told > told {
                told = state.told;
                until = Instant::now().checked_add(limit);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                state.end = Some(End::GivenUp);
                break End::GivenUp;
            }
            state = wait_timeout(&self.told, &self.state, state, left).0;
        };
        let (slices, notes) = (mem::take(&mut state.slices), state.notes.take());
        drop(state); // before many tasks are put in order, or dropped
        match end {
            End::Complete => {
                let waits = notes.map(|notes| in_order(joined(notes)));
                Answer::All(joined(slices), waits)
            }
            End::GivenUp => Answer::Silent,
            End::Dropped => Answer::Ended,
        }
    }
}

/// One after the other, in memory that is asked for once.
fn joined<T>(slices: Vec<Vec<T>>) -> Vec<T> {
    let mut all = Vec::with_capacity(slices.iter().map(Vec::len).sum());
    slices.into_iter().for_each(|slice| all.extend(slice));
    all
}

/// Where a slice begins.
#[derive(Clone, Copy)]
enum From {
    /// The list of tasks: this place.
    Place(usize),
    /// What they wait for: this note, or the first.
    Note(Option<Key>),
}

/// What a slice has found.
enum Found {
    Tasks(Vec<Listed>),
    Notes(Vec<Note>),
}

/// The tasks, or what they wait for, from `from` on, to be listed by the loop.
struct Slice {
    /// Taken when the loop calls it.
    question: Option<Arc<Question>>,
    from: From,
    /// How many may be listed yet.
    left: usize,
}

fn send(hub: &HubHandle, mut slice: Slice) {
    hub.call(move || {
        if let (Some(next), Some(hub)) = (slice.list(), HubHandle::current()) {
            send(&hub, next);
        }
    });
}

impl Slice {
    /// Lists them. Gives the next slice, if there is to be one.
    fn list(&mut self) -> Option<Slice> {
        with_current(Hub::count_question);
        // A loop that was stuck may find many slices that were given up.
        let question = self.question.take().filter(|question| question.is_wanted())?;
        let (found, from) = with_current(|hub| self.read(hub))?;
        let is_wanted = question.tell(found, from.is_none().then_some(End::Complete));
        from.filter(|_| is_wanted).map(|from| Slice {
            question: Some(question),
            from,
            left: self.left,
        })
    }

    /// What there is from here on, as much as a slice may take; and where to go on.
    fn read(&mut self, hub: &Hub) -> (Found, Option<From>) {
        let mut is_long = slice_is_long();
        match self.from {
            From::Place(place) => {
                let mut listed = Vec::new();
                let next = list_from(hub, place, &mut self.left, || !is_long(), &mut listed);
                let behind = is_explaining().then_some(From::Note(None));
                (Found::Tasks(listed), next.map(From::Place).or(behind))
            }
            From::Note(from) => {
                let (notes, next) = notes_from(from, || !is_long());
                (Found::Notes(notes), next.map(|key| From::Note(Some(key))))
            }
        }
    }
}

/// If it is dropped instead of called, nothing comes any more.
impl Drop for Slice {
    fn drop(&mut self) {
        if let Some(question) = self.question.take() {
            question.tell(Found::Tasks(Vec::new()), Some(End::Dropped));
        }
    }
}

/// Whether a slice that begins now has been long enough.
#[cfg(not(all(loom, test)))]
fn slice_is_long() -> impl FnMut() -> bool {
    let (begin, mut places) = (Instant::now(), 0_usize);
    move || {
        places += 1;
        places % STEP == 0 && begin.elapsed() >= SLICE
    }
}

/// In a model each task has a slice of its own.
#[cfg(all(loom, test))]
fn slice_is_long() -> impl FnMut() -> bool {
    || true
}
