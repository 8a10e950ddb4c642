//! [`Recorder`]: writes down what the loop does. [`Recording`]: what it has written, for any thread.
//!
//! Reading the clock costs more than all the rest of an event. So it is read once in a turn, at the turn's end, and the next
//! turn begins with that reading, unless the loop looked outside between the two. What happens within a turn has the time of
//! the turn's end: a task that was woken then cannot run before.
//!
//! The end of a turn is not written at once either: the event that the next turn began says how the one before ended. If no
//! turn follows, the end becomes an event of its own before whatever follows.
//!
//! An event says which task it is about, by its id, and where that was spawned. Names are longer, and few tasks have one. So
//! names are asked for when the events are read; of a named task that has ended, the name is kept while the ring shows it.

#![forbid(unsafe_code)]

use std::array::from_fn;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::asides::{Asides, Noted};
use super::packed::{Kind, NO_SITE, NO_TASK, task_word, time_word, words};
use super::ring::{Copied, Ring};
use crate::common::monotonic::monotonic;
#[cfg(feature = "offload")]
use crate::common::observe_jobs::ObserveJobs;
use crate::executor::Id;
use crate::executor::observe::{Cause, Observe, Seen, TurnEnd};
use crate::executor::primitives::Gauge;
use crate::insight::stall::{Obstacle, Stall};

type Site = &'static Location<'static>;

/// The name of a live task.
pub(crate) type NameOf = Box<dyn Fn(Id) -> Option<Box<str>> + Send + Sync>;

/// Which clock the events have.
pub(crate) enum Clock {
    Real,
    /// Gives ns since whenever. Read at home only.
    #[allow(dead_code, reason = "without the feature `time` no clock is virtual")]
    Virtual(Box<dyn Fn() -> u64>),
}

/// What a recorder has written, for any thread.
pub(crate) struct Recording {
    ring: Ring,
    /// When it was made, by the real clock.
    since: u64,
    is_virtual: bool,
    /// What a virtual clock showed last.
    shown: Gauge,
    /// Whether the loop is in a run, as 1 or 0.
    runs: Gauge,
    sites: Mutex<Vec<Site>>,
    name_of: NameOf,
    /// Of tasks that have ended.
    names: Mutex<Names>,
    asides: Mutex<Asides>,
    /// Of each lane for jobs: where its jobs are spawned, and whether one runs. Jobs that run at the same time are in
    /// different lanes.
    #[cfg(feature = "offload")]
    lanes: Mutex<Vec<(Site, bool)>>,
}

#[derive(Default)]
struct Names {
    names: HashMap<Id, Box<str>>,
    /// In the order of their ends: how many events were written before that.
    order: VecDeque<(u64, Id)>,
}

