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

#[test]
fn one_more_ends_the_process() {
    if std::env::var_os("TAKETURNS_TEST_BEYOND").is_some() {
        return Count::new_queued(1, MOST + 1).away_inc();
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "executor::task::count_tests::one_more_ends_the_process"])
        .env("TAKETURNS_TEST_BEYOND", "1")
        .output()
        .unwrap()
        .status;
    assert_eq!(status.code(), None, "ended by a signal, not by itself");
}
