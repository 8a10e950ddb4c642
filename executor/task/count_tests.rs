//! The count's far ends, where no program gets: a count that overflowed would free what is in use.

use std::process::Command;

use super::count::{Count, Fate, MOST};

/// What is done at a limit, by name, for a process of its own: it aborts.
const BEYOND: [(&str, fn()); 3] = [
    ("home_inc", || at(MOST + 1).home_inc()),
    ("home_dec", || assert_eq!(at(-MOST - 1).home_dec(), Fate::Kept)),
    ("away_inc", || Count::new_queued(1, MOST as isize + 1).away_inc()),
];

/// Pinned, with so many references made at home.
fn at(local: i32) -> Count {
    let count = Count::new(1);
    count.local.set(local);
    count
}

#[test]
fn the_last_reference_that_fits_is_counted() {
    at(MOST).home_inc();
    assert_eq!(at(-MOST).home_dec(), Fate::Kept);
    let count = Count::new_queued(1, MOST as isize);
    count.let_go();
    count.away_inc();
    // The sum of both halves is what counts: one dropped at home is not there any more.
    assert_eq!(count.home_dec(), Fate::Kept);
}

#[test]
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
