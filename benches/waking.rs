//! Another thread wakes a task of an idle loop: how long until the task runs.

#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;

use crate::system::Spawn;

/// A thread wakes a task so many times, each time when the loop has been idle for so long. The thread never sleeps, so it
/// wants a core of its own. Returns how long after each wake the task was polled.
pub async fn woken_when_idle<S: Spawn>(spawner: S, wakes: u64, idle: Duration) -> Vec<Duration> {
    let bell = Arc::new(Bell::new());
    let thread = thread::spawn({
        let bell = Arc::clone(&bell);
        move || (1..=wakes).for_each(|number| bell.ring(number, idle))
    });
    let mut latencies = Vec::with_capacity(wakes as usize);
    let polls = poll_fn(move |cx| {
        latencies.extend(bell.heard(cx));
        match latencies.len() as u64 == wakes {
            true => Poll::Ready(std::mem::take(&mut latencies)),
            false => Poll::Pending,
        }
    });
    let latencies = spawner.spawn(polls).await;
    thread.join().expect("it has rung for the last time");
    latencies
}

/// What a thread and a task share.
struct Bell {
    began: Instant,
    /// When it was rung last, in nanoseconds.
    rung_at: AtomicU64,
    /// How often it was rung.
    rung: AtomicU64,
    /// How often it was heard.
    heard: AtomicU64,
    waker: OnceLock<Waker>,
}

impl Bell {
    fn new() -> Self {
        let [rung_at, rung, heard] = [const { AtomicU64::new(0) }; 3];
        Self { began: Instant::now(), rung_at, rung, heard, waker: OnceLock::new() }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// By the thread: waits until the task has heard the last ring and was idle for so long, then rings.
    fn ring(&self, number: u64, idle: Duration) {
        while self.heard.load(Ordering::Acquire) + 1 < number || self.waker.get().is_none() {
            spin_loop();
        }
        let idle_since = Instant::now();
        while idle_since.elapsed() < idle {
            spin_loop();
        }
        self.rung_at.store(self.now(), Ordering::Relaxed);
        self.rung.store(number, Ordering::Release);
        self.waker.get().expect("seen above").wake_by_ref();
    }

    /// By the task, on each poll: how long ago it was rung, if it was.
    fn heard(&self, cx: &Context<'_>) -> Option<Duration> {
        let now = self.now();
        let rung = self.rung.load(Ordering::Acquire);
        self.waker.get_or_init(|| cx.waker().clone());
        if rung == self.heard.load(Ordering::Relaxed) {
            return None;
        }
        let latency = now.saturating_sub(self.rung_at.load(Ordering::Relaxed));
        self.heard.store(rung, Ordering::Release);
        Some(Duration::from_nanos(latency))
    }
}

/// A task hands the sending half of a oneshot channel of futures to a thread that waits for it, and awaits what that sends;
/// so many times. Returns how many values came.
pub async fn answered_by_a_thread<S: Spawn>(spawner: S, times: u64) -> u64 {
    let (asks, questions) = mpsc::channel::<oneshot::Sender<u64>>();
    let thread = thread::spawn(move || {
        for (number, answer) in (0..).zip(questions) {
            answer.send(number).expect("it is awaited");
        }
    });
    let task = spawner.spawn(async move {
        let mut answered = 0;
        for number in 0..times {
            let (answer, answers) = oneshot::channel();
            asks.send(answer).expect("the thread takes all of them");
            answered += u64::from(answers.await == Ok(number));
        }
        answered
    });
    let answered = task.await;
    thread.join().expect("it ends when the task does");
    answered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::for_each_woken_when_idle;
    use crate::system::System;
    use crate::systems::tests::started;

    #[test]
    fn every_wake_of_an_idle_loop_is_heard_once() {
        fn check<S: System>() {
            let Some(mut system) = started::<S>() else { return };
            let latencies = system.run(|spawner| woken_when_idle(spawner, 20, Duration::ZERO));
            assert_eq!(latencies.len(), 20, "{}", S::NAME);
        }
        for_each_woken_when_idle!(|S| check::<S>());
    }

    #[test]
    fn every_question_is_answered() {
        fn check<S: System>() {
            let Some(mut system) = started::<S>() else { return };
            assert_eq!(system.run(|spawner| answered_by_a_thread(spawner, 20)), 20, "{}", S::NAME);
        }
        for_each_woken_when_idle!(|S| check::<S>());
    }
}
