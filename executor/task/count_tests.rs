//! The count's far ends, where no program gets: a count that overflowed would free what is in use.

use std::process::Command;

use super::count::{Count, FOLD, Fate, MOST};

/// More than home counts before it folds.
const MANY: i32 = 2 * FOLD + 1;

#[test]
fn references_made_at_home_and_used_up_away_do_not_add_up() {
    let count = Count::new(1);
    for _ in 0..MANY {
        count.home_inc();
        assert_eq!(count.away_dec(), Fate::Kept);
    }
    assert!((0..FOLD).contains(&count.local.get()), "folded, not grown: {}", count.local.get());
    assert!(count.is_unreachable());
    assert_eq!(count.retire(), Fate::Free);
}

#[test]
fn references_made_away_and_used_up_at_home_do_not_add_up() {
    let count = Count::new(1);
    for _ in 0..MANY {
        count.away_inc();
        assert_eq!(count.home_dec(), Fate::Kept);
    }
    assert!((-FOLD + 1..=0).contains(&count.local.get()), "folded: {}", count.local.get());
    assert!(count.is_unreachable());
    assert_eq!(count.retire(), Fate::Free);
}

#[test]
fn the_last_reference_that_fits_is_counted() {
    let count = Count::new_queued(1, MOST);
    count.let_go();
    count.away_inc();
    // The sum of both halves is what counts: one dropped at home is not there any more.
    assert_eq!(count.home_dec(), Fate::Kept);
}

/// One reference too many, made in either place; each in a process of its own, which it ends.
const BEYOND: [(&str, fn()); 2] = [
    ("away", || Count::new_queued(1, MOST + 1).away_inc()),
    ("home", || {
        let count = Count::new_queued(1, MOST + 1);
        count.local.set(FOLD - 1);
        count.home_inc();
    }),
];

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
