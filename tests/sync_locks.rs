//! Semaphore, Mutex, RwLock and Barrier: in what order futures are served, and what a future that is dropped hands on.

#[path = "sync_locks/barrier.rs"]
mod barrier;
mod common;
#[cfg(feature = "time")]
#[path = "sync_locks/futurelock.rs"]
mod futurelock;
#[path = "sync_locks/model.rs"]
mod model;
#[path = "sync_locks/mutex.rs"]
mod mutex;
#[path = "sync_locks/rwlock.rs"]
mod rwlock;
#[path = "common/scripted.rs"]
mod scripted;
#[path = "sync_locks/semaphore.rs"]
mod semaphore;
#[path = "sync_locks/wakers.rs"]
mod wakers;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Polls futures by hand, each with a waker of its name, and knows which were woken.
#[derive(Clone, Default)]
struct Hand(Arc<Mutex<Vec<&'static str>>>);

struct Named(&'static str, Hand);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.0.lock().unwrap().push(self.0);
    }
}

impl Hand {
    fn waker(&self, name: &'static str) -> Waker {
        Arc::new(Named(name, self.clone())).into()
    }

    fn poll<F: Future + Unpin>(&self, name: &'static str, future: &mut F) -> Poll<F::Output> {
        poll_with(&self.waker(name), future)
    }

    /// The poll finds that the future has to wait.
    #[track_caller]
    fn waits<F: Future + Unpin>(&self, name: &'static str, future: &mut F) {
        assert!(self.poll(name, future).is_pending(), "{name} was ready");
    }

    /// The poll finds that the future is ready.
    #[track_caller]
    fn gets<F: Future + Unpin>(&self, name: &'static str, future: &mut F) -> F::Output {
        match self.poll(name, future) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("{name} had to wait"),
        }
    }

    /// The names of the wakers that were woken since the last call, in order.
    fn woken(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }
}

fn poll_with<F: Future + Unpin>(waker: &Waker, future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// The text of the panic, without the places in this crate's tests.
#[track_caller]
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { panic!("no panic") };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}
