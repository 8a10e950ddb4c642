//! Small primitives with a hole in their protocol.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::lock::Mutex;

use crate::yields;
use taketurns::time::{sleep, timeout};
use taketurns::{spawn, yield_now};

/// One waiter, told once.
#[derive(Default)]
struct Notify {
    told: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
}

impl Notify {
    fn notify(&self, remembers: bool) {
        let waiter = self.waiter.take();
        self.told.set(remembers || waiter.is_some());
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    fn notified(&self, cx: &Context<'_>) -> Poll<()> {
        if self.told.take() {
            return Poll::Ready(());
        }
        self.waiter.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}

pub(super) async fn missed_notification(planted: bool) {
    let notify = Rc::new(Notify::default());
    let waiter = {
        let notify = Rc::clone(&notify);
        spawn(async move { poll_fn(|cx| notify.notified(cx)).await })
    };
    let notifier = spawn(async move { notify.notify(!planted) });
    waiter.await.unwrap();
    notifier.await.unwrap();
}

/// Hands a permit that comes back to who has waited for longest.
struct Semaphore {
    free: Cell<u32>,
    waiting: RefCell<VecDeque<Rc<Waiter>>>,
    leaks: bool,
}

struct Waiter {
    granted: Cell<bool>,
    waker: Waker,
}

struct Acquire<'a> {
    semaphore: &'a Semaphore,
    waiter: Option<Rc<Waiter>>,
}

impl Semaphore {
    fn acquire(&self) -> Acquire<'_> {
        Acquire { semaphore: self, waiter: None }
    }

    fn release(&self) {
        let next = self.waiting.borrow_mut().pop_front();
        match next {
            Some(waiter) => {
                waiter.granted.set(true);
                waiter.waker.wake_by_ref();
            }
            None => self.free.set(self.free.get() + 1),
        }
    }
}

impl Future for Acquire<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let semaphore = self.semaphore;
        let is_mine = match &self.waiter {
            Some(waiter) => waiter.granted.get(),
            None => semaphore.free.get() > 0,
        };
        if is_mine {
            if self.waiter.take().is_none() {
                semaphore.free.set(semaphore.free.get() - 1);
            }
            return Poll::Ready(());
        }
        if self.waiter.is_none() {
            let waiter = Rc::new(Waiter { granted: Cell::new(false), waker: cx.waker().clone() });
            semaphore.waiting.borrow_mut().push_back(Rc::clone(&waiter));
            self.waiter = Some(waiter);
        }
        Poll::Pending
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else { return };
        self.semaphore.waiting.borrow_mut().retain(|other| !Rc::ptr_eq(other, &waiter));
        if waiter.granted.get() && !self.semaphore.leaks {
            self.semaphore.release();
        }
    }
}

pub(super) async fn leaked_permit(planted: bool) {
    let waiting = RefCell::default();
    let semaphore = Rc::new(Semaphore { free: Cell::new(1), waiting, leaks: planted });
    let holder = {
        let semaphore = Rc::clone(&semaphore);
        spawn(async move {
            semaphore.acquire().await;
            yields(2).await;
            semaphore.release();
        })
    };
    let waiter = {
        let semaphore = Rc::clone(&semaphore);
        spawn(async move {
            semaphore.acquire().await;
            semaphore.release();
        })
    };
    yield_now().await;
    waiter.abort();
    let _aborted_or_not = waiter.await;
    holder.await.unwrap();
    semaphore.acquire().await;
}

pub(super) async fn lock_order(planted: bool) {
    async fn with_both(first: Rc<Mutex<()>>, second: Rc<Mutex<()>>, before: u32) {
        yields(before).await;
        let _first = first.lock().await;
        yield_now().await;
        let _second = second.lock().await;
    }
    let (a, b) = (Rc::new(Mutex::new(())), Rc::new(Mutex::new(())));
    let one = spawn(with_both(Rc::clone(&a), Rc::clone(&b), 0));
    let (first, second) = if planted { (b, a) } else { (a, b) };
    let other = spawn(with_both(first, second, 2));
    one.await.unwrap();
    other.await.unwrap();
}

pub(super) async fn used_after_close(planted: bool) {
    let open = Rc::new(Cell::new(true));
    let sender = {
        let open = Rc::clone(&open);
        spawn(async move {
            for _ in 0..2 {
                if !open.get() {
                    return;
                }
                if planted {
                    yield_now().await; // the message is made
                }
                assert!(open.get(), "sent on what was closed");
                yield_now().await;
            }
        })
    };
    let closer = spawn(async move {
        yields(4).await;
        open.set(false);
    });
    sender.await.unwrap();
    closer.await.unwrap();
}

/// For one consumer.
#[derive(Default)]
struct Slot {
    value: Cell<Option<u32>>,
    waiter: RefCell<Option<Waker>>,
}

impl Slot {
    fn put(&self, value: u32) {
        self.value.set(Some(value));
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }

    async fn take(&self, planted: bool) -> u32 {
        poll_fn(|cx| {
            self.waiter.replace(Some(cx.waker().clone()));
            if self.value.get().is_some() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let value = if planted { self.value.take() } else { None };
        yield_now().await; // it is counted
        value.or_else(|| self.value.take()).unwrap()
    }
}

pub(super) async fn lost_in_timeout(planted: bool) {
    const LIMIT: Duration = Duration::from_millis(10);
    let slot = Rc::new(Slot::default());
    let consumer = {
        let slot = Rc::clone(&slot);
        spawn(async move {
            for _ in 0..3 {
                if let Ok(value) = timeout(LIMIT, slot.take(planted)).await {
                    return Some(value);
                }
            }
            None
        })
    };
    let producer = spawn(async move {
        sleep(LIMIT).await;
        slot.put(42);
    });
    assert_eq!(consumer.await.unwrap(), Some(42), "the value was lost");
    producer.await.unwrap();
}
