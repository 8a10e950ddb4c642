//! The lessons of the tour, each as traces in exact order: what the tasks say, and when by a virtual clock.
//!
//! The spans are those of the source documents. Scenes that only tasks and timers make are played twice, by a
//! clock that is moved by hand and by one that moves itself, and must not differ.

#![cfg(feature = "time")]
#![forbid(unsafe_code)]

#[path = "lessons/across.rs"]
mod across;
#[path = "lessons/asked_to_end.rs"]
mod asked_to_end;
#[path = "lessons/await_and_spawn.rs"]
mod await_and_spawn;
#[path = "lessons/awaited_task.rs"]
mod awaited_task;
#[path = "lessons/back_pressure.rs"]
mod back_pressure;
#[path = "lessons/background_loop.rs"]
mod background_loop;
#[path = "lessons/blocking_sleep.rs"]
mod blocking_sleep;
mod common;
#[cfg(feature = "offload")]
#[path = "lessons/computation.rs"]
mod computation;
#[path = "lessons/concurrent_waits.rs"]
mod concurrent_waits;
#[path = "lessons/deadlock.rs"]
mod deadlock;
#[path = "lessons/done_callbacks.rs"]
mod done_callbacks;
#[path = "lessons/event.rs"]
mod event;
#[path = "lessons/futurelock.rs"]
mod futurelock;
#[path = "lessons/gathering.rs"]
mod gathering;
#[cfg(all(feature = "net", feature = "offload"))]
#[path = "lessons/handlers.rs"]
mod handlers;
#[path = "lessons/limited_workers.rs"]
mod limited_workers;
#[path = "lessons/lost_task.rs"]
mod lost_task;
#[path = "lessons/nested_run.rs"]
mod nested_run;
#[path = "lessons/ready_awaits.rs"]
mod ready_awaits;
#[path = "lessons/replayed_schedule.rs"]
mod replayed_schedule;
#[path = "lessons/running_loop.rs"]
mod running_loop;
#[cfg(feature = "net")]
#[path = "lessons/second_run.rs"]
mod second_run;
#[path = "lessons/several_errors.rs"]
mod several_errors;
#[path = "lessons/shared_state.rs"]
mod shared_state;
#[path = "lessons/starvation.rs"]
mod starvation;
#[path = "lessons/stop_from_outside.rs"]
mod stop_from_outside;
#[path = "lessons/stuck_loop.rs"]
mod stuck_loop;
#[path = "lessons/submitted_task.rs"]
mod submitted_task;
#[path = "lessons/task_group.rs"]
mod task_group;
#[path = "lessons/thread_target.rs"]
mod thread_target;
#[path = "lessons/time_limit.rs"]
mod time_limit;
#[path = "lessons/timeline.rs"]
mod timeline;
#[cfg(feature = "offload")]
#[path = "lessons/two_loops.rs"]
mod two_loops;
#[path = "lessons/unseen_error.rs"]
mod unseen_error;
#[path = "lessons/virtual_time.rs"]
mod virtual_time;
#[cfg(feature = "offload")]
#[path = "lessons/waiting_thread.rs"]
mod waiting_thread;
#[path = "lessons/yield_every_k.rs"]
mod yield_every_k;
#[path = "lessons/yielding.rs"]
mod yielding;

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use common::Trace;
use taketurns::time::{Clock, Instant, advance, sleep};
use taketurns::{Builder, Runtime, spawn};

const SECOND: Duration = Duration::from_secs(1);

const HOUR: Duration = Duration::from_secs(3600);

/// Writes down what is said, with the seconds since the scene began.
#[derive(Clone)]
struct Said {
    began: Instant,
    trace: Trace,
}

impl Said {
    fn say(&self, event: impl Display) {
        self.trace.push(format_args!("{}:{event}", self.began.elapsed().as_secs_f64()));
    }
}

/// What is said in a day of `scene`, which is over by then.
fn played<F: Future<Output = ()> + 'static>(scene: impl Fn(Said) -> F) -> String {
    let by_hand = played_by(Clock::Manual, &scene, advance);
    let by_itself = played_by(Clock::AutoAdvance, &scene, sleep);
    assert_eq!(by_hand, by_itself, "the two clocks agree");
    by_hand
}

/// As [`played`], under this clock, where `pass` is how time passes.
fn played_by<F, P>(clock: Clock, scene: &impl Fn(Said) -> F, pass: impl Fn(Duration) -> P) -> String
where
    F: Future<Output = ()> + 'static,
    P: Future<Output = ()>,
{
    let trace = Trace::new();
    let runtime = Builder::new().clock(clock).build().unwrap();
    runtime.block_on(async {
        let task = spawn(scene(Said { began: Instant::now(), trace: trace.clone() }));
        pass(24 * HOUR).await;
        assert!(task.is_finished(), "the scene has an end: {}", trace.take());
        task.await.unwrap();
    });
    trace.take()
}

/// A runtime whose clock moves by itself, and which may lose tasks without a word.
fn losing() -> Runtime {
    Builder::new().clock(Clock::AutoAdvance).on_lost(|_| {}).build().unwrap()
}
