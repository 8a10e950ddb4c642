//! Times come into the right buckets, and the loop's steps into the right histogram.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use super::histogram::{Histogram, Histograms, Stopwatch};
use crate::executor::Id;
use crate::executor::observe::{Cause, NO_PLACE, Observe, Seen, TurnEnd};

fn task(id: u64, place: u32) -> Seen {
    Seen { id: Id(id), place, site: Location::caller() }
}

/// A stopwatch, and the clock that it goes by.
fn stopwatch() -> (std::sync::Arc<Histograms>, Stopwatch<impl Fn() -> u64>, Rc<Cell<u64>>) {
    let (histograms, clock) = (Histograms::new(), Rc::new(Cell::new(0)));
    let now = Rc::clone(&clock);
    let stopwatch = Stopwatch::new(std::sync::Arc::clone(&histograms), move || now.get());
    (histograms, stopwatch, clock)
}

/// The poll times of turns that take so long, in nanoseconds.
pub(super) fn of(times: impl IntoIterator<Item = u64>) -> Histogram {
    let (histograms, stopwatch, clock) = stopwatch();
    for time in times {
        stopwatch.begins_turn(&task(1, 0), 1);
        clock.set(clock.get() + time);
        stopwatch.ends_turn(&task(1, 0), TurnEnd::Waits);
    }
    histograms.poll_time()
}

fn longest(times: &Histogram) -> u64 {
    u64::try_from(times.percentile(100.0).unwrap().as_nanos()).unwrap()
}

#[test]
fn a_time_is_told_at_most_an_eighth_too_long_and_never_too_short() {
    let powers = (0..41).flat_map(|power| [0, 1, 2, 3].map(|more| (1_u64 << power) + more));
    let times = powers.chain((0..41).map(|power| (1 << power) - 1)).chain(0..3000);
    for time in times.filter(|time| *time < 1 << 41) {
        let told = longest(&of([time]));
        assert!(told >= time && told - time <= time / 8, "{time} is told as {told}");
    }
}

#[test]
fn longer_times_fall_into_longer_buckets() {
    let buckets = of((0..100_000).map(|time| time * 7)).buckets().collect::<Vec<_>>();
    assert!(buckets.is_sorted_by(|(one, _), (next, _)| one < next));
    assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 100_000);
}

#[test]
fn times_without_a_bucket_are_counted_in_the_last() {
    let last = (1 << 41) - 1;
    assert_eq!(longest(&of([last])), last);
    assert_eq!(longest(&of([1 << 62])), last);
}

