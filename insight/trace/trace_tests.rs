use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::asides::{Asides, MOST, Noted};
use super::lanes::Picture;
use super::recorder::{Clock, Recorder, Recording};
use super::trace::{Trace, What};
use crate::executor::Id;
use crate::executor::observe::{Cause, Observe, Seen, TurnEnd};

/// A loop that does what a test says, by a clock of ns that the test moves.
pub(super) struct Loop {
    now: Rc<Cell<u64>>,
    pub(super) recorder: Recorder,
}

pub(super) fn task(id: u64) -> Seen {
    Seen { id: Id(id), place: id as u32, site: Location::caller() }
}

impl Loop {
    pub(super) fn new(capacity: usize) -> Self {
        let now = Rc::new(Cell::new(1000));
        let clock = Rc::clone(&now);
        let name = |id: Id| (id.0 % 2 == 1).then(|| format!("odd {}", id.0).into());
        let clock = Clock::Virtual(Box::new(move || clock.get()));
        Self { now, recorder: Recorder::new(capacity, clock, Box::new(name)) }
    }

    pub(super) fn recording(&self) -> Arc<Recording> {
        self.recorder.recording()
    }

    /// After a run.
    pub(super) fn trace(&self) -> Trace {
        self.recorder.leaves();
        self.recording().trace()
    }

    pub(super) fn pass(&self, nanos: u64) {
        self.now.set(self.now.get() + nanos);
    }

    pub(super) fn spawn(&self, id: u64, by: Cause) {
        self.recorder.spawned(&task(id), by);
        self.recorder.woken(&task(id), by);
    }

    /// A turn of so many ns, in which this is done.
    pub(super) fn turn(&self, id: u64, nanos: u64, within: impl FnOnce()) {
        self.turn_that(TurnEnd::Waits, id, nanos, within);
    }

    pub(super) fn turn_that(&self, end: TurnEnd, id: u64, nanos: u64, within: impl FnOnce()) {
        self.begin(id);
        within();
        self.pass(nanos);
        self.recorder.ends_turn(&task(id), end);
    }

    pub(super) fn begin(&self, id: u64) {
        self.recorder.begins_turn(&task(id), 1);
    }

    pub(super) fn last_turn(&self, id: u64, nanos: u64) {
        self.begin(id);
        self.pass(nanos);
        self.recorder.ended(&task(id));
        self.recorder.ends_turn(&task(id), TurnEnd::Done);
    }

    pub(super) fn look(&self) {
        self.recorder.looks();
    }

    pub(super) fn park(&self, nanos: u64) {
        self.recorder.looks();
        self.recorder.parks();
        self.pass(nanos);
        self.recorder.unparks();
    }

    /// The future of `block_on` spawns 1 and 2 and awaits them; 1 is woken by a timer and wakes 2.
    pub(super) fn play(&self) {
        self.recorder.woken(&task(0), Cause::Outside);
        self.look();
        self.turn(0, 300, || {
            self.spawn(1, Cause::Task(Id(0)));
            self.spawn(2, Cause::Task(Id(0)));
        });
        self.turn(1, 200, || ());
        self.turn(2, 100, || ());
        self.park(1000);
        self.recorder.woken(&task(1), Cause::Timer);
        self.begin(1);
        self.recorder.woken(&task(2), Cause::Task(Id(1)));
        self.pass(400);
        self.recorder.ended(&task(1));
        self.recorder.ends_turn(&task(1), TurnEnd::Done);
        self.last_turn(2, 200);
    }
}

/// `time what`, for each event.
fn lines(trace: &Trace) -> Vec<String> {
    trace.events().iter().map(|event| format!("{} {}", event.at.as_nanos(), event.what)).collect()
}

#[test]
fn events_are_told_in_their_order_with_what_set_them_off() {
    let it = Loop::new(100);
    it.play();
    assert_eq!(
        lines(&it.trace()),
        [
            "0 the future of `block_on` woken by the program, between turns",
            "0 looks outside",
            "0 the future of `block_on` begins a turn",
            "300 task #1 spawned by the future of `block_on`",
            "300 task #1 woken by the future of `block_on`",
            "300 task #2 spawned by the future of `block_on`",
            "300 task #2 woken by the future of `block_on`",
            "300 the future of `block_on` ends its turn",
            "300 task #1 begins a turn",
            "500 task #1 ends its turn",
            "500 task #2 begins a turn",
            "600 task #2 ends its turn",
            "600 looks outside",
            "600 parks",
            "1600 unparks",
            "1600 task #1 woken by a timer",
            "1600 task #1 begins a turn",
            "2000 task #2 woken by task #1",
            "2000 task #1 is done",
            "2000 task #2 begins a turn",
            "2200 task #2 is done",
        ]
    );
    assert_eq!(it.trace().dropped(), 0);
}

