//! What tasks wait for each other with: a channel, a oneshot, a semaphore, a mutex, a notify, an event. Each workload is
//! written once for every crate that has the primitive, and for every system whose tasks may stay on their thread.
//!
//! The tasks do next to nothing, so a number is the cost of the primitive and of the turns that its waits take. Where a
//! task holds something, it yields once while it holds it: otherwise no other task would ever find it taken.

#![forbid(unsafe_code)]

pub mod groups;
pub mod peers;

use std::cell::Cell;
use std::future::Future;
use std::ops::DerefMut;
use std::rc::Rc;

use crate::system::Spawn;

/// Spawns tasks that need not be `Send`.
pub trait SpawnLocal: Spawn {
    /// Starts a task at once; the future returned waits for its output.
    fn spawn_local<F: Future<Output: 'static> + 'static>(
        &self,
        task: F,
    ) -> impl Future<Output = F::Output>;
}

/// A bounded channel of numbers.
pub trait Channel {
    /// Its sending half.
    type Sender: 'static;
    /// Its receiving half.
    type Receiver: 'static;

    /// A new one, with room for so many.
    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver);

    /// Waits for room, and sends.
    fn send(sender: &mut Self::Sender, value: u64) -> impl Future<Output = ()>;

    /// Waits for a value; nothing once every sender is gone.
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>>;
}

/// A channel for one number.
pub trait Oneshot {
    /// Its sending half.
    type Sender;
    /// Its receiving half.
    type Receiver;

    /// A new one.
    fn channel() -> (Self::Sender, Self::Receiver);

    /// Sends.
    fn send(sender: Self::Sender, value: u64);

    /// Waits for the value.
    fn receive(receiver: Self::Receiver) -> impl Future<Output = u64>;
}

/// A counting semaphore.
pub trait Semaphore: 'static {
    /// One with so many permits.
    fn new(permits: usize) -> Self;

    /// Waits for a permit, which the output gives back when it is dropped.
    fn acquire(&self) -> impl Future<Output = impl Sized>;
}

/// A mutex around a number.
pub trait Mutex: 'static {
    /// One that is free.
    fn new(value: u64) -> Self;

    /// Waits until it is free.
    fn lock(&self) -> impl Future<Output = impl DerefMut<Target = u64>>;
}

/// Wakes one waiter, or the next one to come.
pub trait Notify: 'static {
    /// One without a notification.
    fn new() -> Self;

    /// Wakes one.
    fn notify_one(&self);

    /// Waits to be woken.
    fn notified(&self) -> impl Future<Output = ()>;
}

/// Wakes all that wait.
pub trait Event: 'static {
    /// One for which tasks wait.
    fn new() -> Self;

    /// Waits for it.
    fn wait(&self) -> impl Future<Output = ()>;

    /// Wakes all that wait.
    fn set(&self);
}

/// One task sends so many values, another receives them. Returns how many arrived in their order.
pub async fn through_a_channel<S: SpawnLocal, C: Channel>(
    spawner: S,
    capacity: usize,
    values: u64,
) -> u64 {
    let (mut sender, mut receiver) = C::bounded(capacity);
    let sends = spawner.spawn_local(async move {
        for value in 0..values {
            C::send(&mut sender, value).await;
        }
    });
    let receives = spawner.spawn_local(async move {
        let mut received = 0;
        while let Some(value) = C::receive(&mut receiver).await {
            received += u64::from(value == received);
        }
        received
    });
    sends.await;
    receives.await
}

/// Makes a channel, sends, and receives, so many times in one task. Returns how many values came.
pub async fn by_oneshots<O: Oneshot>(times: u64) -> u64 {
    let mut received = 0;
    for value in 0..times {
        let (sender, receiver) = O::channel();
        O::send(sender, value);
        received += u64::from(O::receive(receiver).await == value);
    }
    received
}

/// Acquires a permit and gives it back, so many times in one task. Returns how often.
pub async fn acquires<P: Semaphore>(times: u64) -> u64 {
    let semaphore = P::new(1);
    for _ in 0..times {
        drop(semaphore.acquire().await);
    }
    times
}

