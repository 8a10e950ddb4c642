//! [`Children`]: futures of one type that one future polls, each in its turn.
//!
//! A few children are polled in place, all of them in each turn, with the task's own waker: up to [`FEW`], that costs less
//! than a waker for each. More are polled only when they were woken, by a [`ReadySet`].

#![forbid(unsafe_code)]

use std::any::Any;
use std::future::Future;
use std::mem;
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::dropping::{FirstPanic, drop_in_order};
use super::ready_set::{ReadySet, Step};
use crate::executor::{budget, contain, poll_contained};

/// How many children are polled in place.
pub(super) const FEW: usize = 16;

/// Futures by their places. Those that are left are dropped in that order, and a panic of one drop does not keep it from
/// the next.
pub(super) struct Children<F> {
    futures: Vec<Option<Pin<Box<F>>>>,
    /// How many have not ended.
    left: usize,
    /// For more than [`FEW`]. A slot is a place.
    woken: Option<ReadySet>,
    /// Without that, the place that the next turn begins with.
    first: usize,
}

impl<F: Future> Children<F> {
    pub(super) fn new(futures: impl Iterator<Item = F>) -> Self {
        let futures: Vec<_> = futures.map(|future| Some(Box::pin(future))).collect();
        let left = futures.len();
        let woken = (left > FEW).then(|| {
            let mut woken = ReadySet::new();
            for place in 0..left {
                let slot = woken.add();
                debug_assert_eq!(slot, place);
            }
            woken
        });
        Self { futures, left, woken, first: 0 }
    }

    /// Polls the children, or those that were woken. `take` is given the output of each that ends, with its place, and says
    /// whether to go on. Ready when `take` breaks, by then the others are dropped; or when all have ended.
    ///
    /// A panic of a child goes on after the others were dropped.
    pub(super) fn turn<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(usize, F::Output) -> ControlFlow<R>,
    ) -> Poll<ControlFlow<R>> {
        let Self { futures, left, woken, first } = self;
        let places = 0..futures.len();
        let mut step =
            |place: usize, cx: &mut Context<'_>| match poll_child(&mut futures[place], cx) {
                Ok(Poll::Pending) => Step::Pending,
                Ok(Poll::Ready(output)) => {
                    *left -= 1;
                    match take(place, output) {
                        ControlFlow::Continue(()) => Step::Ended,
                        ControlFlow::Break(result) => Step::Finish(Ok(result)),
                    }
                }
                Err(panic) => Step::Finish(Err(panic)),
            };
        let finished = match woken {
            Some(woken) => woken.turn(cx, step),
            None => in_place(places, first, |place| step(place, cx)),
        };
        match finished {
            Poll::Ready(Ok(result)) => Poll::Ready(ControlFlow::Break(self.drop_left().or(result))),
            Poll::Ready(Err(panic)) => self.drop_left().after(panic),
            Poll::Pending if self.left == 0 => Poll::Ready(ControlFlow::Continue(())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<F> Children<F> {
    /// How many there were.
    pub(super) fn len(&self) -> usize {
        self.futures.len()
    }

    /// How many have not ended.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    fn drop_left(&mut self) -> FirstPanic {
        self.left = 0;
        drop_in_order(self.futures.iter_mut().map(Option::take))
    }
}

impl<F> Drop for Children<F> {
    fn drop(&mut self) {
        self.drop_left().go_on();
    }
}

/// Polls each place, until a step finishes. Begins with the first one, or, if the last turn had not enough budget for all, with
/// the one behind the child that used it up: that one is not to have all of each turn.
fn in_place<R>(
    places: Range<usize>,
    first: &mut usize,
    mut step: impl FnMut(usize) -> Step<R>,
) -> Poll<R> {
    let begin = mem::take(first);
    for place in (begin..places.end).chain(0..begin) {
        let had_budget = budget::has_budget();
        if let Step::Finish(result) = step(place) {
            return Poll::Ready(result);
        }
        if had_budget && !budget::has_budget() {
            *first = (place + 1) % places.end;
        }
    }
    Poll::Pending
}

/// Polls a child, unless it has ended, and drops it when it ends. `Err` is a panic of either; the child is dropped by then.
fn poll_child<F: Future>(
    child: &mut Option<Pin<Box<F>>>,
    cx: &mut Context<'_>,
) -> Result<Poll<F::Output>, Box<dyn Any + Send>> {
    if child.is_none() {
        return Ok(Poll::Pending);
    }
    let polled = poll_contained(Pin::new(&mut *child), cx)?;
    if polled.is_ready() {
        let ended = child.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(ended))) {
            contain(|| drop(polled));
            return Err(panic);
        }
    }
    Ok(polled)
}
