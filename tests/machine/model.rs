//! The model: what a program must do, in plain lists and flags, without halves and without memory of its
//! own to free: a task is polled if it was woken, in the order of the queue, and ends once.

#![forbid(unsafe_code)]

mod turns;

use std::collections::VecDeque;
use std::rc::Rc;

use super::program::{
    Act, Command, Event, MOST_TASKS, Outcome, Place, Program, Rest, SLOTS, WakerOp, Whom,
};

pub(crate) struct Model {
    program: Rc<Program>,
    /// Of the last command.
    pub(crate) events: Vec<Event>,
    /// Of all before.
    pub(crate) seen: Vec<Event>,
    pub(crate) tasks: Vec<Task>,
    slots: [Slot; SLOTS],
    pub(crate) lives: Vec<Life>,
    /// The life this thread is inside of.
    inside: Option<usize>,
    /// The root waits to be woken when nothing else is left to do.
    idle: bool,
}

/// An executor, or the place of one.
#[derive(Clone, Copy, Default)]
struct Slot {
    life: usize,
    /// It is there, and neither runs nor ends.
    at_rest: bool,
    /// It runs or ends.
    busy: bool,
}

/// An executor from its making to its end.
#[derive(Default)]
pub(crate) struct Life {
    queue: VecDeque<usize>,
    inbox: Vec<usize>,
    ended: bool,
}

pub(crate) struct Task {
    life: usize,
    /// What it does; a root has turns instead.
    script: usize,
    turns: Option<Vec<(Act, Rest)>>,
    polls: u64,
    pub(crate) handle: bool,
    taken: bool,
    wakers: usize,
    joiner: Option<Joiner>,
    future: bool,
    output: Option<Outcome>,
    owed_a_turn: bool,
    running: bool,
    in_inbox: bool,
    abort_in_inbox: bool,
    aborted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Joiner {
    Task(usize),
    Recorder,
}

/// Who acts: a task, and whether in its turn.
#[derive(Clone, Copy, Default)]
struct Actor {
    me: Option<usize>,
    in_turn: bool,
}

impl Task {
    fn new(life: usize, script: usize, turns: Option<Vec<(Act, Rest)>>) -> Self {
        Task {
            life,
            script,
            handle: turns.is_none(),
            turns,
            polls: 0,
            taken: false,
            wakers: 0,
            joiner: None,
            future: true,
            output: None,
            owed_a_turn: true,
            running: false,
            in_inbox: false,
            abort_in_inbox: false,
            aborted: false,
        }
    }

    fn is_root(&self) -> bool {
        self.turns.is_some()
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.output.is_some() || !(self.future || self.running)
    }

    fn is_joinable(&self, inside: Option<usize>) -> bool {
        let at_home = inside.is_none_or(|inside| inside == self.life);
        self.handle && !self.taken && (self.is_finished() || at_home)
    }
}

impl Model {
    pub(crate) fn new(program: &Rc<Program>) -> Self {
        let mut model = Model {
            program: Rc::clone(program),
            events: Vec::new(),
            seen: Vec::new(),
            tasks: Vec::new(),
            slots: Default::default(),
            lives: Vec::new(),
            inside: None,
            idle: false,
        };
        (0..SLOTS).for_each(|slot| model.open(slot));
        model
    }

    pub(crate) fn command(&mut self, command: &Command) {
        match command {
            Command::Do(act) => self.act(act, Actor::default()),
            Command::Run(slot, turns) => self.run(*slot, turns),
        }
    }

    /// Tasks in the run queue, of an executor at rest.
    pub(crate) fn ready(&self, slot: usize) -> Option<usize> {
        let Slot { life, at_rest, .. } = self.slots[slot];
        at_rest.then(|| self.lives[life].queue.len())
    }

    /// Nothing is left to be ended or dropped.
    pub(crate) fn is_over(&self) -> bool {
        let ended = self.lives.iter().all(|life| life.ended);
        ended && !self.has_wakers() && self.tasks.iter().all(|task| !task.handle)
    }

    pub(crate) fn has_wakers(&self) -> bool {
        self.tasks.iter().any(|task| task.wakers > 0)
    }

    /// Whether anything can still reach what the tasks of that life share.
    pub(crate) fn is_reachable(&self, life: usize) -> bool {
        let joined = |task| self.tasks.iter().any(|other| other.joiner == Some(Joiner::Task(task)));
        let held = |(number, task): (usize, &Task)| {
            task.life == life && (task.handle || task.wakers > 0 || joined(number))
        };
        !self.lives[life].ended || self.tasks.iter().enumerate().any(held)
    }

    pub(crate) fn recorders(&self) -> usize {
        self.tasks.iter().filter(|task| task.joiner == Some(Joiner::Recorder)).count()
    }

    // ---- acts

