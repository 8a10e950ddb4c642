//! How metrics read.

use std::panic::Location;
use std::time::Duration;

use super::histogram::Histogram;
use super::metrics::{JobCounts, Metrics};
use super::stall::StallCounts;
use crate::executor::observe::LoopState;
use crate::executor::{Id, Sample};

fn metrics() -> Metrics {
    let sample = Sample {
        stands: LoopState::Runs,
        turns: 1,
        looks: 2,
        task: Some(Id(3)),
        site: Some(Location::caller()),
        part: None,
        ready: 4,
        peak_ready: 5,
        spawned: 6,
        live: 7,
        away_wakes: 8,
        parks: 9,
        parked: Duration::from_millis(10),
        timers: 11,
        sources: 12,
    };
    Metrics::new(&sample, false, Some("re\"ader".into()))
}

/// Where that says that its task was spawned.
fn site(metrics: &Metrics) -> String {
    metrics.running_site.unwrap().to_string()
}

#[test]
fn metrics_read_as_four_lines() {
    let mut metrics = metrics();
    assert_eq!(
        metrics.to_string(),
        format!(
            "the loop is in the turn of task #3 \"re\\\"ader\", spawned at {}: 1 turn, 2 looks outside, 9 waits there of 10ms in all
tasks: 7 live of 6 spawned; 4 in the run queue, at most 5 seen there
outside: 11 timers, 12 sources; 8 wakes from other threads",
            site(&metrics)
        )
    );
    metrics.jobs = Some(JobCounts::new(13, 14, 15));
    let text = metrics.to_string();
    assert_eq!(text.lines().last(), Some("blocking jobs: 14 running, 13 queued, 15 threads"));
    let mut last_of = |stalls| {
        metrics.stalls = Some(stalls);
        metrics.to_string().lines().last().unwrap().to_owned()
    };
    assert_eq!(last_of(StallCounts::default()), "the watchdog: 0 stalls");
    assert_eq!(last_of(stalls()), "the watchdog: 16 stalls, of 17ms at most");
    let mut last_of = |reports| {
        metrics.deadlocks = Some(reports);
        metrics.to_string().lines().last().unwrap().to_owned()
    };
    assert_eq!([0, 1].map(&mut last_of), ["0 deadlocks reported", "1 deadlock reported"]);
}

#[test]
fn times_in_the_text_have_no_digits_that_no_reader_needs() {
    let mut metrics = metrics();
    metrics.parked = Duration::from_nanos(1_201_469_698);
    metrics.stalls = Some(StallCounts { count: 1, longest: Duration::from_nanos(1_201_999) });
    let text = metrics.to_string();
    assert!(text.contains("9 waits there of 1.201s in all\n"), "{text}");
    assert!(text.ends_with("\nthe watchdog: 1 stall, of 1.201ms at most"), "{text}");
}

#[test]
fn metrics_say_what_the_loop_does() {
    let mut metrics = metrics();
    metrics.running = None;
    let texts =
        [LoopState::Outside, LoopState::Runs, LoopState::Parked, LoopState::Ended].map(|stands| {
            metrics.stands = stands;
            metrics.to_string().split(':').next().unwrap().to_owned()
        });
    let expected = [
        "the loop is not in a run",
        "the loop runs",
        "the loop waits outside",
        "the runtime has ended",
    ];
    assert_eq!(texts, expected);
    (metrics.stands, metrics.running) = (LoopState::Runs, Some(Id::ROOT));
    let begin = format!(
        "the loop is in the turn of the future of `block_on`, called at {}: ",
        site(&metrics)
    );
    assert!(metrics.to_string().starts_with(&begin), "{metrics}");
}

#[test]
fn json_has_each_number_by_its_name() {
    let mut metrics = metrics();
    metrics.jobs = Some(JobCounts::new(13, 14, 15));
    metrics.stalls = Some(stalls());
    metrics.deadlocks = Some(18);
    metrics.poll_time = Some(histogram());
    let read: serde_json::Value = serde_json::from_str(&metrics.to_json()).unwrap();
    let expected = serde_json::json!({
        "stands": "runs", "running": 3, "running_name": "re\"ader", "running_site": site(&metrics), "turns": 1, "looks": 2, "spawned": 6, "live": 7, "ready": 4,
        "peak_ready": 5, "away_wakes": 8, "parks": 9, "parked_ns": 10_000_000, "timers": 11, "sources": 12,
        "jobs": { "queued": 13, "running": 14, "threads": 15 },
        "stalls": { "count": 16, "longest_ns": 17_000_000 }, "deadlocks": 18,
        "queue_delay_ns": null, "poll_time_ns": [[3, 2], [7, 1]],
        "look_gap_ns": null,
    });
    assert_eq!(read, expected);
}

fn stalls() -> StallCounts {
    StallCounts { count: 16, longest: Duration::from_millis(17) }
}

fn histogram() -> Histogram {
    super::histogram_tests::of([3, 3, 7])
}
