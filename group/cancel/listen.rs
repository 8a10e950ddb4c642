//! How a task hears that it is asked to end: [`cancelled`], [`checkpoint`] and [`OrCancelled`].

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::place::Place;
use crate::common::awaited::Awaited;
use crate::common::waits::{Key, Numbered};
use crate::common::{Cancelled, waits};
use crate::executor::{ListenerKey, Reason, budget};

/// Completes with the reason when the code here is asked to end: by [`JoinHandle::cancel`](crate::JoinHandle::cancel) of its
/// task, by its group, by a [`Scope`](super::Scope) around it, or by the end of the runtime under
/// [`OnExit::Cancel`](crate::OnExit::Cancel). Inside a [`shield`](super::shield()), only by what is inside that too.
///
/// It stays so: each later `cancelled` completes at once. It does not complete on an `abort` of the task, which drops the
/// future where it stands: then only destructors clean up.
///
/// The place where it is first polled counts, not the place where it is made.
///
/// # Cancellation
///
/// Nothing is lost: it may be dropped and made anew at any time.
///
/// # Panics
///
/// When it is polled outside of every task of this crate and of every [`Scope`](super::Scope).
///
/// ```
/// use std::time::Duration;
/// use taketurns::{OnExit, cancel};
///
/// let grace = Duration::from_secs(1);
/// let runtime = taketurns::Builder::new().on_exit(OnExit::Cancel { grace }).build()?;
/// runtime.block_on(async {
///     taketurns::spawn(async {
///         let reason = cancel::cancelled().await;
///         println!("cleaning up: {reason}");
///     })
///     .detach();
/// });
/// assert!(runtime.shutdown().lost().is_empty());
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn cancelled() -> WaitCancelled {
    WaitCancelled(Listener::new("`cancel::cancelled`"))
}

/// Gives every task that is ready its turn, and fails if the code here is asked to end, before that or after it.
///
/// For a loop that computes: it neither keeps the thread nor goes on for nothing.
///
/// # Errors
///
/// [`Cancelled`], as [`cancelled`] would complete; before it yields if that is so already.
///
/// # Cancellation
///
/// Nothing is lost when the future is dropped.
///
/// # Panics
///
/// As [`cancelled`].
///
/// ```
/// use taketurns::cancel::{Cancelled, checkpoint};
///
/// async fn add_up(numbers: &[u64]) -> Result<u64, Cancelled> {
///     let mut sum = 0;
///     for chunk in numbers.chunks(1000) {
///         checkpoint().await?;
///         sum += chunk.iter().sum::<u64>();
///     }
///     Ok(sum)
/// }
/// # taketurns::block_on(async { assert_eq!(add_up(&[1; 5000]).await.unwrap(), 5000) });
/// ```
#[track_caller]
pub fn checkpoint() -> Checkpoint {
    Checkpoint { listener: Listener::new("`cancel::checkpoint`"), has_yielded: false }
}

/// See [`checkpoint`].
#[must_use = "futures do nothing unless awaited"]
pub struct Checkpoint {
    listener: Listener,
    has_yielded: bool,
}

impl Future for Checkpoint {
    type Output = Result<(), Cancelled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(reason) = self.listener.poll(cx) {
            return Poll::Ready(Err(Cancelled::new(reason)));
        }
        if self.has_yielded && self.listener.is_waiting() {
            self.listener.stop();
            return Poll::Ready(Ok(()));
        }
        self.has_yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint").field("has_yielded", &self.has_yielded).finish_non_exhaustive()
    }
}

