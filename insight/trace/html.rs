//! A trace as a page: one file, which needs no network.
//!
//! The page draws itself: its script has the numbers of a [`Picture`] as JSON. A reader without scripts gets the findings as text. What
//! the program chose, names above all, is in that text alone, where it is escaped, and in that JSON, where no text can end the script.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::time::Duration;

use super::lanes::{End, Lane, Moment, Picture, Turn, Wake};
use super::trace::{Trace, is_job};
use crate::executor::Id;
use crate::executor::observe::Cause;
use crate::insight::json;

const PAGE: &str = include_str!("page/page.html");

/// What is put into the page, and where.
const STYLE: (&str, &str) = ("<!-- style -->", include_str!("page/page.css"));
const SCRIPT: (&str, &str) = ("<!-- script -->", SCRIPTS);
const SCRIPTS: &str = concat!(
    include_str!("page/data.js"),
    include_str!("page/findings.js"),
    include_str!("page/draw.js"),
    include_str!("page/act.js"),
);
const DATA: &str = "<!-- data -->";
const FINDINGS: &str = "<!-- findings -->";

/// What woke or spawned a task and has no lane.
const CAUSES: [Cause; 6] =
    [Cause::Timer, Cause::Source, Cause::Job, Cause::Thread, Cause::Outside, Cause::Unknown];

impl Trace {
    /// One page of HTML that shows the trace in a browser: a lane for each task, with its turns; what woke it; long turns,
    /// starved and lost tasks. It can be zoomed, moved and used by keyboard. It loads nothing. Without scripts it lists what is wrong.
    #[must_use]
    pub fn to_html(&self) -> String {
        let picture = Picture::of(self);
        let data = self.to_json(&picture);
        let findings = escaped(&self.findings(&picture));
        let mut page =
            String::with_capacity(PAGE.len() + STYLE.1.len() + SCRIPT.1.len() + data.len());
        let mut rest = PAGE;
        for (mark, text) in [STYLE, (FINDINGS, &findings), (DATA, &data), SCRIPT] {
            let (before, after) = rest.split_once(mark).expect("the page has each mark");
            page.push_str(before);
            page.push_str(text);
            rest = after;
        }
        page.push_str(rest);
        page
    }

    /// What `page/data.js` reads: `columns` there says what the numbers of a turn are.
    fn to_json(&self, picture: &Picture) -> String {
        let data = Data { trace: self, picture, places: places(picture) };
        json::object(|object| {
            object
                .field("virtual", self.is_virtual)
                .field("events", self.events.len())
                .field("dropped", self.dropped)
                .field("from", picture.from.at)
                .field("to", &data.moment(picture.to)[..])
                .field("parks", &data.parks()[..])
                .array("causes", |array| {
                    for cause in CAUSES {
                        array.item(cause.to_string());
                    }
                })
                .array("lanes", |array| {
                    for lane in &picture.lanes {
                        array.object(|object| data.lane(lane, object));
                    }
                });
        })
    }
}

/// As text between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The place of each task's lane.
fn places(picture: &Picture) -> BTreeMap<Id, usize> {
    picture.lanes.iter().enumerate().map(|(place, lane)| (lane.task, place)).collect()
}

struct Data<'a> {
    trace: &'a Trace,
    picture: &'a Picture,
    places: BTreeMap<Id, usize>,
}

impl Data<'_> {
    /// A time since the first event of the loop. A job may have begun before that.
    fn time(&self, at: u64) -> i64 {
        at as i64 - self.picture.from.at as i64
    }

    /// Its time, and its step.
    fn moment(&self, moment: Moment) -> [i64; 2] {
        [self.time(moment.at), moment.step as i64]
    }

    /// Where the thread slept: from, its step, to, its step.
    fn parks(&self) -> Vec<i64> {
        let ends = |&(begin, end)| [self.moment(begin), self.moment(end)].concat();
        self.picture.parks.iter().flat_map(ends).collect()
    }

    /// A lane, or below 0 a place in [`CAUSES`].
    fn by(&self, by: Cause) -> i64 {
        if let Cause::Task(task) = by {
            return self.places.get(&task).map_or(self.by(Cause::Unknown), |&place| place as i64);
        }
        let place = CAUSES.iter().position(|&cause| cause == by).expect("all but tasks");
        -1 - place as i64
    }

    /// When, its step, by what, and in which turn of that lane; if no lane woke it, the step of the turn behind which a look
    /// found it (-1: not known, or none).
    fn wake(&self, wake: Wake) -> [i64; 4] {
        let [at, step] = self.moment(wake.at);
        let by = self.by(wake.by);
        let from = match by {
            0.. => wake.from.map(|(_, turn)| turn as u64),
            _ => wake.behind.map(|turn| self.picture.turn(turn).begin.step),
        };
        [at, step, by, from.map_or(-1, |from| from as i64)]
    }

    fn turn(&self, turn: &Turn) -> [Option<i64>; 7] {
        let [begin, step] = self.moment(turn.begin);
        let [at, woken_step, by, from] = match turn.wake {
            Some(wake) => self.wake(wake).map(Some),
            None => [None; 4],
        };
        [Some(begin), Some(self.time(turn.end.at)), Some(step), at, woken_step, by, from]
    }

    fn lane(&self, lane: &Lane, object: &mut json::Object<'_>) {
        let turns: Vec<_> = lane.turns.iter().flat_map(|turn| self.turn(turn)).collect();
        let stalls = |(at, long): &(Moment, Duration)| {
            let [at, step] = self.moment(*at);
            [at, step, long.as_nanos() as i64]
        };
        let stalls: Vec<_> = lane.stalls.iter().flat_map(stalls).collect();
        object
            .field("title", self.trace.title(lane.task))
            .field("site", self.trace.site(lane.task))
            .field("root", lane.task == Id::ROOT)
            .field("job", is_job(lane.task))
            .field("turns", &turns[..])
            .field("going", lane.turns.last().is_some_and(|turn| turn.goes_on))
            .field("stalls", &stalls[..]);
        if let Some((at, by)) = lane.spawned {
            object.field("spawned", &[&self.moment(at)[..], &[self.by(by)]].concat()[..]);
        }
        if let Some(wake) = lane.ready {
            object.field("ready", &self.wake(wake)[..]);
        }
        if let Some((at, end)) = lane.ended {
            let how = match end {
                End::Done => "done",
                End::Lost => "lost",
            };
            let [at, step] = self.moment(at);
            object.array("ended", |array| {
                array.item(at).item(step).item(how);
            });
        }
    }
}
