//! The promise F1 to F5, as a queue of numbers: what a program's trace must be.
//!
//! Written from the text of the promise; it shares nothing with the executor but the programs.

use std::collections::VecDeque;

use crate::program::{Event, MOST_TASKS, Op, Program, Run};

/// The trace of the program.
pub(crate) fn trace(program: &Program) -> Vec<Event> {
    let mut reference = Reference::new(program);
    for (number, run) in program.runs.iter().enumerate() {
        for &op in &program.outside[number] {
            reference.outside(op);
        }
        reference.run(number, *run);
        reference.trace.push(Event::Returned);
    }
    reference.close();
    reference.trace
}

struct Reference<'p> {
    program: &'p Program,
    tasks: Vec<Task>,
    queue: VecDeque<usize>,
    inbox: Vec<usize>,
    /// All but roots, as they came to be known at home.
    known: Vec<usize>,
    /// Who takes a turn, and whether it was woken in it.
    running: Option<usize>,
    again: bool,
    turns_since_look: u32,
    looks: usize,
    root: Option<usize>,
    /// Nothing was left to wait for: the root gives up.
    over: bool,
    stop: bool,
    trace: Vec<Event>,
}

struct Task {
    body: usize,
    at: usize,
    /// In the middle of a `Yield` or `Park`.
    paused: bool,
    polls: u64,
    aborted: bool,
    ended: bool,
    completed: bool,
    has_handle: bool,
    joiner: Option<usize>,
}

impl<'p> Reference<'p> {
    fn new(program: &'p Program) -> Self {
        Self {
            program,
            tasks: Vec::new(),
            queue: VecDeque::new(),
            inbox: Vec::new(),
            known: Vec::new(),
            running: None,
            again: false,
            turns_since_look: 0,
            looks: 0,
            root: None,
            over: false,
            stop: false,
            trace: Vec::new(),
        }
    }

    /// A new task enters at the tail (F2).
    fn enter(&mut self, body: usize, has_handle: bool) -> usize {
        let number = self.make(body, has_handle);
        self.queue.push_back(number);
        number
    }

    fn make(&mut self, body: usize, has_handle: bool) -> usize {
        let number = self.tasks.len();
        self.tasks.push(Task {
            body: body % self.program.bodies.len(),
            at: 0,
            paused: false,
            polls: 0,
            aborted: false,
            ended: false,
            completed: false,
            has_handle,
            joiner: None,
        });
        number
    }

    fn run(&mut self, number: usize, run: Run) {
        self.over = false;
        self.root = (run == Run::BlockOn).then(|| self.enter(number, false));
        self.turns_since_look = self.program.event_interval;
        while !self.is_done() {
            self.turn_or_look();
        }
        // F5: those that are queued now. They stay ahead of whoever comes after.
        let mut owed = self.queue.len();
        while owed > 0 {
            owed -= usize::from(self.turn_or_look());
        }
        // Its future is the caller's, and goes when the call returns.
        self.trace.extend(self.root.map(Event::Dropped));
    }

    fn is_done(&mut self) -> bool {
        match self.root {
            Some(root) => self.tasks[root].ended,
            None => std::mem::take(&mut self.stop),
        }
    }

    /// F3. Whether it was a turn.
    fn turn_or_look(&mut self) -> bool {
        if self.turns_since_look < self.program.event_interval {
            if let Some(task) = self.queue.pop_front() {
                self.turns_since_look += 1;
                self.turn(task);
                return true;
            }
        }
        self.look();
        self.turns_since_look = 0;
        false
    }

    fn look(&mut self) {
        let wait = self.queue.is_empty() && self.inbox.is_empty();
        let ops = self.program.looks.get(self.looks);
        self.looks += 1;
        for &op in ops.into_iter().flatten() {
            if !matches!(op, Op::Wake(_)) {
                self.act(op);
            }
        }
        let unparks = usize::from(wait && !self.inbox.is_empty());
        self.take_in();
        self.trace.push(Event::Look { wait, unparks, ready: !self.queue.is_empty() });
        for &op in ops.into_iter().flatten() {
            if let Op::Wake(task) = op {
                self.wake(task);
            }
        }
        if wait && ops.is_none() {
            self.over = true;
            match self.root {
                Some(root) => self.wake(root),
                None => self.stop = true,
            }
        }
    }

    /// Whoever has no turn behind it was sent.
    fn take_in(&mut self) {
        for task in std::mem::take(&mut self.inbox) {
            if self.tasks[task].polls == 0 {
                self.known.push(task);
            }
            self.schedule(task);
        }
    }

