//! Where programs keep things: slots that any step may fill, use and empty, at home or from any thread.
//!
//! What a slot held is always out of it while user code runs on it, and no slot is borrowed or locked then.

use std::array;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

use taketurns::time::{CallHandle, Hold};
use taketurns::{AbortHandle, Handle, RemoteHandle};

use super::away::Worker;
use super::face::Face;
use super::future::Out;
use super::oracle::{contain, run_dry};
use super::program::Config;
use super::wait::Wait;

/// Of each kind.
pub(crate) const SLOTS: usize = 3;
pub(crate) const FACES: usize = 2;

/// Slots that all threads share.
pub(crate) struct Shared<T>([Mutex<Option<T>>; SLOTS]);

impl<T> Shared<T> {
    const fn new() -> Self {
        Self([const { Mutex::new(None) }; SLOTS])
    }

    pub(crate) fn take(&self, at: u8) -> Option<T> {
        self.replace(at, None)
    }

    /// What was there is dropped, after the lock is released.
    pub(crate) fn put(&self, at: u8, value: T) {
        drop(self.replace(at, Some(value)));
    }

    fn replace(&self, at: u8, value: Option<T>) -> Option<T> {
        let mut slot =
            self.0[usize::from(at) % SLOTS].lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, value)
    }

    /// Puts it back, unless something came meanwhile.
    pub(crate) fn put_back(&self, at: u8, value: T) {
        let mut slot =
            self.0[usize::from(at) % SLOTS].lock().unwrap_or_else(PoisonError::into_inner);
        let surplus = if slot.is_some() { Some(value) } else { slot.replace(value) };
        drop(slot);
        drop(surplus);
    }

    fn empty(&self) {
        (0..SLOTS).for_each(|at| contain(|| drop(self.take(at as u8))));
    }
}

pub(crate) static WAKERS: Shared<Waker> = Shared::new();
pub(crate) static ABORTS: Shared<AbortHandle> = Shared::new();
pub(crate) static REMOTES: Shared<RemoteHandle<Out>> = Shared::new();
pub(crate) static HOLDS: Shared<Hold> = Shared::new();
/// The way into each executor, as long as nothing dropped it.
pub(crate) static HANDLES: Shared<Handle> = Shared::new();

/// A copy of the way into an executor.
pub(crate) fn handle(at: u8) -> Option<Handle> {
    let at = at % FACES as u8;
    let handle = HANDLES.take(at)?;
    let copy = handle.clone();
    HANDLES.put_back(at, handle);
    Some(copy)
}

/// Slots of the thread that runs the executors.
pub(crate) struct Local<T, const N: usize>([Cell<Option<T>>; N]);

impl<T, const N: usize> Local<T, N> {
    fn new() -> Self {
        Self(array::from_fn(|_| Cell::new(None)))
    }

    pub(crate) fn take(&self, at: u8) -> Option<T> {
        self.0[usize::from(at) % N].take()
    }

    pub(crate) fn put(&self, at: u8, value: T) {
        drop(self.0[usize::from(at) % N].replace(Some(value)));
    }

    pub(crate) fn put_back(&self, at: u8, value: T) {
        let slot = &self.0[usize::from(at) % N];
        match slot.take() {
            // Not by `Option::or`, which loses what is there when the drop of the other panics.
            Some(there) => {
                slot.set(Some(there));
                drop(value);
            }
            None => slot.set(Some(value)),
        }
    }

    fn empty(&self) {
        (0..N).for_each(|at| contain(|| drop(self.take(at as u8))));
    }
}

pub(crate) struct Home {
    pub(crate) configs: Cell<[Config; 4]>,
    pub(crate) faces: Local<Rc<Face>, FACES>,
    pub(crate) waits: Local<Wait, SLOTS>,
    pub(crate) calls: Local<CallHandle, SLOTS>,
    pub(crate) workers: Local<Worker, 3>,
}

thread_local! {
    static HOME: Cell<Option<Rc<Home>>> = const { Cell::new(None) };
}

pub(crate) fn home() -> Rc<Home> {
    let home = HOME.take().expect("at home");
    HOME.set(Some(Rc::clone(&home)));
    home
}

pub(crate) fn begin() {
    HOME.set(Some(Rc::new(Home {
        configs: Cell::default(),
        faces: Local::new(),
        waits: Local::new(),
        calls: Local::new(),
        workers: Local::new(),
    })));
}

impl Home {
    /// The executor, if there is one. Whoever has a copy keeps it from being ended.
    pub(crate) fn face(&self, at: u8) -> Option<Rc<Face>> {
        let face = self.faces.take(at)?;
        self.faces.put_back(at, Rc::clone(&face));
        Some(face)
    }
}

/// Ends all there is. Nothing acts any more.
pub(crate) fn clear() {
    run_dry();
    let home = home();
    for at in 0..3 {
        if let Some(worker) = home.workers.take(at) {
            worker.end();
        }
    }
    // What is dropped puts nothing back, but for what it has in hand: twice is enough.
    for _ in 0..2 {
        home.faces.empty();
        home.waits.empty();
        home.calls.empty();
        WAKERS.empty();
        ABORTS.empty();
        REMOTES.empty();
        HOLDS.empty();
        HANDLES.empty();
    }
}