    fn act(&mut self, act: &Act, actor: Actor) {
        let find =
            |whom: Whom, fits: &dyn Fn(&Task) -> bool| whom.find(actor.me, &self.tasks, fits);
        match *act {
            Act::Spawn(slot, script) => self.spawn(slot, script),
            Act::KeepWaker => {
                if let (Some(me), true) = (actor.me, actor.in_turn) {
                    self.tasks[me].wakers += 1;
                }
            }
            Act::Waker(whom, op, place) => {
                if let Some(task) = find(whom, &|task| task.wakers > 0) {
                    self.use_waker(task, op, place);
                }
            }
            Act::Abort(whom) => {
                if let Some(task) = find(whom, &|task| task.handle) {
                    self.abort_home(task);
                }
            }
            Act::AbortAway(whom, place) => {
                if let Some(task) = find(whom, &|task| task.handle) {
                    self.abort(task, self.inside.filter(|_| place == Place::Here));
                }
            }
            Act::Join(whom) => {
                if let Some(task) = find(whom, &|task| task.is_joinable(self.inside)) {
                    self.join(task, actor);
                }
            }
            Act::DropHandle(whom) => {
                if let Some(task) = find(whom, &|task| task.handle) {
                    self.drop_handle(task);
                }
            }
            Act::Close(slot) => self.end(slot, true),
            Act::DropExecutor(slot) => self.end(slot, false),
            Act::Open(slot) => self.open(slot),
        }
    }

    fn spawn(&mut self, slot: usize, script: usize) {
        let Slot { life, at_rest, busy } = self.slots[slot];
        let possible = at_rest || (busy && self.inside == Some(life));
        if possible && self.tasks.len() < MOST_TASKS {
            self.lives[life].queue.push_back(self.tasks.len());
            self.tasks.push(Task::new(life, script, None));
        }
    }

    fn use_waker(&mut self, task: usize, op: WakerOp, place: Place) {
        let here = self.inside.filter(|_| place == Place::Here);
        match op {
            WakerOp::Clone => self.tasks[task].wakers += 1,
            WakerOp::Wake => {
                self.wake(task, here);
                self.tasks[task].wakers -= 1;
            }
            WakerOp::WakeByRef => self.wake(task, here),
            WakerOp::Drop => self.tasks[task].wakers -= 1,
        }
    }

    fn join(&mut self, task: usize, actor: Actor) {
        if !self.tasks[task].is_finished() {
            let joiner = actor.me.filter(|_| actor.in_turn).map_or(Joiner::Recorder, Joiner::Task);
            self.tasks[task].joiner = Some(joiner);
            return self.events.push(Event::Joined(task, None));
        }
        let outcome = self.tasks[task].output.take().expect("finished and not taken");
        self.tasks[task].taken = true;
        self.events.push(Event::Joined(task, Some(outcome)));
        self.drop_outcome(task, outcome);
    }

    fn drop_handle(&mut self, task: usize) {
        self.tasks[task].handle = false;
        self.tasks[task].joiner = None;
        if let Some(outcome) = self.tasks[task].output.take() {
            self.drop_outcome(task, outcome);
        }
    }

    fn open(&mut self, slot: usize) {
        if !self.slots[slot].at_rest && !self.slots[slot].busy {
            self.slots[slot] = Slot { life: self.lives.len(), at_rest: true, busy: false };
            self.lives.push(Life::default());
        }
    }

    // ---- waking

    fn wake(&mut self, task: usize, inside: Option<usize>) {
        let life = self.tasks[task].life;
        if inside == Some(life) {
            self.wake_home(task);
        } else if !self.tasks[task].in_inbox && !self.lives[life].ended {
            self.tasks[task].in_inbox = true;
            self.lives[life].inbox.push(task);
        }
    }

    fn abort(&mut self, task: usize, inside: Option<usize>) {
        let life = self.tasks[task].life;
        if inside == Some(life) {
            self.abort_home(task);
        } else if !self.lives[life].ended {
            self.wake(task, inside);
            self.tasks[task].abort_in_inbox = true;
        }
    }

    fn abort_home(&mut self, task: usize) {
        self.tasks[task].aborted = self.tasks[task].future;
        self.wake_home(task);
    }

    fn wake_home(&mut self, number: usize) {
        let task = &mut self.tasks[number];
        if task.future && !task.owed_a_turn {
            task.owed_a_turn = true;
            if !task.running {
                self.lives[task.life].queue.push_back(number);
            }
        }
    }

    fn take_in(&mut self, life: usize) {
        for task in std::mem::take(&mut self.lives[life].inbox) {
            self.tasks[task].in_inbox = false;
            if std::mem::take(&mut self.tasks[task].abort_in_inbox) {
                self.abort_home(task);
            } else {
                self.wake_home(task);
            }
        }
    }
}
