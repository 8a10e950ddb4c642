//! [`Asides`]: what other threads note for the timeline: blocking jobs that begin and end, and turns that do not end.
//!
//! The ring is written at home alone. Other threads note so seldom that a list behind a lock will do. It is bounded too. But a job
//! may run for hours, while the loop writes its ring full again and again, and other jobs this list: so of a job that still runs
//! the beginning is kept.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, VecDeque};
use std::panic::Location;
use std::time::Duration;

use crate::executor::Id;

type Site = &'static Location<'static>;

/// What another thread has noted.
#[derive(Clone, Copy)]
pub(super) struct Aside {
    pub(super) at: u64,
    pub(super) what: Noted,
}

#[derive(Clone, Copy)]
#[allow(dead_code, reason = "without the feature `offload` there are no jobs")]
pub(super) enum Noted {
    /// A turn of this task has not ended for this long.
    Stalled(Id, Duration),
    /// A job of this lane, spawned there.
    JobBegan(usize, Site),
    JobEnded(usize, Site),
}

/// More are not kept.
pub(super) const MOST: usize = 10_000;

/// What other threads have noted, the oldest first.
#[derive(Clone, Default)]
pub(super) struct Asides {
    kept: VecDeque<Aside>,
    /// Of jobs whose beginning is no longer among `kept`, and whose end has not been before those: their beginnings, by lane.
    going: BTreeMap<usize, Aside>,
    /// How many there were in all.
    noted: u64,
}

impl Asides {
    /// Not before the last one.
    pub(super) fn add(&mut self, at: u64, what: Noted) {
        self.kept.push_back(Aside { at, what });
        self.noted += 1;
        if self.kept.len() > MOST {
            self.drop_first();
        }
    }

    /// How many are not in [`iter`](Self::iter).
    pub(super) fn dropped(&self) -> u64 {
        self.noted - self.iter().count() as u64
    }

    /// First the beginnings of jobs that went on at the time of the rest.
    pub(super) fn iter(&self) -> impl Iterator<Item = Aside> {
        self.going.values().chain(&self.kept).copied()
    }

    /// Drops what was noted before `oldest`.
    pub(super) fn drop_before(&mut self, oldest: u64) {
        while self.kept.front().is_some_and(|aside| aside.at < oldest) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let Some(first) = self.kept.pop_front() else { return };
        match first.what {
            Noted::JobBegan(lane, _) => _ = self.going.insert(lane, first),
            Noted::JobEnded(lane, _) => _ = self.going.remove(&lane),
            Noted::Stalled(..) => {}
        }
    }
}