/// 100 tasks want 10 permits, and yield while they hold one. Returns how many acquisitions there were, if never more than
/// 10 tasks held a permit at once, and at some time 10 did.
pub async fn contended_acquires<S: SpawnLocal, P: Semaphore>(spawner: S, times: u64) -> u64 {
    const TASKS: u64 = 100;
    const PERMITS: usize = 10;
    let shared = Rc::new((P::new(PERMITS), Cell::new(0), Cell::new(0)));
    let task = || {
        let shared = Rc::clone(&shared);
        spawner.spawn_local(async move {
            let (semaphore, held, most) = &*shared;
            for _ in 0..times / TASKS {
                let permit = semaphore.acquire().await;
                held.set(held.get() + 1);
                most.set(held.get().max(most.get()));
                S::yield_now().await;
                held.set(held.get() - 1);
                drop(permit);
            }
            times / TASKS
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(|_| task()).collect();
    let mut acquired = 0;
    for task in tasks {
        acquired += task.await;
    }
    if shared.2.get() == PERMITS { acquired } else { 0 }
}

/// Locks and unlocks, so many times in one task. Returns how often.
pub async fn locks<M: Mutex>(times: u64) -> u64 {
    let mutex = M::new(0);
    for _ in 0..times {
        *mutex.lock().await += 1;
    }
    value_of(&mutex).await
}

async fn value_of<M: Mutex>(mutex: &M) -> u64 {
    *mutex.lock().await
}

/// 100 tasks want one lock, and yield while they have it. Returns how often it was locked, as counted under the lock.
pub async fn contended_locks<S: SpawnLocal, M: Mutex>(spawner: S, times: u64) -> u64 {
    const TASKS: u64 = 100;
    let mutex = Rc::new(M::new(0));
    let task = || {
        let mutex = Rc::clone(&mutex);
        spawner.spawn_local(async move {
            for _ in 0..times / TASKS {
                let mut value = mutex.lock().await;
                let before = *value;
                S::yield_now().await;
                *value = before + 1;
            }
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(|_| task()).collect();
    for task in tasks {
        task.await;
    }
    value_of(&*mutex).await
}

/// Two tasks notify each other in turn. Returns how many notifications came.
pub async fn notifications<S: SpawnLocal, N: Notify>(spawner: S, times: u64) -> u64 {
    let players = Rc::new([N::new(), N::new()]);
    let player = |me: usize| {
        let players = Rc::clone(&players);
        spawner.spawn_local(async move {
            for _ in 0..times / 2 {
                players[me].notified().await;
                players[1 - me].notify_one();
            }
            times / 2
        })
    };
    let (ping, pong) = (player(0), player(1));
    players[0].notify_one();
    ping.await + pong.await
}

/// 10,000 tasks wait for the same event, again and again. Returns how many waits ended.
pub async fn woken_all_at_once<S: SpawnLocal, E: Event>(spawner: S, times: u64) -> u64 {
    const TASKS: u64 = 10_000;
    let events: Rc<[E]> = (0..times / TASKS).map(|_| E::new()).collect();
    let waiting = Rc::new(Cell::new(0));
    let task = || {
        let (events, waiting) = (Rc::clone(&events), Rc::clone(&waiting));
        spawner.spawn_local(async move {
            for event in &*events {
                waiting.set(waiting.get() + 1);
                event.wait().await;
            }
            events.len() as u64
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(|_| task()).collect();
    for (event, round) in events.iter().zip(1..) {
        while waiting.get() < round * TASKS {
            S::yield_now().await;
        }
        event.set();
    }
    let mut woken = 0;
    for task in tasks {
        woken += task.await;
    }
    woken
}

#[cfg(test)]
mod tests {
    use super::groups::{Children, Tasks, spawned_and_awaited, woken_one_at_a_time};
    use super::peers::{
        AsyncChannel, AsyncUnsync, Futures, LocalSync, NotifyWaiters, Ours, PlainSpawn, Tokio,
    };
    use super::*;
    use crate::system::System;
    use crate::systems::{SmolLocalExecutor, Taketurns, TokioLocalSet};

    fn run<S: System<Spawner: SpawnLocal>, W: Future<Output = u64> + 'static>(
        workload: impl FnOnce(S::Spawner) -> W,
    ) -> u64 {
        S::new().expect("it can run here").run(workload)
    }

    #[test]
    fn every_value_comes_out_of_every_channel_in_order() {
        fn check<S: System<Spawner: SpawnLocal>, C: Channel + 'static>() {
            assert_eq!(run::<S, _>(|spawner| through_a_channel::<_, C>(spawner, 16, 1000)), 1000);
            assert_eq!(run::<S, _>(|spawner| through_a_channel::<_, C>(spawner, 1, 10)), 10);
        }
        check::<Taketurns, Ours>();
        check::<Taketurns, AsyncChannel>();
        check::<Taketurns, LocalSync>();
        check::<Taketurns, AsyncUnsync>();
        check::<Taketurns, Futures>();
        check::<TokioLocalSet, Tokio>();
        check::<SmolLocalExecutor, AsyncChannel>();
    }

    #[test]
    fn every_oneshot_gives_its_value() {
        fn check<S: System<Spawner: SpawnLocal>, O: Oneshot + 'static>() {
            assert_eq!(run::<S, _>(|_| by_oneshots::<O>(1000)), 1000);
        }
        check::<Taketurns, Ours>();
        check::<Taketurns, LocalSync>();
        check::<Taketurns, AsyncUnsync>();
        check::<Taketurns, Futures>();
        check::<TokioLocalSet, Tokio>();
    }

    #[test]
    fn every_semaphore_has_ten_permits_for_a_hundred_tasks() {
        fn check<S: System<Spawner: SpawnLocal>, P: Semaphore>() {
            assert_eq!(run::<S, _>(|_| acquires::<P>(1000)), 1000);
            assert_eq!(run::<S, _>(|spawner| contended_acquires::<_, P>(spawner, 1000)), 1000);
        }
        check::<Taketurns, taketurns::sync::Semaphore>();
        check::<Taketurns, local_sync::semaphore::Semaphore>();
        check::<Taketurns, async_unsync::semaphore::Semaphore>();
        check::<TokioLocalSet, tokio::sync::Semaphore>();
    }

    #[test]
    fn every_mutex_excludes() {
        fn check<S: System<Spawner: SpawnLocal>, M: Mutex>() {
            assert_eq!(run::<S, _>(|_| locks::<M>(1000)), 1000);
            assert_eq!(run::<S, _>(|spawner| contended_locks::<_, M>(spawner, 1000)), 1000);
        }
        check::<Taketurns, taketurns::sync::Mutex<u64>>();
        check::<Taketurns, futures::lock::Mutex<u64>>();
        check::<TokioLocalSet, tokio::sync::Mutex<u64>>();
    }

    #[test]
    fn every_notification_comes() {
        fn check<S: System<Spawner: SpawnLocal>, N: Notify>() {
            assert_eq!(run::<S, _>(|spawner| notifications::<_, N>(spawner, 1000)), 1000);
        }
        check::<Taketurns, taketurns::sync::Notify>();
        check::<TokioLocalSet, tokio::sync::Notify>();
    }

    #[test]
    fn every_waiter_is_woken() {
        fn check<S: System<Spawner: SpawnLocal>, E: Event>() {
            assert_eq!(run::<S, _>(|spawner| woken_all_at_once::<_, E>(spawner, 30_000)), 30_000);
        }
        check::<Taketurns, taketurns::sync::Event>();
        check::<TokioLocalSet, NotifyWaiters>();
    }

    #[test]
    fn every_child_goes_on_when_it_is_woken() {
        fn check<C: Children + 'static>() {
            let run = run::<Taketurns, _>(|spawner| woken_one_at_a_time::<_, C>(spawner, 3000));
            assert_eq!(run, 3000);
        }
        check::<Ours>();
        check::<Futures>();
    }

    #[test]
    fn every_task_of_a_group_is_awaited() {
        fn check<T: Tasks + 'static>() {
            assert_eq!(run::<Taketurns, _>(|_| spawned_and_awaited::<T>(3000)), 3000);
        }
        check::<Ours>();
        check::<PlainSpawn>();
    }
}
