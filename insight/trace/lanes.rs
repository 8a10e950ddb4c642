//! [`Picture`]: a trace as it is drawn: a lane for each task, with its turns.
//!
//! A turn follows from one wake or from the spawn, as a task is at most once in the run queue. So a turn has with it since when
//! its task was ready, and what woke it: the text, the page and the export to Perfetto all draw that.
//!
//! Blocking jobs have lanes too. A lane has one job at a time, which is a turn of it.
//!
//! Each moment has two places on the page: its time, and its step. A step is a turn, a job, or a wait of the thread. Turns take no
//! time by a virtual clock, and next to a wait of a second one cannot see them by the real clock; by steps each is as wide as
//! any other.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::time::Duration;

use super::trace::{Event, Trace, What, is_job, nanos};
use crate::executor::Id;
use crate::executor::observe::Cause;

/// A moment: time in ns, and step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Moment {
    pub(super) at: u64,
    pub(super) step: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Turn {
    pub(super) begin: Moment,
    /// While it goes on: when the trace was taken.
    pub(super) end: Moment,
    pub(super) goes_on: bool,
    /// `None`: the events do not show how it became ready.
    pub(super) wake: Option<Wake>,
}

/// How a task became ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wake {
    pub(super) at: Moment,
    pub(super) by: Cause,
    /// The turn it was woken in: its lane, and its place there.
    pub(super) from: Option<(usize, usize)>,
    /// If a look found it: the longest turn between the look before and that one. What it was woken by may have come since then.
    pub(super) behind: Option<(usize, usize)>,
}

#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) task: Id,
    /// `None`: before the first event.
    pub(super) spawned: Option<(Moment, Cause)>,
    pub(super) turns: Vec<Turn>,
    /// It is ready, and has had no turn since.
    pub(super) ready: Option<Wake>,
    pub(super) ended: Option<(Moment, End)>,
    pub(super) stalls: Vec<(Moment, Duration)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Done,
    Lost,
}

pub(super) struct Picture {
    /// The future of `block_on` first, then the tasks in the order of spawning, then the jobs.
    pub(super) lanes: Vec<Lane>,
    /// The turns of tasks, in their order: the lane of each, and its place there.
    pub(super) turns: Vec<(usize, usize)>,
    pub(super) looks: Vec<Moment>,
    /// When the thread slept.
    pub(super) parks: Vec<(Moment, Moment)>,
    pub(super) from: Moment,
    pub(super) to: Moment,
}

impl Picture {
    /// The lanes of tasks, and their places.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (usize, &Lane)> {
        self.lanes.iter().enumerate().filter(|(_, lane)| !is_job(lane.task))
    }

    pub(super) fn of(trace: &Trace) -> Self {
        let lane = |(place, &id)| (id, place);
        let places: BTreeMap<Id, usize> = trace.tasks.keys().enumerate().map(lane).collect();
        // Jobs that go on may have begun long before all the rest.
        let begins_job = |event: &&Event| matches!(event.what, What::JobBegan { .. });
        let (jobs, rest) =
            trace.events.split_at(trace.events.iter().take_while(begins_job).count());
        let from = rest.first().map_or(trace.until, |event| event.at);
        let mut painter = Painter::new(trace, places, nanos(from));
        painter.paint_all(jobs);
        painter.begin_before(rest);
        painter.paint_all(rest);
        painter.finish(nanos(trace.until))
    }
}

struct Painter {
    picture: Picture,
    places: BTreeMap<Id, usize>,
    /// How many steps have begun.
    steps: u64,
    /// The turn that goes on: its lane, its beginning, and the wake it follows from.
    turn: Option<(usize, Moment, Option<Wake>)>,
    parked: Option<Moment>,
    /// The longest turn since the last look.
    longest: Option<(usize, usize)>,
    /// Of the look that goes on: the longest turn since the look before.
    behind: Option<(usize, usize)>,
    /// The jobs that go on: their lanes and beginnings.
    jobs: BTreeMap<usize, Moment>,
}

/// A wait of the thread that is shorter than this, in ns, has found something that was there already.
const AT_ONCE: u64 = 100_000;

impl Painter {
    fn new(trace: &Trace, places: BTreeMap<Id, usize>, from: u64) -> Self {
        let lane = |&task| Lane {
            task,
            spawned: None,
            turns: Vec::new(),
            ready: None,
            ended: None,
            stalls: Vec::new(),
        };
        let from = Moment { at: from, step: 0 };
        let picture = Picture {
            lanes: trace.tasks.keys().map(lane).collect(),
            turns: Vec::new(),
            looks: Vec::new(),
            parks: Vec::new(),
            from,
            to: from,
        };
        Self {
            picture,
            places,
            steps: 0,
            turn: None,
            parked: None,
            longest: None,
            behind: None,
            jobs: BTreeMap::new(),
        }
    }

