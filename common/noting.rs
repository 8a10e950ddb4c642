//! Whether leaf futures note what they wait for, and the [`Key`]s by which they do.
//!
//! `waits.rs` has the why. The flag is in a file of its own, as those that note and the table of notes both read it.

#![forbid(unsafe_code)]

use std::cell::Cell;

/// Nothing is noted.
const OFF: u8 = 0;
/// A report asks.
const ASKS: u8 = 1;
/// The runtime explains.
const EXPLAINS: u8 = 1 << 1;
/// It is noted of some lock which task has it, or of some set or group which tasks are in it.
const LOCKS: u8 = 1 << 2;

thread_local! {
    static MODE: Cell<u8> = const { Cell::new(OFF) };
}

/// Tells one wait from all others of its thread, while it lasts: the address of what the future waits at, and its place there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key(pub(super) usize, u64);

/// Kinds of waits that have a number of their own in place of an address. No address is as small.
#[derive(Clone, Copy)]
pub(crate) enum Numbered {
    Listener = 1,
    #[cfg_attr(not(feature = "time"), allow(dead_code, reason = "no timer is there"))]
    Timer = 2,
    #[cfg_attr(not(feature = "time"), allow(dead_code, reason = "no timer is there"))]
    Settler = 3,
    /// The end of a task.
    Task = 4,
}

impl Key {
    /// The only wait at `place`, which stays where it is while the wait lasts.
    #[inline]
    pub(crate) fn at<T>(place: &T) -> Self {
        Self::in_line(place, 0)
    }

    /// One of several waits at `place`.
    #[inline]
    pub(crate) fn in_line<T>(place: &T, number: u64) -> Self {
        Key(std::ptr::from_ref(place).addr(), number)
    }

    pub(super) fn place(self) -> (usize, u64) {
        (self.0, self.1)
    }

    #[inline]
    pub(crate) fn numbered(kind: Numbered, number: u64) -> Self {
        Key(kind as usize, number)
    }
}

/// Whether a wait is to be noted, for whichever of the two.
#[inline]
pub(crate) fn is_noting() -> bool {
    MODE.get() & (ASKS | EXPLAINS) != 0
}

/// Whether a report asks, so that this turn is an extra one.
#[inline]
pub(crate) fn is_asking() -> bool {
    MODE.get() & ASKS != 0
}

/// Whether the runtime that this thread is inside of explains.
#[inline]
pub(crate) fn is_explaining() -> bool {
    MODE.get() & EXPLAINS != 0
}

/// Whether a new task of a set or group is noted: if this runtime explains, or if the set or group may have tasks of another runtime
/// that are noted.
#[inline]
pub(super) fn are_members_noted() -> bool {
    MODE.get() & (EXPLAINS | LOCKS) != 0
}

/// Whether it is noted of some lock which task has it, or which tasks are in some set or group, in whichever runtime.
#[inline]
pub(super) fn are_locks_noted() -> bool {
    MODE.get() & LOCKS != 0
}

pub(super) fn set_locks_noted(are_noted: bool) {
    set(LOCKS, are_noted);
}

pub(super) fn set_asking(asks: bool) {
    set(ASKS, asks);
}

/// Returns how it was before.
pub(super) fn set_explaining(explains: bool) -> bool {
    set(EXPLAINS, explains)
}

fn set(bit: u8, to: bool) -> bool {
    let before = MODE.get();
    MODE.set(if to { before | bit } else { before & !bit });
    before & bit != 0
}
