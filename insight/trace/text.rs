//! A trace in the terminal: a Gantt chart, a line for each task.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fmt::Write;
use std::panic::Location;
use std::time::Duration;

use super::columns::{columns as width, cut, padded};
use super::findings::{Behind, Finding, Place, Trouble};
use super::lanes::{End, Lane, Moment, Picture};
use super::trace::{Trace, is_job};
use crate::executor::Id;
use crate::insight::exit_report::LISTED;

/// How wide the text is by default, in columns.
const WIDTH: usize = 100;
/// Titles are cut to this.
const TITLE: usize = 24;
/// Of tasks of which the same is true so many are named.
const NAMED: usize = 3;
/// The title of the line that shows when the thread sleeps.
const LOOP: &str = "loop";

/// What a column of a line shows; of several the last in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Absent,
    Waits,
    /// It may have become ready within a long turn, which this is.
    MaybeReady,
    Ready,
    Turn,
    Lost,
}

impl Cell {
    fn glyph(self) -> char {
        match self {
            Self::Absent => ' ',
            Self::Waits => '·',
            Self::MaybeReady => '?',
            Self::Ready => '░',
            Self::Turn => '█',
            Self::Lost => '×',
        }
    }
}

impl Trace {
    /// A Gantt chart, 100 columns wide: a line for each task, and below them what is wrong, a sentence each, the cause first. All times are
    /// since the runtime was built. Of more than 50 lanes, 50 are drawn: those with the worst findings first. It has no colours.
    ///
    /// Under a virtual clock turns take no time. There each turn is as wide as any other, and so is each wait.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_text_within(WIDTH)
    }

    /// As [`to_text`](Self::to_text), but the chart has so many columns, titles included: at least 40, and at most 10,000.
    #[must_use]
    pub fn to_text_within(&self, columns: usize) -> String {
        let picture = Picture::of(self);
        let shown = picture.worst(LISTED);
        let title = |&place: &usize| self.short_title(&picture.lanes[place]);
        let titles: Vec<String> = shown.iter().map(title).collect();
        let widest = titles.iter().map(|title| width(title)).max().unwrap_or_default();
        let gutter = widest.max(width(LOOP)) + 1;
        let chart = Chart::new(&picture, self.is_virtual, columns.clamp(40, 10_000) - gutter);
        let mut text = self.heading(&picture);
        let mut row = |title: &str, line: &str| {
            text.push('\n');
            text.push_str(format!("{}{line}", padded(title, gutter)).trim_end());
        };
        row("", &chart.scale());
        let lines: Vec<_> = shown.iter().map(|&place| chart.line(place)).collect();
        titles.iter().zip(&lines).for_each(|(title, line)| row(title, line));
        if !picture.parks.is_empty() {
            row(LOOP, &chart.parks());
        }
        if picture.lanes.len() > shown.len() {
            row(&format!("and {} more", picture.lanes.len() - shown.len()), "");
        }
        let is_maybe = |line: &String| line.contains(Cell::MaybeReady.glyph());
        let maybe = if lines.iter().any(is_maybe) { "  ? maybe ready" } else { "" };
        let _ = writeln!(
            text,
            "\n█ has its turn  ░ ready{maybe}  · waits  × lost  ─ the thread sleeps"
        );
        self.write_troubles(&picture, &picture.troubles(), &mut text);
        text
    }

    fn heading(&self, picture: &Picture) -> String {
        let (events, tasks) =
            (counted(self.events.len(), "event"), counted(picture.tasks().count(), "task"));
        let dropped = match self.dropped {
            0 => String::new(),
            dropped => format!(", after {dropped} older ones that were dropped"),
        };
        let long = short(picture.to.at - picture.from.at);
        let axis = if self.is_virtual { ", by turns" } else { "" };
        format!("{events}{dropped}; {tasks}; {long}{axis}")
    }

    fn short_title(&self, lane: &Lane) -> String {
        cut(&self.title(lane.task), TITLE)
    }

    /// What is wrong, a line for each.
    pub(super) fn findings(&self, picture: &Picture) -> String {
        let (mut text, troubles) = (String::new(), picture.troubles());
        self.write_troubles(picture, &troubles, &mut text);
        match text.is_empty() {
            true => "no long turn, no starved task, and no lost one".into(),
            false => text,
        }
    }

    /// A line for each, but one line for all tasks of which the same is true.
    fn write_troubles(&self, picture: &Picture, found: &[(usize, Finding)], text: &mut String) {
        let mut lines: Vec<(Moment, Vec<(usize, Trouble)>)> = Vec::new();
        let mut same = HashMap::new();
        for &(lane, (at, trouble)) in found {
            let key = match trouble {
                Trouble::Lost => Some(Alike::Lost(self.site(picture.lanes[lane].task))),
                Trouble::ReadyWithin(turn) => Some(Alike::Within(turn)),
                Trouble::FoundBehind(turn) => Some(Alike::Found(turn)),
                Trouble::Starved(_, Behind::Long(turn)) => Some(Alike::Behind(turn)),
                Trouble::LongTurn(_)
                | Trouble::LongAndGoing(_)
                | Trouble::Starved(_, Behind::Short(_)) => None,
            };
            let place = key.map_or(lines.len(), |key| *same.entry(key).or_insert(lines.len()));
            if place == lines.len() {
                lines.push((at, Vec::new()));
            }
            lines[place].1.push((lane, trouble));
        }
        for (at, alike) in lines.iter().take(LISTED) {
            let _ = writeln!(text, "at {}: {}", short(at.at), self.line(picture, alike));
        }
        if lines.len() > LISTED {
            let _ = writeln!(text, "and {} more", lines.len() - LISTED);
        }
    }

    /// What is true of these tasks.
    fn line(&self, picture: &Picture, alike: &[(usize, Trouble)]) -> String {
        let trouble = alike[0].1;
        let whose = self.whose(picture, alike);
        let (were, up_to) = if alike.len() == 1 { ("was", "") } else { ("were", "up to ") };
        let turn_of = |turn: Place| {
            let (of, length) = (&picture.lanes[turn.0], picture.turn(turn).length());
            let so_far = if picture.turn(turn).goes_on { " so far" } else { "" };
            format!("the turn of {}{so_far} of {}", short(length), self.short_title(of))
        };
        // Behind a turn that goes on they are so still.
        let were_behind = |turn: Place| match (picture.turn(turn).goes_on, alike.len()) {
            (true, 1) => "has been",
            (true, _) => "have been",
            (false, _) => were,
        };
        match trouble {
            Trouble::LongAndGoing(long) => format!(
                "{whose} has had its turn for {}, and goes on: what is due since, the loop finds only at its next look",
                short(long)
            ),
            Trouble::LongTurn(long) => format!("{whose} had a turn of {}", short(long)),
            Trouble::Starved(long, Behind::Short(0)) => {
                format!("{whose} was ready for {}, while no task had a turn", short(long))
            }
            Trouble::Starved(long, Behind::Short(turns)) => {
                let turns = counted(turns, "turn");
                format!("{whose} was ready for {}, behind {turns}", short(long))
            }
            Trouble::Starved(_, Behind::Long(turn)) => {
                let delay =
                    |(_, it): &_| if let Trouble::Starved(long, _) = it { *long } else { 0 };
                let longest = short(alike.iter().map(delay).max().unwrap_or_default());
                let were = were_behind(turn);
                format!("{whose} {were} ready for {up_to}{longest}, behind {}", turn_of(turn))
            }
            Trouble::ReadyWithin(turn) => {
                let were = were_behind(turn);
                format!("{whose} {were} ready since some time within {}", turn_of(turn))
            }
            Trouble::FoundBehind(turn) => {
                format!("{whose} {were} found ready by the look behind {}", turn_of(turn))
            }
            Trouble::Lost => format!("{whose} {were} lost"),
        }
    }

    /// The first of these tasks, by name, and where they were spawned, if that is one place.
    fn whose(&self, picture: &Picture, alike: &[(usize, Trouble)]) -> String {
        let more = alike.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("{more} more"));
        let named = alike.iter().take(NAMED);
        let named = named.map(|&(lane, _)| self.short_title(&picture.lanes[lane]));
        let mut named: Vec<String> = named.chain(more).collect();
        let last = named.pop().unwrap_or_default();
        let whose = if named.is_empty() { last } else { named.join(", ") + " and " + &last };
        let (first, trouble) = alike[0];
        let task = picture.lanes[first].task;
        let how = if task == Id::ROOT { "called" } else { "spawned" };
        match self.site(task) {
            Some(site) if alike.len() == 1 || trouble == Trouble::Lost => {
                format!("{whose}, {how} at {site},")
            }
            _ => whose,
        }
    }
}

