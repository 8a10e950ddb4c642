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

use super::trace::{By, Trace, What, is_job, nanos};
use crate::executor::Id;

/// A moment: time in ns, and step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Moment {
    pub(super) at: u64,
    pub(super) step: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Turn {
    pub(super) begin: Moment,
    pub(super) end: Moment,
    /// `None`: the events do not show how it became ready.
    pub(super) wake: Option<Wake>,
}

/// How a task became ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wake {
    pub(super) at: Moment,
    pub(super) by: By,
    /// The turn it was woken in: its lane, and its place there.
    pub(super) from: Option<(usize, usize)>,
}

#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) task: Id,
    /// `None`: before the first event.
    pub(super) spawned: Option<(Moment, By)>,
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
    pub(super) looks: Vec<Moment>,
    /// When the thread slept.
    pub(super) parks: Vec<(Moment, Moment)>,
    pub(super) from: Moment,
    pub(super) to: Moment,
}

/// A turn from here on is long, and a task that is ready for so long without one is starved: a user waits.
pub(super) const LONG: u64 = 10_000_000;

/// Something to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// A turn of so many ns.
    LongTurn(u64),
    /// Ready for so many ns, and no turn.
    Starved(u64),
    /// Ready since some time within a long turn of another task, which took so many ns: that of this lane, at that place there.
    ReadyWithin(u64, (usize, usize)),
    Lost,
}

impl Trouble {
    /// How bad it is: the cause before the tasks that starve by it, however many, and these before lost tasks.
    fn weight(self) -> (u8, u64) {
        match self {
            Self::LongTurn(long) => (3, long),
            Self::Starved(long) | Self::ReadyWithin(long, _) => (2, long),
            Self::Lost => (1, 0),
        }
    }
}

/// What is wrong in a lane, and since when.
pub(super) type Finding = (Moment, Trouble);

impl Picture {
    /// What is wrong, as far as a picture shows it: in which lane, since when, and what; in the order of time.
    pub(super) fn troubles(&self) -> Vec<(usize, Finding)> {
        let of_lane =
            |(place, lane)| self.findings(place, lane).into_iter().map(move |it| (place, it));
        let mut found: Vec<_> = self.tasks().flat_map(of_lane).collect();
        found.sort_by_key(|(lane, (at, _))| (*at, *lane));
        found
    }

    fn findings(&self, place: usize, lane: &Lane) -> Vec<Finding> {
        let mut found = Vec::new();
        for turn in &lane.turns {
            found.extend(turn.wake.and_then(|wake| self.starved(place, wake, turn.begin)));
            let long = turn.end.at - turn.begin.at;
            found.extend((long >= LONG).then_some((turn.begin, Trouble::LongTurn(long))));
        }
        found.extend(lane.ready.and_then(|wake| self.starved(place, wake, self.to)));
        if let Some((at, End::Lost)) = lane.ended {
            found.push((at, Trouble::Lost));
        }
        found
    }

    fn starved(&self, lane: usize, wake: Wake, until: Moment) -> Option<Finding> {
        let long = until.at - wake.at.at;
        if long >= LONG {
            return Some((wake.at, Trouble::Starved(long)));
        }
        let within = self.ready_within(lane, wake)?;
        let long = within.end.at - within.begin.at;
        Some((within.begin, Trouble::ReadyWithin(long, wake.from?)))
    }

    /// The long turn of another task in which the task of a lane was woken: it has been ready since some time within it. (The time
    /// of a wake is the end of its turn, so the wake itself does not show that. As long as the turn goes on, it is the beginning.)
    pub(super) fn ready_within(&self, lane: usize, wake: Wake) -> Option<&Turn> {
        let (by, turn) = wake.from.filter(|(by, _)| *by != lane)?;
        let turn = &self.lanes[by].turns[turn];
        (wake.at.at - turn.begin.at >= LONG).then_some(turn)
    }

