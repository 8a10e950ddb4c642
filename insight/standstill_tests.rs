//! Each rule by samples that are made up: no thread, no clock, no waiting.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::time::Duration;

use super::{Scene, Stall, StallCounts, Standstill};
use crate::executor::observe::LoopState;
use crate::executor::{Id, Sample};
use crate::insight::proc::{Act, Schedule};

#[path = "standstill_time_tests.rs"]
mod time;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn site() -> &'static Location<'static> {
    const { Location::caller() }
}

/// A loop, a clock and a system that do what the test says. Time is in milliseconds.
struct Made {
    now: Cell<Duration>,
    pulse: Cell<Sample>,
    own_wait: Cell<Option<Duration>>,
    /// How often the watchdog was given a core.
    own_slices: Cell<u64>,
    schedule: Cell<Option<Schedule>>,
    act: RefCell<Option<Act>>,
    /// The reading of each pulse takes so long.
    slow: Cell<Duration>,
    /// Of the task.
    name: RefCell<Option<String>>,
    standstill: RefCell<Standstill>,
}

impl Scene for Made {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn pulse(&self) -> Sample {
        self.now.set(self.now.get() + self.slow.get());
        self.pulse.get()
    }

    fn name(&self, task: Id) -> Option<String> {
        self.name.borrow().clone().filter(|_| task == Id(3))
    }

    fn own_schedule(&self) -> Option<Schedule> {
        let slices = self.own_slices.get();
        Some(Schedule { ran: ms(0), waited: self.own_wait.get()?, slices })
    }

    fn schedule(&self) -> Option<Schedule> {
        self.schedule.get()
    }

    fn act(&self) -> Option<Act> {
        self.act.borrow().clone()
    }
}

/// A loop in whose seventh turn task 3 runs, under a threshold of 100 ms: a sample is due every 25 ms.
fn made() -> Made {
    let task = Some(Id(3));
    let pulse = Sample {
        stands: LoopState::Runs,
        turns: 6,
        looks: 1,
        task,
        site: Some(site()),
        part: None,
        ready: 2,
        peak_ready: 3,
        spawned: 3,
        live: 3,
        away_wakes: 0,
        parks: 0,
        parked: Duration::ZERO,
        timers: 0,
        sources: 0,
    };
    Made {
        now: Cell::default(),
        pulse: Cell::new(pulse),
        own_wait: Cell::default(),
        own_slices: Cell::default(),
        schedule: Cell::default(),
        act: RefCell::default(),
        slow: Cell::default(),
        name: RefCell::new(Some("reader".to_owned())),
        standstill: RefCell::new(Standstill::new(ms(100), "main".into())),
    }
}

impl Made {
    fn change(&self, change: impl FnOnce(&mut Sample)) {
        let mut pulse = self.pulse.get();
        change(&mut pulse);
        self.pulse.set(pulse);
    }

    /// The thread runs for `ran` and is ready without a core for `waited`, and then has a core if `given`.
    fn run(&self, ran: u64, waited: u64, given: u64) {
        let zero = Schedule { ran: ms(0), waited: ms(0), slices: 0 };
        let Schedule { ran: a, waited: b, slices } = self.schedule.get().unwrap_or(zero);
        let now = Schedule { ran: a + ms(ran), waited: b + ms(waited), slices: slices + given };
        self.schedule.set(Some(now));
    }

    /// A sample after so many milliseconds.
    fn sample(&self, gap: u64) -> Option<Stall> {
        self.sample_if(gap, true)
    }

    fn sample_if(&self, gap: u64, may_tell: bool) -> Option<Stall> {
        self.now.set(self.now.get() + ms(gap));
        self.own_slices.set(self.own_slices.get() + 1);
        let news = self.standstill.borrow_mut().sample(self, may_tell)?;
        news.is_to_tell.then_some(news.stall)
    }