/// What is the same of several tasks.
#[derive(PartialEq, Eq, Hash)]
enum Alike {
    /// Spawned there, and lost.
    Lost(Option<&'static Location<'static>>),
    Within(Place),
    Found(Place),
    Behind(Place),
}

fn counted(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}

/// A time of so many ns, with one digit after the point.
fn short(nanos: u64) -> String {
    match nanos {
        0..1000 => format!("{nanos}ns"),
        _ => format!("{:.1?}", Duration::from_nanos(nanos)),
    }
}

struct Chart<'a> {
    picture: &'a Picture,
    by_steps: bool,
    width: usize,
}

impl<'a> Chart<'a> {
    fn new(picture: &'a Picture, by_steps: bool, room: usize) -> Self {
        let mut chart = Self { picture, by_steps, width: room };
        if by_steps {
            // Each step has the same number of columns, if it can have one at all.
            let steps = (picture.to.step.max(1)).min(room as u64) as usize;
            chart.width = room / steps * steps;
        }
        chart
    }

    fn place(&self, moment: Moment) -> u64 {
        if self.by_steps { moment.step } else { moment.at }
    }

    /// How many columns are to the left of a moment.
    fn columns(&self, moment: Moment) -> usize {
        let from = self.place(self.picture.from);
        let span = (self.place(self.picture.to) - from).max(1);
        let across = u128::from(self.place(moment).saturating_sub(from)) * self.width as u128;
        (across / u128::from(span)) as usize
    }

