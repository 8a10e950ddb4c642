//! TaskGroup, JoinSet, and many futures in one task: no child is alive when its group is over, and each outcome comes once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;

use taketurns::cancel::OrCancelled;
use taketurns::task::{
    Id, JoinSet, TaskGroup, borrowing, gather_settled, join_all, race, try_join_all,
};
use taketurns::{AbortHandle, JoinError, spawn, yield_now};

use super::world::{Dice, World, patiently};

/// What the children of one group have done.
#[derive(Default)]
struct Log {
    alive: Cell<usize>,
    /// Whether a task is in the step of this group.
    is_open: Cell<bool>,
    /// The numbers of the children that have ended, or failed, in that order.
    order: RefCell<Vec<usize>>,
}

/// Counts a child for as long as its future lives.
struct Alive(Rc<Log>);

impl Alive {
    fn new(log: &Rc<Log>) -> Self {
        log.alive.set(log.alive.get() + 1);
        Alive(Rc::clone(log))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.set(self.0.alive.get() - 1);
    }
}

/// The logs of all groups of a program: at its end, nothing is alive.
#[derive(Default)]
struct Logs(RefCell<Vec<Rc<Log>>>);

/// A step that has begun and was not dropped.
struct Open(Rc<Log>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.is_open.set(false);
    }
}

impl Logs {
    fn add(&self) -> (Rc<Log>, Open) {
        let log = Rc::<Log>::default();
        log.is_open.set(true);
        self.0.borrow_mut().push(Rc::clone(&log));
        (Rc::clone(&log), Open(log))
    }

    /// No task can go on, and all children end by themselves. So no step waits.
    fn nothing_waits(&self) {
        assert!(self.0.borrow().iter().all(|log| !log.is_open.get()), "a task is stuck");
    }

    fn nothing_is_alive(&self) {
        assert!(
            self.0.borrow().iter().all(|log| log.alive.get() == 0),
            "a child outlived its group"
        );
    }
}

async fn turns(many: usize) {
    for _ in 0..many {
        yield_now().await;
    }
}

type Child = Pin<Box<dyn Future<Output = Result<usize, usize>>>>;

/// A child of a task group: ends, fails, has children, waits until it is asked to end. It does not panic: a panic in a group
/// that is dropped is reported, which ends a run.
fn member(group: TaskGroup<usize>, log: Rc<Log>, mut dice: Dice, depth: usize) -> Child {
    let alive = Alive::new(&log);
    Box::pin(async move {
        let _alive = alive;
        assert!(!group.is_cancelled(), "it begins in a group that is cancelled");
        let number = usize::try_from(dice.roll() >> 8).unwrap();
        let fails = || log.order.borrow_mut().push(number);
        turns(dice.below(4)).await;
        match dice.below(8) {
            0 => {
                fails();
                return Err(number);
            }
            2 if depth < 2 => {
                let more = member(group.clone(), Rc::clone(&log), dice.split(), depth + 1);
                let handle = group.spawn(more);
                if dice.one_in(2) {
                    let _ = handle.await;
                }
            }
            3 if dice.one_in(2) => {
                let _ = pending::<()>().or_cancelled().await;
                turns(dice.below(3)).await; // it cleans up
                if dice.one_in(3) {
                    fails();
                    return Err(number);
                }
            }
            4 if dice.one_in(3) => group.cancel("enough"),
            _ => {}
        }
        turns(dice.below(3)).await;
        Ok(number)
    })
}

#[derive(Default)]
pub(crate) struct OfTaskGroup(Logs);

