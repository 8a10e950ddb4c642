//! [`Trouble`]: what is wrong, as far as a picture shows it: long turns, starved tasks and what they wait behind, lost tasks.

#![forbid(unsafe_code)]

use super::lanes::{End, Lane, Moment, Picture, Turn, Wake};

/// A turn from here on is long, and a task that is ready for so long without one is starved: a user waits.
pub(super) const LONG: u64 = 10_000_000;

/// A turn: its lane, and its place there.
pub(super) type Place = (usize, usize);

/// Something to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// A turn of so many ns.
    LongTurn(u64),
    /// A turn of so many ns, which has not ended.
    LongAndGoing(u64),
    /// Ready for so many ns, while others had turns.
    Starved(u64, Behind),
    /// Ready since some time within this long turn of another task.
    ReadyWithin(Place),
    /// Found ready by the look behind this long turn of another task: since when, is not known.
    FoundBehind(Place),
    Lost,
}

/// The turns that a starved task waits behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Behind {
    /// The longest of them, which is long.
    Long(Place),
    /// How many they are. None is long.
    Short(usize),
}

/// What is wrong in a lane, and since when.
pub(super) type Finding = (Moment, Trouble);

impl Turn {
    /// In ns.
    pub(super) fn length(&self) -> u64 {
        self.end.at - self.begin.at
    }
}

impl Picture {
    /// What is wrong: in which lane, since when, and what; in the order of time, but the cause first: what a long turn keeps waiting
    /// comes behind it.
    pub(super) fn troubles(&self) -> Vec<(usize, Finding)> {
        let is_long = |place: &Place| self.turn(*place).length() >= LONG;
        let long: Vec<_> = self.turns.iter().copied().filter(is_long).collect();
        let mut found = Vec::new();
        for (place, lane) in self.tasks() {
            let of_lane = self.findings(place, lane, &long);
            found.extend(of_lane.into_iter().map(|finding| (place, finding)));
        }
        found.sort_by_key(|&(lane, (at, trouble))| match trouble {
            Trouble::LongTurn(_) | Trouble::LongAndGoing(_) => (at, 0, at, lane),
            Trouble::Starved(_, Behind::Long(turn)) => (self.turn(turn).begin, 1, at, lane),
            Trouble::Starved(..)
            | Trouble::ReadyWithin(_)
            | Trouble::FoundBehind(_)
            | Trouble::Lost => (at, 1, at, lane),
        });
        found
    }

    pub(super) fn turn(&self, (lane, place): Place) -> &Turn {
        &self.lanes[lane].turns[place]
    }

    /// `long`: all turns that are long.
    fn findings(&self, place: usize, lane: &Lane, long: &[Place]) -> Vec<Finding> {
        let mut found = Vec::new();
        for turn in &lane.turns {
            found.extend(turn.wake.and_then(|wake| self.starved(place, wake, turn.begin, long)));
            let length = turn.length();
            let trouble = if turn.goes_on { Trouble::LongAndGoing } else { Trouble::LongTurn };
            found.extend((length >= LONG).then_some((turn.begin, trouble(length))));
        }
        found.extend(lane.ready.and_then(|wake| self.starved(place, wake, self.to, long)));
        if let Some((at, End::Lost)) = lane.ended {
            found.push((at, Trouble::Lost));
        }
        found
    }

    fn starved(&self, lane: usize, wake: Wake, until: Moment, long: &[Place]) -> Option<Finding> {
        let delay = until.at - wake.at.at;
        if delay >= LONG {
            return Some((wake.at, Trouble::Starved(delay, self.behind(wake.at, until, long))));
        }
        let since = self.ready_within(lane, wake)?.begin;
        match (wake.from, wake.behind) {
            (Some(turn), _) => Some((since, Trouble::ReadyWithin(turn))),
            (None, turn) => Some((since, Trouble::FoundBehind(turn?))),
        }
    }

    /// What a task waits behind that is ready from the one moment until the other.
    fn behind(&self, from: Moment, until: Moment, long: &[Place]) -> Behind {
        let begun = |turns: &[Place], moment: Moment| {
            turns.partition_point(|&turn| self.turn(turn).begin.step < moment.step)
        };
        let meanwhile = |turns| begun(turns, from)..begun(turns, until);
        let longest = long[meanwhile(long)].iter().max_by_key(|&&turn| self.turn(turn).length());
        longest.map_or_else(|| Behind::Short(meanwhile(&self.turns).len()), |&it| Behind::Long(it))
    }

    /// The long turn of another task within which the task of a lane may have become ready. If it was woken there, it has been ready
    /// since some time within it. (The time of a wake is the end of its turn, so the wake itself does not show that.) If a look
    /// found it behind the turn, a timer may have been due since some time within it.
    pub(super) fn ready_within(&self, lane: usize, wake: Wake) -> Option<&Turn> {
        let place = wake.from.or(wake.behind).filter(|(by, _)| *by != lane)?;
        Some(self.turn(place)).filter(|turn| turn.length() >= LONG)
    }

    /// The long turn that had not ended when the trace was taken. Which other tasks became ready meanwhile, as their timers were due
    /// or their sockets readable, the loop finds only at its next look.
    pub(super) fn long_and_going(&self) -> Option<Place> {
        let last = self.turns.last().copied();
        last.filter(|&place| self.turn(place).goes_on && self.turn(place).length() >= LONG)
    }

    /// The places of the first `most` lanes, if there are more: of those with the worst findings first.
    pub(super) fn worst(&self, most: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.lanes.len()).collect();
        if places.len() > most {
            let mut weights = vec![(0, 0); places.len()];
            for (lane, (_, trouble)) in self.troubles() {
                weights[lane] = self.weight(trouble).max(weights[lane]);
            }
            places.sort_by_key(|&place| std::cmp::Reverse(weights[place]));
            places.truncate(most);
        }
        places
    }

    /// How bad it is: the cause before the tasks that starve by it, however many, and these before lost tasks.
    fn weight(&self, trouble: Trouble) -> (u8, u64) {
        match trouble {
            Trouble::LongTurn(long) | Trouble::LongAndGoing(long) => (3, long),
            Trouble::Starved(long, _) => (2, long),
            Trouble::ReadyWithin(turn) | Trouble::FoundBehind(turn) => {
                (2, self.turn(turn).length())
            }
            Trouble::Lost => (1, 0),
        }
    }
}