    /// The columns from `begin` until `end`: at least one.
    fn fill(&self, cells: &mut [Cell], begin: Moment, end: Moment, cell: Cell) {
        let first = self.columns(begin).min(self.width - 1);
        let last = self.columns(end).max(first + 1);
        for shown in &mut cells[first..last] {
            *shown = (*shown).max(cell);
        }
    }

    fn line(&self, place: usize) -> String {
        let Picture { from, to, .. } = *self.picture;
        let lane = &self.picture.lanes[place];
        let mut cells = vec![Cell::Absent; self.width];
        let begin = lane.spawned.map_or(from, |(at, _)| at);
        let end = lane.ended.map_or(to, |(at, _)| at);
        if !is_job(lane.task) {
            self.fill(&mut cells, begin, end, Cell::Waits);
        }
        for wake in lane.turns.iter().filter_map(|turn| turn.wake).chain(lane.ready) {
            if let Some(turn) = self.picture.ready_within(place, wake) {
                self.fill(&mut cells, turn.begin, turn.end, Cell::MaybeReady);
            }
        }
        for turn in &lane.turns {
            if let Some(wake) = turn.wake {
                self.fill(&mut cells, wake.at, turn.begin, Cell::Ready);
            }
            self.fill(&mut cells, turn.begin, turn.end, Cell::Turn);
        }
        match (lane.ready, self.picture.long_and_going()) {
            (Some(wake), _) => self.fill(&mut cells, wake.at, to, Cell::Ready),
            (None, Some(going)) if lane.ended.is_none() && !is_job(lane.task) => {
                self.fill(&mut cells, self.picture.turn(going).begin, to, Cell::MaybeReady);
            }
            _ => {}
        }
        if let Some((at, End::Lost)) = lane.ended {
            self.fill(&mut cells, at, at, Cell::Lost);
        }
        cells.into_iter().map(Cell::glyph).collect()
    }

    fn parks(&self) -> String {
        let mut cells = vec![Cell::Absent; self.width];
        for &(begin, end) in &self.picture.parks {
            self.fill(&mut cells, begin, end, Cell::Turn);
        }
        cells.into_iter().map(|cell| if cell == Cell::Turn { '─' } else { ' ' }).collect()
    }

    /// The first and the last time.
    fn scale(&self) -> String {
        let Picture { from, to, .. } = self.picture;
        let (first, last) = (short(from.at), short(to.at));
        let room = self.width.saturating_sub(width(&first)).max(width(&last) + 1);
        format!("{first}{last:>room$}")
    }
}