impl World for OfTaskGroup {
    fn new(_: &mut Dice) -> Self {
        Self::default()
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let (log, _open) = self.0.add();
        let fails_fast = dice.one_in(2);
        let (in_body, mut own) = (Rc::clone(&log), dice.split());
        let body = async move |group: TaskGroup<usize>| {
            let _alive = Alive::new(&in_body);
            for _ in 0..own.below(5) {
                let child = member(group.clone(), Rc::clone(&in_body), own.split(), 0);
                let handle = group.spawn(child);
                if own.one_in(4) {
                    let _ = handle.await;
                }
                turns(own.below(2)).await;
            }
            if own.one_in(6) {
                in_body.order.borrow_mut().push(1);
                return Err(1);
            }
            let failed = !in_body.order.borrow().is_empty();
            assert!(group.is_cancelled() || !(fails_fast && failed), "a failure cancels nothing");
            Ok(7)
        };
        let outcome = if fails_fast {
            patiently(&mut dice, Box::pin(TaskGroup::scope(body))).await
        } else {
            patiently(&mut dice, Box::pin(TaskGroup::collect(body))).await
        };
        let Some(outcome) = outcome else { return }; // the tasks end in their next turns
        assert_eq!(log.alive.get(), 0, "children are alive after the scope");
        let failed = log.order.take();
        match outcome {
            Ok(value) => {
                assert_eq!(value, 7);
                assert_eq!(failed, [], "failures that the scope has not told of");
            }
            Err(error) => {
                assert!(error.is_cancelled() == failed.is_empty());
                let numbers = error.failures().iter().zip(&failed);
                for (failure, number) in numbers {
                    assert!(failure.error().is_none_or(|error| error == number));
                }
                assert_eq!(error.failures().len(), failed.len());
            }
        }
    }

    fn settled(&self) {
        // Children may wait until they are asked to end. But a scope whose children and body are gone returns.
        let is_stuck = |log: &Rc<Log>| log.is_open.get() && log.alive.get() == 0;
        assert!(!self.0.0.borrow().iter().any(is_stuck), "a scope does not return");
    }

    fn ended(&self) {
        self.0.nothing_is_alive();
    }
}

#[derive(Default)]
pub(crate) struct OfJoinSet(Logs);

/// A set, and what it should give.
struct Set {
    set: JoinSet<usize>,
    log: Rc<Log>,
    numbers: BTreeMap<Id, usize>,
    handles: Vec<AbortHandle>,
    joined: usize,
}

/// Says that the task has ended, in whatever way.
struct Ends(Alive, usize);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.0.order.borrow_mut().push(self.1);
    }
}

impl Set {
    fn spawn(&mut self, dice: &mut Dice) {
        let number = self.numbers.len();
        let (ends, many) = (Ends(Alive::new(&self.log), number), dice.below(5));
        let log = Rc::clone(&self.log);
        let abort = self.set.spawn(async move {
            let _ends = ends;
            for _ in 0..many {
                yield_now().await;
                assert!(log.is_open.get(), "it has a turn, and its set is dropped");
            }
            number
        });
        self.numbers.insert(abort.id(), number);
        self.handles.push(abort);
    }

    /// The next output is that of the task that ended next.
    fn joined(&mut self, outcome: &Result<usize, JoinError>) {
        let number = match outcome {
            Ok(number) => *number,
            Err(error) => self.numbers[&error.task().unwrap().id()],
        };
        assert_eq!(number, self.log.order.borrow()[self.joined], "out of order");
        self.joined += 1;
    }
}

impl World for OfJoinSet {
    fn new(_: &mut Dice) -> Self {
        Self::default()
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let (log, _open) = self.0.add();
        let mut set = Set {
            set: JoinSet::new(),
            log: Rc::clone(&log),
            numbers: BTreeMap::new(),
            handles: Vec::new(),
            joined: 0,
        };
        for _ in 0..dice.below(12) {
            match dice.below(12) {
                0..4 => set.spawn(&mut dice),
                4..7 => match patiently(&mut dice, set.set.join_next()).await {
                    Some(Some(outcome)) => set.joined(&outcome),
                    Some(None) => assert_eq!(set.joined, set.numbers.len()),
                    None => {}
                },
                7 => match patiently(&mut dice, Box::pin(set.set.join_next_with_id())).await {
                    Some(Some((id, outcome))) => {
                        assert_eq!(set.numbers[&id], set.log.order.borrow()[set.joined]);
                        set.joined(&outcome);
                    }
                    Some(None) => assert_eq!(set.joined, set.numbers.len()),
                    None => {}
                },
                8 => {
                    let ended = log.order.borrow().len();
                    match set.set.try_join_next() {
                        Some(outcome) => set.joined(&outcome),
                        None => assert_eq!(set.joined, ended, "a task has ended"),
                    }
                }
                9 if !set.handles.is_empty() => {
                    let place = dice.below(set.handles.len());
                    set.handles[place].abort();
                }
                10 if dice.one_in(4) => set.set.abort_all(),
                _ => dice.pause().await,
            }
            assert_eq!(set.set.len(), set.numbers.len() - set.joined);
        }
        if dice.one_in(2) {
            set.set.shutdown().await;
            assert_eq!(log.alive.get(), 0, "a task is alive after `shutdown`");
        }
    }

