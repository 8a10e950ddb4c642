//! Semaphore, Mutex and RwLock beside one model: a count that a line of futures takes from.

use std::cell::Cell;
use std::rc::Rc;

use taketurns::sync::{Mutex, RwLock, Semaphore};

use super::world::{Dice, Line, Model, Shared, World, patiently};

#[derive(Default)]
struct Permits {
    free: usize,
    closed: bool,
    /// Let go with `true` for granted permits, `false` for a close. What each asked for is kept.
    line: Line<usize, (bool, usize)>,
}

impl Permits {
    fn serve(&mut self) {
        while self.line.waiting.first().is_some_and(|front| front.1 <= self.free) {
            let asked = self.line.waiting[0].1;
            self.free -= asked;
            self.line.let_front_go((true, asked));
        }
    }

    fn can_take(&self, permits: usize) -> bool {
        !self.closed && (permits == 0 || self.line.waiting.is_empty() && permits <= self.free)
    }

    fn try_take(&mut self, permits: usize) -> bool {
        let takes = self.can_take(permits);
        self.free -= if takes { permits } else { 0 };
        takes
    }

    fn give(&mut self, permits: usize) {
        self.free += permits;
        if !self.closed {
            self.serve();
        }
    }

    fn close(&mut self) {
        self.closed = true;
        self.line.let_all_go(&(false, 0));
    }
}

impl Model for Permits {
    type Ask = usize;
    /// Whether it has the permits. `false`: closed.
    type Outcome = bool;

    fn come(&mut self, number: usize, permits: usize) -> Option<bool> {
        if self.closed || self.try_take(permits) {
            return Some(!self.closed);
        }
        self.line.join(number, permits);
        None
    }

    fn look(&mut self, number: usize) -> Option<bool> {
        self.line.gone.remove(&number).map(|(granted, _)| granted)
    }

    fn leave(&mut self, number: usize) {
        let permits = self.line.leave(number).map_or(0, |(_, permits)| permits);
        self.give(permits);
    }

    fn let_go(&self) -> Vec<usize> {
        self.line.let_go()
    }
}

/// A permit or guard, and the permits of the model that it stands for.
struct Held<'a, P> {
    shared: &'a Shared<Permits>,
    permits: usize,
    _real: P,
}

impl<P> Drop for Held<'_, P> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.shared.model(|model| model.give(self.permits));
        }
    }
}

pub(crate) struct OfSemaphore {
    semaphore: Semaphore,
    shared: Shared<Permits>,
    /// How many permits there should be when all have come back.
    total: Cell<usize>,
}

impl OfSemaphore {
    fn check(&self) {
        let expected = self.shared.model(|model| {
            format!(
                "Semaphore {{ available_permits: {}, is_closed: {}, waiters: {} }}",
                model.free,
                model.closed,
                model.line.waiting.len()
            )
        });
        assert_eq!(format!("{:?}", self.semaphore), expected);
    }
}

impl World for OfSemaphore {
    fn new(dice: &mut Dice) -> Self {
        let permits = dice.below(4);
        OfSemaphore {
            semaphore: Semaphore::new(permits),
            shared: Shared::new(Permits { free: permits, ..Permits::default() }),
            total: Cell::new(permits),
        }
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let Self { semaphore, shared, total } = &*self;
        let permits = dice.below(4);
        match dice.below(24) {
            0..15 => {
                let acquire =
                    shared.beside(permits, semaphore.acquire_many(permits), Result::is_ok);
                if let Some(Ok(permit)) = patiently(&mut dice, acquire).await {
                    assert_eq!(permit.permits(), permits);
                    let _held = Held { shared, permits, _real: permit };
                    dice.pause().await;
                }
            }
            15..18 => {
                let tried = semaphore.try_acquire_many(permits).ok();
                assert_eq!(tried.is_some(), shared.model(|model| model.try_take(permits)));
                if let Some(permit) = tried {
                    let _held = Held { shared, permits, _real: permit };
                    dice.pause().await;
                }
            }
            18..22 => {
                total.set(total.get() + permits);
                shared.model(|model| model.give(permits));
                semaphore.add_permits(permits);
            }
            22 => {
                let forgotten = shared.model(|model| {
                    let forgotten = permits.min(model.free);
                    model.free -= forgotten;
                    forgotten
                });
                assert_eq!(semaphore.forget_permits(permits), forgotten);
                total.set(total.get() - forgotten);
            }
            _ if dice.one_in(3) => {
                shared.model(Permits::close);
                semaphore.close();
            }
            _ => {}
        }
        self.check();
    }

    fn settled(&self) {
        self.shared.settled();
        self.check();
    }

    fn ended(&self) {
        self.check();
        assert_eq!(self.semaphore.available_permits(), self.total.get());
    }
}

