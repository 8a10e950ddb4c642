//! The lanes: a column of the page for each task, filled while it has its turn.
//!
//! [`spawn`] is the crate's own, of a future that notes when it is polled and dropped.

#![forbid(unsafe_code)]

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use taketurns::time::Clock;
use taketurns::{JoinHandle, task};

use crate::timeline::{self, Recorded};
use crate::trace::{self, Event, Lane, RealTime};

/// [`taketurns::spawn`], with a lane that has the next letter.
#[track_caller]
pub(crate) fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    taketurns::spawn(Laned::new(None, future))
}

/// Spawns a task that has a name, with a lane of that label.
#[track_caller]
pub(crate) fn spawn_named<F: Future + 'static>(name: &str, future: F) -> JoinHandle<F::Output> {
    task::Builder::new().name(name).spawn(Laned::new(Some(name), future))
}

/// `future` with a lane of this label.
pub(crate) fn lane<F: Future>(label: &str, future: F) -> impl Future<Output = F::Output> {
    Laned::new(Some(label), future)
}

/// Runs `root` by a virtual clock: only sleeps take time, and each exactly its own. Tasks may be lost.
pub(crate) fn virtually<F: Future>(label: &str, root: F) -> io::Result<F::Output> {
    let runtime = virtual_runtime()?;
    let _real = RealTime;
    Ok(runtime.block_on(trace::by_the_clock(lane(label, root))))
}

/// As [`virtually`], with `main` as a task of its own, which has an id, as a root future has none.
pub(crate) fn in_a_task<F: Future + 'static>(label: &str, main: F) -> io::Result<F::Output> {
    let runtime = virtual_runtime()?;
    let _real = RealTime;
    let main = runtime.spawn(Laned::new(Some(label), main));
    runtime.block_on(trace::by_the_clock(main)).map_err(io::Error::other)
}

/// No other thread wakes its tasks, so a deadlock is certain at once.
fn virtual_runtime() -> io::Result<Recorded> {
    let builder = timeline::builder().clock(Clock::AutoAdvance).deadlock_grace(Duration::ZERO);
    Ok(builder.on_lost(|_| {}).build()?.into())
}

/// Runs `f`, which is no task, in a lane of this label, unless it runs in one already.
pub(crate) fn thread<T>(label: &str, f: impl FnOnce() -> T) -> T {
    if trace::is_in_a_lane() {
        return f();
    }
    let lane = trace::lane(Some(label));
    let _entered = trace::enter(lane);
    note(lane, Event::Turn);
    let output = f();
    note(lane, Event::Ended);
    output
}

/// The text of the panic of `f`, which is not printed; `None` if it does not panic.
pub(crate) fn panic_of(f: impl FnOnce()) -> Option<String> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let caught = catch_unwind(AssertUnwindSafe(f));
    panic::set_hook(hook);
    caught.err().map(|payload| panic_text(&*payload).to_owned())
}

/// What a panic says.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

struct Laned<F> {
    lane: Option<Lane>,
    /// `None` once it has ended.
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Laned<F> {
    fn new(label: Option<&str>, future: F) -> Laned<F> {
        Laned { lane: trace::lane(label), future: Some(Box::pin(future)) }
    }
}

impl<F: Future> Future for Laned<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = trace::enter(self.lane);
        note(self.lane, Event::Turn);
        let future = self.future.as_mut().expect("it is not polled after its end");
        let polled = future.as_mut().poll(cx);
        if polled.is_ready() {
            self.future = None;
            note(self.lane, Event::Ended);
        }
        polled
    }
}

impl<F> Drop for Laned<F> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            let _entered = trace::enter(self.lane);
            drop(future);
            note(self.lane, Event::Dropped);
        }
    }
}

fn note(lane: Option<Lane>, event: fn(Lane) -> Event) {
    if let Some(lane) = lane {
        trace::note(event(lane));
    }
}
