//! `cargo run --release -p taketurns-benches --bin memory`: what 1,000,000 idle tasks keep in memory.
//!
//! **Measured**: resident bytes a task. A task is `std::future::pending::<()>()`, its handle is kept, and it
//! has been polled once. Counted is how much the process grew from before the first spawn until the last
//! task was polled: the tasks, what lists them, the run queue they went through, the allocator's rounding,
//! whatever stays. The array of handles is not in it: it was there and touched before; a handle is a
//! pointer on each system. Each system in a process of its own, with timers and reactor on.
//!
//! **Not claimed**: that a program shrinks by this ratio, since its futures are larger than nothing and come
//! on top, the same everywhere. It is one allocator's rounding, the one Rust uses by default. Nothing is said
//! of tasks that sleep or wait for a socket, nor of what is given back when they end.

#![forbid(unsafe_code)]

use std::future::{Future, pending};
use std::process::ExitCode;

use taketurns_benches::resident::resident;
use taketurns_benches::side_by_side::{self, Column, Figure};
use taketurns_benches::system::{Spawn, System};

const TASKS: usize = 1_000_000;

fn main() -> ExitCode {
    side_by_side::main::<Idle, 1>()
}

/// Tasks that wait for nothing.
struct Idle;

impl Figure<1> for Idle {
    const COLUMNS: [Column; 1] = [Column { heading: "bytes a task", ratio: true }];
    const ROUNDS: usize = 3;

    fn measure<S: System>() -> [f64; 1] {
        let growth = S::new().run(|spawner| growth(spawner, TASKS, pending::<()>));
        [growth as f64 / TASKS as f64]
    }
}

/// By how many bytes the process grows when this many tasks are spawned and polled once.
async fn growth<F>(spawner: impl Spawn, tasks: usize, task: impl Fn() -> F) -> u64
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let mut handles = Vec::new();
    handles.resize_with(tasks, || None);
    let before = resident();
    for handle in &mut handles {
        *handle = Some(spawner.spawn(task()));
    }
    let last = spawner.spawn(async {});
    last.await; // first in, first out: the others have had their turn
    resident().saturating_sub(before)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use taketurns_benches::systems::{
        Taketurns, TokioCurrentThread, TokioLocalRuntime, TokioLocalSet,
    };

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn on_every_system_each_task_was_polled_once_when_the_end_is_measured() {
        fn polls<S: System>() {
            let polled = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&polled);
            let task = move || {
                let counter = Arc::clone(&counter);
                poll_fn(move |_| {
                    counter.fetch_add(1, Ordering::Relaxed);
                    Poll::<()>::Pending
                })
            };
            let mut system = S::new();
            let seen = Arc::clone(&polled);
            let at_the_end = system.run(|spawner| async move {
                growth(spawner, 10_000, task).await;
                seen.load(Ordering::Relaxed)
            });
            assert_eq!(at_the_end, 10_000, "{}", S::NAME);
        }
        polls::<Taketurns>();
        polls::<TokioCurrentThread>();
        polls::<TokioLocalSet>();
        polls::<TokioLocalRuntime>();
    }
}
