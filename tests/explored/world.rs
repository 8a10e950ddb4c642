//! Random programs under random schedules: [`explore_programs`], and what the worlds share that they run in.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use taketurns::testing::explore;
use taketurns::time::sleep;
use taketurns::{JoinError, spawn, yield_now};

/// How many programs, each under its own schedule.
const SEEDS: u64 = 2000;

/// Choices that depend on a seed alone (`SplitMix64`).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// For another task.
    pub(crate) fn split(&mut self) -> Self {
        Dice(self.roll())
    }

    /// A few turns for others, or none.
    pub(crate) async fn pause(&mut self) {
        for _ in 0..self.below(4) {
            yield_now().await;
        }
    }
}

/// A primitive and its model, and what tasks do with them.
pub(crate) trait World: 'static {
    fn new(dice: &mut Dice) -> Self;

    /// One operation of a task, which compares with the model.
    fn step(self: Rc<Self>, dice: Dice) -> impl Future<Output = ()>;

    /// No task can go on. So no future that waits has been let go.
    fn settled(&self);

    /// All tasks have ended, by themselves or by an abort.
    fn ended(&self);
}

/// Several tasks take random steps in a world. Some are aborted. When no task can go on, the rest are aborted too.
async fn program<W: World>(seed: u64) {
    let mut dice = Dice(seed);
    let world = Rc::new(W::new(&mut dice));
    let tasks: Vec<_> = (0..2 + dice.below(4))
        .map(|_| {
            let (world, mut dice) = (Rc::clone(&world), dice.split());
            spawn(async move {
                for _ in 0..1 + dice.below(6) {
                    Rc::clone(&world).step(dice.split()).await;
                    dice.pause().await;
                }
            })
        })
        .collect();
    for task in &tasks {
        if dice.one_in(4) {
            dice.pause().await;
            task.abort();
        }
    }
    sleep(Duration::from_secs(60)).await; // virtual time goes on when no task is ready
    world.settled();
    for task in &tasks {
        task.abort();
    }
    for task in tasks {
        if let Err(Ok(panic)) = task.await.map_err(JoinError::into_panic) {
            resume_unwind(panic);
        }
    }
    sleep(Duration::from_secs(60)).await;
    world.ended();
}

/// Each seed gives one program and one schedule. `TAKETURNS_SEED` in the environment is the only one instead.
pub(crate) fn explore_programs<W: World>() {
    let only = std::env::var("TAKETURNS_SEED").ok().map(|seed| seed.parse().unwrap());
    for seed in only.map_or(0..SEEDS, |seed: u64| seed..seed + 1) {
        explore([seed], || program::<W>(seed));
    }
}

/// A primitive as one would write it first. Futures have numbers.
pub(crate) trait Model {
    type Ask: Copy + Debug;
    type Outcome: PartialEq + Debug;

    /// A future is polled for the first time. `None`: it has to wait.
    fn come(&mut self, number: usize, ask: Self::Ask) -> Option<Self::Outcome>;

    /// A future that waits is polled again.
    fn look(&mut self, number: usize) -> Option<Self::Outcome>;

    /// A future that waits is dropped.
    fn leave(&mut self, number: usize);

    /// The futures that wait, and would be ready if they were polled.
    fn let_go(&self) -> Vec<usize>;
}

/// The model, and numbers for its futures.
pub(crate) struct Shared<M> {
    model: RefCell<M>,
    next: Cell<usize>,
}

impl<M: Model> Shared<M> {
    pub(crate) fn new(model: M) -> Self {
        Shared { model: RefCell::new(model), next: Cell::new(0) }
    }

    pub(crate) fn model<R>(&self, f: impl FnOnce(&mut M) -> R) -> R {
        f(&mut self.model.borrow_mut())
    }

