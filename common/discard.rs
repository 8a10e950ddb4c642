//! [`discard`]: dropping what was refused.
//!
//! An executor or pool that has ended refuses what is sent, and the sender drops it. Such a destructor may send
//! again and be refused again. Dropped at once, each drop would nest in the one before and overflow the stack. So
//! only the outermost [`discard`] drops; nested ones queue.

#![forbid(unsafe_code)]

use std::any::Any;
use std::collections::VecDeque;
use std::mem::{self, ManuallyDrop};

use crate::executor::primitives::thread_cell;
use crate::executor::silence;

/// Destructors may refill the line for ever. That many are dropped in one go; what comes after is forgotten.
const MOST: usize = 100_000;

type Line = VecDeque<Box<dyn Any>>;

thread_cell! {
    /// What is to be dropped after the one that is being dropped; `None`: none is.
    static LINE: ManuallyDrop<Option<Line>> = ManuallyDrop::new(None);
}

/// Puts another line in place.
fn replace(line: Option<Line>) -> Option<Line> {
    LINE.with(|place| ManuallyDrop::into_inner(place.replace(ManuallyDrop::new(line))))
}

/// Drops `refused`, which may be user code, on this thread: now, or when the drop that is under way is over. A
/// panic of it ends there; the panic hook has told of it.
pub(crate) fn discard<T: 'static>(refused: T) {
    if let Some(mut line) = replace(None) {
        line.push_back(Box::new(refused));
        replace(Some(line));
        return;
    }
    replace(Some(Line::new()));
    silence(|| drop(refused));
    for _ in 1..MOST {
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
