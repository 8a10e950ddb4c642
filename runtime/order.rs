//! [`Order`]: whose turn is next, among the tasks that are ready.

#![forbid(unsafe_code)]

use crate::common::waits;
use crate::executor::{Chooser, Id, Info};

/// Whose turn is next, among the tasks that are ready.
///
/// ```
/// use std::sync::mpsc;
/// use taketurns::{Builder, Order, spawn};
///
/// let trace = |order| {
///     let (said, heard) = mpsc::channel();
///     Builder::new().order(order).build().unwrap().block_on(async {
///         let tasks = [1, 2, 3].map(|task| {
///             let said = said.clone();
///             spawn(async move { said.send(task).unwrap() })
///         });
///         for task in tasks {
///             task.await.unwrap();
///         }
///     });
///     heard.try_iter().collect::<Vec<_>>()
/// };
/// assert_eq!(trace(Order::Fifo), [1, 2, 3]);
/// assert_eq!(trace(Order::Shuffled(0)), trace(Order::Shuffled(0)));
/// assert!((0..20).any(|seed| trace(Order::Shuffled(seed)) == [3, 1, 2]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The task that was ready first. A task that enters behind *n* others takes the (n+1)th turn from then.
    #[default]
    Fifo,
    /// Any ready task, chosen by this seed. For tests: to find what holds only in the order in which the tasks happen to
    /// run. The executor looks outside before each turn, whatever its `event_interval`. When `block_on` ends, it gives as
    /// many last turns as tasks are queued, but to any of them.
    ///
    /// One seed gives one schedule, on every machine, if nothing else differs: under a virtual clock, and without threads
    /// and descriptors. [`testing::explore`](crate::testing::explore) tries many seeds.
    ///
    /// Each turn costs a look outside, and time in proportion to the number of ready tasks, as the chosen task is taken out
    /// of the middle of the queue.
    Shuffled(u64),
}

impl Order {
    /// `None`: the run queue alone says whose turn is next.
    pub(super) fn chooser(self) -> Option<Box<dyn Chooser>> {
        match self {
            Self::Fifo => None,
            Self::Shuffled(seed) => Some(Box::new(Shuffle::new(seed))),
        }
    }
}

/// A chooser without a say in the turns in which a report asks the tasks what they wait for, as the run is over by then.
pub(super) struct UntilAsked(pub(super) Box<dyn Chooser>);

impl Chooser for UntilAsked {
    fn choose(&mut self, ready: &[Id]) -> usize {
        if waits::is_asking() { 0 } else { self.0.choose(ready) }
    }

    fn turn(&mut self, task: Info) {
        if !waits::is_asking() {
            self.0.turn(task);
        }
    }
}

/// Random choices from a seed: SplitMix64 (Steele, Lea, Flood 2014), the same everywhere.
pub(crate) struct Shuffle(u64);

impl Shuffle {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(end);
        (wide >> u64::BITS) as u64
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

impl Chooser for Shuffle {
    fn choose(&mut self, ready: &[Id]) -> usize {
        self.below(ready.len() as u64) as usize
    }
}