    /// The places of the first `most` lanes, if there are more: of those with the worst findings first.
    pub(super) fn worst(&self, most: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.lanes.len()).collect();
        if places.len() > most {
            let mut weights = vec![(0, 0); places.len()];
            for (lane, (_, trouble)) in self.troubles() {
                weights[lane] = trouble.weight().max(weights[lane]);
            }
            places.sort_by_key(|&place| std::cmp::Reverse(weights[place]));
            places.truncate(most);
        }
        places
    }

    /// The lanes of tasks, and their places.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (usize, &Lane)> {
        self.lanes.iter().enumerate().filter(|(_, lane)| !is_job(lane.task))
    }

    pub(super) fn of(trace: &Trace) -> Self {
        let lane = |(place, &id)| (id, place);
        let places: BTreeMap<Id, usize> = trace.tasks.keys().enumerate().map(lane).collect();
        let mut painter = Painter::new(trace, places);
        for event in &trace.events {
            painter.paint(nanos(event.at), event.what);
        }
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
    /// The jobs that go on: their lanes and beginnings.
    jobs: BTreeMap<usize, Moment>,
}

impl Painter {
    fn new(trace: &Trace, places: BTreeMap<Id, usize>) -> Self {
        let lane = |&task| Lane {
            task,
            spawned: None,
            turns: Vec::new(),
            ready: None,
            ended: None,
            stalls: Vec::new(),
        };
        // A job that goes on may have begun long before all the rest.
        let mut rest = trace.events.iter().filter(|it| !matches!(it.what, What::JobBegan { .. }));
        let first = rest.next().map_or(trace.until, |event| event.at);
        let from = Moment { at: nanos(first), step: 0 };
        let picture = Picture {
            lanes: trace.tasks.keys().map(lane).collect(),
            looks: Vec::new(),
            parks: Vec::new(),
            from,
            to: from,
        };
        Self { picture, places, steps: 0, turn: None, parked: None, jobs: BTreeMap::new() }
    }

    fn paint(&mut self, at: u64, what: What) {
        let at = at.max(self.picture.from.at);
        let now = Moment { at, step: self.steps };
        let lane = what.lane().map(|task| self.places[&task]);
        match (what, lane) {
            (What::Spawned { by, .. }, Some(lane)) => {
                self.picture.lanes[lane].spawned = Some((now, by));
            }
            (What::Woken { by, .. }, Some(lane)) => {
                let from = self.turn.as_ref();
                let from = from.map(|&(lane, ..)| (lane, self.picture.lanes[lane].turns.len()));
                self.picture.lanes[lane].ready = Some(Wake { at: now, by, from });
                self.picture.lanes[lane].ended = None; // of an earlier run: each `block_on` has the same lane
            }
            (What::TurnBegan { .. }, Some(lane)) => {
                self.turn = Some((lane, now, self.picture.lanes[lane].ready.take()));
                self.steps += 1;
            }
            (What::TurnEnded { is_done, .. }, Some(lane)) => {
                let end = self.end_turn(lane, at);
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
            (What::JobEnded { .. }, Some(lane)) => self.end_job(lane, at),
            (What::Looked, _) => self.picture.looks.push(now),
            (What::Parked, _) => {
                self.parked = Some(now);
                self.steps += 1;
            }
            (What::Unparked, _) => self.end_park(now),
            (_, None) => unreachable!("it happened in a lane"),
        }
    }

    /// Gives the end. A turn of which the events do not show the beginning began with them.
    fn end_turn(&mut self, lane: usize, at: u64) -> Moment {
        let (_, begin, wake) = self.turn.take().unwrap_or_else(|| {
            self.steps += 1;
            (lane, self.picture.from, None)
        });
        let end = Moment { at, step: self.steps };
        self.picture.lanes[lane].turns.push(Turn { begin, end, wake });
        end
    }

    fn end_job(&mut self, lane: usize, at: u64) {
        let begin = self.jobs.remove(&lane).unwrap_or(self.picture.from);
        let end = Moment { at, step: self.steps };
        self.picture.lanes[lane].turns.push(Turn { begin, end, wake: None });
    }

    fn end_park(&mut self, end: Moment) {
        let begin = self.parked.take().unwrap_or(self.picture.from);
        self.picture.parks.push((begin, end));
    }

    fn finish(mut self, until: u64) -> Picture {
        let at = until.max(self.picture.from.at);
        let end = Moment { at, step: self.steps };
        if let Some((lane, ..)) = self.turn {
            self.end_turn(lane, at);
        }
        if self.parked.is_some() {
            self.end_park(end);
        }
        for lane in self.jobs.keys().copied().collect::<Vec<_>>() {
            self.end_job(lane, at);
        }
        self.picture.to = end;
        self.picture
    }
}
