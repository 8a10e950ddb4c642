//! The watchdog's threads, on a loop and a clock that are made up.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use super::{OnStall, StallCounts, Watchdog};
use crate::executor::observe::LoopState;
use crate::executor::{Id, Sample};
use crate::insight::proc::{Act, Schedule};
use crate::insight::standstill::{Scene, Standstill};

/// Of a wait that does not end, so that the test fails.
const LIMIT: Duration = Duration::from_secs(60);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A loop that has its first turn, and then waits. Its clock goes on by a millisecond from each sample to the next.
#[derive(Default)]
struct Made(Mutex<Numbers>);

#[derive(Default)]
struct Numbers {
    clock_readings: u64,
    samples: u64,
    has_turn_ended: bool,
}

impl Made {
    /// Waits until the loop was looked at so many times more.
    fn wait_for_samples(&self, more: u64) {
        let end = self.0.lock().unwrap().samples + more;
        while self.0.lock().unwrap().samples < end {
            thread::yield_now();
        }
    }

    /// Gives the time of the next sample, which sees it.
    fn end_turn(&self) -> Duration {
        let mut numbers = self.0.lock().unwrap();
        numbers.has_turn_ended = true;
        ms(numbers.samples)
    }
}

impl Scene for Arc<Made> {
    /// A sample reads it before the pulse, and after it.
    fn now(&self) -> Duration {
        let mut numbers = self.0.lock().unwrap();
        numbers.clock_readings += 1;
        ms((numbers.clock_readings - 1) / 2)
    }

    fn pulse(&self) -> Sample {
        let mut numbers = self.0.lock().unwrap();
        numbers.samples += 1;
        let is_over = numbers.has_turn_ended;
        Sample {
            stands: if is_over { LoopState::Parked } else { LoopState::Runs },
            turns: u64::from(is_over),
            looks: 1,
            task: (!is_over).then_some(Id(3)),
            site: None,
            part: None,
            ready: 0,
            peak_ready: 1,
            spawned: 1,
            live: 1,
            away_wakes: 0,
            parks: u64::from(is_over),
            parked: Duration::ZERO,
            timers: 0,
            sources: 0,
        }
    }

    fn name(&self, _: Id) -> Option<String> {
        None
    }

    fn own_schedule(&self) -> Option<Schedule> {
        None
    }

    fn schedule(&self) -> Option<Schedule> {
        None
    }

    fn act(&self) -> Option<Act> {
        None
    }
}

#[test]
fn a_function_that_takes_longer_than_the_stall_does_not_keep_the_watchdog_from_its_end() {
    let made = Arc::new(Made::default());
    let (tell, told) = mpsc::channel();
    let on_stall: OnStall = {
        let made = Arc::clone(&made);
        Arc::new(move |stall| {
            let mut end = None;
            if !stall.is_over() {
                made.wait_for_samples(50);
                end = Some(made.end_turn());
                made.wait_for_samples(10);
            }
            tell.send((end, stall.lasted())).unwrap();
        })
    };
    let scene = Arc::clone(&made);
    let standstill = Standstill::new(ms(4), "main".into());
    let watchdog = Watchdog::start(standstill, move || scene, Some(on_stall)).unwrap();
    let (end, begin) = told.recv_timeout(LIMIT).unwrap();
    assert_eq!((begin, end > Some(ms(50))), (ms(4), true));
    assert_eq!(told.recv_timeout(LIMIT), Ok((None, end.unwrap())));
    let counter = watchdog.counter();
    drop(watchdog);
    assert_eq!(counter.read(), StallCounts { count: 1, longest: end.unwrap() });
    assert!(told.recv().is_err(), "nothing more is told, and the function is dropped");
}