    /// What a sample after so many milliseconds tells, but for the remedy.
    fn after(&self, gap: u64) -> String {
        let told = self.sample(gap).map(|stall| Stall { tells_remedy: false, ..stall });
        told.map_or_else(String::new, |stall| stall.to_string())
    }

    /// A sample every 25 ms until `end`; when each that told something did, and what.
    fn until(&self, end: u64) -> Vec<String> {
        let mut told = Vec::new();
        while self.now.get() < ms(end) {
            let text = self.after(25);
            if !text.is_empty() {
                told.push(format!("{}: {text}", self.now.get().as_millis()));
            }
        }
        told
    }

    fn counts(&self) -> StallCounts {
        self.standstill.borrow().counts
    }
}

fn stands(at_least: &str, rest: &str) -> String {
    let site = site();
    format!(
        "the loop on thread main stands still: task #3 \"reader\", spawned at {site}, has had its turn for at least \
         {at_least}; {rest}"
    )
}

fn goes_on(about: &str) -> String {
    let site = site();
    format!(
        "the loop on thread main goes on: task #3 \"reader\", spawned at {site}, had its turn for about {about}"
    )
}

const TWO_READY: &str = "2 other tasks are known to be ready";

#[test]
fn a_turn_is_told_of_at_the_threshold_then_each_time_it_has_doubled_and_when_it_ends() {
    let made = made();
    assert_eq!(
        made.until(1000),
        [
            format!("125: {}", stands("100ms", TWO_READY)),
            format!("225: {}", stands("200ms", TWO_READY)),
            format!("425: {}", stands("400ms", TWO_READY)),
            format!("825: {}", stands("800ms", TWO_READY)),
        ]
    );
    made.change(|pulse| pulse.turns += 1);
    assert_eq!(made.after(25), goes_on("1s"));
    assert_eq!(made.after(25), "");
    assert_eq!(made.counts(), StallCounts { count: 1, longest: ms(1000) });
}

/// The task has ended, and a destructor of its goes on in its turn.
#[test]
fn a_stall_keeps_the_name_of_a_task_that_ends_meanwhile() {
    let made = made();
    assert_eq!(made.until(125), [format!("125: {}", stands("100ms", TWO_READY))]);
    made.name.take();
    assert_eq!(made.until(225), [format!("225: {}", stands("200ms", TWO_READY))]);
}

#[test]
fn a_stall_as_json_has_what_its_text_says() {
    let made = made();
    *made.act.borrow_mut() = Some(Act::Blocked(Some("read on \"pipe:[1]\"".into())));
    assert!([0, 50].iter().all(|&gap| made.sample(gap).is_none()));
    let stall = made.sample(50).unwrap();
    let read: serde_json::Value = serde_json::from_str(&stall.to_json()).unwrap();
    let expected = serde_json::json!({
        "text": stall.to_string(), "thread": "main", "is_over": false, "is_look": false, "task": 3,
        "name": "reader", "site": site().to_string(), "named_at": null, "lasted_ns": 100_000_000, "ready": 2,
        "doing": "blocked", "blocked_in": "read on \"pipe:[1]\"",
        "ran_ns": null, "ran_of_ns": null,
        "remedy": "move the call to `spawn_blocking`, or await an async counterpart",
    });
    assert_eq!(read, expected);
}

#[test]
fn turns_that_end_before_the_threshold_are_not_told_of() {
    let made = made();
    for turn in 0..100 {
        made.change(|pulse| pulse.turns = turn);
        assert_eq!([25, 25, 25, 24].map(|gap| made.after(gap)), [const { String::new() }; 4]);
    }
    assert_eq!(made.counts(), StallCounts::default());
}

#[test]
fn a_second_stall_is_counted_and_told_of_from_the_threshold_on() {
    let made = made();
    assert_eq!(made.until(250).len(), 2);
    made.change(|pulse| pulse.turns += 1);
    assert_eq!(made.until(275), [format!("275: {}", goes_on("250ms"))]);
    let told = [format!("375: {}", stands("100ms", TWO_READY))];
    assert_eq!(made.until(400), told);
    assert_eq!(made.counts(), StallCounts { count: 2, longest: ms(250) });
}

