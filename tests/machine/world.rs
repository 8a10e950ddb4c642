//! The real thing: the same program on executors, tasks, handles and wakers, and what is seen of it.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use taketurns::executor::Executor;
use taketurns::task::Id;
use taketurns::{JoinError, JoinHandle};

use super::outside::{self, Outside, Recorder};
use super::program::{
    Act, Command, Event, INTERVALS, MOST_TASKS, Outcome, Place, Program, Rest, SLOTS, WakerOp, Whom,
};
use super::scripted::{self, Output};

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

/// For a few moves; no code that comes back here.
pub(crate) fn with<R>(f: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with_borrow_mut(f)
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) program: Rc<Program>,
    pub(crate) events: Vec<Event>,
    pub(crate) tasks: Vec<Task>,
    slots: [Slot; SLOTS],
    /// One for each executor ever made, shared by whatever can still reach its inbox.
    alive: Vec<Arc<()>>,
    inside: Option<usize>,
    pub(crate) idle: Option<Waker>,
    /// In this run.
    pub(crate) looks: usize,
}

pub(crate) type Looped = Executor<'static, Outside>;

#[derive(Default)]
struct Slot {
    life: usize,
    executor: Option<Looped>,
    busy: bool,
}

pub(crate) struct Task {
    pub(crate) script: usize,
    pub(crate) polls: usize,
    pub(crate) outputs_made: usize,
    life: usize,
    id: Option<Id>,
    handle: Option<JoinHandle<Output>>,
    taken: bool,
    wakers: Vec<Waker>,
}

/// Who acts: a task, and its waker when it has its turn.
#[derive(Clone, Copy, Default)]
pub(crate) struct Actor<'a> {
    pub(crate) me: Option<usize>,
    pub(crate) waker: Option<&'a Waker>,
}

/// Begins anew.
pub(crate) fn begin(program: &Rc<Program>) {
    forget();
    with(|world| world.program = Rc::clone(program));
    outside::no_recorders();
    (0..SLOTS).for_each(open);
}

/// Leaves a failed program behind: what it has may be broken.
pub(crate) fn forget() {
    if with(|world| !world.alive.is_empty()) {
        std::mem::forget(WORLD.take());
    }
}

/// Nothing is left but the lists.
pub(crate) fn clear() {
    drop(WORLD.take());
}

pub(crate) fn command(command: &Command) {
    match command {
        Command::Do(act) => perform(act, Actor::default()),
        Command::Run(slot, turns) => run(*slot, turns),
    }
}

impl World {
    /// How many are ready, as the `Debug` of an executor at rest says it.
    pub(crate) fn ready(&self, slot: usize) -> Option<String> {
        let text = format!("{:?}", self.slots[slot].executor.as_ref()?);
        text.split([',', '{'])
            .map(str::trim)
            .find(|field| field.starts_with("ready"))
            .map(str::to_owned)
    }

    /// How many futures and outputs each task has had.
    pub(crate) fn made(&self) -> Vec<(usize, usize)> {
        let made = |task: &Task| (usize::from(task.id.is_some()), task.outputs_made);
        self.tasks.iter().map(made).collect()
    }

    pub(crate) fn is_reachable(&self, life: usize) -> bool {
        Arc::strong_count(&self.alive[life]) > 1
    }

    fn new_task(&mut self, life: usize, script: usize) -> usize {
        let (polls, outputs_made, wakers) = (0, 0, Vec::new());
        let (id, handle, taken) = (None, None, false);
        self.tasks.push(Task { script, polls, outputs_made, life, id, handle, taken, wakers });
        self.tasks.len() - 1
    }
}

impl Task {
    pub(crate) fn is_finished(&self) -> Option<bool> {
        self.handle.as_ref().map(JoinHandle::is_finished)
    }

    /// It is no use to wait inside another executor: its own cannot run.
    fn is_joinable(&self, inside: Option<usize>) -> bool {
        let at_home = inside.is_none_or(|inside| inside == self.life);
        !self.taken && self.is_finished().is_some_and(|finished| finished || at_home)
    }
}

