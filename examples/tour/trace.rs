//! The trace: what the running tasks said, in which lane, and when.
//!
//! A task says a line at the moment it runs, from whatever thread it is on; nothing is written down
//! in advance. One scene is played at a time, so one trace serves them all.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taketurns::time;

static TRACE: Mutex<Trace> = Mutex::new(Trace::new());

/// Tasks beyond these have no lane: the page is 80 columns wide.
const LANES: usize = 8;

thread_local! {
    /// The lane that has its turn on this thread.
    static CURRENT: Cell<Option<usize>> = const { Cell::new(None) };
    /// When the scene began by a virtual clock, while one runs on this thread.
    static BEGAN: Cell<Option<time::Instant>> = const { Cell::new(None) };
}

/// One line of a twin, and when it was said; `None` when only its place in the order is known.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: Option<Instant>,
    /// Since its loop began, by a virtual clock.
    pub(crate) virtually: Option<Duration>,
    pub(crate) text: String,
}

impl Line {
    /// `text` may begin with the time by a virtual clock, in seconds: `@0.25 `.
    pub(crate) fn of(text: String, at: Option<Instant>) -> Line {
        let timed = || {
            let (seconds, text) = text.strip_prefix('@')?.split_once(' ')?;
            Some((Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?, text.to_owned()))
        };
        match timed() {
            Some((time, text)) => Line { at, virtually: Some(time), text },
            None => Line { at, virtually: None, text },
        }
    }

    /// Since `began`, or by the virtual clock.
    pub(crate) fn since(&self, began: Option<Instant>) -> Option<Duration> {
        self.virtually.or_else(|| Some(self.at?.saturating_duration_since(began?)))
    }
}

/// A lane: its place in [`Trace::lanes`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lane(pub(crate) usize);

/// What happened in a scene, in order.
pub(crate) struct Trace {
    /// The label of each lane.
    pub(crate) lanes: Vec<String>,
    pub(crate) events: Vec<Event>,
    /// Whether there were tasks that no lane was left for.
    pub(crate) more: bool,
    /// How long the scene took, if it had a virtual clock.
    pub(crate) took: Option<Duration>,
}

pub(crate) enum Event {
    Said(Said),
    Spawned(Lane),
    Turn(Lane),
    Ended(Lane),
    Dropped(Lane),
}

/// A line of a scene.
pub(crate) struct Said {
    /// `None` when it was said outside of all lanes.
    pub(crate) lane: Option<Lane>,
    pub(crate) at: Instant,
    /// Since the scene began, by its virtual clock.
    pub(crate) virtually: Option<Duration>,
    pub(crate) text: String,
}

impl Trace {
    const fn new() -> Trace {
        Trace { lanes: Vec::new(), events: Vec::new(), more: false, took: None }
    }

    pub(crate) fn said(&self) -> impl Iterator<Item = &Said> {
        self.events.iter().filter_map(|event| match event {
            Event::Said(said) => Some(said),
            _ => None,
        })
    }
}

/// Says a line, with the arguments of [`format!`].
macro_rules! say {
    ($($arguments:tt)*) => { $crate::trace::push(format!($($arguments)*)) };
}
pub(crate) use say;

pub(crate) fn push(text: String) {
    let lane = CURRENT.get().map(Lane);
    let virtually = BEGAN.get().map(time::Instant::elapsed);
    note(Event::Said(Said { lane, at: Instant::now(), virtually, text }));
}

pub(crate) fn note(event: Event) {
    trace().events.push(event);
}

/// What happened since the last call.
pub(crate) fn take() -> Trace {
    std::mem::replace(&mut *trace(), Trace::new())
}

/// A new lane; without a label, it has the next letter.
pub(crate) fn lane(label: Option<&str>) -> Option<Lane> {
    let mut trace = trace();
    let lane = trace.lanes.len();
    if lane == LANES {
        trace.more = true;
        return None;
    }
    let letters = trace.lanes.iter().filter(|label| label.len() == 1).count();
    let letter = || char::from(b'a' + letters as u8).to_string();
    trace.lanes.push(label.map_or_else(letter, str::to_owned));
    trace.events.push(Event::Spawned(Lane(lane)));
    Some(Lane(lane))
}

/// What is said while this lives is said in `lane`.
pub(crate) fn enter(lane: Option<Lane>) -> impl Drop {
    Restore(CURRENT.replace(lane.map(|Lane(index)| index)))
}

pub(crate) fn is_in_a_lane() -> bool {
    CURRENT.get().is_some()
}

struct Restore(Option<usize>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Awaits `root`. From here until a [`RealTime`] is dropped, what is said on this thread has the time of its runtime.
pub(crate) async fn by_the_clock<F: Future>(root: F) -> F::Output {
    BEGAN.set(Some(time::Instant::now()));
    let output = root.await;
    trace().took = BEGAN.get().map(time::Instant::elapsed);
    output
}

/// Back to the real time.
pub(crate) struct RealTime;

impl Drop for RealTime {
    fn drop(&mut self) {
        BEGAN.set(None);
    }
}

fn trace() -> MutexGuard<'static, Trace> {
    TRACE.lock().unwrap_or_else(PoisonError::into_inner)
}
