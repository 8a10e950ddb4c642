//! Keys that go stale, and memory that is used again, seen through the wheel.

use super::wheel::Wheel;
use super::wheel_tests::{fire, insert};

#[test]
fn a_stale_key_finds_nothing() {
    let mut wheel = Wheel::new(0, 0);
    let first = insert(&mut wheel, 1, "first");
    assert_eq!(fire(&mut wheel, 1), ["first"]);
    let second = insert(&mut wheel, 2, "second");
    assert_eq!(wheel.get_mut(first), None);
    assert_eq!(wheel.cancel(first), None);
    assert!(!wheel.reset(first, 9));
    assert_eq!(wheel.get_mut(second), Some(&mut "second"));
}

#[test]
fn a_reserved_key_finds_nothing_and_is_not_counted() {
    let mut wheel = Wheel::new(0, 0);
    let key = wheel.reserve();
    assert_eq!((wheel.len(), wheel.has_deadlines(), wheel.next_expiry()), (0, false, None));
    assert_eq!(wheel.get_mut(key), None);
    assert_eq!(wheel.cancel(key), None);
    assert!(!wheel.reset(key, 5));
    wheel.insert(key, 5, "late");
    assert_eq!(wheel.get_mut(key), Some(&mut "late"));
    assert_eq!(fire(&mut wheel, 5), ["late"]);
}

#[test]
fn a_steady_state_allocates_nothing() {
    const LIVE: usize = 1000;
    let mut wheel = Wheel::new(0, 0);
    let (mut due, mut keys) = (Vec::with_capacity(LIVE), Vec::new());
    let span = |nth: u64| (nth * 7919) % 100_000 + 1;
    for nth in 0..LIVE {
        keys.push(insert(&mut wheel, span(nth as u64), nth));
    }
    let memory = wheel.memory();
    let mut fired = 0;
    for nth in 0..100_000 {
        let now = nth * 10;
        match (nth as usize % LIVE, nth % 3) {
            (which, 0) => drop(wheel.reset(keys[which], now + span(nth))),
            (which, 1) => {
                if let Some(which) = wheel.cancel(keys[which]) {
                    keys[which] = insert(&mut wheel, now + span(nth), which);
                }
            }
            _ => wheel.take_due(now, &mut due),
        }
        fired += due.len();
        for due in due.drain(..) {
            keys[due.value] = insert(&mut wheel, now + span(nth), due.value);
        }
        assert_eq!((wheel.len(), wheel.memory()), (LIVE, memory));
    }
    assert!(fired > LIVE && due.capacity() == LIVE);
}
