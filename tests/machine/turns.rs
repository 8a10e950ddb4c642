//! The model's loop, and how its tasks and executors end.

#![forbid(unsafe_code)]

use std::rc::Rc;

use super::{Actor, Joiner, Model, Slot, Task};
use crate::program::{Act, Dropping, Event, INTERVALS, Outcome, Rest, Then};

impl Model {
    pub(super) fn run(&mut self, slot: usize, turns: &[(Act, Rest)]) {
        if !self.slots[slot].at_rest {
            return;
        }
        let life = self.slots[slot].life;
        self.enter(slot, |model| {
            let root = model.tasks.len();
            model.tasks.push(Task::new(life, 0, Some(turns.to_vec())));
            model.lives[life].queue.push_back(root);
            let mut turns_left = 0;
            let mut step = |model: &mut Model| {
                let turn = turns_left > 0 && !model.lives[life].queue.is_empty();
                if turn {
                    turns_left -= 1;
                    model.turn(life);
                } else {
                    turns_left = INTERVALS[slot];
                    model.look(life, root);
                }
                usize::from(turn)
            };
            while !model.tasks[root].is_finished() {
                step(model);
            }
            let mut owed = model.lives[life].queue.len();
            while owed > 0 {
                owed -= step(model);
            }
            model.tasks[root].output = None;
        });
        self.slots[slot].at_rest = true;
    }

    /// Inside of the executor, which is not at rest afterwards.
    fn enter(&mut self, slot: usize, f: impl FnOnce(&mut Self)) {
        let life = self.slots[slot].life;
        self.slots[slot] = Slot { life, at_rest: false, busy: true };
        let before = self.inside.replace(life);
        f(self);
        self.inside = before;
        self.slots[slot].busy = false;
    }

    fn look(&mut self, life: usize, root: usize) {
        if self.lives[life].queue.is_empty() && self.lives[life].inbox.is_empty() {
            assert!(std::mem::take(&mut self.idle), "the model waits for ever");
            self.wake(root, None);
        }
        self.take_in(life);
    }

    fn turn(&mut self, life: usize) {
        let number = self.lives[life].queue.pop_front().expect("somebody is ready");
        let task = &mut self.tasks[number];
        task.owed_a_turn = false;
        task.running = true;
        if task.aborted {
            return self.settle(number, Outcome::Cancelled);
        }
        task.polls += 1;
        self.events.push(Event::Polled(number));
        if let Some(outcome) = self.poll(number) {
            return self.settle(number, outcome);
        }
        self.tasks[number].running = false;
        if self.tasks[number].owed_a_turn {
            self.lives[life].queue.push_back(number);
        }
    }

    fn poll(&mut self, number: usize) -> Option<Outcome> {
        let nth = self.tasks[number].polls as usize - 1;
        let actor = Actor { me: Some(number), in_turn: true };
        if let Some(turns) = &self.tasks[number].turns {
            self.idle = false;
            let Some((act, rest)) = turns.get(nth).cloned() else { return Some(Outcome::Value) };
            self.act(&act, actor);
            match rest {
                Rest::Yield => self.wake_home(number),
                Rest::Idle => self.idle = true,
            }
            return None;
        }
        let program = Rc::clone(&self.program);
        let (acts, then) = program.script(self.tasks[number].script).polls.get(nth)?;
        acts.iter().for_each(|act| self.act(act, actor));
        match then {
            Then::Pend => None,
            Then::Yield => {
                self.wake_home(number);
                None
            }
            Then::Done => Some(Outcome::Value),
            Then::Panic => Some(Outcome::Panicked),
        }
    }

    // ---- ending

    fn settle(&mut self, number: usize, mut outcome: Outcome) {
        let root = self.tasks[number].is_root();
        let program = Rc::clone(&self.program);
        let script = program.script(self.tasks[number].script);
        if !root {
            self.events.push(Event::FutureDropped(number));
            self.destructor(number, &script.future_drop);
        }
        self.tasks[number].future = false;
        self.tasks[number].aborted = false;
        if !root && script.future_drop.panics && outcome != Outcome::Panicked {
            self.drop_outcome(number, std::mem::replace(&mut outcome, Outcome::DropPanicked));
        }
        if root || self.tasks[number].handle {
            self.tasks[number].output = Some(outcome);
            match self.tasks[number].joiner.take() {
                Some(Joiner::Task(joiner)) => self.wake(joiner, self.inside),
                Some(Joiner::Recorder) => self.events.push(Event::Recorded(number)),
                None => {}
            }
        } else {
            self.drop_outcome(number, outcome);
        }
        self.tasks[number].running = false;
        self.tasks[number].owed_a_turn = false;
    }

    pub(super) fn drop_outcome(&mut self, number: usize, outcome: Outcome) {
        if matches!(outcome, Outcome::Value | Outcome::Panicked) {
            self.events.push(Event::OutputDropped(number));
            let program = Rc::clone(&self.program);
            self.destructor(number, &program.script(self.tasks[number].script).output_drop);
        }
    }

    /// Its panic, if any, never leaves the act or the executor that drops.
    fn destructor(&mut self, number: usize, dropping: &Dropping) {
        let actor = Actor { me: Some(number), in_turn: false };
        dropping.acts.iter().for_each(|act| self.act(act, actor));
    }

    pub(super) fn end(&mut self, slot: usize, says_what_is_lost: bool) {
        if !self.slots[slot].at_rest {
            return;
        }
        let life = self.slots[slot].life;
        let mut lost = Vec::new();
        self.enter(slot, |model| {
            model.take_in(life);
            model.lives[life].ended = true;
            while let Some(task) = model.first_lost(life, &lost) {
                for queued in std::mem::take(&mut model.lives[life].queue) {
                    model.tasks[queued].owed_a_turn = false;
                }
                lost.push((task, model.tasks[task].polls));
                model.tasks[task].running = true;
                model.settle(task, Outcome::Shutdown);
            }
        });
        if says_what_is_lost {
            self.events.push(Event::Lost(lost));
        }
    }

    fn first_lost(&self, life: usize, lost: &[(usize, u64)]) -> Option<usize> {
        let after = lost.last().map_or(0, |&(task, _)| task + 1);
        (after..self.tasks.len())
            .find(|&task| self.tasks[task].life == life && self.tasks[task].future)
    }
}
