//! A state machine: random programs of spawns, turns, wakes in every place, joins, aborts, panics,
//! destructors that act, and executors that end, against a model of lists and flags.
//!
//! Two executors take turns on one thread, so that each waker is at home in one, away in the other and
//! between runs; some are used on another thread, which is joined. After each command the events must be
//! the model's, in exact order, and so must what handles, executors and reference counts say. In the end
//! each future and each output was dropped once, and nothing can be reached any more.
//!
//! The programs are the same in each run; `PROPTEST_CASES` says how many. When one crashes or hangs,
//! `PROPTEST_VERBOSE=2` and `--nocapture` show which.

#![forbid(unsafe_code)]

#[path = "machine/model.rs"]
mod model;
#[path = "machine/outside.rs"]
mod outside;
#[path = "machine/program.rs"]
mod program;
#[path = "machine/scripted.rs"]
mod scripted;
#[path = "machine/world.rs"]
mod world;

use std::env;
use std::fmt::Debug;
use std::rc::Rc;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use model::Model;
use program::{Act, Command, Event, Place, Program, SLOTS, WakerOp, Whom};

const CASES: u32 = 2_000;

#[test]
fn random_programs_do_what_the_model_does() {
    let cases = env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config =
        Config { cases: cases.unwrap_or(CASES), failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome =
        runner.run(&program::program(), |program| check(program).map_err(TestCaseError::fail));
    let Err(error) = outcome else { return };
    world::forget();
    match error {
        TestError::Fail(why, program) => panic!("{why}\nby {program:?}"),
        TestError::Abort(why) => panic!("{why}"),
    }
}

/// Runs it in both, and then ends everything there is.
fn check(program: Program) -> Result<(), String> {
    let program = Rc::new(program);
    let mut model = Model::new(&program);
    world::begin(&program);
    for command in &program.commands {
        step(&mut model, command)?;
    }
    // Again, as destructors may have made new executors and tasks.
    while !model.is_over() {
        (0..SLOTS).try_for_each(|slot| step(&mut model, &Command::Do(Act::Close(slot))))?;
        for _ in 0..model.tasks.len() {
            step(&mut model, &Command::Do(Act::DropHandle(Whom::Me)))?;
        }
        while model.has_wakers() {
            let drop_waker = Act::Waker(Whom::Me, WakerOp::Drop, Place::Here);
            step(&mut model, &Command::Do(drop_waker))?;
        }
    }
    dropped_once(&model.seen)?;
    (0..model.lives.len()).try_for_each(|life| {
        agree("what is left", &life, &world::with(|world| world.is_reachable(life)), &false)
    })?;
    world::clear();
    Ok(())
}

/// One command in both; they must agree on everything that can be seen.
fn step(model: &mut Model, command: &Command) -> Result<(), String> {
    model.command(command);
    world::command(command);
    let events = std::mem::take(&mut model.events);
    agree("events", command, &world::with(|world| std::mem::take(&mut world.events)), &events)?;
    model.seen.extend(events);
    for (number, task) in model.tasks.iter().enumerate() {
        let finished = world::with(|world| world.tasks[number].is_finished());
        let expected = task.handle.then(|| task.is_finished());
        agree("is_finished", &(command, number), &finished, &expected)?;
    }
    for slot in 0..SLOTS {
        let ready = world::with(|world| world.ready(slot));
        let expected = model.ready(slot).map(|ready| format!("ready: {ready}"));
        agree("ready tasks", &(command, slot), &ready, &expected)?;
    }
    for life in 0..model.lives.len() {
        let reachable = world::with(|world| world.is_reachable(life));
        agree("reachable", &(command, life), &reachable, &model.is_reachable(life))?;
    }
    agree("recorders", command, &outside::recorders(), &model.recorders())
}

/// Said apart from the model: each future and each output that was made.
fn dropped_once(events: &[Event]) -> Result<(), String> {
    let times = |event: Event| events.iter().filter(|&seen| *seen == event).count();
    let tasks = world::with(|world| world.made());
    for (number, made) in tasks.into_iter().enumerate() {
        let dropped = (times(Event::FutureDropped(number)), times(Event::OutputDropped(number)));
        agree("drops", &number, &dropped, &made)?;
    }
    Ok(())
}

fn agree<T: Debug + PartialEq>(
    what: &str,
    at: &dyn Debug,
    seen: &T,
    expected: &T,
) -> Result<(), String> {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{what} at {at:?}: {seen:?}, and not {expected:?}"))
}