#[test]
fn a_full_ring_drops_the_oldest_events_and_says_how_many() {
    let it = Loop::new(5); // rounded up to 8
    it.play();
    let trace = it.trace();
    // The ring has 18; a turn that follows another is one, which tells two.
    assert_eq!(trace.dropped(), 10);
    assert_eq!(lines(&trace)[..2], ["600 looks outside", "600 parks"]);
    assert_eq!(lines(&trace).len(), 9);
    assert!(
        trace.to_text().starts_with("9 events, after 10 older ones that were dropped; 2 tasks")
    );
}

#[test]
fn a_turn_whose_beginning_was_dropped_is_known_by_its_end() {
    let it = Loop::new(4);
    it.turn(6, 10, || {
        it.spawn(7, Cause::Task(Id(6)));
        it.recorder.woken(&task(8), Cause::Task(Id(6)));
    });
    assert_eq!(
        lines(&it.trace()),
        [
            "10 task #7 spawned by task #6",
            "10 task #7 woken by task #6",
            "10 task #8 woken by task #6",
            "10 task #6 ends its turn",
        ]
    );
}

/// The ring does not show that it ended, but when.
#[test]
fn of_a_turn_whose_beginning_and_end_were_dropped_the_wakes_are_kept() {
    let it = Loop::new(4);
    it.turn(6, 10, || {
        it.spawn(7, Cause::Task(Id(6)));
        it.recorder.woken(&task(8), Cause::Task(Id(6)));
    });
    it.turn(7, 10, || ());
    it.turn_that(TurnEnd::Yields, 8, 10, || ());
    assert_eq!(
        lines(&it.trace()),
        [
            "10 task #8 woken by a task whose turn is no longer shown",
            "10 task #7 begins a turn",
            "20 task #7 ends its turn",
            "20 task #8 begins a turn",
            "30 task #8 woken by task #8",
            "30 task #8 ends its turn",
        ]
    );
}

#[test]
fn a_turn_that_goes_on_is_told_to_have_begun() {
    let it = Loop::new(8);
    it.begin(2);
    it.recorder.woken(&task(4), Cause::Task(Id(2)));
    it.recording().stalled(Id(2), Duration::from_secs(1));
    let trace = it.trace();
    assert_eq!(
        lines(&trace),
        [
            "0 task #2 begins a turn",
            "0 task #4 woken by task #2",
            "0 task #2 has had its turn for 1s"
        ]
    );
    assert!(trace.to_text().contains("#2"), "{}", trace.to_text());
}

#[test]
fn a_thread_takes_a_trace_home_that_is_plain_data() {
    fn is_plain<T: Send + Sync + Clone + 'static>(_: &T) {}
    let it = Loop::new(100);
    it.play();
    it.recorder.leaves();
    let recording = it.recording();
    let trace = std::thread::spawn(move || recording.trace()).join().unwrap();
    is_plain(&trace);
    assert_eq!(lines(&trace), lines(&it.trace()));
}

#[test]
fn names_and_sites_are_kept_as_long_as_the_ring_shows_the_task() {
    let it = Loop::new(4);
    let site = task(1).site;
    it.turn(1, 10, || ());
    assert_eq!(it.trace().name(Id(1)), Some("odd 1"));
    assert_eq!(it.trace().site(Id(1)).map(Location::file), Some(site.file()));
    for _ in 0..4 {
        it.turn(2, 10, || ());
    }
    assert_eq!((it.trace().name(Id(1)), it.trace().site(Id(1))), (None, None), "no longer shown");
}

/// A loop whose tasks have no names any more once they have ended.
#[test]
fn the_name_of_a_task_that_has_ended_is_kept_and_then_dropped() {
    let live = Arc::new(std::sync::Mutex::new(vec![(Id(1), "one"), (Id(2), "two")]));
    let names = Arc::clone(&live);
    let name_of = move |id| {
        let names = names.lock().unwrap();
        names.iter().find(|(live, _)| *live == id).map(|(_, name)| Box::from(*name))
    };
    let recorder = Recorder::new(4, Clock::Virtual(Box::new(|| 0)), Box::new(name_of));
    let end = |id: u64| {
        recorder.begins_turn(&task(id), 1);
        recorder.ended(&task(id));
        recorder.ends_turn(&task(id), TurnEnd::Done);
        live.lock().unwrap().retain(|(live, _)| live.0 != id);
    };
    end(1);
    recorder.leaves();
    assert_eq!(recorder.recording().trace().name(Id(1)), Some("one"));
    assert_eq!(recorder.recording().names_kept(), 1);
    (0..4).for_each(|_| end(9));
    end(2);
    assert_eq!(recorder.recording().trace().name(Id(2)), Some("two"));
    assert_eq!(recorder.recording().names_kept(), 1, "that of #1 is dropped");
}