    fn settled(&self) {
        self.0.nothing_waits();
    }

    fn ended(&self) {
        self.0.nothing_is_alive();
    }
}

#[derive(Default)]
pub(crate) struct OfJoins(Logs);

/// Ends after some turns, and says so.
async fn runs(log: Rc<Log>, number: usize, many: usize, fails: bool) -> Result<usize, usize> {
    let _alive = Alive::new(&log);
    turns(many).await;
    log.order.borrow_mut().push(number);
    if fails { Err(number) } else { Ok(number) }
}

impl World for OfJoins {
    fn new(_: &mut Dice) -> Self {
        Self::default()
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let (log, _open) = self.0.add();
        let count = 1 + dice.below(5);
        let kinds: Vec<_> = (0..count).map(|_| (dice.below(4), dice.one_in(4))).collect();
        let run = |(number, &(many, fails)): (usize, &(usize, bool))| {
            runs(Rc::clone(&log), number, many, fails)
        };
        let outcomes = |log: &Log| {
            assert_eq!(log.order.borrow().len(), count);
            let outcome = |number: usize| if kinds[number].1 { Err(number) } else { Ok(number) };
            (0..count).map(outcome).collect::<Vec<_>>()
        };
        let futures = kinds.iter().enumerate().map(run);
        match dice.below(5) {
            0 => {
                if let Some(all) = patiently(&mut dice, join_all(futures)).await {
                    assert_eq!(all, outcomes(&log));
                }
            }
            1 => {
                if let Some(all) = patiently(&mut dice, try_join_all(futures)).await {
                    let order = log.order.borrow();
                    let failed = order.iter().copied().find(|&number| kinds[number].1);
                    assert_eq!(all, failed.map_or(Ok((0..count).collect()), Err));
                }
            }
            2 => {
                let futures: Vec<_> = futures.collect();
                if let Some(first) = patiently(&mut dice, race(futures)).await {
                    let (Ok(number) | Err(number)) = first;
                    assert_eq!(number, log.order.borrow()[0]);
                }
            }
            3 => {
                let tasks: Vec<_> = futures.map(spawn).collect();
                let settled = gather_settled(tasks);
                if let Some(all) = patiently(&mut dice, settled).await {
                    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
                    assert_eq!(all, outcomes(&log));
                }
                return; // what was given up is aborted, and dropped in its next turn
            }
            _ => {
                let ends_early = dice.one_in(3);
                let total = Cell::new(0);
                let (sum, kinds, log) = (&total, &kinds, &log);
                let group = borrowing(async move |group| {
                    for (number, &(many, fails)) in kinds.iter().enumerate() {
                        group.spawn(async move {
                            let _alive = Alive::new(log);
                            turns(many).await;
                            sum.set(sum.get() + number);
                            if fails && ends_early {
                                group.finish(number);
                            }
                        });
                        turns(many % 2).await;
                    }
                    count
                });
                if let Some(outcome) = patiently(&mut dice, Box::pin(group)).await {
                    let early = ends_early.then(|| kinds.iter().any(|kind| kind.1));
                    if early != Some(true) {
                        assert_eq!((outcome, total.get()), (count, (0..count).sum()));
                    } else {
                        assert!(kinds[outcome].1);
                    }
                }
            }
        }
        assert_eq!(log.alive.get(), 0, "a future is alive after its group");
    }

    fn settled(&self) {
        self.0.nothing_waits();
    }

    fn ended(&self) {
        self.0.nothing_is_alive();
    }
}