/// Does one thing. A destructor's panic ends here.
pub(crate) fn perform(act: &Act, actor: Actor<'_>) {
    let done = catch_unwind(AssertUnwindSafe(|| match *act {
        Act::Spawn(slot, script) => spawn(slot, script),
        Act::KeepWaker => {
            if let (Some(me), Some(waker)) = (actor.me, actor.waker) {
                with(|world| world.tasks[me].wakers.push(waker.clone()));
            }
        }
        Act::Waker(whom, op, place) => use_waker(whom, op, place, actor),
        Act::Abort(whom) => with(|world| {
            let task = whom.find(actor.me, &world.tasks, |task| task.handle.is_some());
            if let Some(handle) = task.and_then(|task| world.tasks[task].handle.as_ref()) {
                handle.abort();
            }
        }),
        Act::AbortAway(whom, place) => {
            let abort = with(|world| {
                let task = whom.find(actor.me, &world.tasks, |task| task.handle.is_some())?;
                world.tasks[task].handle.as_ref().map(JoinHandle::abort_handle)
            });
            match (abort, place) {
                (None, _) => {}
                (Some(abort), Place::Here) => abort.abort(),
                (Some(abort), Place::OtherThread) => {
                    thread::spawn(move || abort.abort()).join().expect("no user code runs there");
                }
            }
        }
        Act::Join(whom) => join(whom, actor),
        Act::DropHandle(whom) => drop(with(|world| {
            let task = whom.find(actor.me, &world.tasks, |task| task.handle.is_some())?;
            world.tasks[task].handle.take()
        })),
        Act::Close(slot) => end(slot, |executor, life| {
            let lost = executor.close();
            let told = lost.iter().map(|lost| (numbered(life, lost.id()), lost.polls())).collect();
            with(|world| world.events.push(Event::Lost(told)));
        }),
        Act::DropExecutor(slot) => end(slot, |executor, _| drop(executor)),
        Act::Open(slot) => open(slot),
    }));
    if let Err(payload) = done {
        assert!(payload.is::<scripted::Planned>(), "a panic that nobody planned");
    }
}

fn spawn(slot: usize, script: usize) {
    let number = with(|world| {
        let Slot { life, ref executor, busy } = world.slots[slot];
        let possible = executor.is_some() || (busy && world.inside == Some(life));
        (possible && world.tasks.len() < MOST_TASKS).then(|| world.new_task(life, script))
    });
    if let Some(number) = number {
        let size = with(|world| world.program.script(script).size);
        let handle = with(|world| world.slots[slot].executor.take()).map_or_else(
            || scripted::spawn(number, size, None),
            |executor| {
                let handle = scripted::spawn(number, size, Some(&executor));
                with(|world| world.slots[slot].executor = Some(executor));
                handle
            },
        );
        with(|world| {
            world.tasks[number].id = Some(handle.id());
            world.tasks[number].handle = Some(handle);
        });
    }
}

fn use_waker(whom: Whom, op: WakerOp, place: Place, actor: Actor<'_>) {
    let found = with(|world| {
        let task = whom.find(actor.me, &world.tasks, |task| !task.wakers.is_empty())?;
        Some((task, world.tasks[task].wakers.pop()?))
    });
    let Some((task, waker)) = found else { return };
    let apply = move || match op {
        WakerOp::Clone => vec![waker.clone(), waker],
        WakerOp::Wake => {
            waker.wake();
            vec![]
        }
        WakerOp::WakeByRef => {
            waker.wake_by_ref();
            vec![waker]
        }
        WakerOp::Drop => vec![],
    };
    let left = match place {
        Place::Here => apply(),
        Place::OtherThread => thread::spawn(apply).join().expect("no user code runs there"),
    };
    with(|world| world.tasks[task].wakers.extend(left));
}