/// One reading of a [`Recording`].
pub(super) struct Reading {
    pub(super) copied: Copied,
    pub(super) asides: Asides,
    pub(super) sites: Vec<Site>,
    /// When the events were read. `None`: the loop was outside of a run, so what they show ends with the last of them.
    pub(super) now: Option<u64>,
    pub(super) is_virtual: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recording {
    /// Notes, on a thread of the watchdog's, that a turn does not end. Not that a look does not, or that it has gone on.
    pub(crate) fn note(&self, stall: &Stall) {
        if let (Obstacle::Turn { id, .. }, false) = (&stall.obstacle, stall.is_over) {
            self.stalled(*id, stall.lasted);
        }
    }

    /// Notes that a turn of `task` has not ended for at least this long.
    pub(super) fn stalled(&self, task: Id, at_least: Duration) {
        self.keep(Noted::Stalled(task, at_least));
    }

    pub(super) fn keep(&self, what: Noted) {
        let mut asides = lock(&self.asides);
        asides.add(self.now(), what); // with the lock, so in the order of time
    }

    /// The time of the events. Under a virtual clock, which other threads cannot read, what home has read last.
    fn now(&self) -> u64 {
        if self.is_virtual { self.shown.get() } else { monotonic() - self.since }
    }

    pub(super) fn read(&self) -> Reading {
        let runs = self.runs.get() == 1; // before the events, so they show what ended with the run
        let copied = self.ring.copy();
        // After the events: an event's site is in the table before the event is in the ring.
        let sites = lock(&self.sites).clone();
        let asides = lock(&self.asides).clone();
        let now = runs.then(|| self.now()); // after all that is copied, of which nothing then is later
        Reading { copied, asides, sites, now, is_virtual: self.is_virtual }
    }

    /// Of how many tasks that have ended the name is kept.
    #[cfg(test)]
    pub(super) fn names_kept(&self) -> usize {
        lock(&self.names).names.len()
    }

    /// The name of a task that is live, or that the ring still shows.
    pub(super) fn name(&self, task: Id) -> Option<Box<str>> {
        let ended = || lock(&self.names).names.get(&task).cloned();
        (self.name_of)(task).or_else(ended)
    }
}

#[cfg(feature = "offload")]
impl ObserveJobs for Recording {
    fn begins(&self, site: Site) -> usize {
        let mut lanes = lock(&self.lanes);
        let free = lanes.iter().position(|lane| *lane == (site, false));
        let lane = free.unwrap_or(lanes.len());
        match free {
            Some(lane) => lanes[lane].1 = true,
            None => lanes.push((site, true)),
        }
        self.keep(Noted::JobBegan(lane, site));
        lane
    }

    fn ends(&self, lane: usize) {
        let mut lanes = lock(&self.lanes);
        lanes[lane].1 = false;
        self.keep(Noted::JobEnded(lane, lanes[lane].0));
    }
}

/// How many sites home remembers without a look into its map.
const RECENT: usize = 64;

/// Writes down what the loop does. At home.
pub(crate) struct Recorder {
    recording: Arc<Recording>,
    clock: Clock,
    /// What a virtual clock showed at first.
    origin: u64,
    /// The last reading, as a word of an event.
    now: Cell<u64>,
    /// How the last turn ended, at that reading, while that is not written.
    end: Cell<Option<TurnEnd>>,
    /// The task of the last turn, as a word of an event; `NO_TASK` once its end is written.
    turn: Cell<u64>,
    /// The addresses of sites, and their places in the table.
    recent: [Cell<(usize, u32)>; RECENT],
    places: RefCell<HashMap<usize, u32>>,
}

impl Recorder {
    /// Keeps the last `capacity` events at least.
    pub(crate) fn new(capacity: usize, clock: Clock, name_of: NameOf) -> Self {
        let origin = match &clock {
            Clock::Real => 0,
            Clock::Virtual(now) => now(),
        };
        let recording = Arc::new(Recording {
            ring: Ring::new(capacity),
            since: monotonic(),
            is_virtual: matches!(clock, Clock::Virtual(_)),
            shown: Gauge::default(),
            runs: Gauge::default(),
            sites: Mutex::default(),
            name_of,
            names: Mutex::default(),
            asides: Mutex::default(),
            #[cfg(feature = "offload")]
            lanes: Mutex::default(),
        });
        Self {
            recording,
            clock,
            origin,
            now: Cell::new(0),
            end: Cell::new(None),
            turn: Cell::new(NO_TASK),
            recent: from_fn(|_| Cell::new((0, NO_SITE))),
            places: RefCell::default(),
        }
    }

    /// What it writes.
    pub(crate) fn recording(&self) -> Arc<Recording> {
        Arc::clone(&self.recording)
    }

    /// Not inlined: so the events that need no clock are short.
    #[inline(never)]
    fn read_clock(&self) {
        let now = match &self.clock {
            Clock::Real => monotonic() - self.recording.since,
            Clock::Virtual(now) => {
                let now = now().saturating_sub(self.origin);
                self.recording.shown.set(now);
                now
            }
        };
        self.now.set(time_word(now));
    }

    #[inline]
    fn write(&self, kind: Kind, task_word: u64) {
        self.recording.ring.write(words(self.now.get(), kind, task_word));
    }

