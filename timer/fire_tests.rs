//! Sleeps whose wakers arm, drop, reset and poll other sleeps while timers fire, against a sorted map.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use proptest::prelude::*;

use super::harness::timers;
use super::{Clock, Instant, Sleep, sleep_until};

/// Spans are in ns from now. A `usize` is the number of a sleep, modulo how many there are.
#[derive(Clone, Copy, Debug)]
enum Op {
    Arm(u64),
    Drop(usize),
    Reset(usize, u64),
    ResetPast(usize, u64),
    Poll(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Woken(usize),
    Polled(usize, bool),
}

fn op() -> impl Strategy<Value = Op> {
    let span = || prop_oneof![4 => 0_u64..8, 2 => 0_u64..300, 1 => any::<u64>()];
    prop_oneof![
        4 => span().prop_map(Op::Arm),
        2 => any::<usize>().prop_map(Op::Drop),
        2 => (any::<usize>(), span()).prop_map(|(nth, span)| Op::Reset(nth, span)),
        1 => (any::<usize>(), span()).prop_map(|(nth, span)| Op::ResetPast(nth, span)),
        2 => any::<usize>().prop_map(Op::Poll),
    ]
}

/// Each step is an advance of the clock and some operations after it. Each wake does the next of `by_wakers`.
#[derive(Clone, Debug)]
struct Program {
    steps: Vec<(u64, Vec<Op>)>,
    by_wakers: Vec<Op>,
}

fn program() -> impl Strategy<Value = Program> {
    let span = prop_oneof![4 => 0_u64..8, 1 => 0_u64..300];
    let steps = prop::collection::vec((span, prop::collection::vec(op(), 0..6)), 1..20);
    (steps, prop::collection::vec(op(), 0..60))
        .prop_map(|(steps, by_wakers)| Program { steps, by_wakers })
}

/// The sleeps themselves. A sleep is taken out of the `Vec` while it is polled.
#[derive(Default)]
struct Real {
    sleeps: RefCell<Vec<Option<Sleep>>>,
    by_wakers: RefCell<Vec<Op>>,
    events: RefCell<Vec<Event>>,
}

thread_local! {
    static REAL: RefCell<Rc<Real>> = RefCell::default();
}

fn real() -> Rc<Real> {
    REAL.with_borrow(Rc::clone)
}

struct Meddles(usize);

impl Wake for Meddles {
    fn wake(self: Arc<Self>) {
        let real = real();
        real.events.borrow_mut().push(Event::Woken(self.0));
        let op = real.by_wakers.borrow_mut().pop();
        op.into_iter().for_each(|op| real.run(op));
    }
}

impl Real {
    fn run(&self, op: Op) {
        let count = self.sleeps.borrow().len();
        let now = Instant::now();
        match op {
            Op::Arm(span) => {
                self.sleeps.borrow_mut().push(None);
                self.poll(count, sleep_until(Instant(now.0.saturating_add(span))));
            }
            _ if count == 0 => {}
            Op::Drop(nth) => drop(self.take(nth % count)),
            Op::Reset(nth, span) => self.reset(nth % count, now.0.saturating_add(span)),
            Op::ResetPast(nth, span) => self.reset(nth % count, now.0.saturating_sub(span)),
            Op::Poll(nth) => {
                let sleep = self.take(nth % count);
                sleep.into_iter().for_each(|sleep| self.poll(nth % count, sleep));
            }
        }
    }

    fn take(&self, index: usize) -> Option<Sleep> {
        self.sleeps.borrow_mut()[index].take()
    }

    fn poll(&self, index: usize, mut sleep: Sleep) {
        let waker = Waker::from(Arc::new(Meddles(index)));
        let poll = Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker));
        self.events.borrow_mut().push(Event::Polled(index, poll.is_ready()));
        self.sleeps.borrow_mut()[index] = Some(sleep);
    }

    fn reset(&self, index: usize, deadline: u64) {
        if let Some(sleep) = &mut self.sleeps.borrow_mut()[index] {
            sleep.reset(Instant(deadline));
        }
    }
}

#[derive(Clone, Copy)]
enum State {
    New(u64),
    /// In the map under this key, or fired.
    Armed((u64, u64)),
    Over,
}

/// What must happen.
struct Model {
    now: u64,
    states: Vec<Option<State>>,
    armed: BTreeMap<(u64, u64), usize>,
    armings: u64,
    by_wakers: Vec<Op>,
    events: Vec<Event>,
}

impl Model {
    fn run(&mut self, op: Op) {
        let count = self.states.len();
        match op {
            Op::Arm(span) => {
                self.states.push(None);
                self.poll(count, State::New(self.now.saturating_add(span)));
            }
            _ if count == 0 => {}
            Op::Drop(nth) => {
                if let Some(State::Armed(order)) = self.states[nth % count].take() {
                    self.armed.remove(&order);
                }
            }
            Op::Reset(nth, span) => self.reset(nth % count, self.now.saturating_add(span)),
            Op::ResetPast(nth, span) => self.reset(nth % count, self.now.saturating_sub(span)),
            Op::Poll(nth) => {
                let state = self.states[nth % count].take();
                state.into_iter().for_each(|state| self.poll(nth % count, state));
            }
        }
    }

    fn arm(&mut self, index: usize, deadline: u64) -> State {
        self.armings += 1;
        self.armed.insert((deadline, self.armings), index);
        State::Armed((deadline, self.armings))
    }

    fn poll(&mut self, index: usize, state: State) {
        let (state, ready) = match state {
            State::New(deadline) if deadline <= self.now => (State::Over, true),
            State::New(deadline) => (self.arm(index, deadline), false),
            State::Armed(order) if self.armed.contains_key(&order) => (state, false),
            State::Armed(_) | State::Over => (State::Over, true),
        };
        self.events.push(Event::Polled(index, ready));
        self.states[index] = Some(state);
    }

    fn reset(&mut self, index: usize, deadline: u64) {
        let Some(state) = self.states[index] else { return };
        let waits = matches!(state, State::Armed(order) if self.armed.remove(&order).is_some());
        let state = if waits { self.arm(index, deadline) } else { State::New(deadline) };
        self.states[index] = Some(state);
    }

    fn wake(&mut self, index: usize) {
        self.events.push(Event::Woken(index));
        let op = self.by_wakers.pop();
        op.into_iter().for_each(|op| self.run(op));
    }

    fn advance(&mut self, now: u64) {
        self.now = now;
        let later = self.armed.split_off(&(now + 1, 0));
        let due = std::mem::replace(&mut self.armed, later);
        due.into_values().for_each(|index| self.wake(index));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn wakers_may_arm_drop_reset_and_poll_sleeps_while_timers_fire(program in program()) {
        let timers = timers(Clock::Manual);
        let _entered = timers.enter();
        let by_wakers = program.by_wakers.clone();
        let real = Rc::new(Real { by_wakers: RefCell::new(by_wakers), ..Real::default() });
        REAL.set(Rc::clone(&real));
        let mut model = Model {
            now: timers.now(),
            states: Vec::new(),
            armed: BTreeMap::new(),
            armings: 0,
            by_wakers: program.by_wakers,
            events: Vec::new(),
        };
        for (span, ops) in program.steps {
            timers.timeline.set(timers.now() + span);
            timers.fire();
            model.advance(timers.now());
            for op in ops {
                real.run(op);
                model.run(op);
            }
            prop_assert_eq!(&*real.events.borrow(), &model.events);
            prop_assert_eq!(timers.len(), model.armed.len());
        }
    }
}