#[test]
fn a_task_that_is_dropped_with_its_runtime_is_lost() {
    let it = Loop::new(8);
    it.turn(3, 10, || ());
    it.recorder.ended(&task(3));
    let trace = it.trace();
    assert_eq!(lines(&trace)[2], "10 task #3 lost");
    let lost = "#3 odd 3, spawned at insight/trace/trace_tests.rs:21:48, was lost\n";
    assert!(trace.to_text().ends_with(lost), "{}", trace.to_text());
}

#[test]
fn the_clock_is_read_once_a_turn() {
    let readings = Rc::new(Cell::new(0));
    let counted = Rc::clone(&readings);
    let clock = Clock::Virtual(Box::new(move || {
        counted.set(counted.get() + 1);
        counted.get()
    }));
    let recorder = Recorder::new(8, clock, Box::new(|_| None));
    recorder.looks();
    let before = readings.get();
    for _ in 0..10 {
        recorder.begins_turn(&task(1), 1);
        recorder.woken(&task(2), Cause::Task(Id(1)));
        recorder.ends_turn(&task(1), TurnEnd::Yields);
    }
    assert_eq!(readings.get() - before, 11, "and once after the look");
}

#[test]
fn a_task_that_yields_is_woken_by_itself() {
    let it = Loop::new(8);
    it.turn_that(TurnEnd::Yields, 3, 10, || ());
    assert_eq!(
        lines(&it.trace()),
        ["0 task #3 begins a turn", "10 task #3 woken by task #3", "10 task #3 ends its turn"]
    );
}

#[test]
fn each_kind_of_cause_is_told() {
    let it = Loop::new(8);
    let all = [Cause::Timer, Cause::Source, Cause::Job, Cause::Thread, Cause::Outside];
    all.into_iter().for_each(|by| it.recorder.woken(&task(1), by));
    let by = |event: &super::trace::Event| match event.what {
        What::Woken { by, .. } => by,
        what => panic!("{what}"),
    };
    let told: Vec<Cause> = it.trace().events().iter().map(by).collect();
    assert_eq!(told, all);
}

#[test]
fn of_a_job_that_runs_the_beginning_is_kept_and_of_others_it_is_said_that_they_were_dropped() {
    let site = Location::caller();
    let mut asides = Asides::default();
    asides.add(5, Noted::JobBegan(0, site));
    for at in 0..MOST as u64 {
        asides.add(10 + 2 * at, Noted::JobBegan(1, site));
        asides.add(11 + 2 * at, Noted::JobEnded(1, site));
    }
    let of = |asides: &Asides| asides.iter().map(|aside| aside.at).collect::<Vec<_>>();
    let first = 10 + MOST as u64;
    assert_eq!((asides.dropped(), of(&asides)[..2].to_vec()), (MOST as u64, vec![5, first]));
    let last = 9 + 2 * MOST as u64;
    asides.drop_before(last);
    assert_eq!(of(&asides), [5, last - 1, last], "the last job goes on at `last`");
    asides.add(last + 1, Noted::JobEnded(0, site));
    asides.drop_before(last + 2);
    assert_eq!((asides.dropped(), of(&asides)), (2 * MOST as u64 + 2, vec![]));
}

#[test]
fn a_job_that_ends_before_the_loop_does_anything_is_shown() {
    let it = Loop::new(100);
    let site = Location::caller();
    it.recording().keep(Noted::JobBegan(0, site));
    it.recording().keep(Noted::JobEnded(0, site));
    it.pass(10);
    it.play();
    let trace = it.trace();
    assert_eq!(trace.dropped(), 0, "nothing was full");
    let began = format!("0 job 1 spawned at {site} begins");
    assert_eq!(lines(&trace)[..2], [began, "0 job 1 ends".to_owned()]);
}

#[test]
fn each_run_has_the_lane_of_block_on_whose_end_is_that_of_the_last() {
    let it = Loop::new(100);
    it.recorder.woken(&task(0), Cause::Outside);
    it.last_turn(0, 10);
    let end = || Picture::of(&it.trace()).lanes[0].ended.map(|(at, _)| at.at);
    assert_eq!(end(), Some(10));
    it.recorder.woken(&task(0), Cause::Outside);
    it.turn(0, 20, || ());
    assert_eq!(end(), None);
    it.recorder.woken(&task(0), Cause::Timer);
    it.last_turn(0, 30);
    assert_eq!(end(), Some(60));
}