#[test]
fn percentiles_count_from_the_shortest() {
    let times = of([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let percentiles = [0.0, 10.0, 11.0, 50.0, 90.0, 91.0, 100.0]
        .map(|percent| times.percentile(percent).unwrap().as_nanos());
    assert_eq!(percentiles, [1, 1, 2, 5, 9, 10, 10]);
}

#[test]
fn an_empty_histogram_has_no_percentile() {
    let none = of([]);
    assert_eq!(
        (none.percentile(50.0), none.count(), none.to_string().as_str()),
        (None, 0, "none counted")
    );
}

#[test]
#[should_panic(expected = "`percentile` takes 0 to 100, not 101")]
fn a_percentile_above_100_is_refused() {
    let _ = of([1]).percentile(101.0);
}

#[test]
fn what_came_since_an_earlier_reading_is_what_came_later() {
    let earlier = of([5, 5, 1_000_000]);
    let now = of([5, 5, 1_000_000, 5, 70]);
    assert_eq!(now.since(&earlier), of([5, 70]));
}

#[test]
fn a_histogram_reads_as_one_line() {
    let times = of([11_000; 98].into_iter().chain([30_000, 1_000_000]));
    assert_eq!(
        times.to_string(),
        "100 counted, half within 11.3µs, 99 % within 30.8µs, all within 1.05ms"
    );
}

#[test]
fn from_look_to_look_is_the_time_of_the_turns_between_and_no_wait() {
    let (histograms, stopwatch, clock) = stopwatch();
    let task = task(1, 0);
    let turn = |time| {
        stopwatch.begins_turn(&task, 1);
        clock.set(clock.get() + time);
        stopwatch.ends_turn(&task, TurnEnd::Waits);
    };
    turn(7); // before the first look
    stopwatch.looks();
    turn(2);
    turn(3);
    stopwatch.looks(); // 5
    clock.set(clock.get() + 100);
    stopwatch.looks(); // no turn since
    stopwatch.parks();
    clock.set(clock.get() + 1000);
    stopwatch.unparks();
    turn(4);
    stopwatch.looks(); // 4
    turn(6);
    stopwatch.leaves();
    clock.set(clock.get() + 10_000);
    turn(1);
    stopwatch.looks();
    let gaps: Vec<_> = histograms.look_gap().buckets().collect();
    assert_eq!(gaps, [4, 5].map(|time| (Duration::from_nanos(time), 1)));
}

#[test]
fn a_task_waits_from_its_wake_until_its_turn() {
    let (histograms, stopwatch, clock) = stopwatch();
    let (root, one, two) = (task(0, NO_PLACE), task(1, 0), task(2, 1));
    stopwatch.woken(&root, Cause::Outside);
    clock.set(2);
    stopwatch.begins_turn(&root, 1);
    stopwatch.woken(&two, Cause::Task(Id(0)));
    clock.set(3);
    stopwatch.woken(&one, Cause::Task(Id(0)));
    stopwatch.ends_turn(&root, TurnEnd::Waits);
    clock.set(7);
    stopwatch.looks();
    stopwatch.begins_turn(&two, 1);
    stopwatch.ends_turn(&two, TurnEnd::Done);
    stopwatch.begins_turn(&one, 1);
    clock.set(16);
    stopwatch.ends_turn(&one, TurnEnd::Done);
    assert_eq!(counted(&histograms.queue_delay()), [(2, 1), (4, 1), (5, 1)]);
    assert_eq!(counted(&histograms.poll_time()), [(0, 1), (1, 1), (9, 1)]);
}

/// Nanoseconds, and how many times that was counted.
fn counted(times: &Histogram) -> Vec<(u128, u64)> {
    times.buckets().map(|(time, count)| (time.as_nanos(), count)).collect()
}

/// Each reading of this clock takes a nanosecond.
#[test]
fn a_turn_begins_when_the_one_before_it_has_ended_without_another_reading_of_the_clock() {
    let (histograms, readings) = (Histograms::new(), Rc::new(Cell::new(0)));
    let clock = Rc::clone(&readings);
    let read = move || clock.replace(clock.get() + 1);
    let stopwatch = Stopwatch::new(std::sync::Arc::clone(&histograms), read);
    for _ in 0..3 {
        stopwatch.begins_turn(&task(1, 0), 1);
        stopwatch.ends_turn(&task(1, 0), TurnEnd::Yields);
    }
    assert_eq!(readings.get(), 4, "one before the first turn, and one after each");
    assert_eq!(counted(&histograms.poll_time()), [(1, 3)]);
}

#[test]
fn what_the_loop_does_between_two_turns_is_no_turns_time_and_tasks_that_are_ready_wait_for_it() {
    type Step = fn(&dyn Observe);
    let between: [Step; 3] = [
        |stopwatch| stopwatch.looks(),
        |stopwatch| {
            stopwatch.looks();
            stopwatch.parks();
            stopwatch.unparks();
        },
        |stopwatch| stopwatch.leaves(), // then a host loop does something else
    ];
    for step in between {
        let (histograms, stopwatch, clock) = stopwatch();
        let task = task(1, 0);
        stopwatch.begins_turn(&task, 1);
        clock.set(2);
        stopwatch.ends_turn(&task, TurnEnd::Yields);
        step(&stopwatch);
        clock.set(9);
        stopwatch.begins_turn(&task, 2);
        clock.set(12);
        stopwatch.ends_turn(&task, TurnEnd::Waits);
        assert_eq!(counted(&histograms.poll_time()), [(2, 1), (3, 1)]);
        assert_eq!(counted(&histograms.queue_delay()), [(7, 1)]);
    }
}
