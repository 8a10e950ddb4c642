//! What broke other executors, each with the public thread it is from: what happens here.
//!
//! Repositories: tokio-rs/tokio, rust-lang/futures-rs, compio-rs/compio, smol-rs/async-executor and so on,
//! as named at each test. Interleavings of these races are tried one by one in `models/`; here the
//! whole runtime is.

mod common;

#[path = "adversarial/panics.rs"]
mod panics;
#[path = "adversarial/scheduling.rs"]
mod scheduling;
#[path = "adversarial/shutdown.rs"]
mod shutdown;
#[cfg(feature = "time")]
#[path = "adversarial/timer_wakers.rs"]
mod timer_wakers;
#[cfg(feature = "time")]
#[path = "adversarial/timers.rs"]
mod timers;
#[path = "adversarial/wakers.rs"]
mod wakers;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Where a future leaves its waker for others.
type Place = Rc<RefCell<Option<Waker>>>;

/// Leaves its waker in `place` at each poll, and never completes by itself.
fn leaves_waker(place: &Place) -> impl Future<Output = ()> + use<> {
    let place = Rc::clone(place);
    poll_fn(move |cx| {
        let waker = cx.waker().clone();
        drop(place.borrow_mut().replace(waker));
        Poll::Pending
    })
}

/// Runs `f` when dropped.
struct OnDrop<F: FnOnce()>(Option<F>);

fn on_drop<F: FnOnce()>(f: F) -> OnDrop<F> {
    OnDrop(Some(f))
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

/// Never completes; runs `f` when dropped.
async fn pending_then(f: impl FnOnce()) {
    let _guard = on_drop(f);
    std::future::pending::<()>().await;
}
