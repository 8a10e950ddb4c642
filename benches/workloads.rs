//! The workloads, each written once for every [`System`](crate::system::System).
//!
//! They are about the executor alone: tasks do next to nothing, and what they share is a
//! thread-local of plain cells. That makes them `Send`, which plain tokio demands, at the price of
//! no lock and no atomic; measured beside an `Rc`, it costs the same.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::task::{Poll, Waker};

use crate::system::Spawn;

/// Something to do, a known number of times.
pub trait Workload {
    /// Its name in the results; also a folder's name.
    const NAME: &'static str;

    /// How many operations one run of the measurement makes: enough that entering and leaving the
    /// runtime is not seen.
    const OPERATIONS: u64;

    /// Makes this many operations and returns how many were completed, counted by the tasks.
    fn run<S: Spawn>(spawner: S, operations: u64) -> impl Future<Output = u64> + 'static;
}

/// Spawns a task and awaits it, one at a time. Operation: one task.
#[derive(Debug)]
pub struct SpawnOne;

impl Workload for SpawnOne {
    const NAME: &'static str = "spawn_one";
    const OPERATIONS: u64 = 10_000;

    async fn run<S: Spawn>(spawner: S, operations: u64) -> u64 {
        let mut completed = 0;
        for _ in 0..operations {
            completed += spawner.spawn(async { 1 }).await;
        }
        completed
    }
}

/// Spawns all the tasks, then awaits them in the order of spawning. Operation: one task.
#[derive(Debug)]
pub struct SpawnJoin;

impl Workload for SpawnJoin {
    const NAME: &'static str = "spawn_join";
    const OPERATIONS: u64 = 10_000;

    async fn run<S: Spawn>(spawner: S, operations: u64) -> u64 {
        let tasks: Vec<_> = (0..operations).map(|_| spawner.spawn(async { 1 })).collect();
        let mut completed = 0;
        for task in tasks {
            completed += task.await;
        }
        completed
    }
}

/// 1000 tasks yield in turn, 500 times each. Operation: one yield; the spawns are inside, one in 500.
#[derive(Debug)]
pub struct YieldMany;

impl YieldMany {
    /// How often each task yields.
    const YIELDS: u64 = 500;
}

impl Workload for YieldMany {
    const NAME: &'static str = "yield_many";
    const OPERATIONS: u64 = 1000 * Self::YIELDS;

    async fn run<S: Spawn>(spawner: S, operations: u64) -> u64 {
        let task = || {
            spawner.spawn(async {
                for _ in 0..Self::YIELDS {
                    S::yield_now().await;
                }
                Self::YIELDS
            })
        };
        let tasks: Vec<_> = (0..operations / Self::YIELDS).map(|_| task()).collect();
        let mut completed = 0;
        for task in tasks {
            completed += task.await;
        }
        completed
    }
}

/// Two tasks wake each other in turn. Operation: one hand-over, which is one clone of a waker, one
/// wake that consumes it, and one turn.
#[derive(Debug)]
pub struct PingPong;

impl Workload for PingPong {
    const NAME: &'static str = "ping_pong";
    const OPERATIONS: u64 = 100_000;

    async fn run<S: Spawn>(spawner: S, operations: u64) -> u64 {
        TABLE.with(|table| table.ball.set(0));
        let ping = spawner.spawn(play(0, operations / 2));
        let pong = spawner.spawn(play(1, operations / 2));
        ping.await + pong.await
    }
}

/// Where the two players of [`PingPong`] meet.
struct Table {
    /// Who has the ball.
    ball: Cell<usize>,
    waiting: [Cell<Option<Waker>>; 2],
}

thread_local! {
    static TABLE: Table = const {
        Table { ball: Cell::new(0), waiting: [const { Cell::new(None) }; 2] }
    };
}

/// Waits for the ball and hands it over, this many times.
async fn play(me: usize, times: u64) -> u64 {
    for _ in 0..times {
        poll_fn(|cx| {
            TABLE.with(|table| {
                if table.ball.get() == me {
                    return Poll::Ready(());
                }
                table.waiting[me].set(Some(cx.waker().clone()));
                Poll::Pending
            })
        })
        .await;
        hand_to(1 - me);
    }
    times
}

fn hand_to(player: usize) {
    let waiting = TABLE.with(|table| {
        table.ball.set(player);
        table.waiting[player].take()
    });
    if let Some(waker) = waiting {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc::{self, Sender};

    use super::*;
    use crate::for_each_system;
    use crate::system::System;
    use crate::systems::tests::started;

    /// `task`, reporting its name on each turn it takes.
    async fn traced<T>(name: usize, turns: Sender<usize>, task: impl Future<Output = T>) -> T {
        let mut task = pin!(task);
        poll_fn(|cx| {
            turns.send(name).expect("the test is gone");
            task.as_mut().poll(cx)
        })
        .await
    }

    #[test]
    fn every_workload_completes_on_every_system() {
        fn complete<S: System>() {
            let Some(mut system) = started::<S>() else { return };
            assert_eq!(system.run(|spawner| SpawnOne::run(spawner, 10)), 10, "{}", S::NAME);
            assert_eq!(system.run(|spawner| SpawnJoin::run(spawner, 10)), 10, "{}", S::NAME);
            assert_eq!(system.run(|spawner| YieldMany::run(spawner, 1500)), 1500, "{}", S::NAME);
            assert_eq!(system.run(|spawner| PingPong::run(spawner, 10)), 10, "{}", S::NAME);
            assert_eq!(system.run(|spawner| PingPong::run(spawner, 10)), 10, "{}", S::NAME);
        }
        for_each_system!(|S| complete::<S>());
    }

    #[test]
    fn on_every_system_a_yield_is_one_turn_of_every_task() {
        fn yields<S: System>() {
            let (turns, trace) = mpsc::channel();
            let Some(mut system) = started::<S>() else { return };
            system.run(|spawner| async move {
                let task = |name| {
                    let task = async {
                        S::Spawner::yield_now().await;
                        S::Spawner::yield_now().await;
                    };
                    spawner.spawn(traced(name, turns.clone(), task))
                };
                let tasks: Vec<_> = (0..3).map(task).collect();
                for task in tasks {
                    task.await;
                }
            });
            let mut trace: Vec<_> = trace.try_iter().collect();
            // tokio reverses the tasks within a round.
            trace.chunks_mut(3).for_each(<[usize]>::sort_unstable);
            assert_eq!(trace, [0, 1, 2, 0, 1, 2, 0, 1, 2], "{}", S::NAME);
        }
        for_each_system!(|S| yields::<S>());
    }

    #[test]
    fn on_every_system_a_hand_over_is_one_turn_and_waiting_is_none() {
        fn plays<S: System>() {
            const NO_PLAYER: usize = 2;
            let (turns, trace) = mpsc::channel();
            let Some(mut system) = started::<S>() else { return };
            system.run(|spawner| async move {
                TABLE.with(|table| table.ball.set(NO_PLAYER));
                let ping = spawner.spawn(traced(0, turns.clone(), play(0, 3)));
                let pong = spawner.spawn(traced(1, turns, play(1, 3)));
                for _ in 0..5 {
                    S::Spawner::yield_now().await;
                }
                hand_to(0);
                ping.await;
                pong.await;
            });
            let trace: Vec<_> = trace.try_iter().collect();
            assert_eq!(trace, [0, 1, 0, 1, 0, 1, 0, 1], "{}", S::NAME);
        }
        for_each_system!(|S| plays::<S>());
    }
}
