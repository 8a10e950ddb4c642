//! A trace that is taken while the loop runs and threads note what they do.

use std::panic::Location;

use super::asides::{MOST, Noted};
use super::recorder::{Clock, Recorder};
use super::trace_tests::{Loop, task};
use crate::executor::observe::Observe;

#[test]
fn what_is_read_does_not_end_before_the_last_that_a_thread_noted() {
    let recorder = Recorder::new(8, Clock::Real, Box::new(|_| None));
    recorder.begins_turn(&task(1), 1);
    let recording = recorder.recording();
    let notes = || {
        for _ in 0..20 * MOST {
            recording.keep(Noted::JobBegan(0, Location::caller()));
            recording.keep(Noted::JobEnded(0, Location::caller()));
        }
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(notes);
        while !thread.is_finished() {
            let reading = recording.read();
            let last = reading.asides.iter().last().map_or(0, |aside| aside.at);
            assert!(Some(last) <= reading.now, "{last} is after {:?}", reading.now);
        }
    });
}

#[test]
fn a_job_that_begins_as_the_trace_is_taken_can_be_drawn() {
    for is_virtual in [false, true] {
        let it = Loop::new(8);
        it.turn(1, 10, || ());
        it.begin(1);
        it.recording().keep(Noted::JobBegan(0, Location::caller()));
        let mut trace = it.recording().trace();
        trace.is_virtual = is_virtual;
        assert_eq!(trace.until, trace.events().last().unwrap().at);
        assert!(trace.to_text().contains("\njob 1 "), "{}", trace.to_text());
        assert!(trace.to_perfetto().contains("job, not ended"), "{}", trace.to_perfetto());
        assert!(trace.to_html().contains(r#""job":true"#));
    }
}
