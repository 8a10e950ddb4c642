//! Random programs that deadlock, or nearly do, and what is reported of them, beside a model of who waits for whom.
//!
//! Tests that a person writes have the circles that this person thought of. These programs take locks in any order, await each
//! other's handles, open groups and sets, race and join their waits, sleep with a lock in hand, keep futures that they do not
//! poll, and are aborted by the owners of their sets. The model notes who has what, and who waits for what. When no
//! task can go on any more:
//!
//! * No task of a circle that was reported has gone on, unless a task was aborted.
//! * The tasks that the model says can never go on are those that the reports are about: each circle had none but such when it was
//!   reported, and each such task waits, over others, for one that is in a circle.
//! * A dump has the holder of each lock that a task waits for, and the awaiter of each task.
//!
//! `TAKETURNS_SEED` in the environment is the only program.

#![cfg(all(feature = "time", feature = "net"))]

#[path = "random_deadlocks/model.rs"]
mod model;
#[path = "random_deadlocks/program.rs"]
mod program;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taketurns::insight::{Dump, DumpedTask, Finding};
use taketurns::task::Id;
use taketurns::time::sleep;
use taketurns::{Builder, Handle, Order, spawn};

use model::{Atom, Model};
use program::{Dice, Program, World, task};

/// How many programs.
const SEEDS: u64 = 400;
const MOMENT: Duration = Duration::from_millis(1);

/// A report.
#[derive(Clone, Debug)]
struct Told {
    finding: Finding,
    tasks: BTreeSet<Id>,
    /// Those of them that could go on, by the model as it was then.
    free: BTreeSet<Id>,
}

thread_local! {
    /// Of the program that runs, for the function that is told.
    static WORLD: RefCell<Rc<World>> = RefCell::default();
}

#[test]
fn the_circles_that_are_reported_are_those_in_which_tasks_wait() {
    let only = std::env::var("TAKETURNS_SEED").ok().map(|seed| seed.parse().unwrap());
    let mut circles = 0;
    for seed in only.map_or(0..SEEDS, |seed: u64| seed..seed + 1) {
        circles += run(seed);
    }
    assert!(only.is_some() || circles > 100, "the programs hardly deadlock: {circles}");
}

/// Runs one program until no task goes on, and compares. How many circles were reported.
fn run(seed: u64) -> usize {
    let program = Program::new(&mut Dice(seed));
    let told: Arc<Mutex<Vec<Told>>> = Arc::default();
    let tell = Arc::clone(&told);
    let runtime = Builder::new()
        .order(Order::Shuffled(seed))
        .on_lost(|_| {})
        .on_deadlock(move |deadlock| {
            let tasks: BTreeSet<Id> = deadlock.tasks().map(|(task, _)| task.id()).collect();
            let locked = WORLD.with_borrow(|world| world.model.borrow().locked());
            let free = tasks.difference(&locked).copied().collect();
            tell.lock().unwrap().push(Told { finding: deadlock.finding(), tasks, free });
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = Rc::new(World::default());
        WORLD.set(Rc::clone(&world));
        for steps in &program.tasks {
            let task = spawn(task(Rc::clone(&world), steps.clone()));
            world.handles.borrow_mut().push(Some(task));
        }
        let handle = Handle::current();
        // No task goes on: nothing has changed although the thread has waited, as it does when no task is ready.
        loop {
            let (before, parks) = (world.model.borrow().stands_at(), handle.metrics().parks);
            sleep(MOMENT).await;
            let now = world.model.borrow().stands_at();
            if now.is_some() && now == before && handle.metrics().parks > parks {
                break;
            }
        }
        let dump = handle.dump(Duration::ZERO);
        let told = told.lock().unwrap().clone();
        let fault = compare(&program, &world.model.borrow(), &told, &dump);
        if let Err(fault) = fault {
            panic!("TAKETURNS_SEED={seed}: {fault}\n{program}{:?}\n{told:?}\n{dump}", world.model);
        }
        told.len()
    })
}

fn compare(program: &Program, model: &Model, told: &[Told], dump: &Dump) -> Result<(), String> {
    let circles = || told.iter().filter(|told| told.finding == Finding::Circle);
    let has_gone_on = |circle: &&Told| !circle.tasks.is_disjoint(&model.completed);
    // After an abort others may go on that waited for the task.
    if let Some(circle) = circles().find(has_gone_on).filter(|_| model.aborted.is_empty()) {
        return Err(format!("a task of {:?} has gone on", circle.tasks));
    }
    // What the crate can know of a future that nobody polls is another matter.
    if program.keeps_unpolled() {
        return Ok(());
    }
    if let Some(told) = told.iter().find(|told| told.finding != Finding::Circle) {
        return Err(format!("{:?} of {:?} is false", told.finding, told.tasks));
    }
    if let Some(circle) = circles().find(|circle| !circle.free.is_empty()) {
        return Err(format!("{:?} of {:?} could go on", circle.free, circle.tasks));
    }
    let locked = model.locked();
    let mut reached: BTreeSet<Id> = circles().flat_map(|circle| circle.tasks.clone()).collect();
    while let Some(task) = locked.iter().find(|task| {
        !reached.contains(task) && model.blockers(**task).iter().any(|by| reached.contains(by))
    }) {
        reached.insert(*task);
    }
    if let Some(task) = locked.difference(&reached).next() {
        return Err(format!("nothing was reported of {task:?}, which is locked"));
    }
    model.waits().try_for_each(|(task, atom)| is_in(dump, model, task, atom))
}

/// Whether the dump says of a wait what the model does.
fn is_in(dump: &Dump, model: &Model, task: Id, atom: &Atom) -> Result<(), String> {
    let find = |id: Id| dump.tasks().iter().find(|task| task.info().id() == id);
    let of_task = find(task).ok_or_else(|| format!("{task:?} is not in the dump"))?;
    let holds = |holder: Id| {
        let waits = of_task.waits().unwrap_or_default();
        waits.iter().any(|wait| wait.holders().any(|task| task == holder))
    };
    match atom {
        Atom::Lock(..) | Atom::Write => {
            let holders = model.holders(atom);
            let missing = holders.iter().find(|holder| !holds(**holder));
            missing.map_or(Ok(()), |by| {
                Err(format!("the dump of {task:?} lacks {by:?}, which has {atom:?}"))
            })
        }
        Atom::Task(awaited) => {
            let by = find(*awaited).and_then(DumpedTask::awaited_by);
            if by == Some(task) {
                Ok(())
            } else {
                Err(format!("{awaited:?} is awaited by {task:?}, not {by:?}"))
            }
        }
        _ => Ok(()),
    }
}
