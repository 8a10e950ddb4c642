//! What the programs are made of, and [`task`], which runs one.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::future::{join, select};
use taketurns::sync::{Mutex, RwLock, Semaphore};
use taketurns::task::{Id, JoinSet, TaskGroup, current, join_all, race};
use taketurns::time::sleep;
use taketurns::{JoinHandle, yield_now};

use super::model::{Atom, Model};

const LOCKS: usize = 3;

/// Choices that depend on a seed alone (`SplitMix64`).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Yield,
    Sleep(u64),
    /// With the lock, those steps.
    With(Atom, Vec<Step>),
    /// The handle of a task, by its place, if nobody has taken it.
    Await(usize),
    /// Whichever comes first; the other is dropped. By this crate's future, or another's.
    Either(bool, Vec<Step>, Vec<Step>),
    Both(bool, Vec<Step>, Vec<Step>),
    /// Polls the future of a lock once, and not again before those steps are done.
    Keep(usize, Vec<Step>),
    /// A group of tasks, with what its body does. It ends when all of them have; or at once when one fails, if it is to, and the body
    /// with it. Nobody knows before which one will.
    Group {
        fails_fast: bool,
        tasks: Vec<Vec<Step>>,
        failing: usize,
        body: Vec<Step>,
    },
    /// A set of tasks. When one of them has ended, the others are aborted.
    Set(Vec<Vec<Step>>),
}

pub(crate) struct Program {
    pub(crate) tasks: Vec<Vec<Step>>,
    keeps: bool,
}

impl Program {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let keeps = dice.below(4) == 0;
        let tasks = (0..2 + dice.below(5)).map(|_| steps(dice, 3, keeps)).collect();
        Self { tasks, keeps }
    }

    pub(crate) fn keeps_unpolled(&self) -> bool {
        self.keeps
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tasks.iter().try_for_each(|steps| writeln!(f, "{steps:?}"))
    }
}

fn steps(dice: &mut Dice, depth: usize, keeps: bool) -> Vec<Step> {
    let most = if depth == 3 { 4 } else { 3 };
    (0..1 + dice.below(most)).map(|_| step(dice, depth, keeps)).collect()
}

fn step(dice: &mut Dice, depth: usize, keeps: bool) -> Step {
    let flat = if depth == 0 { 4 } else { 16 };
    let inner = |dice: &mut Dice| steps(dice, depth - 1, keeps);
    let several = |dice: &mut Dice| (0..1 + dice.below(3)).map(|_| inner(dice)).collect();
    match dice.below(flat) {
        0 => Step::Yield,
        1 => Step::Sleep(dice.below(600) as u64),
        2 | 3 => Step::Await(dice.below(6)),
        4 => Step::With(Atom::Read, inner(dice)),
        5 => Step::With(Atom::Write, inner(dice)),
        6 => Step::With(Atom::Permit, inner(dice)),
        7 => Step::Either(dice.below(2) == 0, inner(dice), inner(dice)),
        8 => Step::Both(dice.below(2) == 0, inner(dice), inner(dice)),
        9 if depth > 1 => {
            let (fails_fast, failing) = (dice.below(2) == 0, dice.below(6));
            Step::Group { fails_fast, tasks: several(dice), failing, body: inner(dice) }
        }
        10 if depth > 1 => Step::Set(several(dice)),
        11 if keeps => Step::Keep(dice.below(LOCKS), inner(dice)),
        _ => Step::With(Atom::Lock(dice.below(LOCKS)), inner(dice)),
    }
}

/// What the tasks of a program share.
pub(crate) struct World {
    locks: [Mutex<()>; LOCKS],
    rw: RwLock<()>,
    permits: Semaphore,
    pub(crate) handles: RefCell<Vec<Option<JoinHandle<()>>>>,
    pub(crate) model: RefCell<Model>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            locks: Default::default(),
            rw: RwLock::default(),
            permits: Semaphore::new(1),
            handles: RefCell::default(),
            model: RefCell::default(),
        }
    }
}

/// Undoes something in the model.
struct Until<'a, F: FnMut(&mut Model)>(&'a World, F);

impl<F: FnMut(&mut Model)> Drop for Until<'_, F> {
    fn drop(&mut self) {
        (self.1)(&mut self.0.model.borrow_mut());
    }
}

/// A task, until its end.
struct Live<'a>(&'a World, Id, bool);

impl Drop for Live<'_> {
    fn drop(&mut self) {
        let Self(world, task, is_done) = *self;
        let mut model = world.model.borrow_mut();
        let ended = if is_done { &mut model.completed } else { &mut model.aborted };
        ended.insert(task);
    }
}

impl World {
    async fn waits<F: Future>(&self, me: Me, atom: Atom, future: F) -> F::Output {
        let number = self.model.borrow_mut().waits_for(me.task, atom, me.is_boxed);
        let _waits = Until(self, move |model| model.goes_on(number));
        future.await
    }
}

