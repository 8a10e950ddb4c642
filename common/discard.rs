//! [`discard`]: dropping what an executor or pool has refused.
//!
//! An executor or pool that has ended refuses what is sent to it, and the sender drops that. It could simply drop it. But
//! the destructor may send again and be refused again: each drop would nest in the one before, and overflow the stack. So
//! only the outermost [`discard`] drops; the calls inside it queue what they are given.

#![forbid(unsafe_code)]

use std::any::Any;
use std::collections::VecDeque;
use std::mem::{self, ManuallyDrop};

use crate::executor::primitives::thread_cell;
use crate::executor::silence;

/// How many values are dropped in one go. Destructors may refill the line for ever, so what comes after is forgotten.
const MOST_IN_ONE_GO: usize = 100_000;

type Line = VecDeque<Box<dyn Any>>;

thread_cell! {
    /// What is to be dropped after the value that is being dropped now; `None` while none is.
    static LINE: ManuallyDrop<Option<Line>> = ManuallyDrop::new(None);
}

/// Puts `line` in place, and gives the one that was there.
fn replace(line: Option<Line>) -> Option<Line> {
    LINE.with(|place| ManuallyDrop::into_inner(place.replace(ManuallyDrop::new(line))))
}

/// Drops `refused` on this thread: now, or after the drop that is under way. A panic of its destructor ends here; the
/// panic hook has printed it.
pub(crate) fn discard<T: 'static>(refused: T) {
    if let Some(mut line) = replace(None) {
        line.push_back(Box::new(refused));
        replace(Some(line));
        return;
    }
    replace(Some(Line::new()));
    silence(|| drop(refused));
    for _ in 1..MOST_IN_ONE_GO {
        let Some(next) = next() else { break };
        silence(|| drop(next));
    }
    replace(None).into_iter().flatten().for_each(mem::forget);
}

fn next() -> Option<Box<dyn Any>> {
    let mut line = replace(None)?;
    let next = line.pop_front();
    replace(Some(line));
    next
}