/// [`or_cancelled`](Self::or_cancelled), for every future.
pub trait OrCancelled: Future + Sized {
    /// This future's output, or an error as soon as the code here is asked to end.
    ///
    /// The future is polled first, so an output that is ready is not lost. In a loop whose futures are always ready, the error
    /// comes when the [budget of the turn](crate::task#the-budget-of-a-turn) is used up.
    ///
    /// # Errors
    ///
    /// [`Cancelled`], as [`cancelled`] would complete. The future is then still there, and goes with the wrapper.
    ///
    /// # Cancellation
    ///
    /// As that of the future.
    ///
    /// # Panics
    ///
    /// As [`cancelled`].
    ///
    /// ```
    /// use taketurns::cancel::OrCancelled;
    ///
    /// # taketurns::block_on(async {
    /// let handle = taketurns::spawn(async {
    ///     std::future::pending::<()>().or_cancelled().await.unwrap_err().reason().clone()
    /// });
    /// taketurns::yield_now().await;
    /// handle.cancel("enough");
    /// assert!(handle.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    #[track_caller]
    fn or_cancelled(self) -> UntilCancelled<Self> {
        UntilCancelled { listener: Listener::new("`or_cancelled`"), future: self }
    }
}

impl<F: Future> OrCancelled for F {}

/// See [`cancelled`].
#[must_use = "futures do nothing unless awaited"]
pub struct WaitCancelled(Listener);

impl WaitCancelled {
    #[cfg(feature = "time")]
    pub(crate) fn is_done(&self) -> bool {
        self.0.is_done
    }
}

impl Future for WaitCancelled {
    type Output = Reason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reason> {
        self.0.poll(cx)
    }
}

impl fmt::Debug for WaitCancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitCancelled").field("is_done", &self.0.is_done).finish_non_exhaustive()
    }
}

pin_project! {
    /// See [`OrCancelled::or_cancelled`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct UntilCancelled<F> {
        listener: Listener,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for UntilCancelled<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if !this.listener.is_owed {
            if let Poll::Ready(output) = this.future.poll(cx) {
                this.listener.stop();
                return Poll::Ready(Ok(output));
            }
        }
        this.listener.poll(cx).map(|reason| Err(Cancelled::new(reason)))
    }
}

impl<F> fmt::Debug for UntilCancelled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilCancelled").finish_non_exhaustive()
    }
}

/// Hears that the code is asked to end where it was polled first.
struct Listener {
    /// In the quotes of code.
    function: &'static str,
    site: &'static Location<'static>,
    /// From its first poll on.
    place: Option<(Place, ListenerKey)>,
    /// It has heard, and yields first, as the turn had no budget left.
    is_owed: bool,
    is_done: bool,
}

impl Listener {
    #[track_caller]
    fn new(function: &'static str) -> Self {
        Self { function, site: Location::caller(), place: None, is_owed: false, is_done: false }
    }

    fn place(&mut self) -> &(Place, ListenerKey) {
        let Self { function, site, place, .. } = self;
        place.get_or_insert_with(|| match Place::here() {
            Some(place) => (place, ListenerKey::new()),
            None => panic!(
                "{function} at {site} needs a task of taketurns, or a `cancel::Scope` around it: await it inside \
                 `taketurns::block_on`"
            ),
        })
    }

    /// Whether the code here is not asked to end.
    fn is_waiting(&self) -> bool {
        self.place.as_ref().is_some_and(|(place, _)| place.reason().is_none())
    }

    /// It registers first, and asks for budget only when it is ready: the request may be made before its next turn.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Reason> {
        let (place, key) = self.place();
        if place.reason().is_none() {
            place.listen(*key, cx.waker(), true);
        }
        // Asked again: the waker's clone may have done anything.
        let Some(reason) = place.reason() else {
            let key = wait_key(*key);
            waits::note(key, || Awaited::new(self.function, self.site));
            return Poll::Pending;
        };
        place.hear();
        self.is_owed = budget::poll_ready(cx).is_pending();
        if self.is_owed {
            return Poll::Pending;
        }
        budget::spend();
        self.stop();
        Poll::Ready(reason)
    }

    /// Takes the waker back.
    fn stop(&mut self) {
        self.is_done = true;
        if let Some((place, key)) = &self.place {
            waits::over(wait_key(*key));
            place.forget(*key);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Names the wait of a listener.
pub(super) fn wait_key(key: ListenerKey) -> Key {
    Key::numbered(Numbered::Listener, key.number())
}
