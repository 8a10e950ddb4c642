//! [`Trace`]: what a loop has done, as plain data.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::asides::Noted;
use super::packed::{Kind, Packed};
use super::recorder::Recording;
use crate::executor::Id;
use crate::executor::observe::{Cause, TurnEnd};

/// What a loop has done: its last events, in their order.
///
/// A runtime that was built with [`Builder::trace`](crate::Builder::trace) gives one at any time, to any thread, while the loop
/// runs or is stuck. It is plain data.
#[derive(Clone, Debug)]
pub struct Trace {
    pub(super) events: Vec<Event>,
    pub(super) dropped: u64,
    pub(super) tasks: BTreeMap<Id, Known>,
    /// When it was taken. If the loop was outside of a run, when it had done the last thing.
    pub(super) until: Duration,
    pub(super) is_virtual: bool,
}

/// What is known of a task, apart from its events.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) name: Option<Box<str>>,
    pub(super) site: Option<&'static Location<'static>>,
}

/// Something that happened, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Since the runtime was built, by the clock that it was built with. What happened within a turn has the time at which the
    /// turn ended.
    pub at: Duration,
    /// What happened.
    pub what: What,
}

/// What happened. The id of the future of `block_on` is #0.
///
/// What other threads ask of the loop itself, as for a [`dump`](crate::Handle::dump), is done in turns too. They all have the
/// id #18446744073709551615: a request is woken as it comes in, and done after its turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum What {
    /// A task was spawned.
    Spawned {
        /// The new task.
        task: Id,
        /// What spawned it.
        by: Cause,
    },
    /// A task became ready: it entered the run queue.
    Woken {
        /// The task.
        task: Id,
        /// What woke it.
        by: Cause,
    },
    /// A task began a turn.
    TurnBegan {
        /// The task.
        task: Id,
    },
    /// A task ended its turn.
    TurnEnded {
        /// The task.
        task: Id,
        /// Whether the task ended with it.
        is_done: bool,
    },
    /// A task that had not ended was dropped with its runtime.
    Lost {
        /// The task.
        task: Id,
    },
    /// A turn had not ended for so long that the watchdog reported it.
    Stalled {
        /// The task that had the turn.
        task: Id,
        /// For how long, at least.
        at_least: Duration,
    },
    /// A blocking job began to run, on a thread of the pool. Of a job that goes on later this is kept, however old it is.
    JobBegan {
        /// Jobs that run at the same time have different numbers. The next job that is spawned at the same place may have
        /// the number of one that has ended.
        number: usize,
        /// Where it was spawned.
        site: &'static Location<'static>,
    },
    /// A blocking job returned or panicked.
    JobEnded {
        /// As at its beginning.
        number: usize,
    },
    /// The loop looked outside.
    Looked,
    /// No task was ready, so the thread went to sleep.
    Parked,
    /// The thread woke up.
    Unparked,
}

/// The ids of the lanes of jobs begin here. No task has such an id.
const JOBS: u64 = 1 << 63;

/// Whether this is the lane of jobs of one number, and not that of a task.
pub(super) fn is_job(lane: Id) -> bool {
    lane.0 >= JOBS && lane != Id::SENT
}

impl Trace {
    /// The events, the oldest first.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How many older events there were. There was no room for them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The name of a task that the events show, if it has one.
    #[must_use]
    pub fn name(&self, task: Id) -> Option<&str> {
        self.tasks.get(&task)?.name.as_deref()
    }

    /// Where a task that the events show was spawned; for the future of `block_on`, where that was called.
    #[must_use]
    pub fn site(&self, task: Id) -> Option<&'static Location<'static>> {
        self.tasks.get(&task)?.site
    }

    /// `#3`, `#3 name`, `block_on`, or `requests of threads`. What would turn or break a line in a name is escaped, as by `{:?}`.
    pub(super) fn title(&self, task: Id) -> String {
        match self.name(task) {
            _ if task == Id::ROOT => "block_on".to_owned(),
            _ if is_job(task) => format!("job {}", task.0 - JOBS + 1),
            _ if task == Id::SENT => "requests of threads".to_owned(),
            Some(name) => {
                let quoted = format!("{name:?}");
                format!("{task} {}", &quoted[1..quoted.len() - 1])
            }
            None => task.to_string(),
        }
    }
}

/// Of a time in a trace.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Recording {
    /// What is written so far.
    pub(crate) fn trace(&self) -> Trace {
        let reading = self.read();
        let mut reader = Reader::default();
        let mut sites = BTreeMap::new();
        for &words in &reading.copied.events {
            let packed = Packed::unpack(words);
            if let Some(task) = reader.read(packed).task() {
                sites.insert(task, reading.sites.get(packed.site as usize).copied());
            }
        }
        let mut events = reader.events;
        let oldest = events.first().map_or(Duration::ZERO, |event| event.at);
        let mut asides = reading.asides;
        if reading.copied.dropped > 0 {
            asides.drop_before(nanos(oldest)); // of that time the rest is not shown either
        }
        for aside in asides.iter() {
            let (what, site) = match aside.what {
                Noted::Stalled(task, at_least) => (What::Stalled { task, at_least }, None),
                Noted::JobBegan(number, site) => (What::JobBegan { number, site }, Some(site)),
                Noted::JobEnded(number, site) => (What::JobEnded { number }, Some(site)),
            };
            events.push(Event { at: Duration::from_nanos(aside.at), what });
            what.lane().into_iter().for_each(|lane| _ = sites.entry(lane).or_insert(site));
        }
        events.sort_by_key(|event| event.at); // stable: of the same time, these come last
        let known = |(id, site)| (id, Known { name: self.name(id), site });
        let last = events.last().map_or(Duration::ZERO, |event| event.at);
        Trace {
            events,
            dropped: reading.copied.dropped + asides.dropped(),
            tasks: sites.into_iter().map(known).collect(),
            until: reading.now.map_or(last, Duration::from_nanos),
            is_virtual: reading.is_virtual,
        }
    }
}

