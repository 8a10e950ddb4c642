//! The semaphore against a simple model, over random programs: asks, polls, drops, adds, forgets, closes.

use std::collections::VecDeque;
use std::task::Poll;

use proptest::prelude::*;
use taketurns::sync::{Acquire, Permit, Semaphore};

use super::{Hand, poll_with};

#[derive(Clone, Debug)]
enum Op {
    Ask(usize),
    Poll(usize),
    Drop(usize),
    Release(usize),
    Try(usize),
    Add(usize),
    Forget(usize),
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        60 => (0_usize..5).prop_map(Op::Ask),
        60 => any::<usize>().prop_map(Op::Poll),
        40 => any::<usize>().prop_map(Op::Drop),
        40 => any::<usize>().prop_map(Op::Release),
        20 => (0_usize..5).prop_map(Op::Try),
        20 => (0_usize..5).prop_map(Op::Add),
        10 => (0_usize..5).prop_map(Op::Forget),
        1 => Just(Op::Close),
    ]
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    InLine,
    Granted,
    Refused,
}

/// A semaphore as one would write it first: it looks at the whole line after every step.
#[derive(Default)]
struct Model {
    free: usize,
    closed: bool,
    /// The futures in line: number and permits.
    line: VecDeque<(usize, usize)>,
    states: Vec<State>,
    woken: Vec<usize>,
}

impl Model {
    fn serve(&mut self) {
        while let Some(&(number, permits)) = self.line.front().filter(|front| front.1 <= self.free)
        {
            self.free -= permits;
            self.states[number] = State::Granted;
            self.woken.push(number);
            self.line.pop_front();
        }
    }

    fn can_take(&self, permits: usize) -> bool {
        !self.closed && (permits == 0 || self.line.is_empty() && permits <= self.free)
    }

    fn close(&mut self) {
        self.closed = true;
        for (number, _) in self.line.drain(..) {
            self.states[number] = State::Refused;
            self.woken.push(number);
        }
    }
}

fn run(permits: usize, program: &[Op]) {
    const NAMES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let name = |number: usize| NAMES[number % 10];
    let (hand, semaphore) = (Hand::default(), Semaphore::new(permits));
    let mut model = Model { free: permits, ..Model::default() };
    let mut futures: Vec<Option<(Acquire<'_>, usize)>> = Vec::new();
    let mut held: Vec<Permit<'_>> = Vec::new();
    for op in program {
        let alive: Vec<_> = (0..futures.len()).filter(|&i| futures[i].is_some()).collect();
        let pick = |nth: usize| (!alive.is_empty()).then(|| alive[nth % alive.len()]);
        match *op {
            Op::Ask(permits) => {
                let number = futures.len();
                let mut future = semaphore.acquire_many(permits);
                let polled = poll_with(&hand.waker(name(number)), &mut future);
                model.states.push(State::InLine);
                if model.closed {
                    assert!(matches!(polled, Poll::Ready(Err(_))));
                    futures.push(None);
                } else if model.can_take(permits) {
                    model.free -= permits;
                    let Poll::Ready(Ok(permit)) = polled else { panic!("{op:?} had to wait") };
                    held.push(permit);
                    futures.push(None);
                } else {
                    assert!(polled.is_pending(), "{op:?} overtook");
                    model.line.push_back((number, permits));
                    futures.push(Some((future, permits)));
                }
            }
            Op::Poll(nth) => {
                let Some(number) = pick(nth) else { continue };
                let (future, permits) = futures[number].as_mut().unwrap();
                match (poll_with(&hand.waker(name(number)), future), model.states[number]) {
                    (Poll::Pending, State::InLine) => continue,
                    (Poll::Ready(Ok(permit)), State::Granted) => {
                        assert_eq!(permit.permits(), *permits);
                        held.push(permit);
                    }
                    (Poll::Ready(Err(_)), State::Refused) => {}
                    (polled, state) => panic!("{polled:?} in {state:?}"),
                }
                futures[number] = None;
            }
            Op::Drop(nth) => {
                let Some(number) = pick(nth) else { continue };
                let (_, permits) = futures[number].take().unwrap();
                if model.states[number] == State::Granted {
                    model.free += permits;
                }
                model.line.retain(|waiter| waiter.0 != number);
                model.serve();
            }
            Op::Release(nth) if !held.is_empty() => {
                let permit = held.swap_remove(nth % held.len());
                model.free += permit.permits();
                model.serve();
            }
            Op::Release(_) => {}
            Op::Try(permits) => {
                let tried = semaphore.try_acquire_many(permits);
                assert_eq!(tried.is_ok(), model.can_take(permits));
                model.free -= tried.as_ref().map_or(0, Permit::permits);
                held.extend(tried);
            }
            Op::Add(permits) => {
                semaphore.add_permits(permits);
                model.free += permits;
                model.serve();
            }
            Op::Forget(permits) => {
                let forgotten = permits.min(model.free);
                assert_eq!(semaphore.forget_permits(permits), forgotten);
                model.free -= forgotten;
            }
            Op::Close => {
                semaphore.close();
                model.close();
            }
        }
        let woken: Vec<_> = model.woken.drain(..).map(name).collect();
        assert_eq!(hand.woken(), woken.join(" "), "after {op:?}");
        let expected = format!(
            "Semaphore {{ available_permits: {}, is_closed: {}, waiters: {} }}",
            model.free,
            model.closed,
            model.line.len()
        );
        assert_eq!(format!("{semaphore:?}"), expected, "after {op:?}");
    }
}

proptest! {
    #[test]
    fn agrees_with_a_simple_one(
        permits in 0_usize..6,
        program in proptest::collection::vec(op(), 0..100),
    ) {
        run(permits, &program);
    }
}
