//! Another thread sends tasks to a loop that runs.

#![forbid(unsafe_code)]

use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::thread;

use futures::task::AtomicWaker;
use tokio_util::task::LocalPoolHandle;

use crate::systems::SmolSharedSpawner;

/// Sends tasks to a loop, from any thread.
pub trait Sends: Send + 'static {
    /// Starts a task on the loop, which runs it to its end.
    fn send(&self, task: impl Future<Output = ()> + Send + 'static);
}

/// Sends functions that make tasks, from any thread: the tasks need not be `Send`.
pub trait SendsMakers: Send + 'static {
    /// Calls a function on the loop's thread, and starts the task that it returns.
    fn send_maker<F: Future<Output = ()> + 'static>(
        &self,
        make: impl FnOnce() -> F + Send + 'static,
    );
}

/// A thread sends so many tasks. Returns how many have run by the time that the last of them has.
///
/// `sender` is called inside of the loop.
pub async fn sent_by_a_thread<S: Sends>(sender: impl FnOnce() -> S, tasks: u64) -> u64 {
    let arrivals = Arrivals::new(tasks);
    let sender = sender();
    let send = move |_| sender.send(async { arrivals.add(1) });
    let thread = thread::spawn(move || (0..tasks).for_each(send));
    let arrived = arrivals.all().await;
    thread.join().expect("a task was not sent");
    arrived
}

/// As [`sent_by_a_thread`], with tasks that are not `Send`.
pub async fn made_for_a_thread<S: SendsMakers>(sender: impl FnOnce() -> S, tasks: u64) -> u64 {
    let arrivals = Arrivals::new(tasks);
    let sender = sender();
    let make = move || {
        let one = Rc::new(1);
        async move { arrivals.add(*one) }
    };
    let thread = thread::spawn(move || (0..tasks).for_each(|_| sender.send_maker(make)));
    let arrived = arrivals.all().await;
    thread.join().expect("a task was not sent");
    arrived
}

/// Counts the tasks that have run. All of them run on one thread, so no addition is a read-modify-write, which would cost
/// more than some of the systems do.
struct Arrivals {
    expected: u64,
    arrived: AtomicU64,
    waiting: AtomicWaker,
}

impl Arrivals {
    /// Leaked, so that a million tasks share it at no cost.
    fn new(expected: u64) -> &'static Self {
        let (arrived, waiting) = (AtomicU64::new(0), AtomicWaker::new());
        Box::leak(Box::new(Self { expected, arrived, waiting }))
    }

    /// By a task.
    fn add(&self, tasks: u64) {
        let arrived = self.arrived.load(Ordering::Relaxed) + tasks;
        self.arrived.store(arrived, Ordering::Relaxed);
        if arrived == self.expected {
            self.waiting.wake();
        }
    }

    /// Waits for all, on any thread.
    fn all(&self) -> impl Future<Output = u64> {
        poll_fn(|cx| {
            self.waiting.register(cx.waker()); // before the look, so that the last task is not missed
            let arrived = self.arrived.load(Ordering::Relaxed);
            if arrived < self.expected { Poll::Pending } else { Poll::Ready(arrived) }
        })
    }
}

impl Sends for taketurns::Handle {
    fn send(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn(task).detach();
    }
}

impl SendsMakers for taketurns::Handle {
    fn send_maker<F: Future<Output = ()> + 'static>(
        &self,
        make: impl FnOnce() -> F + Send + 'static,
    ) {
        self.spawn_with(make).detach();
    }
}

impl Sends for tokio::runtime::Handle {
    fn send(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.spawn(task)); // which detaches
    }
}

/// The loop is the pool's, on a thread of its own.
impl SendsMakers for LocalPoolHandle {
    fn send_maker<F: Future<Output = ()> + 'static>(
        &self,
        make: impl FnOnce() -> F + Send + 'static,
    ) {
        drop(self.spawn_pinned(make)); // which detaches
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

    fn run<S: System, W: Future<Output = u64> + 'static>(
        workload: impl FnOnce(S::Spawner) -> W,
    ) -> u64 {
        S::new().expect("it can run here").run(workload)
    }

    #[test]
    fn every_task_that_a_thread_sends_runs() {
        use taketurns::Handle;
        use tokio::runtime::Handle as Tokio;
        for tasks in [1, 1000] {
            assert_eq!(run::<Taketurns, _>(|_| sent_by_a_thread(Handle::current, tasks)), tasks);
            let sent = run::<TokioCurrentThread, _>(|_| sent_by_a_thread(Tokio::current, tasks));
            assert_eq!(sent, tasks);
            let sent = run::<SmolExecutor, _>(|spawner| sent_by_a_thread(|| spawner, tasks));
            assert_eq!(sent, tasks);
        }
    }

    #[test]
    fn every_task_that_a_thread_has_made_runs() {
        for tasks in [1, 1000] {
            let made =
                run::<Taketurns, _>(|_| made_for_a_thread(taketurns::Handle::current, tasks));
            assert_eq!(made, tasks);
            let pool = || LocalPoolHandle::new(1);
            assert_eq!(run::<TokioCurrentThread, _>(|_| made_for_a_thread(pool, tasks)), tasks);
        }
    }
}