    fn turn(&mut self, number: usize) {
        if self.tasks[number].aborted {
            return self.end(number, false);
        }
        self.running = Some(number);
        self.again = false;
        let done = self.poll(number);
        self.running = None;
        if done {
            self.end(number, true);
        } else if self.again {
            self.queue.push_back(number);
        }
    }

    fn poll(&mut self, number: usize) -> bool {
        let task = &mut self.tasks[number];
        self.trace.push(Event::Turn { task: number, at: task.at });
        task.polls += 1;
        if self.over && self.root == Some(number) {
            return true;
        }
        let body = &self.program.bodies[task.body];
        while let Some(&op) = body.get(self.tasks[number].at) {
            if !self.step(number, op) {
                return false;
            }
            self.tasks[number].at += 1;
        }
        true
    }

    /// Whether the instruction is over.
    fn step(&mut self, number: usize, op: Op) -> bool {
        match op {
            Op::Yield | Op::Park => {
                let task = &mut self.tasks[number];
                task.paused = !task.paused;
                self.again |= task.paused && op == Op::Yield;
                return !task.paused;
            }
            Op::Join(joined) => return self.join(number, joined),
            Op::Wake(task) => self.wake(task),
            other => self.act(other),
        }
        true
    }

    fn join(&mut self, by: usize, task: usize) -> bool {
        let Some(joined) = self.tasks.get_mut(task).filter(|joined| joined.has_handle) else {
            return true;
        };
        if !joined.ended {
            joined.joiner = Some(by);
            return false;
        }
        joined.has_handle = false;
        self.trace.push(Event::Joined { task, by, completed: joined.completed });
        true
    }

    /// Outside of a run, every place is another place.
    fn outside(&mut self, op: Op) {
        match op {
            Op::Wake(task) => self.wake_away(task),
            other => self.act(other),
        }
    }

    fn act(&mut self, op: Op) {
        match op {
            Op::Away(task) => self.wake_away(task),
            Op::Spawn(_) | Op::Send(_) if self.tasks.len() >= MOST_TASKS => {}
            Op::Spawn(body) => {
                let task = self.enter(body, true);
                self.known.push(task);
            }
            Op::Send(body) => {
                let task = self.make(body, false);
                self.inbox.push(task);
            }
            Op::Abort(number) => {
                let task = self.tasks.get_mut(number);
                if let Some(task) = task.filter(|task| task.has_handle && !task.ended) {
                    task.aborted = true;
                    self.schedule(number);
                }
            }
            Op::Detach(task) => {
                if let Some(task) = self.tasks.get_mut(task) {
                    task.has_handle = false;
                    task.joiner = None;
                }
            }
            Op::Stop => self.stop = true,
            Op::Yield | Op::Park | Op::Join(_) | Op::Wake(_) => {}
        }
    }

    /// Nobody has the waker of a task that never had a turn.
    fn has_waker(&self, task: usize) -> bool {
        self.tasks.get(task).is_some_and(|task| task.polls > 0)
    }

    fn wake(&mut self, task: usize) {
        if self.has_waker(task) {
            self.schedule(task);
        }
    }

    /// Once in the queue (F1), at the tail (F2); itself when its turn is over.
    fn schedule(&mut self, task: usize) {
        if self.running == Some(task) {
            self.again = true;
        } else if !self.tasks[task].ended && !self.queue.contains(&task) {
            self.queue.push_back(task);
        }
    }

    /// Takes effect at the next look. Other places cannot know whether the task is queued or has ended.
    fn wake_away(&mut self, task: usize) {
        if self.has_waker(task) && !self.inbox.contains(&task) {
            self.inbox.push(task);
        }
    }

    fn end(&mut self, number: usize, completed: bool) {
        let task = &mut self.tasks[number];
        task.ended = true;
        task.completed = completed;
        if self.root != Some(number) {
            self.trace.push(Event::Dropped(number));
        }
        if let Some(joiner) = task.joiner.take() {
            self.wake(joiner);
        }
    }

    /// What is left, in the order of spawning; what was sent counts from when it is taken in.
    fn close(&mut self) {
        self.take_in();
        let left = self.known.iter().filter(|&&task| !self.tasks[task].ended);
        let lost = |&task: &usize| Event::Lost { task, polls: self.tasks[task].polls };
        self.trace.extend(left.clone().copied().map(Event::Dropped));
        self.trace.extend(left.map(lost));
    }
}
