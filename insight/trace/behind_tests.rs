//! What is told of a turn that has not ended, and of the tasks behind it.

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
            "at 0ns: #6 and 1 more have been ready for up to 70.0ms, behind the turn of 50.0ms so far of #7 odd 7",
            "at 20.0ms: #4 and 1 more have been ready since some time within the turn of 50.0ms so far of #7 odd 7",
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
