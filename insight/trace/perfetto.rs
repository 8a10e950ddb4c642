//! A trace for <https://ui.perfetto.dev>, in the JSON that Chrome's tracing defined ("Trace Event Format").
//!
//! A task is a track there, a turn a slice in it, and a wake an arrow from the turn in which it happened to the turn that
//! followed from it. Times are in us, with the ns behind the point.

#![forbid(unsafe_code)]

use super::lanes::{End, Lane, Moment, Picture, Turn, Wake};
use super::trace::{Trace, is_job};
use crate::executor::observe::Cause;
use crate::insight::json::{self, Array, Object};

/// All tracks are of one process.
const PROCESS: u32 = 1;
/// The track of the loop itself. The tracks of tasks follow.
const LOOP: usize = 1;

impl Trace {
    /// A file that <https://ui.perfetto.dev> and `chrome://tracing` open: a track for each task and one for the loop, a slice for
    /// each turn, arrows from wake to turn, and how many tasks were ready.
    ///
    /// Perfetto draws no arrow to a slice without a length. So each turn is drawn as at least 1 ns long. Under a virtual clock turns
    /// take no time: there each turn and each wait of the thread is drawn as 1 µs, and `at_us` of a turn is its time. A turn that had
    /// not ended when the trace was taken is drawn until then, and says so.
    #[must_use]
    pub fn to_perfetto(&self) -> String {
        let picture = Picture::of(self);
        json::object(|object| {
            object.field("displayTimeUnit", "ns").array("traceEvents", |events| {
                Export { trace: self, picture: &picture }.write(events);
            });
        })
    }
}

struct Export<'a> {
    trace: &'a Trace,
    picture: &'a Picture,
}