fn join(whom: Whom, actor: Actor<'_>) {
    let found = with(|world| {
        let inside = world.inside;
        let joinable = |task: &Task| task.is_joinable(inside);
        let task = whom.find(actor.me, &world.tasks, joinable)?;
        Some((task, world.tasks[task].handle.take()?))
    });
    let Some((task, mut handle)) = found else { return };
    let polled = match actor.waker {
        Some(waker) => pin!(&mut handle).poll(&mut Context::from_waker(waker)),
        None => pin!(&mut handle).poll(&mut Context::from_waker(&Recorder::waker(task))),
    };
    with(|world| {
        world.tasks[task].handle = Some(handle);
        world.tasks[task].taken = polled.is_ready();
    });
    let Poll::Ready(result) = polled else {
        return with(|world| world.events.push(Event::Joined(task, None)));
    };
    let told = |outcome| with(|world| world.events.push(Event::Joined(task, Some(outcome))));
    match result.map_err(unpack) {
        Ok(output) => {
            told(Outcome::Value);
            drop(output);
        }
        Err(Ok(payload)) => {
            let planned = payload.is::<Output>();
            told(if planned { Outcome::Panicked } else { Outcome::DropPanicked });
            drop(payload);
        }
        Err(Err(error)) if error.is_cancelled() => told(Outcome::Cancelled),
        Err(Err(error)) => {
            assert!(error.is_shutdown());
            told(Outcome::Shutdown);
        }
    }
}

fn unpack(error: JoinError) -> Result<Box<dyn std::any::Any + Send>, JoinError> {
    error.into_panic()
}

// ---- executors

fn open(slot: usize) {
    with(|world| {
        if world.slots[slot].executor.is_none() && !world.slots[slot].busy {
            let alive = Arc::new(());
            let interval = NonZeroU32::new(INTERVALS[slot]).unwrap();
            let executor = Executor::new(Outside::new(&alive), interval);
            let life = world.alive.len();
            world.slots[slot] = Slot { life, executor: Some(executor), busy: false };
            world.alive.push(alive);
        }
    });
}

/// Takes the executor that is at rest and is inside of it for as long as `f` runs.
fn enter<R>(slot: usize, f: impl FnOnce(Looped, usize) -> R) -> Option<R> {
    let (executor, life, before) = with(|world| {
        let executor = world.slots[slot].executor.take()?;
        world.slots[slot].busy = true;
        let life = world.slots[slot].life;
        Some((executor, life, world.inside.replace(life)))
    })?;
    let result = f(executor, life);
    with(|world| {
        world.inside = before;
        world.slots[slot].busy = false;
    });
    Some(result)
}

fn end(slot: usize, how: impl FnOnce(Looped, usize)) {
    enter(slot, how);
}

fn numbered(life: usize, id: Id) -> usize {
    let found = |task: &Task| task.life == life && task.id == Some(id);
    with(|world| world.tasks.iter().position(found)).expect("a task of this executor")
}

fn run(slot: usize, turns: &[(Act, Rest)]) {
    let ran = enter(slot, |executor, life| {
        let root = with(|world| {
            world.looks = 0;
            world.new_task(life, 0)
        });
        let run = || executor.block_on(poll_fn(|cx| poll_root(root, turns, cx)));
        let ran = catch_unwind(AssertUnwindSafe(run));
        (executor, ran)
    });
    if let Some((executor, ran)) = ran {
        with(|world| world.slots[slot].executor = Some(executor));
        ran.unwrap_or_else(|payload| resume_unwind(payload));
    }
}

fn poll_root(root: usize, turns: &[(Act, Rest)], cx: &Context<'_>) -> Poll<()> {
    let before = with(|world| {
        world.events.push(Event::Polled(root));
        world.tasks[root].polls += 1;
        world.idle.take()
    });
    drop(before);
    let nth = with(|world| world.tasks[root].polls) - 1;
    let Some((act, rest)) = turns.get(nth) else { return Poll::Ready(()) };
    perform(act, Actor { me: Some(root), waker: Some(cx.waker()) });
    match rest {
        Rest::Yield => cx.waker().wake_by_ref(),
        Rest::Idle => with(|world| world.idle = Some(cx.waker().clone())),
    }
    Poll::Pending
}
