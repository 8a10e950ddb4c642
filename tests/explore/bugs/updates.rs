//! What was read is no longer so when it is written.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::yields;
use taketurns::{spawn, yield_now};

pub(super) async fn lost_update(planted: bool) {
    async fn add(counter: Rc<Cell<u32>>, before: u32, planted: bool) {
        yields(before).await;
        let seen = counter.get();
        yield_now().await;
        counter.set(if planted { seen } else { counter.get() } + 1);
    }
    let counter = Rc::new(Cell::new(0));
    let adders = [0, 2].map(|before| spawn(add(Rc::clone(&counter), before, planted)));
    for adder in adders {
        adder.await.unwrap();
    }
    assert_eq!(counter.get(), 2, "an update was lost");
}

pub(super) async fn check_then_act(planted: bool) {
    async fn book(seats: Rc<Cell<i32>>, before: u32, planted: bool) {
        yields(before).await;
        if seats.get() > 0 {
            yield_now().await; // the payment
            if planted || seats.get() > 0 {
                seats.set(seats.get() - 1);
            }
        }
    }
    let seats = Rc::new(Cell::new(1));
    let customers = [0, 3].map(|before| spawn(book(Rc::clone(&seats), before, planted)));
    for customer in customers {
        customer.await.unwrap();
    }
    assert_eq!(seats.get(), 0, "the last seat was sold twice");
}

pub(super) async fn torn_snapshot(planted: bool) {
    let accounts = Rc::new([Cell::new(70), Cell::new(30)]);
    let audit = {
        let accounts = Rc::clone(&accounts);
        spawn(async move {
            let first = accounts[0].get();
            yield_now().await;
            let first = if planted { first } else { accounts[0].get() };
            first + accounts[1].get()
        })
    };
    let transfer = spawn(async move {
        yields(2).await;
        accounts[0].set(accounts[0].get() - 10);
        accounts[1].set(accounts[1].get() + 10);
    });
    assert_eq!(audit.await.unwrap(), 100, "the audit saw half a transfer");
    transfer.await.unwrap();
}

pub(super) async fn abort_between_writes(planted: bool) {
    let accounts = Rc::new([Cell::new(70), Cell::new(30)]);
    let transfer = {
        let accounts = Rc::clone(&accounts);
        spawn(async move {
            accounts[0].set(accounts[0].get() - 10);
            if planted {
                yield_now().await;
            }
            accounts[1].set(accounts[1].get() + 10);
        })
    };
    yields(2).await;
    transfer.abort();
    let _aborted_or_not = transfer.await;
    assert_eq!(accounts[0].get() + accounts[1].get(), 100, "money was lost");
}

/// Slots that are free, as a list through the slots.
struct FreeList {
    head: Cell<usize>,
    next: [Cell<usize>; 4],
    /// How often the head has changed.
    version: Cell<u32>,
    in_use: RefCell<BTreeSet<usize>>,
}

impl FreeList {
    fn new() -> Self {
        let next = [1, 2, 3, 4].map(Cell::new);
        Self { head: Cell::new(0), next, version: Cell::new(0), in_use: RefCell::default() }
    }

    fn swap_head(&self, head: usize) {
        self.head.set(head);
        self.version.set(self.version.get() + 1);
    }

    async fn take(&self, planted: bool) -> usize {
        loop {
            let (slot, version) = (self.head.get(), self.version.get());
            let next = self.next[slot].get();
            yield_now().await;
            let is_unchanged =
                if planted { self.head.get() == slot } else { self.version.get() == version };
            if is_unchanged {
                self.swap_head(next);
                assert!(self.in_use.borrow_mut().insert(slot), "slot {slot} was given out twice");
                return slot;
            }
        }
    }

    fn put(&self, slot: usize) {
        self.in_use.borrow_mut().remove(&slot);
        self.next[slot].set(self.head.get());
        self.swap_head(slot);
    }
}

pub(super) async fn aba(planted: bool) {
    let free = Rc::new(FreeList::new());
    let one = {
        let free = Rc::clone(&free);
        spawn(async move { free.take(planted).await })
    };
    let other = {
        let free = Rc::clone(&free);
        spawn(async move {
            yields(2).await;
            let first = free.take(planted).await;
            free.take(planted).await;
            free.put(first);
        })
    };
    one.await.unwrap();
    other.await.unwrap();
    free.take(planted).await;
}
