//! [`Named`]: a name for what a task does while it waits.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::common::awaited::Awaited;
use crate::common::explained::within_outer;
use crate::common::waits::{self, Key};
use crate::executor::{PartBefore, shortened, with_current};

/// [`named`](Self::named), for every future.
///
/// A report says which lock or socket a task waits for, and where that was made. What the task is about, only the program can
/// say.
pub trait Named: Future + Sized {
    /// The same future. While it waits, reports of what its task waits for have a line with this name, and below that what the
    /// future itself waits for. (Of a name that has more than 200 bytes, they have the beginning.)
    ///
    /// While a turn is in the future and does not end, the watchdog's [`Stall`](super::Stall) says where it was named. (Not the
    /// name: that is the loop's, which does not answer then.)
    ///
    /// Names may be nested. Unless the runtime explains what its tasks wait for, as with
    /// [`Builder::report_deadlocks`](crate::Builder::report_deadlocks), or has a watchdog, a name costs a look at two flags in
    /// each poll.
    ///
    /// # Cancellation
    ///
    /// As that of the future.
    ///
    /// ```
    /// use taketurns::insight::Named;
    ///
    /// # taketurns::block_on(async {
    /// let config = taketurns::spawn(async { 42 });
    /// assert_eq!(config.named("reading config").await.unwrap(), 42);
    /// # });
    /// ```
    #[track_caller]
    fn named(self, label: impl Into<Cow<'static, str>>) -> NamedFuture<Self> {
        NamedFuture { label: label.into(), site: Location::caller(), future: self }
    }
}

impl<F: Future> Named for F {}

pin_project! {
    /// See [`Named::named`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct NamedFuture<F> {
        // Its address is the key of the wait, as this is pinned.
        label: Cow<'static, str>,
        site: &'static Location<'static>,
        #[pin]
        future: F,
    }

    impl<F> PinnedDrop for NamedFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            waits::over(Key::at(&this.label));
        }
    }
}

impl<F: Future> Future for NamedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let key = Key::at(this.label);
        waits::note(key, || {
            let label = match shortened(this.label) {
                Cow::Borrowed(_) => this.label.clone(),
                Cow::Owned(beginning) => beginning.into(),
            };
            Awaited::named(label, this.site)
        });
        let within = (within_outer(key), Part::enter(this.site));
        let polled = this.future.poll(cx);
        drop(within);
        if polled.is_ready() {
            waits::over(key);
        }
        polled
    }
}

/// The turn is in the future until this is dropped, on unwind too. Other threads see that if the loop is watched.
struct Part(Option<PartBefore>);

impl Part {
    fn enter(named_at: &'static Location<'static>) -> Self {
        Self(
            with_current(|hub| hub.is_watched().then(|| hub.pulse().enter_part(named_at)))
                .flatten(),
        )
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            with_current(|hub| hub.pulse().leave_part(before));
        }
    }
}

impl<F> fmt::Debug for NamedFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedFuture").field("label", &self.label).finish_non_exhaustive()
    }
}