    /// Writes the end of the last turn, if that is not written.
    #[inline]
    fn end_turn(&self) {
        if let Some(end) = self.end.take() {
            self.write(Kind::TurnEnded(end), self.turn.replace(NO_TASK));
        }
    }

    #[inline]
    fn word(&self, task: &Seen) -> u64 {
        task_word(task.id.0, self.place(task.site))
    }

    /// The place of a site in the table.
    #[inline]
    fn place(&self, site: Site) -> u32 {
        let address = std::ptr::from_ref(site).addr();
        let recent = &self.recent[(address >> 3) % RECENT];
        let (known, place) = recent.get();
        if known == address {
            return place;
        }
        let place = self.look_up(address, site);
        recent.set((address, place));
        place
    }

    #[cold]
    fn look_up(&self, address: usize, site: Site) -> u32 {
        *self.places.borrow_mut().entry(address).or_insert_with(|| {
            let mut sites = lock(&self.recording.sites);
            let place = sites.len() as u32;
            if place < NO_SITE {
                sites.push(site);
            }
            place.min(NO_SITE)
        })
    }

    /// For an event that has the time of now: a look has read the clock, but then a virtual clock may have moved; and between
    /// runs the last reading may be old.
    #[inline]
    fn now_by(&self, by: Cause) -> Cause {
        if !matches!(by, Cause::Task(_)) {
            self.end_turn();
            if by == Cause::Outside || self.recording.is_virtual {
                self.read_clock();
            }
        }
        by
    }
}

impl Observe for Recorder {
    fn spawned(&self, task: &Seen, by: Cause) {
        self.write(Kind::Spawned(self.now_by(by)), self.word(task));
    }

    #[inline]
    fn woken(&self, task: &Seen, by: Cause) {
        // A task that has ended is woken by itself to call late callbacks. That is no news of it.
        if by != Cause::Task(task.id) {
            self.write(Kind::Woken(self.now_by(by)), self.word(task));
        }
    }

    #[inline]
    fn begins_turn(&self, task: &Seen, _polls: u32) {
        let end = self.end.take();
        if end.is_none() {
            self.recording.runs.set(1);
            self.read_clock();
        }
        let word = self.word(task);
        self.turn.set(word);
        self.write(Kind::TurnBegan(end), word);
    }

    #[inline]
    fn ends_turn(&self, _task: &Seen, end: TurnEnd) {
        self.read_clock();
        self.end.set(Some(end));
    }

    fn ended(&self, task: &Seen) {
        self.end_turn();
        if self.turn.get() == NO_TASK {
            self.read_clock();
            if task.id == Id::SENT {
                // A request that is done as the runtime ends: without a turn, so it is written as one.
                self.write(Kind::TurnBegan(None), self.word(task));
                self.write(Kind::TurnEnded(TurnEnd::Done), self.word(task));
            } else {
                self.write(Kind::Dropped, self.word(task));
            }
        }
        if let Some(name) = (self.recording.name_of)(task.id) {
            let (ring, mut kept) = (&self.recording.ring, lock(&self.recording.names));
            let shown = ring.dropped();
            while let Some((_, id)) =
                kept.order.front().copied().filter(|(event, _)| *event < shown)
            {
                kept.order.pop_front();
                kept.names.remove(&id);
            }
            kept.order.push_back((ring.written(), task.id));
            kept.names.insert(task.id, name);
        }
    }

    fn looks(&self) {
        self.recording.runs.set(1);
        self.end_turn();
        self.read_clock();
        self.write(Kind::Looked, NO_TASK);
    }

    fn parks(&self) {
        self.read_clock(); // the function that is told of deadlocks may have taken its time
        self.write(Kind::Parked, NO_TASK);
    }

    fn unparks(&self) {
        self.read_clock();
        self.write(Kind::Unparked, NO_TASK);
    }

    fn leaves(&self) {
        self.end_turn();
        self.recording.runs.set(0);
    }
}