#[test]
fn parked_or_outside_of_a_run_it_never_stands_still() {
    for waits in [LoopState::Parked, LoopState::Outside] {
        let made = made();
        made.change(|pulse| pulse.stands = waits);
        assert_eq!(made.until(10_000), [""; 0]);
        made.change(|pulse| pulse.stands = LoopState::Runs); // in the same look: it has stood still since then
        assert_eq!(made.until(10_125), [format!("10125: {}", stands("100ms", TWO_READY))]);
        made.change(|pulse| pulse.stands = waits);
        assert_eq!(made.after(25), goes_on("125ms"));
        assert_eq!(made.until(20_000), [""; 0]);
    }
}

#[test]
fn a_loop_that_gives_turns_looks_or_waits_is_alive() {
    let steps: [fn(&mut Sample); 4] = [
        |pulse| pulse.turns += 1,
        |pulse| pulse.looks += 1,
        |pulse| pulse.parks += 1, // and has come back, in the same look
        |pulse| pulse.task = pulse.task.xor(Some(Id(3))), // from a look to the turn that comes after it
    ];
    for step in steps {
        let made = made();
        for _ in 0..100 {
            made.change(step);
            assert_eq!(made.after(50), "");
        }
    }
}

#[test]
fn the_future_of_block_on_a_task_without_a_name_and_a_look_are_named() {
    let site = site();
    let begins = |change: &dyn Fn(&mut Sample)| {
        let made = made();
        made.change(change);
        let told = made.until(125).concat();
        made.change(|pulse| pulse.turns += 1);
        format!("{told}\n{}", made.after(25))
    };
    assert_eq!(
        begins(&|pulse| (pulse.task, pulse.ready) = (Some(Id::ROOT), 0)),
        format!(
            "125: the loop on thread main stands still: the future of `block_on`, called at {site}, has had its turn for at \
             least 100ms; no other task is known to be ready\n\
             the loop on thread main goes on: the future of `block_on`, called at {site}, had its turn for about 125ms"
        )
    );
    assert_eq!(
        begins(&|pulse| (pulse.task, pulse.ready) = (Some(Id(4)), 1)),
        format!(
            "125: the loop on thread main stands still: task #4, spawned at {site}, has had its turn for at least 100ms; 1 \
             other task is known to be ready\n\
             the loop on thread main goes on: task #4, spawned at {site}, had its turn for about 125ms"
        )
    );
    assert_eq!(
        begins(&|pulse| (pulse.task, pulse.site) = (None, None)),
        "125: the loop on thread main stands still: a look, in which it calls wakers, destructors and hooks, has taken at least \
         100ms; 2 other tasks are known to be ready\n\
         the loop on thread main goes on: a look, in which it calls wakers, destructors and hooks, took about 125ms"
    );
}

#[test]
fn what_the_thread_does_is_told() {
    let told = |act| {
        let made = made();
        made.act.replace(Some(act));
        made.until(125).concat()
    };
    let stands = |rest: &str| format!("125: {}", stands("100ms", &format!("{TWO_READY}; {rest}")));
    assert_eq!(told(Act::Runs), stands("the thread computes"));
    let place = Some("read on \"pipe:[1]\"".to_owned());
    assert_eq!(told(Act::Blocked(place)), stands("the thread is blocked in read on \"pipe:[1]\""));
    assert_eq!(told(Act::Blocked(None)), stands("the thread is blocked in the kernel"));
}