    /// Polls `future` and the model side by side. `read` makes of an output what the model says.
    pub(crate) fn beside<F: Future>(
        &self,
        ask: M::Ask,
        future: F,
        read: impl Fn(&F::Output) -> M::Outcome,
    ) -> Beside<'_, F, M, impl Fn(&F::Output) -> M::Outcome> {
        let number = self.next.replace(self.next.get() + 1);
        let future = Box::pin(future);
        Beside { shared: self, ask, future, read, number, state: State::New }
    }

    pub(crate) fn settled(&self) {
        let let_go = self.model.borrow().let_go();
        assert!(let_go.is_empty(), "no task can go on, but these futures were let go: {let_go:?}");
    }
}

#[derive(PartialEq)]
enum State {
    New,
    Waits,
    Done,
}

pub(crate) struct Beside<'a, F: Future, M: Model, R> {
    shared: &'a Shared<M>,
    ask: M::Ask,
    future: Pin<Box<F>>,
    read: R,
    number: usize,
    state: State,
}

impl<F: Future, M: Model, R: Fn(&F::Output) -> M::Outcome + Unpin> Future for Beside<'_, F, M, R> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Beside { shared, ask, future, read, number, state } = self.get_mut();
        let polled = future.as_mut().poll(cx);
        let seen = match &polled {
            Poll::Ready(output) => Some(read(output)),
            Poll::Pending => None,
        };
        let expected = match state {
            State::New => shared.model(|model| model.come(*number, *ask)),
            _ => shared.model(|model| model.look(*number)),
        };
        assert_eq!(seen, expected, "{ask:?}, future {number}: it, and the model");
        *state = if polled.is_ready() { State::Done } else { State::Waits };
        polled
    }
}

// Only the future is pinned, by its box.
impl<F: Future, M: Model, R> Unpin for Beside<'_, F, M, R> {}

impl<F: Future, M: Model, R> Drop for Beside<'_, F, M, R> {
    fn drop(&mut self) {
        if self.state == State::Waits && !std::thread::panicking() {
            self.shared.model(|model| model.leave(self.number));
        }
    }
}

/// Awaits the future, or gives it up: after some turns, or unpolled after the first poll, so with what it was granted.
pub(crate) async fn patiently<F: Future + Unpin>(
    dice: &mut Dice,
    mut future: F,
) -> Option<F::Output> {
    match dice.below(6) {
        0..3 => return Some(future.await),
        3 | 4 => {
            let mut others = Box::pin(dice.pause());
            return poll_fn(|cx| match Pin::new(&mut future).poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => others.as_mut().poll(cx).map(|()| None),
            })
            .await;
        }
        _ => {}
    }
    let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx))).await;
    if let Poll::Ready(output) = first {
        return Some(output);
    }
    dice.pause().await;
    if dice.one_in(2) { Some(future.await) } else { None }
}

/// The futures that wait for one thing, in the order in which they came, and those that were let go with a `T`.
pub(crate) struct Line<A, T> {
    pub(crate) waiting: Vec<(usize, A)>,
    pub(crate) gone: BTreeMap<usize, T>,
}

impl<A, T> Default for Line<A, T> {
    fn default() -> Self {
        Line { waiting: Vec::new(), gone: BTreeMap::new() }
    }
}

impl<A: Copy, T: Clone> Line<A, T> {
    pub(crate) fn join(&mut self, number: usize, ask: A) {
        self.waiting.push((number, ask));
    }

    pub(crate) fn let_front_go(&mut self, with: T) -> bool {
        let has_front = !self.waiting.is_empty();
        if has_front {
            self.gone.insert(self.waiting.remove(0).0, with);
        }
        has_front
    }

    pub(crate) fn let_all_go(&mut self, with: &T) {
        self.gone.extend(self.waiting.drain(..).map(|(number, _)| (number, with.clone())));
    }

    /// A future leaves. With what it was let go, if it was.
    pub(crate) fn leave(&mut self, number: usize) -> Option<T> {
        self.waiting.retain(|waiting| waiting.0 != number);
        self.gone.remove(&number)
    }

    pub(crate) fn let_go(&self) -> Vec<usize> {
        self.gone.keys().copied().collect()
    }
}
