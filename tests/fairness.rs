//! The loop's promise, F1 to F5, on random programs: the trace equals that of a reference queue, exactly.
//!
//! A failing seed is reported with its program, made smaller for as long as it still fails. F4 has its
//! own tests in `order.rs`; `fairness/growth.rs` counts what a large number of tasks costs.

#[path = "fairness/elsewhere.rs"]
mod elsewhere;
#[path = "fairness/growth.rs"]
mod growth;
#[path = "fairness/program.rs"]
mod program;
#[path = "fairness/real.rs"]
mod real;
#[path = "fairness/reference.rs"]
mod reference;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use program::{Event, Program};

/// The real trace when it is not the expected one; a panic is an empty trace.
fn differs(program: &Program, expected: &[Event]) -> Option<Vec<Event>> {
    let real = catch_unwind(AssertUnwindSafe(|| real::trace(program))).unwrap_or_default();
    (real != expected).then_some(real)
}

/// Takes one thing after the other out of a failing program until each of them is needed.
fn minimised(program: Program) -> Program {
    let fails = |less: &Program| differs(less, &reference::trace(less)).is_some();
    match program.smaller().into_iter().find(fails) {
        Some(less) => minimised(less),
        None => program,
    }
}

fn fail(seed: u64, program: Program) -> ! {
    let least = minimised(program);
    let expected = reference::trace(&least);
    let real = differs(&least, &expected).unwrap_or_default();
    let same = expected.iter().zip(&real).take_while(|(one, other)| one == other).count();
    panic!(
        "seed {seed}, made small: {least:#?}\nthe same: {:?}\nthen expected: {:?}\nbut was: {:?}",
        &expected[..same],
        &expected[same..],
        &real[same..]
    )
}

/// What a trace has in it that a set of programs should not be without.
fn kind(event: Event) -> &'static str {
    match event {
        Event::Look { wait: false, .. } => "look",
        Event::Look { wait: true, unparks: 0, .. } => "wait",
        Event::Look { wait: true, .. } => "wait ended by another place",
        Event::Turn { at: 0, .. } => "turn",
        Event::Turn { .. } => "turn that goes on",
        Event::Joined { completed: true, .. } => "joined",
        Event::Joined { completed: false, .. } => "joined what was aborted",
        Event::Dropped(_) => "dropped",
        Event::Returned => "returned",
        Event::Lost { polls: 0, .. } => "lost before its first turn",
        Event::Lost { .. } => "lost",
    }
}

fn hold_the_promise(seeds: Range<u64>) {
    let mut seen = BTreeMap::new();
    for seed in seeds {
        let program = Program::random(seed);
        let expected = reference::trace(&program);
        if differs(&program, &expected).is_some() {
            fail(seed, program);
        }
        for event in expected {
            *seen.entry(kind(event)).or_insert(0) += 1;
        }
    }
    println!("{seen:?}");
    assert_eq!(seen.len(), 11, "the programs do not reach everything: {seen:?}");
    assert!(seen.values().all(|&times| times > 1_000), "some things are too rare: {seen:?}");
}

// In two halves, for two cores.

#[test]
fn random_programs_take_their_turns_as_promised() {
    hold_the_promise(0..55_000);
}

#[test]
fn more_random_programs_take_their_turns_as_promised() {
    hold_the_promise(55_000..110_000);
}