#[test]
fn a_remedy_is_told_once_until_another_is_due_and_each_report_has_it() {
    let made = made();
    let next = |act| {
        made.act.replace(Some(act));
        let told = std::iter::repeat_with(|| made.sample(25)).flatten().next().unwrap();
        (told.to_string().rsplit("; ").next().unwrap().to_owned(), told.remedy())
    };
    let add = "add `yield_now().await`, or move the work to `spawn_blocking`";
    let call = "move the call to `spawn_blocking`, or await an async counterpart";
    let told = |end: &str, remedy| (end.to_owned(), remedy);
    assert_eq!(next(Act::Runs), told(add, add));
    assert_eq!(next(Act::Runs), told("the thread computes", add));
    let blocked = |place: &str| Act::Blocked(Some(place.to_owned()));
    assert_eq!(next(blocked("read")), told(call, call));
    assert_eq!(next(blocked("fsync")), told("the thread is blocked in fsync", call));
    made.change(|pulse| pulse.turns += 1);
    let is_over = made.sample(25).unwrap().is_over();
    assert_eq!((is_over, next(blocked("fsync"))), (true, told(call, call)), "of another stall");
    made.change(|pulse| pulse.turns += 1);
    let over = made.sample(25).unwrap();
    assert!(over.to_string().ends_with(", had its turn for about 125ms"));
    assert_eq!(over.remedy(), call);
}

#[test]
fn the_next_sample_is_due_in_a_quarter_of_the_threshold_or_when_there_is_something_to_tell() {
    let made = made();
    let wait = || made.standstill.borrow().wait();
    let due = [0, 25, 30, 35, 9].map(|gap| (made.after(gap), wait()).1);
    assert_eq!(due, [ms(25), ms(25), ms(25), ms(10), ms(1)]);
    assert_eq!(made.after(1), stands("100ms", TWO_READY));
    assert_eq!(wait(), ms(25));
}

#[test]
fn while_it_may_not_tell_it_goes_on_counting_and_gives_the_end_of_what_was_told() {
    let made = made();
    let [mute, may_tell] = [false, true];
    let wait = || made.standstill.borrow().wait();
    assert_eq!(made.until(125).len(), 1);
    assert!([25; 10].iter().all(|&gap| made.sample_if(gap, mute).is_none()));
    assert_eq!(
        (made.counts().longest, wait()),
        (ms(350), ms(25)),
        "overdue, and no reason to hurry"
    );
    assert_eq!(made.sample_if(25, may_tell).unwrap().lasted(), ms(375));
    assert_eq!(made.sample_if(15, mute).map(|_| ()), None);
    assert_eq!(wait(), ms(10));
    made.change(|pulse| pulse.turns += 1);
    let over = made.sample_if(25, mute).unwrap();
    assert_eq!((over.is_over(), over.lasted()), (true, ms(415)));
}

#[test]
fn a_stall_that_it_may_not_tell_of_is_counted_and_told_as_soon_as_it_may() {
    let made = made();
    let mute = |gap| made.sample_if(gap, false).is_none();
    assert!([25; 20].into_iter().all(mute));
    assert_eq!(made.counts(), StallCounts { count: 1, longest: ms(475) });
    #[cfg(feature = "inspect")]
    assert_eq!(made.standstill.borrow().goes_on().unwrap().1.lasted, ms(475));
    let stall = made.sample(25).unwrap();
    assert_eq!((stall.lasted(), stall.tells_remedy, stall.is_over()), (ms(500), true, false));
    made.change(|pulse| pulse.turns += 1);
    assert_eq!(made.after(25), goes_on("525ms"));
    // If it ends meanwhile its end is not to be told either, but to be kept for those who ask.
    assert!([25; 30].into_iter().all(mute));
    made.change(|pulse| pulse.turns += 1);
    made.now.set(made.now.get() + ms(25));
    let news = made.standstill.borrow_mut().sample(&made, true).unwrap();
    assert_eq!(
        (news.is_to_tell, news.stall.is_over(), news.stall.lasted()),
        (false, true, ms(775))
    );
    assert_eq!(made.counts(), StallCounts { count: 2, longest: ms(775) });
}
