//! For the tests of this part: a waker that records its name when woken, manual timers on which the test makes the driver's
//! calls, and an executor over manual timers.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::timers::{RESOLUTION, Timers};
use super::{Clock, Instant, Sleep, advance, sleep};
use crate::common::tokens::Tokens;
use crate::executor::{Driver, Executor, ParkThread, Pending, Unpark, spawn, yield_now};

/// The names of the wakers that were woken, in order.
#[derive(Clone, Default)]
pub(super) struct Trace(Arc<Mutex<Vec<&'static str>>>);

pub(super) struct Name {
    pub(super) name: &'static str,
    pub(super) trace: Trace,
}

impl Wake for Name {
    fn wake(self: Arc<Self>) {
        self.trace.0.lock().unwrap().push(self.name);
    }
}

impl Trace {
    pub(super) fn waker(&self, name: &'static str) -> Waker {
        Waker::from(Arc::new(Name { name, trace: self.clone() }))
    }

    pub(super) fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub(super) fn poll<F: Future + Unpin>(
        &self,
        name: &'static str,
        future: &mut F,
    ) -> Poll<F::Output> {
        self.poll_with(&self.waker(name), future)
    }

    pub(super) fn poll_with<F: Future + Unpin>(
        &self,
        waker: &Waker,
        future: &mut F,
    ) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(waker))
    }
}

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Timers of a clock that no job or `hold` keeps still.
pub(super) fn timers(clock: Clock) -> Rc<Timers> {
    Timers::new(clock, RESOLUTION, Tokens::without_loop())
}

/// Runs `test` inside of timers with a manual clock.
pub(super) fn manual(test: impl FnOnce(&Timers, &Trace)) {
    let timers = timers(Clock::Manual);
    let _entered = timers.enter();
    test(&timers, &Trace::default());
}

/// Polls each sleep once, with a waker of its name.
pub(super) fn asleep<const N: usize>(
    trace: &Trace,
    sleeps: [(&'static str, Duration); N],
) -> [Sleep; N] {
    sleeps.map(|(name, duration)| {
        let mut sleep = sleep(duration);
        assert!(trace.poll(name, &mut sleep).is_pending());
        sleep
    })
}

/// Advances by `span`. Returns the milliseconds at which the clock stopped on the way, and the wakers woken there.
pub(super) fn steps(
    timers: &Timers,
    trace: &Trace,
    span: Duration,
) -> Vec<(u64, Vec<&'static str>)> {
    let start = Instant::now();
    let mut advance = Box::pin(advance(span));
    let mut steps = Vec::new();
    while trace.poll("advance", &mut advance).is_pending() {
        assert_eq!(timers.wait_limit(), Some(Duration::ZERO));
        assert!(timers.move_virtual_clock());
        steps.push((start.elapsed().as_millis() as u64, trace.take()));
    }
    steps
}

/// Timers with a manual clock as a driver: where the loop would wait, they do a step of the `advance` in progress.
pub(super) struct Manual {
    timers: Rc<Timers>,
    /// The last `wait` had no limit.
    waits: bool,
}

impl Driver for Manual {
    fn wait(&mut self, limit: Option<Duration>) {
        self.waits = limit.is_none();
    }

    fn wake(&mut self, any_ready: bool) {
        let waits = self.waits && !any_ready;
        assert!(
            !waits || self.timers.move_virtual_clock(),
            "the loop waits for a clock that stands still"
        );
        self.timers.fire();
    }

    fn pending(&self) -> Pending {
        Pending::default()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        ParkThread::new().unparker()
    }
}

/// Runs `test` with an executor over manual timers that takes a look after each turn.
pub(super) fn looped(test: impl FnOnce(&Executor<'static, Manual>, &Timers)) {
    let timers = timers(Clock::Manual);
    let _entered = timers.enter();
    let manual = Manual { timers: Rc::clone(&timers), waits: false };
    let executor = Executor::new(manual, NonZeroU32::MIN);
    test(&executor, &timers);
}

/// A task calls `leaf` 300 times. Returns how many of the calls were done after each of its turns.
pub(super) fn done_by_turn(
    executor: &Executor<'static, Manual>,
    mut leaf: impl AsyncFnMut() + 'static,
) -> Vec<u32> {
    let count = Rc::new(Cell::new(0));
    let counts = Rc::clone(&count);
    executor.block_on(async move {
        let busy = spawn(async move {
            for _ in 0..300 {
                leaf().await;
                counts.set(counts.get() + 1);
            }
        });
        let mut seen = Vec::new();
        while !busy.is_finished() {
            yield_now().await;
            seen.push(count.get());
        }
        seen
    })
}
