//! The wheel against a sorted map, over random programs; and its corner cases one by one.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::rings::Key;
use super::wheel::{Due, NEVER, Wheel};

#[derive(Clone, Debug)]
enum Op {
    /// Arm for so long after now.
    Insert(u64),
    /// Arm for so long before now.
    InsertPast(u64),
    /// Cancel an entry, which may be taken out already.
    Cancel(usize),
    Reset(usize, u64),
    /// Arm more than a few entries for about the same time.
    Crowd(u64),
    Advance(u64),
    /// Go where `next_expiry` says.
    Step,
    /// Ask `next_expiry`, as a loop does before it waits.
    Look,
    /// Take this many of the due entries. Operations in between stand for what their wakers do.
    Take(usize),
    ChangeTick(u32),
}

/// Evenly over the orders of magnitude, up to `2^bits`.
fn magnitude(bits: u32) -> impl Strategy<Value = u64> {
    (64 - bits..64, any::<u64>()).prop_map(|(shift, value)| value >> shift)
}

fn shift() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(0), 4 => Just(16), 4 => 0_u32..20, 1 => 0_u32..64]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => magnitude(64).prop_map(Op::Insert),
        4 => magnitude(24).prop_map(Op::Insert),
        8 => magnitude(4).prop_map(Op::Insert),
        1 => Just(Op::Insert(u64::MAX)),
        1 => magnitude(64).prop_map(Op::InsertPast),
        4 => any::<usize>().prop_map(Op::Cancel),
        4 => (any::<usize>(), magnitude(64)).prop_map(|(nth, span)| Op::Reset(nth, span)),
        1 => magnitude(64).prop_map(Op::Crowd),
        4 => magnitude(24).prop_map(Op::Advance),
        2 => magnitude(56).prop_map(Op::Advance),
        8 => Just(Op::Step),
        8 => Just(Op::Look),
        8 => (0_usize..20).prop_map(Op::Take),
        1 => shift().prop_map(Op::ChangeTick),
    ]
}

pub(super) fn insert<T>(wheel: &mut Wheel<T>, deadline: u64, value: T) -> Key {
    let key = wheel.reserve();
    wheel.insert(key, deadline, value);
    key
}

/// A wheel, and a sorted map that it must agree with. A value is its index in `keys`.
struct Pair {
    wheel: Wheel<usize>,
    map: BTreeMap<(u64, u64), usize>,
    keys: Vec<(Key, (u64, u64))>,
    /// Due and not yet taken, of the wheel and of the map.
    due: Vec<Due<usize>>,
    expected: BTreeMap<(u64, u64), usize>,
    now: u64,
    shift: u32,
    armings: u64,
}

impl Pair {
    fn new(shift: u32, now: u64) -> Self {
        Pair {
            wheel: Wheel::new(shift, now),
            map: BTreeMap::new(),
            keys: Vec::new(),
            due: Vec::new(),
            expected: BTreeMap::new(),
            now,
            shift,
            armings: 0,
        }
    }

    fn order(&mut self, deadline: u64) -> (u64, u64) {
        self.armings += 1;
        (deadline, self.armings)
    }

    fn insert(&mut self, deadline: u64) {
        let (order, value) = (self.order(deadline), self.keys.len());
        let key = insert(&mut self.wheel, deadline, value);
        self.keys.push((key, order));
        self.map.insert(order, value);
    }

    fn cancel(&mut self, nth: usize) {
        let (key, order) = self.keys[nth];
        assert_eq!(self.wheel.get_mut(key), self.map.get_mut(&order));
        assert_eq!(self.wheel.cancel(key), self.map.remove(&order));
    }

    fn reset(&mut self, nth: usize, deadline: u64) {
        let (key, before) = self.keys[nth];
        let armed = self.map.remove(&before);
        assert_eq!(self.wheel.reset(key, deadline), armed.is_some());
        if let Some(value) = armed {
            let order = self.order(deadline);
            self.keys[nth].1 = order;
            self.map.insert(order, value);
        }
    }

    fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        let tick = self.now >> self.shift;
        let shift = self.shift;
        let is_due = |&(deadline, _): &_| due_tick(deadline, shift).is_some_and(|due| due <= tick);
        let due: Vec<_> = self.map.keys().copied().filter(is_due).collect();
        let taken = due.into_iter().map(|order| (order, self.map.remove(&order).unwrap()));
        self.expected.extend(taken);
        self.wheel.take_due(self.now, &mut self.due);
        assert!(self.due.iter().all(|due| due.deadline <= self.now), "early");
        assert_eq!(self.due.len(), self.expected.len());
    }

    fn take(&mut self, count: usize) {
        for _ in 0..count {
            let expected = self.expected.pop_first().map(|(_, value)| value);
            assert_eq!(self.due.pop().map(|due| due.value), expected);
        }
    }

    fn change_tick(&mut self, shift: u32) {
        self.shift = shift;
        self.wheel.change_tick(shift, self.now);
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Cancel(_) | Op::Reset(..) if self.keys.is_empty() => {}
            Op::Cancel(any) => self.cancel(any % self.keys.len()),
            Op::Reset(any, span) => {
                self.reset(any % self.keys.len(), self.now.saturating_add(span));
            }
            Op::Insert(span) => self.insert(self.now.saturating_add(span)),
            Op::InsertPast(span) => self.insert(self.now.saturating_sub(span)),
            Op::Crowd(span) => {
                (0..20)
                    .for_each(|nth| self.insert(self.now.saturating_add(span).saturating_add(nth)));
            }
            Op::Take(count) => self.take(count),
            Op::Advance(span) => self.advance(self.now.saturating_add(span)),
            Op::Step => {
                self.look();
                let next = self.wheel.next_expiry();
                self.advance(next.unwrap_or(self.now));
            }
            Op::Look => self.look(),
            Op::ChangeTick(shift) => self.change_tick(shift),
        }
        assert_eq!(self.wheel.len(), self.map.len());
    }

    /// Asserts that `next_expiry` is never late, and exact on the lowest level and among few.
    fn look(&mut self) {
        let now = self.now >> self.shift;
        let ticks = self.map.keys().filter_map(|&(deadline, _)| due_tick(deadline, self.shift));
        let ticks: Vec<u64> = ticks.map(|tick| tick.max(now)).collect();
        assert!(self.wheel.has_deadlines() || ticks.is_empty());
        let next = self.wheel.next_expiry().map(|next| next >> self.shift);
        assert_eq!(self.wheel.has_deadlines(), !ticks.is_empty());
        let Some(first) = ticks.iter().copied().min() else {
            assert_eq!(next, None);
            return;
        };
        let next = next.expect("something is armed");
        let below = ((first ^ now) | 63).ilog2() / 6 * 6;
        let beside = ticks.iter().filter(|&tick| tick >> below == first >> below).count();
        if below == 0 || beside <= 16 {
            assert_eq!(next, first);
        } else {
            assert!((first >> below << below..=first).contains(&next), "late, or far too early");
        }
    }
}

/// How many operations to try: 100,000, or what `TAKETURNS_WHEEL_OPS` says.
fn operations() -> u32 {
    let told = std::env::var("TAKETURNS_WHEEL_OPS").ok();
    told.map_or(100_000, |count| count.parse().expect("TAKETURNS_WHEEL_OPS is a number"))
}

/// How many of them make one program.
const PROGRAM: usize = 200;

/// The tick at which a deadline is due. The last tick of all never comes.
fn due_tick(deadline: u64, shift: u32) -> Option<u64> {
    let tick = 1_u128 << shift;
    let due = u128::from(deadline).div_ceil(tick);
    (u128::from(deadline) / tick != u128::from(NEVER) / tick).then_some(due as u64)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: operations() / PROGRAM as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_wheel_does_what_a_sorted_map_does(
        shift in shift(),
        begin in magnitude(62),
        ops in proptest::collection::vec(op(), PROGRAM),
    ) {
        let mut pair = Pair::new(shift, begin);
        for op in &ops {
            pair.run(op);
        }
        pair.advance(NEVER);
        pair.take(pair.due.len());
        pair.look();
        assert_eq!(pair.wheel.len(), pair.map.len());
    }
}