pub(crate) struct OfMutex {
    mutex: Rc<Mutex<usize>>,
    shared: Shared<Permits>,
    added: Cell<usize>,
}

impl OfMutex {
    /// As read, and a turn later written: no other task may change it between.
    async fn add_one(&self, dice: &mut Dice, value: &mut usize) {
        let before = *value;
        assert_eq!(before, self.added.get());
        dice.pause().await;
        assert_eq!(before, self.added.get(), "another task had the lock too");
        *value = before + 1;
        self.added.set(before + 1);
    }
}

impl World for OfMutex {
    fn new(_: &mut Dice) -> Self {
        let model = Permits { free: 1, ..Permits::default() };
        OfMutex { mutex: Rc::default(), shared: Shared::new(model), added: Cell::new(0) }
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let shared = &self.shared;
        match dice.below(4) {
            0 => {
                let tried = self.mutex.try_lock().ok();
                assert_eq!(tried.is_some(), shared.model(|model| model.try_take(1)));
                if let Some(guard) = tried {
                    let mut held = Held { shared, permits: 1, _real: guard };
                    *held._real += 1;
                    self.added.set(self.added.get() + 1);
                }
            }
            1 => {
                let lock = shared.beside(1, self.mutex.lock_owned(), |_| true);
                if let Some(guard) = patiently(&mut dice, lock).await {
                    let mut held = Held { shared, permits: 1, _real: guard };
                    self.add_one(&mut dice, &mut held._real).await;
                }
            }
            _ => {
                let lock = shared.beside(1, self.mutex.lock(), |_| true);
                if let Some(guard) = patiently(&mut dice, lock).await {
                    let mut held = Held { shared, permits: 1, _real: guard };
                    self.add_one(&mut dice, &mut held._real).await;
                }
            }
        }
    }

    fn settled(&self) {
        self.shared.settled();
    }

    fn ended(&self) {
        assert!(self.mutex.try_lock().is_ok(), "no task has it, and it is locked");
    }
}

/// A writer takes all.
const ALL: usize = 100;

pub(crate) struct OfRwLock {
    lock: RwLock<()>,
    shared: Shared<Permits>,
    readers: Cell<usize>,
    writers: Cell<usize>,
}

struct Counted<'a>(&'a Cell<usize>);

impl<'a> Counted<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl OfRwLock {
    fn check(&self) {
        let (readers, writers) = (self.readers.get(), self.writers.get());
        assert!(
            writers == 0 || (writers, readers) == (1, 0),
            "{writers} writers beside {readers} readers"
        );
    }

    async fn reads(&self, dice: &mut Dice) {
        let _reader = Counted::new(&self.readers);
        self.check();
        dice.pause().await;
        self.check();
    }

    async fn writes(&self, dice: &mut Dice) {
        let _writer = Counted::new(&self.writers);
        self.check();
        dice.pause().await;
        self.check();
    }
}

impl World for OfRwLock {
    fn new(_: &mut Dice) -> Self {
        OfRwLock {
            lock: RwLock::new(()),
            shared: Shared::new(Permits { free: ALL, ..Permits::default() }),
            readers: Cell::new(0),
            writers: Cell::new(0),
        }
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let Self { lock, shared, .. } = &*self;
        match dice.below(8) {
            0 => {
                let tried = lock.try_read().ok();
                assert_eq!(tried.is_some(), shared.model(|model| model.try_take(1)));
                if let Some(guard) = tried {
                    let _held = Held { shared, permits: 1, _real: guard };
                    self.reads(&mut dice).await;
                }
            }
            1 => {
                let tried = lock.try_write().ok();
                assert_eq!(tried.is_some(), shared.model(|model| model.try_take(ALL)));
                if let Some(guard) = tried {
                    let _held = Held { shared, permits: ALL, _real: guard };
                    self.writes(&mut dice).await;
                }
            }
            2..5 => {
                let write = shared.beside(ALL, lock.write(), |_| true);
                let Some(guard) = patiently(&mut dice, write).await else { return };
                let mut held = Held { shared, permits: ALL, _real: Some(guard) };
                self.writes(&mut dice).await;
                if dice.one_in(2) {
                    let guard = held._real.take().unwrap().downgrade();
                    std::mem::forget(held);
                    shared.model(|model| model.give(ALL - 1));
                    let _held = Held { shared, permits: 1, _real: guard };
                    self.reads(&mut dice).await;
                }
            }
            _ => {
                let read = shared.beside(1, lock.read(), |_| true);
                if let Some(guard) = patiently(&mut dice, read).await {
                    let _held = Held { shared, permits: 1, _real: guard };
                    self.reads(&mut dice).await;
                }
            }
        }
    }

    fn settled(&self) {
        self.shared.settled();
    }

    fn ended(&self) {
        self.check();
        assert!(self.lock.try_write().is_ok(), "no task has it, and it is locked");
    }
}
