//! A program on the executor, over a driver that does what the program says at each look.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use taketurns::executor::{Driver, Executor, Pending, Unpark};
use taketurns::task::{Id, YieldNow};
use taketurns::{Handle, JoinHandle, spawn, yield_now};

use crate::elsewhere;
use crate::program::{Event, MOST_TASKS, Op, Program, Run};

/// No program's trace is near that long: the loop runs in a circle.
const ENDLESS: usize = 5_000;

/// The trace of the program.
pub(crate) fn trace(program: &Program) -> Vec<Event> {
    let world = Rc::new(World::new(program.clone()));
    let interval = NonZeroU32::new(program.event_interval).unwrap();
    let executor = Executor::new(Outside::new(Rc::clone(&world)), interval);
    world.handle.replace(Some(Handle::new(&executor)));
    for (number, run) in program.runs.iter().enumerate() {
        for &op in &program.outside[number] {
            world.act(op, &|actor| executor.spawn(actor));
        }
        world.over.set(false);
        world.root.set(None);
        match run {
            Run::Forever => executor.run_forever(),
            Run::BlockOn => {
                let root = world.enter(|_| None);
                world.root.set(Some(root));
                executor.block_on(Actor::new(&world, root, number));
            }
        }
        world.push(Event::Returned);
    }
    let returned = world.trace.borrow().len();
    for (number, lost) in executor.close().into_iter().enumerate() {
        // Named by its own drop, as nobody knows the id of a task that was sent.
        let dropped = world.trace.borrow()[returned + number];
        let Event::Dropped(task) = dropped else { panic!("lost, but not dropped: {lost}") };
        let id = world.tasks.borrow()[task].id;
        assert!(id.is_none_or(|id| id == lost.id()), "dropped {id:?}, but lost {lost}");
        world.push(Event::Lost { task, polls: lost.polls() });
    }
    world.trace.take()
}

/// What tasks, driver and the test share.
struct World {
    program: Program,
    trace: RefCell<Vec<Event>>,
    tasks: RefCell<Vec<Task>>,
    handle: RefCell<Option<Handle>>,
    /// Those sent by `handle`, which stay behind.
    sent: RefCell<BTreeMap<usize, Actor>>,
    root: Cell<Option<usize>>,
    /// Nothing was left to wait for: the root gives up.
    over: Cell<bool>,
    looks: Cell<usize>,
    unparks: Arc<AtomicUsize>,
}

/// What is known of a task outside of it.
struct Task {
    waker: Option<Waker>,
    handle: Option<JoinHandle<()>>,
    id: Option<Id>,
}

impl World {
    fn new(program: Program) -> Self {
        Self {
            program,
            trace: RefCell::default(),
            tasks: RefCell::default(),
            handle: RefCell::default(),
            sent: RefCell::default(),
            root: Cell::new(None),
            over: Cell::new(false),
            looks: Cell::new(0),
            unparks: Arc::default(),
        }
    }

    fn push(&self, event: Event) {
        self.trace.borrow_mut().push(event);
    }

    fn is_endless(&self) -> bool {
        self.trace.borrow().len() > ENDLESS
    }

    fn enter(&self, make: impl FnOnce(usize) -> Option<JoinHandle<()>>) -> usize {
        let number = self.tasks.borrow().len();
        let handle = make(number);
        let id = handle.as_ref().map(JoinHandle::id);
        self.tasks.borrow_mut().push(Task { waker: None, handle, id });
        number
    }

    fn remote(&self) -> Handle {
        self.handle.borrow().clone().expect("set at the start")
    }

    fn waker(&self, task: usize) -> Option<Waker> {
        self.tasks.borrow().get(task).and_then(|task| task.waker.clone())
    }

    fn act(self: &Rc<Self>, op: Op, spawn: &dyn Fn(Actor) -> JoinHandle<()>) {
        match op {
            Op::Wake(task) => {
                if let Some(waker) = self.waker(task) {
                    waker.wake_by_ref();
                    waker.wake();
                }
            }
            Op::Away(task) => {
                if let Some(waker) = self.waker(task) {
                    elsewhere::wake(waker, self.program.threaded);
                }
            }
            Op::Spawn(_) | Op::Send(_) if self.tasks.borrow().len() >= MOST_TASKS => {}
            Op::Spawn(body) => {
                self.enter(|number| Some(spawn(Actor::new(self, number, body))));
            }
            Op::Send(body) => {
                let task = self.enter(|_| None);
                self.sent.borrow_mut().insert(task, Actor::new(self, task, body));
                WORLD.set(Some(Rc::clone(self)));
                drop(self.remote().spawn(Sent(task)));
            }
            Op::Abort(task) => {
                let tasks = self.tasks.borrow();
                if let Some(handle) = tasks.get(task).and_then(|task| task.handle.as_ref()) {
                    handle.abort();
                }
            }
            Op::Detach(task) => {
                if let Some(task) = self.tasks.borrow_mut().get_mut(task) {
                    task.handle = None;
                }
            }
            Op::Stop => self.remote().stop(),
            Op::Yield | Op::Park | Op::Join(_) => {}
        }
    }
}