/// Where a step is.
#[derive(Clone, Copy)]
struct Me {
    task: Id,
    /// In a future that the task could give away.
    is_boxed: bool,
}

/// A task of a program.
pub(crate) async fn task(world: Rc<World>, steps: Vec<Step>) {
    let me = current().expect("in a task").id();
    world.model.borrow_mut().begins();
    let mut live = Live(&world, me, false);
    for step in &steps {
        take(&world, Me { task: me, is_boxed: false }, step).await;
    }
    live.2 = true;
}

fn run<'a>(
    world: &'a Rc<World>,
    me: Me,
    steps: &'a [Step],
) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
    Box::pin(async move {
        for step in steps {
            take(world, Me { is_boxed: true, ..me }, step).await;
        }
    })
}

async fn take(world: &Rc<World>, me: Me, step: &Step) {
    match step {
        Step::Yield => yield_now().await,
        Step::Sleep(micros) => {
            world.waits(me, Atom::Time, sleep(Duration::from_micros(*micros))).await;
        }
        Step::With(atom, steps) => match atom {
            Atom::Lock(lock) => holds(world, me, atom, world.locks[*lock].lock(), steps).await,
            Atom::Read => holds(world, me, atom, world.rw.read(), steps).await,
            Atom::Write => holds(world, me, atom, world.rw.write(), steps).await,
            _ => holds(world, me, atom, world.permits.acquire(), steps).await,
        },
        Step::Await(place) => {
            let handle = world.handles.borrow_mut().get_mut(*place).and_then(Option::take);
            if let Some(handle) = handle {
                let _ = world.waits(me, Atom::Task(handle.id()), handle).await;
            }
        }
        Step::Either(own, a, b) => {
            let (a, b) = (run(world, me, a), run(world, me, b));
            match own {
                true => race((a, b)).await,
                false => _ = select(a, b).await,
            }
        }
        Step::Both(own, a, b) => {
            let (a, b) = (run(world, me, a), run(world, me, b));
            match own {
                true => _ = join_all([a, b]).await,
                false => _ = join(a, b).await,
            }
        }
        Step::Keep(lock, steps) => {
            let mut kept = pin!(world.waits(me, Atom::Lock(*lock), world.locks[*lock].lock()));
            let first = poll_fn(|cx| Poll::Ready(kept.as_mut().poll(cx))).await;
            match first {
                Poll::Ready(guard) => has(world, me, &Atom::Lock(*lock), guard, steps).await,
                Poll::Pending => {
                    run(world, me, steps).await;
                    drop(kept.await);
                }
            }
        }
        Step::Group { fails_fast, tasks, failing, body: steps } => {
            let mut wait = None;
            let waits = |atom| {
                let number = world.model.borrow_mut().waits_for(me.task, atom, me.is_boxed);
                Until(world, move |model| model.goes_on(number))
            };
            let body = async |group: TaskGroup<()>| {
                let spawns = |(place, steps): (usize, &Vec<Step>)| {
                    let (task, fails) = (task(Rc::clone(world), steps.clone()), place == *failing);
                    let child = async move {
                        task.await;
                        if fails { Err(()) } else { Ok(()) }
                    };
                    group.spawn(child).id()
                };
                let children: Vec<Id> = tasks.iter().enumerate().map(spawns).collect();
                let early = fails_fast.then(|| waits(Atom::Failure(children.clone())));
                run(world, me, steps).await;
                drop(early);
                wait = Some(waits(match fails_fast {
                    true => Atom::Any(children),
                    false => Atom::All(children),
                }));
                Ok(())
            };
            let _ = match fails_fast {
                true => TaskGroup::scope(body).await,
                false => TaskGroup::collect(body).await,
            };
        }
        Step::Set(tasks) => {
            let mut set = JoinSet::new();
            let spawns = |steps: &Vec<Step>| set.spawn(task(Rc::clone(world), steps.clone())).id();
            let atom = Atom::Any(tasks.iter().map(spawns).collect());
            let _ = world.waits(me, atom, set.join_next()).await;
        }
    }
}

/// Takes what `future` gives, for as long as those steps last.
async fn holds<F: Future>(world: &Rc<World>, me: Me, atom: &Atom, future: F, steps: &[Step]) {
    let guard = world.waits(me, atom.clone(), future).await;
    has(world, me, atom, guard, steps).await;
}

async fn has<G>(world: &Rc<World>, me: Me, atom: &Atom, guard: G, steps: &[Step]) {
    world.model.borrow_mut().takes(me.task, atom);
    let _guard = guard;
    let _held = Until(world, |model| model.gives_back(me.task, atom));
    run(world, me, steps).await;
}
