//! A trace in the terminal: a Gantt chart, a line for each task.

#![forbid(unsafe_code)]

use std::fmt::Write;
use std::time::Duration;

use super::lanes::{End, Lane, Moment, Picture, Trouble};
use super::trace::{Trace, is_job};
use crate::executor::Id;
use crate::insight::exit_report::LISTED;

/// How wide the text is by default, in columns.
const WIDTH: usize = 100;
/// Titles are cut to this.
const TITLE: usize = 24;
const NARROWEST: usize = 40;

/// What a column of a line shows; of several the last in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Absent,
    Waits,
    Ready,
    Turn,
    Lost,
}

impl Cell {
    fn glyph(self) -> char {
        match self {
            Self::Absent => ' ',
            Self::Waits => '·',
            Self::Ready => '░',
            Self::Turn => '█',
            Self::Lost => '×',
        }
    }
}

impl Trace {
    /// A Gantt chart, 100 columns wide: a line for each task, for the first 50, and below them what is wrong. All times are since
    /// the runtime was built.
    ///
    /// Under a virtual clock turns take no time. There each turn is as wide as any other, and so is each wait.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_text_within(WIDTH)
    }

    /// As [`to_text`](Self::to_text), with lines of at most `columns`; of 40, if that is less.
    #[must_use]
    pub fn to_text_within(&self, columns: usize) -> String {
        let picture = Picture::of(self);
        let shown = &picture.lanes[..picture.lanes.len().min(LISTED)];
        let titles: Vec<String> = shown.iter().map(|lane| self.short_title(lane)).collect();
        let widest = titles.iter().map(|title| title.chars().count()).max().unwrap_or_default();
        let room = columns.max(NARROWEST) - widest.max(4) - 1;
        let chart = Chart::new(&picture, self.is_virtual, room);
        let mut text = self.heading(&picture);
        let _ = write!(text, "\n{:widest$} {}", "", chart.scale(), widest = widest.max(4));
        for (title, lane) in titles.iter().zip(shown) {
            let pad = widest.max(4) - title.chars().count();
            let line = format!("\n{title}{:pad$} {}", "", chart.line(lane));
            text.push_str(line.trim_end());
        }
        if !picture.parks.is_empty() {
            let line = format!("\n{:widest$} {}", "loop", chart.parks(), widest = widest.max(4));
            text.push_str(line.trim_end());
        }
        if picture.lanes.len() > shown.len() {
            let _ = write!(text, "\nand {} more tasks", picture.lanes.len() - shown.len());
        }
        text.push_str("\n█ has its turn  ░ ready  · waits  × lost  ─ the thread sleeps\n");
        self.write_troubles(&picture, &mut text);
        text
    }

    fn heading(&self, picture: &Picture) -> String {
        let (events, tasks) = (self.events.len(), picture.tasks().count());
        let dropped = match self.dropped {
            0 => String::new(),
            dropped => format!(", after {dropped} older ones that were dropped"),
        };
        let long = short(picture.to.at - picture.from.at);
        let axis = if self.is_virtual { ", by turns" } else { "" };
        format!("{events} events{dropped}; {tasks} tasks; {long}{axis}")
    }

    /// A title, cut.
    fn short_title(&self, lane: &Lane) -> String {
        let title = self.title(lane.task);
        let mut chars = title.chars();
        let mut short: String = chars.by_ref().take(TITLE).collect();
        if chars.next().is_some() {
            short.pop();
            short.push('…');
        }
        short
    }

    fn write_troubles(&self, picture: &Picture, text: &mut String) {
        let troubles = picture.troubles();
        for (at, lane, trouble) in troubles.iter().take(LISTED) {
            let lane = &picture.lanes[*lane];
            let what = match trouble {
                Trouble::LongTurn(long) => format!("had a turn of {}", short(*long)),
                Trouble::Starved(long) => format!("was ready for {} without a turn", short(*long)),
                Trouble::Lost => "was lost".to_owned(),
            };
            let _ = write!(text, "at {}: {} {what}", short(at.at), self.short_title(lane));
            if let Some(site) = self.site(lane.task) {
                let how = if lane.task == Id::ROOT { "called" } else { "spawned" };
                let _ = write!(text, ", {how} at {site}");
            }
            text.push('\n');
        }
        if troubles.len() > LISTED {
            let _ = writeln!(text, "and {} more", troubles.len() - LISTED);
        }
    }
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

    fn line(&self, lane: &Lane) -> String {
        let Picture { from, to, .. } = *self.picture;
        let mut cells = vec![Cell::Absent; self.width];
        let begin = lane.spawned.map_or(from, |(at, _)| at);
        let end = lane.ended.map_or(to, |(at, _)| at);
        if !is_job(lane.task) {
            self.fill(&mut cells, begin, end, Cell::Waits);
        }
        for turn in &lane.turns {
            if let Some(wake) = turn.wake {
                self.fill(&mut cells, wake.at, turn.begin, Cell::Ready);
            }
            self.fill(&mut cells, turn.begin, turn.end, Cell::Turn);
        }
        if let Some(wake) = lane.ready {
            self.fill(&mut cells, wake.at, to, Cell::Ready);
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
        let room = self.width.saturating_sub(first.len()).max(last.len() + 1);
        format!("{first}{last:>room$}")
    }
}