/// Reads packed events one by one.
#[derive(Default)]
struct Reader {
    events: Vec<Event>,
    /// The task that has its turn, and the place of the turn's first event.
    turn: Option<(Id, usize)>,
}

impl Reader {
    fn read(&mut self, packed: Packed) -> What {
        let task = packed.task;
        let at = Duration::from_nanos(packed.at);
        let what = match packed.kind {
            Kind::Spawned(by) => What::Spawned { task, by: self.by(by) },
            Kind::Woken(by) => What::Woken { task, by: self.by(by) },
            Kind::TurnBegan(end) => {
                self.end_turn_before(end, at);
                self.turn = Some((task, self.events.len() + 1));
                What::TurnBegan { task }
            }
            Kind::TurnEnded(end) => return self.end_turn(task, end, at),
            Kind::Dropped => What::Lost { task },
            Kind::Looked => What::Looked,
            Kind::Parked => What::Parked,
            Kind::Unparked => What::Unparked,
        };
        self.events.push(Event { at, what });
        what
    }

    /// The turn before has ended so. If the ring does not show how it began, it does not show of which task it was.
    fn end_turn_before(&mut self, end: Option<TurnEnd>, at: Duration) {
        match (end, self.turn) {
            (Some(end), Some((task, _))) => _ = self.end_turn(task, end, at),
            (Some(_), None) => self.events.iter_mut().for_each(|event| event.at = at),
            (None, _) => {}
        }
    }

    /// Gives the events of the turn the time of its end. If the ring does not show how it began, these are all so far.
    fn end_turn(&mut self, task: Id, end: TurnEnd, at: Duration) -> What {
        let (_, first) = self.turn.take().unwrap_or((task, 0));
        for event in &mut self.events[first..] {
            event.at = at;
            if let What::Spawned { by, .. } | What::Woken { by, .. } = &mut event.what {
                if *by == Cause::Unknown {
                    *by = Cause::Task(task);
                }
            }
        }
        if end == TurnEnd::Yields {
            self.events.push(Event { at, what: What::Woken { task, by: Cause::Task(task) } });
        }
        let what = What::TurnEnded { task, is_done: end == TurnEnd::Done };
        self.events.push(Event { at, what });
        what
    }

    fn by(&self, by: Cause) -> Cause {
        match self.turn {
            Some((task, _)) if by == Cause::Unknown => Cause::Task(task),
            _ => by,
        }
    }
}

impl What {
    /// The task that it happened to.
    #[must_use]
    pub fn task(&self) -> Option<Id> {
        match *self {
            Self::Spawned { task, .. }
            | Self::Woken { task, .. }
            | Self::TurnBegan { task }
            | Self::TurnEnded { task, .. }
            | Self::Lost { task }
            | Self::Stalled { task, .. } => Some(task),
            Self::JobBegan { .. }
            | Self::JobEnded { .. }
            | Self::Looked
            | Self::Parked
            | Self::Unparked => None,
        }
    }

    /// The task that it happened to, or the lane of jobs.
    pub(super) fn lane(&self) -> Option<Id> {
        match *self {
            Self::JobBegan { number, .. } | Self::JobEnded { number } => {
                Some(Id(JOBS + number as u64))
            }
            _ => self.task(),
        }
    }
}

/// `task #2 woken by task #1`: without the time.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = |task: Id| task.title(None);
        match *self {
            Self::Spawned { task, by } => write!(f, "{} spawned by {by}", title(task)),
            Self::Woken { task, by } => write!(f, "{} woken by {by}", title(task)),
            Self::TurnBegan { task } => write!(f, "{} begins a turn", title(task)),
            Self::TurnEnded { task, is_done: false } => write!(f, "{} ends its turn", title(task)),
            Self::TurnEnded { task, is_done: true } => write!(f, "{} is done", title(task)),
            Self::Lost { task } => write!(f, "{} lost", title(task)),
            Self::Stalled { task, at_least } => {
                write!(f, "{} has had its turn for {at_least:?}", title(task))
            }
            Self::JobBegan { number, site } => {
                write!(f, "job {} spawned at {site} begins", number + 1)
            }
            Self::JobEnded { number } => write!(f, "job {} ends", number + 1),
            Self::Looked => f.write_str("looks outside"),
            Self::Parked => f.write_str("parks"),
            Self::Unparked => f.write_str("unparks"),
        }
    }
}
