//! The chart of a scene: a row for each line, a column for each task, filled while it has its turn.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use crate::frame::{Ink, Page};
use crate::trace::{Event, Lane, Said, Trace};
use crate::twin;

/// When the scene began here, and the twin's.
type Times<'a> = (Instant, Option<&'a twin::Scene>);

/// Prints the lines of a scene in their lanes; and when they were said, here and by the twin, if `times` are given.
pub(crate) fn print(page: &Page, trace: &Trace, times: Option<Times<'_>>) {
    let mut chart =
        Chart { page, trace, times, rows: 0, states: vec![State::Absent; trace.lanes.len()] };
    chart.head();
    let mut dropped = Vec::new();
    for event in &trace.events {
        if !matches!(event, Event::Dropped(_)) && !dropped.is_empty() {
            chart.dropped(&dropped);
            dropped.clear();
        }
        match event {
            Event::Said(said) => chart.said(said),
            Event::Spawned(lane) => chart.states[lane.0] = State::Queued,
            Event::Turn(lane) => chart.turn(*lane),
            Event::Ended(lane) => chart.states[lane.0] = State::Absent,
            Event::Dropped(lane) => dropped.push(*lane),
        }
    }
    if !dropped.is_empty() {
        chart.dropped(&dropped);
    }
}

/// Where a task stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not yet spawned, or over.
    Absent,
    /// Spawned, and without a turn so far.
    Queued,
    Waits,
    Turn,
    Dropped,
}

struct Chart<'a> {
    page: &'a Page,
    trace: &'a Trace,
    times: Option<Times<'a>>,
    /// How many lines there were.
    rows: usize,
    states: Vec<State>,
}

impl Chart<'_> {
    /// A single lane would say nothing.
    fn has_lanes(&self) -> bool {
        self.trace.lanes.len() > 1
    }

    fn head(&self) {
        let mut head = String::new();
        if self.times.is_some() {
            head.push_str(" here  asyncio");
        }
        if self.has_lanes() {
            head.push_str("   ");
            head.push_str(&self.trace.lanes.join(" "));
            head.push_str(if self.trace.more { " .." } else { "" });
        }
        if !head.is_empty() {
            self.page.line(Ink::Faint, &head);
        }
    }

    fn said(&mut self, said: &Said) {
        let times = self.times.map(|(began, twin)| {
            let here = said.virtually.unwrap_or(said.at.saturating_duration_since(began));
            let line = twin.and_then(|twin| twin.lines.get(self.rows));
            let since = |scene: &twin::Scene| {
                line.filter(|line| line.text == said.text)?.since(scene.began)
            };
            (here, twin.and_then(since))
        });
        self.rows += 1;
        self.row(times, said.lane.as_slice(), State::Turn, &said.text);
    }

    /// A lane in which nothing is said shows its first turn.
    fn turn(&mut self, lane: Lane) {
        let mute = self.trace.said().all(|said| said.lane != Some(lane));
        if self.has_lanes() && mute && self.states[lane.0] == State::Queued {
            self.row(None, &[lane], State::Turn, "");
        }
        self.states[lane.0] = State::Waits;
    }

    fn dropped(&mut self, lanes: &[Lane]) {
        if self.has_lanes() {
            self.row(None, lanes, State::Dropped, "(dropped)");
        }
        for lane in lanes {
            self.states[lane.0] = State::Absent;
        }
    }

    /// A row in which these `lanes` are in this `state`, and the others as they stand.
    fn row(
        &self,
        times: Option<(Duration, Option<Duration>)>,
        lanes: &[Lane],
        state: State,
        text: &str,
    ) {
        let mut parts = Vec::new();
        if self.times.is_some() {
            let ms = |span: Duration| span.as_millis().to_string();
            let (here, theirs) = match times {
                Some((here, theirs)) => (ms(here), theirs.map_or("-".into(), ms)),
                None => (String::new(), String::new()),
            };
            parts.push((Ink::Faint, format!("{here:>5}  {theirs:>7}")));
        }
        if self.has_lanes() {
            parts.push((Ink::Plain, "   ".into()));
            for (index, label) in self.trace.lanes.iter().enumerate() {
                let here = lanes.contains(&Lane(index));
                let (ink, glyph) = self.glyph(if here { state } else { self.states[index] });
                parts.push((ink, glyph.into()));
                parts.push((Ink::Plain, " ".repeat(label.len())));
            }
            if self.trace.more {
                parts.push((Ink::Plain, "   ".into()));
            }
        }
        parts.push((Ink::Plain, format!("  {text}")));
        let parts: Vec<(Ink, &str)> =
            parts.iter().map(|(ink, text)| (*ink, text.as_str())).collect();
        self.page.mixed(&parts);
    }

    fn glyph(&self, state: State) -> (Ink, &'static str) {
        let glyphs = self.page.glyphs();
        match state {
            State::Absent => (Ink::Plain, " "),
            State::Queued => (Ink::Faint, glyphs.queued),
            State::Waits => (Ink::Faint, glyphs.waits),
            State::Turn => (Ink::Turn, glyphs.turn),
            State::Dropped => (Ink::Bad, glyphs.dropped),
        }
    }
}
