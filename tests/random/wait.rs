//! What may be awaited, in a future or by hand with a scripted waker.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use taketurns::cancel::WaitCancelled;
use taketurns::insight::{Named as _, NamedFuture};
use taketurns::time::{self, Interval, Sleep, Timeout};
use taketurns::{AbortHandle, BlockingHandle, JoinHandle, RemoteHandle};

use super::future::{Out, Pad, WithoutOutput};
use super::local::{REMOTES, WAKERS, home};
use super::oracle::contain;
use super::program::Step;

/// A handle, whatever its output.
pub(crate) trait Join {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;
    fn abort(&self);
    fn abort_handle(&self) -> AbortHandle;
    fn on_done(&self, f: Box<dyn FnOnce()>);
    /// What aborts the task when it is dropped.
    fn guard(self: Box<Self>) -> Wait;
}

impl<P: Pad> Join for JoinHandle<Out<P>> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        pin!(self).poll(cx).map(drop)
    }

    fn abort(&self) {
        self.abort();
    }

    fn abort_handle(&self) -> AbortHandle {
        self.abort_handle()
    }

    fn on_done(&self, f: Box<dyn FnOnce()>) {
        let _ = self.on_done(|_| f());
    }

    fn guard(self: Box<Self>) -> Wait {
        Wait::Guard(Box::new(WithoutOutput(self.abort_on_drop())))
    }
}

pub(crate) enum Wait {
    Join(Box<dyn Join>),
    Guard(Box<dyn Future<Output = ()> + Unpin>),
    Remote(RemoteHandle<Out>),
    Job(BlockingHandle<Out>),
    Sleep(Pin<Box<Sleep>>),
    /// A limit to what another slot held.
    Timeout(Pin<Box<Timeout<Waiting>>>),
    /// The same, by name.
    Named(Pin<Box<NamedFuture<Waiting>>>),
    Interval(Interval, u8),
    Cancelled(WaitCancelled),
    Advance(Pin<Box<dyn Future<Output = ()>>>),
}

impl Wait {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Join(handle) => handle.poll(cx),
            Self::Guard(guard) => pin!(guard).poll(cx),
            Self::Remote(handle) => pin!(handle).poll(cx).map(drop),
            Self::Job(handle) => pin!(handle).poll(cx).map(drop),
            Self::Sleep(sleep) => sleep.as_mut().poll(cx),
            Self::Timeout(timeout) => timeout.as_mut().poll(cx).map(drop),
            Self::Named(named) => named.as_mut().poll(cx),
            Self::Interval(interval, ticks) => {
                let _now = std::task::ready!(interval.poll_tick(cx));
                *ticks = ticks.saturating_sub(1);
                if *ticks == 0 {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Cancelled(cancelled) => pin!(cancelled).poll(cx).map(drop),
            Self::Advance(advance) => advance.as_mut().poll(cx),
        }
    }

    pub(crate) fn join<P: Pad>(handle: JoinHandle<Out<P>>) -> Self {
        Self::Join(Box::new(handle))
    }
}

/// A wait as a future.
pub(crate) struct Waiting(Box<Wait>);

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}

/// Up to a fifth of a millisecond.
pub(crate) fn span(of: u8) -> Duration {
    Duration::from_micros(u64::from(of % 8) * 30)
}

pub(crate) fn sleep(of: u8) -> Wait {
    Wait::Sleep(Box::pin(if of & 8 == 0 {
        time::sleep(span(of))
    } else {
        time::sleep_until(time::Instant::now() + span(of))
    }))
}

pub(crate) fn interval(of: u8) -> Wait {
    Wait::Interval(time::interval(span(of) + Duration::from_nanos(1)), 1 + of % 4)
}

pub(crate) fn timeout(of: u8, wait: Wait) -> Wait {
    if of & 16 != 0 {
        return Wait::Named(Box::pin(Waiting(Box::new(wait)).named("named")));
    }
    Wait::Timeout(Box::pin(time::timeout(span(of), Waiting(Box::new(wait)))))
}

pub(crate) fn advance(of: u8) -> Wait {
    Wait::Advance(Box::pin(time::advance(span(of))))
}

/// A step of a future where it may wait. `Ready(true)` ends the future.
pub(crate) fn begin(
    how: u8,
    step: Step,
    place: Option<&mut Option<Wait>>,
    cx: &mut Context<'_>,
) -> Poll<bool> {
    match how {
        // Another turn.
        0 => cx.waker().wake_by_ref(),
        // Until whatever has the waker wakes.
        1 | 2 => WAKERS.put(step.a, cx.waker().clone()),
        3 => return Poll::Ready(true),
        4..=6 => {
            let wait = match step.b % 4 {
                0 => REMOTES.take(step.a).map(Wait::Remote),
                1 => made(|| sleep(step.a)),
                _ => home().waits.take(step.a),
            };
            return await_it(place, wait, cx);
        }
        // For ever.
        _ => {}
    }
    Poll::Pending
}

/// Awaits it, where there is a place for it.
fn await_it(
    place: Option<&mut Option<Wait>>,
    wait: Option<Wait>,
    cx: &mut Context<'_>,
) -> Poll<bool> {
    let (Some(place), Some(wait)) = (place, wait) else { return Poll::Ready(false) };
    let poll = place.insert(wait).poll(cx);
    if poll.is_ready() {
        let ended = place.take();
        drop(ended);
    }
    poll.map(|()| false)
}

/// What is made inside of a runtime only; nothing where there is none.
pub(crate) fn made<T>(make: impl FnOnce() -> T) -> Option<T> {
    let mut made = None;
    contain(|| made = Some(make()));
    made
}