/// A task: its body's instructions, one after the other.
struct Actor {
    world: Rc<World>,
    task: usize,
    body: usize,
    at: usize,
    parked: bool,
    yielding: Option<YieldNow>,
}

impl Actor {
    fn new(world: &Rc<World>, task: usize, body: usize) -> Self {
        let body = body % world.program.bodies.len();
        Self { world: Rc::clone(world), task, body, at: 0, parked: false, yielding: None }
    }

    fn step(&mut self, op: Op, cx: &mut Context<'_>) -> Poll<()> {
        match op {
            Op::Yield => {
                let yielding = self.yielding.get_or_insert_with(yield_now);
                ready!(Pin::new(yielding).poll(cx));
                self.yielding = None;
            }
            Op::Park => {
                self.parked = !self.parked;
                if self.parked {
                    return Poll::Pending;
                }
            }
            Op::Join(task) => return self.join(task, cx),
            other => self.world.act(other, &spawn),
        }
        Poll::Ready(())
    }

    fn join(&self, task: usize, cx: &mut Context<'_>) -> Poll<()> {
        let mut tasks = self.world.tasks.borrow_mut();
        let Some(joined) = tasks.get_mut(task) else { return Poll::Ready(()) };
        let Some(handle) = &mut joined.handle else { return Poll::Ready(()) };
        let result = ready!(Pin::new(handle).poll(cx));
        joined.handle = None;
        let completed = match result {
            Ok(()) => true,
            Err(error) => !error.is_cancelled(),
        };
        self.world.push(Event::Joined { task, by: self.task, completed });
        Poll::Ready(())
    }
}

impl Future for Actor {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.world.push(Event::Turn { task: this.task, at: this.at });
        if let Some(task) = this.world.tasks.borrow_mut().get_mut(this.task) {
            task.waker.get_or_insert_with(|| cx.waker().clone());
        }
        let gives_up = this.world.over.get() && this.world.root.get() == Some(this.task);
        if gives_up || this.world.is_endless() {
            return Poll::Ready(());
        }
        while let Some(&op) = this.world.program.bodies[this.body].get(this.at) {
            ready!(this.step(op, cx));
            this.at += 1;
        }
        Poll::Ready(())
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.world.push(Event::Dropped(self.task));
    }
}

thread_local! {
    /// Where a task that was sent finds what it could not bring.
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// An actor, for a place where only its number can go.
struct Sent(usize);

impl Sent {
    fn world() -> Rc<World> {
        WORLD.with_borrow(|world| world.clone().expect("set when it was sent"))
    }
}

impl Future for Sent {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let world = Self::world();
        let actor = world.sent.borrow_mut().remove(&self.0);
        let mut actor = actor.expect("there until it ends");
        let polled = Pin::new(&mut actor).poll(cx);
        world.sent.borrow_mut().insert(self.0, actor);
        polled
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let actor = Self::world().sent.borrow_mut().remove(&self.0);
        drop(actor);
    }
}

/// The driver: never waits, as what it would wait for happens at the look it is asked to wait in.
struct Outside {
    world: Rc<World>,
    /// What happens at this look; `None`: the program says nothing of it.
    ops: Option<Vec<Op>>,
    wait: bool,
    unparks: usize,
}

impl Outside {
    fn new(world: Rc<World>) -> Self {
        Self { world, ops: None, wait: false, unparks: 0 }
    }

    fn act(&self, which: fn(&Op) -> bool) {
        for &op in self.ops.iter().flatten().filter(|op| which(op)) {
            self.world.act(op, &spawn);
        }
    }
}

impl Driver for Outside {
    fn wait(&mut self, limit: Option<Duration>) {
        let world = Rc::clone(&self.world);
        assert!(!world.is_endless(), "the loop runs in a circle");
        let look = world.looks.replace(world.looks.get() + 1);
        self.ops = world.program.looks.get(look).cloned();
        self.wait = limit.is_none();
        assert!(self.wait || limit == Some(Duration::ZERO), "it waits for ever or not at all");
        world.unparks.store(0, Ordering::Relaxed);
        self.act(|op| !matches!(op, Op::Wake(_)));
        self.unparks = world.unparks.load(Ordering::Relaxed);
    }

    fn wake(&mut self, any_ready: bool) {
        let world = Rc::clone(&self.world);
        let Self { wait, unparks, .. } = *self;
        world.push(Event::Look { wait, unparks, ready: any_ready });
        self.act(|op| matches!(op, Op::Wake(_)));
        if wait && self.ops.is_none() {
            world.over.set(true);
            world.act(world.root.get().map_or(Op::Stop, Op::Wake), &spawn);
        }
    }

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(Counted(Arc::clone(&self.world.unparks)))
    }
}

struct Counted(Arc<AtomicUsize>);

impl Unpark for Counted {
    fn unpark(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
