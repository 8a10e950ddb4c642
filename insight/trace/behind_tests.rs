//! What is told of the tasks behind a turn that has not ended, and behind one after which a look found them.

use std::panic::Location;
use std::time::Duration;

use super::asides::Noted;
use super::trace::Trace;
use super::trace_tests::{Loop, task};
use crate::executor::Id;
use crate::executor::observe::{Cause, Observe};

const MS: u64 = 1_000_000;

/// As a thread takes it, when that much time has passed, and as if the clock were real.
fn taken(it: &Loop, millis: u64) -> Trace {
    let mut trace = it.recording().trace();
    trace.until = Duration::from_millis(millis);
    trace.is_virtual = false;
    trace
}

/// A task has had its turn for 50 ms, in which it has woken another and spawned a third. One waits, and two are ready.
fn goes_on() -> Trace {
    let it = Loop::new(100);
    it.turn(2, 0, || ());
    it.spawn(6, Cause::Outside);
    it.pass(10 * MS);
    it.turn(4, 10 * MS, || ());
    it.spawn(8, Cause::Outside);
    it.begin(7);
    it.recorder.woken(&task(4), Cause::Task(Id(7)));
    it.spawn(10, Cause::Task(Id(7)));
    it.recording().keep(Noted::JobBegan(0, Location::caller()));
    taken(&it, 70)
}

#[test]
fn a_turn_that_has_not_ended_is_told_to_go_on_and_no_lane_behind_it_to_wait() {
    let text = goes_on().to_text_within(48);
    let lines: Vec<String> = text.lines().map(without_place).collect();
    assert_eq!(
        lines,
        [
            "13 events; 6 tasks; 70.0ms",
            "         0ns                              70.0ms",
            "#2       █··········????????????????????????????",
            "#4       ·····██████???????????????????????????░",
            "#6       ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░",
            "#7 odd 7 ···········████████████████████████████",
            "#8                  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░",
            "#10                 ???????????????????????????░",
            "job 1               ████████████████████████████",
            "█ has its turn  ░ ready  ? maybe ready  · waits  × lost  ─ the thread sleeps",
            "at 10.0ms: #4 had a turn of 10.0ms",
            "at 20.0ms: #7 odd 7 has had its turn for 50.0ms, and goes on: what is due since, the loop finds only at its next look",
            "at 0ns: #6 and #8 have been ready for up to 70.0ms, behind the turn of 50.0ms so far of #7 odd 7",
            "at 20.0ms: #4 and #10 have been ready since some time within the turn of 50.0ms so far of #7 odd 7",
        ]
    );
}

/// `#7, spawned at src/main.rs:1:2, had ..`
fn without_place(line: &str) -> String {
    match line.split_once(", spawned at ") {
        Some((whose, rest)) => whose.to_owned() + rest.split_once(',').unwrap().1,
        None => line.to_owned(),
    }
}

#[test]
fn the_page_and_perfetto_mark_a_turn_and_a_job_that_go_on() {
    let trace = goes_on();
    assert_eq!(trace.to_html().matches(r#""going":true"#).count(), 2);
    let file: serde_json::Value = serde_json::from_str(&trace.to_perfetto()).unwrap();
    let slices = file["traceEvents"].as_array().unwrap().iter().filter(|event| event["ph"] == "X");
    let slices = slices.map(|it| format!("{} {} {}", it["name"], it["ts"], it["dur"]));
    assert_eq!(
        slices.collect::<Vec<_>>(),
        [
            r#""turn" 0 0.001"#,
            r#""turn" 10000 10000"#,
            r#""turn, not ended" 20000 50000"#,
            r#""job, not ended" 20000 50000"#,
        ]
    );
}

/// What the text tells of tasks that a look found, after this.
fn found(after: impl FnOnce(&Loop)) -> Vec<String> {
    let it = Loop::new(100);
    [1, 2, 4, 6, 8, 10].into_iter().for_each(|id| it.turn(id, 0, || ()));
    it.look();
    after(&it);
    let text = it.trace().to_text();
    text.lines().filter(|line| line.contains("found")).map(without_place).collect()
}

#[test]
fn of_tasks_that_a_look_finds_ready_behind_a_long_turn_the_first_are_named() {
    let told = found(|it| {
        it.turn(1, 50 * MS, || ());
        it.turn(10, 2 * MS, || ());
        it.look();
        it.recorder.woken(&task(1), Cause::Timer); // its own turn
        it.recorder.woken(&task(2), Cause::Timer);
        it.recorder.woken(&task(4), Cause::Source);
        it.recorder.woken(&task(6), Cause::Thread);
        it.recorder.woken(&task(8), Cause::Job);
        it.turn(2, 0, || it.recorder.woken(&task(10), Cause::Task(Id(2))));
    });
    let found = "at 0ns: #2, #4, #6 and 1 more were found ready by the look behind the turn of 50.0ms of #1 odd 1";
    assert_eq!(told, [found]);
}

#[test]
fn what_comes_after_that_look_was_not_behind_the_long_turn() {
    let told = found(|it| {
        it.turn(1, 50 * MS, || ());
        it.look();
        it.recorder.woken(&task(2), Cause::Timer);
        it.turn(2, MS, || ());
        it.recorder.woken(&task(6), Cause::Outside);
        it.look();
        it.recorder.woken(&task(4), Cause::Timer);
    });
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("at 0ns: #2 was found ready by the look behind "), "{told:?}");
}

/// A run may end with a look that finds nothing.
#[test]
fn what_the_program_wakes_between_two_runs_no_look_has_found() {
    let told = found(|it| {
        it.turn(1, 50 * MS, || ());
        it.look();
        it.recorder.leaves();
        it.pass(1000 * MS);
        it.recorder.woken(&task(2), Cause::Outside);
        it.spawn(12, Cause::Outside);
        it.look();
        it.turn(2, 0, || ());
        it.turn(12, 0, || ());
    });
    assert_eq!(told, [""; 0]);
}

/// A socket that is readable already ends the wait of the thread, which is told as a park.
#[test]
fn a_wait_that_ends_at_once_has_found_what_was_there_and_another_has_not() {
    for (waits, finds) in [(50_000, 1), (150_000, 0)] {
        let told = found(|it| {
            it.turn(1, 50 * MS, || ());
            it.park(waits);
            it.recorder.woken(&task(2), Cause::Source);
        });
        assert_eq!(told.len(), finds, "{waits}: {told:?}");
    }
}