/// In us.
fn us(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

/// An event of this kind on a track.
fn event<'a>(
    events: &mut Array<'_>,
    phase: &str,
    name: &str,
    track: usize,
    at: u64,
    more: impl FnOnce(&mut Object<'_>) + 'a,
) {
    events.object(|object| {
        object.field("ph", phase).field("name", name).field("cat", "taketurns");
        more(object.field("pid", PROCESS).field("tid", track).field("ts", us(at)));
    });
}

impl Export<'_> {
    /// Where a moment is drawn, in ns.
    fn place(&self, moment: Moment) -> u64 {
        if self.trace.is_virtual { moment.step * 1000 } else { moment.at }
    }

    fn write(&self, events: &mut Array<'_>) {
        let dropped = self.trace.dropped;
        let process = match dropped {
            0 => "taketurns".to_owned(),
            _ => format!("taketurns ({dropped} older events were dropped)"),
        };
        self.name_track(events, "process_name", 0, &process);
        self.name_track(events, "thread_name", LOOP, "the loop");
        for (place, lane) in self.picture.lanes.iter().enumerate() {
            self.name_track(events, "thread_name", track(place), &self.trace.title(lane.task));
            self.write_lane(events, place, lane);
        }
        for look in &self.picture.looks {
            event(events, "i", "look", LOOP, self.place(*look), is_of_track);
        }
        for (begin, end) in &self.picture.parks {
            let (from, to) = (self.place(*begin), self.place(*end));
            event(events, "X", "sleeps", LOOP, from, |object| {
                object.field("dur", us(to - from)).object("args", |args| {
                    args.field("for_us", us(end.at - begin.at));
                });
            });
        }
        self.write_ready(events);
    }

    fn name_track(&self, events: &mut Array<'_>, what: &str, track: usize, name: &str) {
        event(events, "M", what, track, 0, |object| {
            object.object("args", |args| {
                args.field("name", name);
            });
        });
        event(events, "M", "thread_sort_index", track, 0, |object| {
            object.object("args", |args| {
                args.field("sort_index", track);
            });
        });
    }

    fn write_lane(&self, events: &mut Array<'_>, place: usize, lane: &Lane) {
        // An arrow ends at what begins last at its moment. So a turn that begins there says what spawned its task.
        let first = lane.turns.first().map(|turn| self.place(turn.begin));
        if let Some((at, by)) = lane.spawned.filter(|(at, _)| first != Some(self.place(*at))) {
            event(events, "i", "spawned", track(place), self.place(at), |object| {
                is_of_track(object);
                object.object("args", |args| {
                    args.field("by", by.to_string());
                });
            });
        }
        for turn in &lane.turns {
            self.write_turn(events, place, lane, turn);
        }
        for (at, at_least) in &lane.stalls {
            event(events, "i", "stalled", track(place), self.place(*at), |object| {
                is_of_track(object);
                object.object("args", |args| {
                    args.field("at_least", format!("{at_least:?}"));
                });
            });
        }
        if let Some((at, End::Lost)) = lane.ended {
            event(events, "i", "lost", track(place), self.place(at), is_of_track);
        }
    }

    fn write_turn(&self, events: &mut Array<'_>, place: usize, lane: &Lane, turn: &Turn) {
        let (begin, end) = (self.place(turn.begin), self.place(turn.end));
        let name = match (is_job(lane.task), turn.goes_on) {
            (false, false) => "turn",
            (false, true) => "turn, not ended",
            (true, false) => "job",
            (true, true) => "job, not ended",
        };
        event(events, "X", name, track(place), begin, |object| {
            object.field("dur", us((end - begin).max(1))).object("args", |args| {
                if self.trace.is_virtual {
                    args.field("at_us", us(turn.begin.at));
                }
                args.field("spawned_at", self.trace.site(lane.task));
                if let Some((_, by)) = lane.spawned {
                    args.field("spawned_by", by.to_string());
                }
                if let Some(wake) = turn.wake {
                    args.field("woken_by", wake.by.to_string());
                    args.field("ready_for_us", us(turn.begin.at - wake.at.at));
                    if let Some(long) = self.picture.ready_within(place, wake) {
                        args.field("or_longer_by_us", us(wake.at.at - long.begin.at));
                    }
                }
            });
        });
        let Some(Wake { by: Cause::Task(_), from: Some((waker, from)), .. }) = turn.wake else {
            return;
        };
        // An arrow begins and ends within a slice. Its number is that of the step, which no other turn has.
        let waker_began = self.place(self.picture.lanes[waker].turns[from].begin);
        for (phase, track, at) in [("s", track(waker), waker_began), ("f", track(place), begin)] {
            event(events, phase, "wake", track, at, |object| {
                object.field("id", turn.begin.step).field("bp", "e");
            });
        }
    }

    /// How many tasks are ready, whenever that changes.
    fn write_ready(&self, events: &mut Array<'_>) {
        let wakes = |lane: &Lane| {
            let of_turns =
                lane.turns.iter().filter_map(|turn| Some((turn.wake?, Some(turn.begin))));
            of_turns.chain(lane.ready.map(|wake| (wake, None))).collect::<Vec<_>>()
        };
        let mut changes = Vec::new();
        for (wake, turn) in self.picture.lanes.iter().flat_map(wakes) {
            changes.push((self.place(wake.at), 1));
            changes.extend(turn.map(|begin| (self.place(begin), -1)));
        }
        changes.sort_by_key(|&(at, by)| (at, -by));
        let mut ready = 0_i64;
        for (place, &(at, by)) in changes.iter().enumerate() {
            ready += by;
            if changes.get(place + 1).is_none_or(|(next, _)| *next != at) {
                event(events, "C", "ready tasks", 0, at, |object| {
                    object.object("args", |args| {
                        args.field("ready", ready);
                    });
                });
            }
        }
    }
}

fn track(lane: usize) -> usize {
    LOOP + 1 + lane
}

/// Of an instant: it is drawn in its track, and not across all.
fn is_of_track(object: &mut Object<'_>) {
    object.field("s", "t");
}