pub(super) fn fire(wheel: &mut Wheel<&'static str>, now: u64) -> Vec<&'static str> {
    let mut due = Vec::new();
    wheel.take_due(now, &mut due);
    due.iter().rev().map(|due| due.value).collect()
}

#[test]
fn entries_of_one_tick_come_out_by_deadline_then_by_arming() {
    let mut wheel = Wheel::new(16, 0);
    for (deadline, value) in [(900, "c"), (7, "a"), (900, "d"), (8, "b")] {
        insert(&mut wheel, deadline, value);
    }
    assert_eq!(fire(&mut wheel, 65_535), [""; 0]);
    assert_eq!(fire(&mut wheel, 65_536), ["a", "b", "c", "d"]);
}

#[test]
fn entries_of_one_slot_can_be_cancelled_in_any_order() {
    let pairs = (0..4).flat_map(|first| (0..4).map(move |second| (first, second)));
    for (first, second) in pairs.filter(|(first, second)| first != second) {
        let mut wheel = Wheel::new(0, 0);
        let names = ["a", "b", "c", "d"];
        let keys = names.map(|name| insert(&mut wheel, 9, name));
        assert_eq!(wheel.cancel(keys[first]), Some(names[first]));
        assert_eq!(wheel.cancel(keys[second]), Some(names[second]));
        let left = (0..4).filter(|nth| ![first, second].contains(nth));
        assert_eq!(fire(&mut wheel, 9), left.map(|nth| names[nth]).collect::<Vec<_>>());
    }
}

/// The times that `next_expiry` leads to, step by step, and how many entries are due at each.
fn steps(wheel: &mut Wheel<&'static str>) -> Vec<(u64, usize)> {
    let mut steps = Vec::new();
    while let Some(next) = wheel.next_expiry() {
        steps.push((next, fire(wheel, next).len()));
    }
    steps
}

#[test]
fn a_cascade_is_stepped_through_only_with_many_entries() {
    let deadline = 2 * 4096 + 3 * 64 + 5;
    for (count, expected) in [
        (1, vec![(deadline, 1)]),
        (16, vec![(deadline, 16)]),
        (17, vec![(8192, 0), (8384, 0), (deadline, 17)]),
    ] {
        let mut wheel = Wheel::new(0, 0);
        for _ in 0..count {
            insert(&mut wheel, deadline, "a");
        }
        assert_eq!(steps(&mut wheel), expected);
    }
}

#[test]
fn the_earliest_of_few_is_found_wherever_it_is_in_the_slot() {
    for first in 0..16 {
        let mut wheel = Wheel::new(0, 0);
        for nth in 0..16 {
            insert(&mut wheel, if nth == first { 70_000 } else { 70_001 }, "a");
        }
        assert_eq!(steps(&mut wheel), [(70_000, 1), (70_001, 15)]);
    }
}

#[test]
fn a_lone_far_timer_is_known_exactly_on_every_level() {
    for shift in [0, 16] {
        for bit in shift..64 {
            // For the highest bit, the last tick but one.
            let deadline =
                if bit == 63 { NEVER - (1 << shift) } else { (1 << bit) + (1 << bit) / 3 };
            let due = deadline.div_ceil(1 << shift) << shift;
            let mut wheel = Wheel::new(shift, 0);
            insert(&mut wheel, deadline, "far");
            for eighths in [2, 3, 7] {
                assert_eq!(wheel.next_expiry(), Some(due));
                assert_eq!(fire(&mut wheel, deadline / 8 * eighths), [""; 0]);
            }
            assert_eq!(steps(&mut wheel), [(due, 1)]);
        }
    }
}

#[test]
fn a_jump_past_all_deadlines_takes_all_entries_out_in_order() {
    let mut wheel = Wheel::new(0, 0);
    for (bits, value) in [(63, "e"), (0, "a"), (40, "c"), (55, "d"), (12, "b")] {
        insert(&mut wheel, 1 << bits, value);
    }
    assert_eq!(fire(&mut wheel, NEVER), ["a", "b", "c", "d", "e"]);
    assert_eq!(wheel.next_expiry(), None);
}

#[test]
fn an_entry_for_never_is_armed_and_never_due() {
    for shift in [0, 16] {
        let mut wheel = Wheel::new(shift, 0);
        let key = insert(&mut wheel, NEVER, "never");
        assert_eq!((wheel.len(), wheel.next_expiry()), (1, None));
        assert_eq!(fire(&mut wheel, NEVER), [""; 0]);
        assert_eq!(wheel.cancel(key), Some("never"));
    }
}

#[test]
fn a_change_of_tick_keeps_keys_and_order() {
    let mut wheel = Wheel::new(16, 0);
    let keys = [5_u64, 3, 4].map(|deadline| insert(&mut wheel, deadline, "timer"));
    wheel.change_tick(0, 2);
    assert_eq!(wheel.next_expiry(), Some(3));
    assert_eq!(wheel.cancel(keys[1]), Some("timer"));
    assert_eq!(wheel.next_expiry(), Some(4));
    assert!(wheel.reset(keys[2], 6));
    assert_eq!(wheel.next_expiry(), Some(5));
}

#[test]
fn at_one_deadline_a_reset_entry_comes_last() {
    let mut wheel = Wheel::new(0, 0);
    let keys = ["a", "b", "c", "d"].map(|name| insert(&mut wheel, 9, name));
    assert!(wheel.reset(keys[1], 9));
    assert_eq!(wheel.cancel(keys[2]), Some("c"));
    insert(&mut wheel, 9, "e");
    assert!(wheel.reset(keys[0], 9));
    assert_eq!(fire(&mut wheel, 9), ["d", "b", "e", "a"]);
}

#[test]
fn an_empty_wheel_catches_up_and_is_exact_at_once() {
    let far = 1 << 40;
    let mut wheel = Wheel::new(0, 0);
    wheel.catch_up(far);
    // More than a few: above the lowest level `next_expiry` would not be exact.
    let keys = [(); 20].map(|()| insert(&mut wheel, far + 2, "near"));
    assert_eq!(wheel.next_expiry(), Some(far + 2));
    wheel.catch_up(far + 1000);
    assert_eq!(wheel.next_expiry(), Some(far + 2));
    for key in keys {
        assert_eq!(wheel.cancel(key), Some("near"));
    }
    wheel.catch_up(7);
    assert_eq!(fire(&mut wheel, far), [""; 0]);
}
