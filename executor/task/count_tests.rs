//! The far ends of what is counted, where no program gets: a count that overflowed would free what is in use.

use std::panic::Location;
use std::process::Command;

use super::count::{AwayCount, FOLD, Fate, HomeCount, MAX_REFERENCES};
use super::owner::HubOwner;
use crate::executor::Unpark;

/// More than home counts before it folds.
const MANY: i32 = 2 * FOLD + 1;

#[test]
#[cfg_attr(miri, ignore = "two million steps")]
fn references_made_at_home_and_used_up_away_do_not_add_up() {
    let (home, away) = (HomeCount::new(1), AwayCount::new());
    for _ in 0..MANY {
        home.inc(&away);
        assert_eq!(away.dec(), Fate::Kept);
    }
    assert!((0..FOLD).contains(&home.local()), "folded, not grown: {}", home.local());
    assert!(home.is_unreachable_but_by(0, &away));
    assert_eq!(home.retire(&away), Fate::Free);
}

#[test]
#[cfg_attr(miri, ignore = "two million steps")]
fn references_made_away_and_used_up_at_home_do_not_add_up() {
    let (home, away) = (HomeCount::new(1), AwayCount::new());
    for _ in 0..MANY {
        away.inc();
        assert_eq!(home.dec(&away), Fate::Kept);
    }
    assert!((-FOLD + 1..=0).contains(&home.local()), "folded: {}", home.local());
    assert!(home.is_unreachable_but_by(0, &away));
    assert_eq!(home.retire(&away), Fate::Free);
}

#[test]
fn the_last_reference_that_fits_is_counted() {
    let (home, away) = (HomeCount::new(1), AwayCount::with_references(MAX_REFERENCES));
    away.inc();
    // The sum of both halves is what counts: one dropped at home is not there any more.
    assert_eq!(home.dec(&away), Fate::Kept);
}

/// One reference too many, made in either place; each in a process of its own, which it ends.
const BEYOND: [(&str, fn()); 2] = [
    ("away", || AwayCount::with_references(MAX_REFERENCES + 1).inc()),
    ("home", || {
        let (home, away) = (HomeCount::new(1), AwayCount::with_references(MAX_REFERENCES + 1));
        (0..FOLD).for_each(|_| home.inc(&away));
    }),
];

#[test]
#[cfg_attr(miri, ignore = "starts processes")]
fn one_more_ends_the_process() {
    if let Ok(name) = std::env::var("TAKETURNS_TEST_BEYOND") {
        let beyond = BEYOND.iter().find(|(known, _)| *known == name).expect("one of them");
        return beyond.1();
    }
    for (name, _) in BEYOND {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "executor::task::count_tests::one_more_ends_the_process"])
            .env("TAKETURNS_TEST_BEYOND", name)
            .output()
            .unwrap()
            .status;
        assert_eq!(status.code(), None, "{name}: ended by a signal, not by itself");
    }
}

#[test]
fn the_polls_of_a_task_are_counted_up_to_the_end_and_no_further() {
    struct Nothing;
    impl Unpark for Nothing {
        fn unpark(&self) {}
    }
    let hub = HubOwner::new(Box::new(Nothing));
    let handle = hub.spawn_in_env(std::future::pending::<()>(), Location::caller());
    let task = hub.live_tasks()[0];
    // SAFETY: (ALIVE) LISTED is held.
    let home = unsafe { task.home() };
    home.polls.set(u32::MAX - 1);
    for _ in 0..3 {
        home.count_poll();
        assert_eq!(home.polls.get(), u32::MAX);
    }
    // SAFETY: (ALIVE) as above.
    let told = unsafe { hub.describe(task) }.to_string();
    assert!(told.contains("polled 4294967295 times or more"), "{told}");
    handle.detach();
}
