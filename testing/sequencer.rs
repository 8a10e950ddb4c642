//! [`Sequencer`]: blocks of code of several tasks, in a fixed order.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use crate::common::awaited::{Awaited, Detail};
use crate::common::waits;
use crate::executor::{budget, contain, is_noop};

type Site = &'static Location<'static>;

/// Runs blocks of code in the order 0, 1, 2, .. , whichever tasks they are in (trio's `Sequencer`).
///
/// A test of an order of events could yield in one task until another has gone far enough. Here each block says its place
/// instead: [`at(2)`](Self::at) waits until block 1 has ended. A block lasts until its [`Block`] is dropped. A clone is the
/// same sequencer.
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
/// use taketurns::{spawn, testing::Sequencer};
///
/// taketurns::block_on(async {
///     let sequencer = Sequencer::new();
///     let said = Rc::new(RefCell::new(Vec::new()));
///     let (in_task, say) = (sequencer.clone(), Rc::clone(&said));
///     let task = spawn(async move {
///         {
///             let _block = in_task.at(0).await;
///             say.borrow_mut().push("the task");
///         }
///         let _block = in_task.at(2).await;
///         say.borrow_mut().push("the task again");
///     });
///     {
///         let _block = sequencer.at(1).await;
///         said.borrow_mut().push("the test");
///     }
///     task.await.unwrap();
///     assert_eq!(*said.borrow(), ["the task", "the test", "the task again"]);
/// });
/// ```
#[derive(Clone, Default)]
pub struct Sequencer(Rc<RefCell<Sequence>>);

#[derive(Default)]
struct Sequence {
    /// The block that may begin, or has begun.
    next: u64,
    /// Where each block was asked for.
    sites: BTreeMap<u64, Site>,
    wakers: BTreeMap<u64, Waker>,
    /// The lowest of the blocks that will never be, as their `At`s were dropped.
    broken: Option<u64>,
}

impl Sequencer {
    /// A new one, which begins at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until all blocks of a lower number have ended. The returned [`Block`] is this one, until it is dropped.
    ///
    /// The wait is FIFO by number: each end of a block wakes the task that waits for the next one.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before its block has begun, polled or not, the blocks after it can never begin. So the tasks that wait
    /// for them panic.
    ///
    /// # Panics
    ///
    /// When this block was asked for before. When it is awaited, and a block before it never can be. When the future is
    /// polled after it was ready.
    #[track_caller]
    pub fn at(&self, block: u64) -> At {
        let site = Location::caller();
        let before = self.0.borrow_mut().sites.insert(block, site);
        if let Some(before) = before {
            self.0.borrow_mut().sites.insert(block, before);
            panic!(
                "`Sequencer::at({block})` was called before, at {before}: each number has one block"
            );
        }
        At { sequencer: self.clone(), block, state: State::Waits }
    }

    /// Goes on to the next block, whose task is woken.
    fn go_on(&self) {
        let waker = {
            let mut sequence = self.0.borrow_mut();
            sequence.next += 1;
            let next = sequence.next;
            sequence.wakers.remove(&next)
        };
        if let Some(waker) = waker {
            contain(|| waker.wake());
        }
    }

    /// This block will never be. Wakes every task that waits, and those whose blocks come after this one panic.
    fn give_up(&self, block: u64) {
        let wakers = {
            let mut sequence = self.0.borrow_mut();
            sequence.broken = Some(sequence.broken.map_or(block, |broken| broken.min(block)));
            std::mem::take(&mut sequence.wakers)
        };
        for waker in wakers.into_values() {
            contain(|| waker.wake());
        }
    }
}

impl fmt::Debug for Sequencer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequence = self.0.borrow();
        let waiting: Vec<_> = sequence.wakers.keys().collect();
        f.debug_struct("Sequencer")
            .field("next", &sequence.next)
            .field("waiting", &waiting)
            .field("broken", &sequence.broken)
            .finish()
    }
}

/// The future of [`Sequencer::at`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited, and dropping this one breaks the sequence"]
pub struct At {
    sequencer: Sequencer,
    block: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waits,
    /// It has panicked, or handed its block over.
    Done,
}

impl At {
    /// Registers the waker before it looks: a clone may do anything, and end the block before this one.
    fn poll_begun(&mut self, waker: &Waker) -> Poll<()> {
        self.register(waker);
        let sequence = self.sequencer.0.borrow();
        if sequence.next == self.block {
            return Poll::Ready(());
        }
        if let Some(broken) = sequence.broken.filter(|&broken| broken < self.block) {
            self.state = State::Done;
            panic!(
                "`Sequencer::at({})` can never begin: `at({broken})` at {} was dropped before its block began",
                self.block, sequence.sites[&broken]
            );
        }
        waits::note(self.wait_key(), || {
            let block = Detail::Block { number: self.block, running: sequence.next };
            Awaited::new("the `Sequencer::at()`", sequence.sites[&self.block]).with(block)
        });
        Poll::Pending
    }

    fn wait_key(&self) -> waits::Key {
        waits::Key::in_line(&*self.sequencer.0, self.block)
    }

    fn register(&self, waker: &Waker) {
        let sequence = &self.sequencer.0;
        let is_known = |known: &Waker| known.will_wake(waker);
        if sequence.borrow().wakers.get(&self.block).is_some_and(is_known) {
            return;
        }
        // A noop waker asks to forget the registered one.
        let waker = (!is_noop(waker)).then(|| waker.clone());
        let unused = {
            let wakers = &mut sequence.borrow_mut().wakers;
            match waker {
                Some(waker) => wakers.insert(self.block, waker),
                None => wakers.remove(&self.block),
            }
        };
        contain(|| drop(unused));
    }
}

impl Future for At {
    type Output = Block;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Block> {
        ready!(budget::poll_ready(cx));
        assert!(
            self.state == State::Waits,
            "an `At` was polled after it was ready: call `Sequencer::at` again"
        );
        ready!(self.poll_begun(cx.waker()));
        budget::spend();
        waits::over(self.wait_key());
        self.state = State::Done;
        Poll::Ready(Block { sequencer: self.sequencer.clone() })
    }
}

impl Drop for At {
    fn drop(&mut self) {
        waits::over(self.wait_key());
        let waker = self.sequencer.0.borrow_mut().wakers.remove(&self.block);
        contain(|| drop(waker));
        if self.state == State::Waits {
            self.sequencer.give_up(self.block);
        }
    }
}

/// A block of a [`Sequencer`]: the next one begins when this is dropped, by a panic too.
#[must_use = "the block lasts until this is dropped: `let _block = ..`, not `let _ = ..`"]
pub struct Block {
    sequencer: Sequencer,
}

impl Drop for Block {
    fn drop(&mut self) {
        self.sequencer.go_on();
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.sequencer.0.borrow().next;
        f.debug_tuple("Block").field(&number).finish()
    }
}