    /// A turn or a park whose beginning is not among the events began with them, in a step of its own.
    fn begin_before(&mut self, events: &[Event]) {
        let now = Moment { step: self.steps, ..self.picture.from };
        let begins_or_ends = |what: &What| {
            matches!(
                what,
                What::TurnBegan { .. } | What::TurnEnded { .. } | What::Parked | What::Unparked
            )
        };
        match events.iter().map(|event| event.what).find(begins_or_ends) {
            Some(What::TurnEnded { task, .. }) => self.turn = Some((self.places[&task], now, None)),
            Some(What::Unparked) => self.parked = Some(now),
            _ => return,
        }
        self.steps += 1;
    }

    fn paint_all(&mut self, events: &[Event]) {
        events.iter().for_each(|event| self.paint(nanos(event.at), event.what));
    }

    fn paint(&mut self, at: u64, what: What) {
        let now = Moment { at, step: self.steps };
        let lane = what.lane().map(|task| self.places[&task]);
        match (what, lane) {
            (What::Spawned { by, .. }, Some(lane)) => {
                self.picture.lanes[lane].spawned = Some((now, by));
            }
            (What::Woken { by, .. }, Some(lane)) => {
                let from = self.turn.as_ref();
                let from = from.map(|&(lane, ..)| (lane, self.picture.lanes[lane].turns.len()));
                // What the program wakes between two runs, no look has found.
                let behind = self.behind.filter(|_| from.is_none() && by != Cause::Outside);
                let lane = &mut self.picture.lanes[lane];
                lane.ready = Some(Wake { at: now, by, from, behind });
                // Each `block_on` has the lane of the one before, and each request too. A task that has ended is woken to call
                // a late callback, and stays ended.
                if matches!(lane.task, Id::ROOT | Id::SENT) {
                    lane.ended = None;
                }
            }
            (What::TurnBegan { .. }, Some(lane)) => {
                self.turn = Some((lane, now, self.picture.lanes[lane].ready.take()));
                self.behind = None;
                self.steps += 1;
            }
            (What::TurnEnded { is_done, .. }, Some(lane)) => {
                let end = self.end_turn(lane, at, false);
                if is_done {
                    self.picture.lanes[lane].ended = Some((end, End::Done));
                }
            }
            (What::Lost { .. }, Some(lane)) => {
                self.picture.lanes[lane].ready = None;
                self.picture.lanes[lane].ended = Some((now, End::Lost));
            }
            (What::Stalled { at_least, .. }, Some(lane)) => {
                self.picture.lanes[lane].stalls.push((now, at_least));
            }
            (What::JobBegan { .. }, Some(lane)) => {
                self.jobs.insert(lane, now);
                self.steps += 1;
            }
            (What::JobEnded { .. }, Some(lane)) => self.end_job(lane, at, false),
            (What::Looked, _) => {
                self.picture.looks.push(now);
                self.behind = self.longest.take();
            }
            (What::Parked, _) => {
                self.parked = Some(now);
                self.steps += 1;
            }
            (What::Unparked, _) => self.end_park(now),
            (_, None) => unreachable!("it happened in a lane"),
        }
    }

    /// Gives the end.
    fn end_turn(&mut self, lane: usize, at: u64, goes_on: bool) -> Moment {
        let (_, begin, wake) = self.turn.take().unwrap_or((lane, self.picture.from, None));
        let end = Moment { at, step: self.steps };
        let turn = Turn { begin, end, goes_on, wake };
        let place = (lane, self.picture.lanes[lane].turns.len());
        self.picture.turns.push(place);
        self.picture.lanes[lane].turns.push(turn);
        if self.longest.is_none_or(|it| self.picture.turn(it).length() < turn.length()) {
            self.longest = Some(place);
        }
        end
    }

    /// The turn has not ended. What was woken in it has the time of now, as it would have that of the turn's end.
    fn go_on(&mut self, lane: usize, at: u64) {
        let end = self.end_turn(lane, at, true);
        let place = self.picture.turns.last().copied();
        let ready = self.picture.lanes.iter_mut().filter_map(|lane| lane.ready.as_mut());
        ready.filter(|wake| wake.from == place).for_each(|wake| wake.at = end);
    }

    fn end_job(&mut self, lane: usize, at: u64, goes_on: bool) {
        let begin = self.jobs.remove(&lane).unwrap_or(self.picture.from);
        let end = Moment { at, step: self.steps };
        self.picture.lanes[lane].turns.push(Turn { begin, end, goes_on, wake: None });
    }

    fn end_park(&mut self, end: Moment) {
        let begin = self.parked.take().unwrap_or(self.picture.from);
        self.picture.parks.push((begin, end));
        self.behind = self.behind.filter(|_| end.at - begin.at < AT_ONCE);
    }

    fn finish(mut self, until: u64) -> Picture {
        let at = until.max(self.picture.from.at);
        let end = Moment { at, step: self.steps };
        if let Some((lane, ..)) = self.turn {
            self.go_on(lane, at);
        }
        if self.parked.is_some() {
            self.end_park(end);
        }
        for lane in self.jobs.keys().copied().collect::<Vec<_>>() {
            self.end_job(lane, at, true);
        }
        self.picture.to = end;
        self.picture
    }
}
