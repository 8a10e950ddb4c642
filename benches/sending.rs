//! Another thread sends tasks to a loop that runs.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::task::{Poll, Waker};
use std::thread;

use crate::systems::{SmolSharedSpawner, TaketurnsSpawner, TokioSpawner};

/// A loop to which other threads may send tasks.
pub trait Reachable {
    /// What they send with.
    type Sender: Sends;

    /// For another thread, called inside of the loop.
    fn sender(&self) -> Self::Sender;
}

/// Sends tasks from any thread.
pub trait Sends: Send + 'static {
    /// Starts a task on the loop, which runs it to its end.
    fn send(&self, task: impl Future<Output = ()> + Send + 'static);
}

thread_local! {
    /// Of the loop's thread. The tasks must be `Send`, and a count that they share between threads would cost more than
    /// some of the systems do.
    static ARRIVED: Cell<u64> = const { Cell::new(0) };
    static WAITING: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// A thread sends so many tasks. Returns how many have run by the time that the last of them has.
pub async fn sent_by_a_thread<S: Reachable>(spawner: S, tasks: u64) -> u64 {
    ARRIVED.set(0);
    let sender = spawner.sender();
    let thread = thread::spawn(move || (1..=tasks).for_each(|_| sender.send(arrive(tasks))));
    let arrived = poll_fn(|cx| {
        WAITING.replace(Some(cx.waker().clone()));
        match ARRIVED.get() == tasks {
            true => Poll::Ready(ARRIVED.get()),
            false => Poll::Pending,
        }
    });
    let arrived = arrived.await;
    thread.join().expect("a task was not sent");
    arrived
}

async fn arrive(tasks: u64) {
    ARRIVED.set(ARRIVED.get() + 1);
    if ARRIVED.get() == tasks {
        WAITING.take().expect("the loop waits").wake();
    }
}

impl Reachable for TaketurnsSpawner {
    type Sender = taketurns::Handle;

    fn sender(&self) -> taketurns::Handle {
        taketurns::Handle::current()
    }
}

impl Sends for taketurns::Handle {
    fn send(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn(task).detach();
    }
}

impl Reachable for TokioSpawner {
    type Sender = tokio::runtime::Handle;

    fn sender(&self) -> tokio::runtime::Handle {
        tokio::runtime::Handle::current()
    }
}

impl Sends for tokio::runtime::Handle {
    fn send(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.spawn(task)); // which detaches
    }
}

impl Reachable for SmolSharedSpawner {
    type Sender = Self;

    fn sender(&self) -> Self {
        self.clone()
    }
}

impl Sends for SmolSharedSpawner {
    fn send(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task).detach();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::System;
    use crate::systems::{SmolExecutor, Taketurns, TokioCurrentThread};

    #[test]
    fn every_task_that_a_thread_sends_runs() {
        fn check<S: System<Spawner: Reachable>>() {
            let mut system = S::new().expect("it can run here");
            for tasks in [1, 1000] {
                let arrived = system.run(|spawner| sent_by_a_thread(spawner, tasks));
                assert_eq!(arrived, tasks, "{}", S::NAME);
            }
        }
        check::<Taketurns>();
        check::<TokioCurrentThread>();
        check::<SmolExecutor>();
    }
}
