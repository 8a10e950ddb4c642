//! Waking in another place than inside the executor, and coming back.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};
use std::thread;

use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};

/// Returns when the waker has been used: on another thread, or on this one inside of another executor.
/// Both are away; the second costs no switch of threads.
pub(crate) fn wake(waker: Waker, on_a_thread: bool) {
    if on_a_thread {
        return THREAD.with(|thread| thread.wake(waker));
    }
    let other = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    other.spawn(WakesWhenDropped(waker)).detach();
}

/// An executor drops its tasks inside of itself.
struct WakesWhenDropped(Waker);

impl Future for WakesWhenDropped {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for WakesWhenDropped {
    fn drop(&mut self) {
        self.0.wake_by_ref();
    }
}

thread_local! {
    static THREAD: Helper = Helper::start();
}

/// A thread that wakes what it is sent, and says so.
struct Helper {
    wakers: Sender<Waker>,
    woken: Receiver<()>,
}

impl Helper {
    fn start() -> Self {
        let (wakers, to_wake) = channel::<Waker>();
        let (done, woken) = channel();
        thread::spawn(move || {
            for waker in to_wake {
                waker.wake();
                if done.send(()).is_err() {
                    return;
                }
            }
        });
        Self { wakers, woken }
    }

    fn wake(&self, waker: Waker) {
        self.wakers.send(waker).expect("the helper runs as long as this");
        self.woken.recv().expect("the helper wakes and goes on");
    }
}
