//! Hand-polling with a waker that counts its clones and its wakes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Count {
    wakes: AtomicUsize,
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls futures, and says what became of the waker it polls with.
#[derive(Default)]
pub(crate) struct Poller(Arc<Count>);

impl Poller {
    pub(crate) fn poll<F: Future + Unpin>(&self, future: &mut F) -> Poll<F::Output> {
        self.poll_pinned(Pin::new(future))
    }

    pub(crate) fn poll_pinned<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.0));
        future.poll(&mut Context::from_waker(&waker))
    }

    /// How many wakers are kept somewhere.
    pub(crate) fn kept(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }

    /// How often it was woken since the last call.
    pub(crate) fn woken(&self) -> usize {
        self.0.wakes.swap(0, Ordering::Relaxed)
    }
}

pub(crate) fn poll_with<F: Future + Unpin>(waker: &Waker, future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}
