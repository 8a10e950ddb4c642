//! [`shield`]: what is not to be dropped or told when the scope around it is cancelled.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::place::{Frame, Place};

/// Runs `future` to its end, whatever asks the code here to end. Until then the scopes and the group around it do not drop it,
/// and it does not hear of their cancellation, nor of that of its task. That arrives afterwards.
///
/// It is for a clean-up that awaits. It adds no polls. Two things it does not keep: an `abort` of the task,
/// and the drop of the future that it is part of.
///
/// # Cancellation
///
/// As that of `future`.
///
/// ```
/// use taketurns::{cancel::{Scope, shield}, yield_now};
///
/// # taketurns::block_on(async {
/// let scope = Scope::new();
/// let mut steps = 0;
/// let outcome = scope
///     .run(async {
///         scope.cancel("enough");
///         shield(async {
///             yield_now().await; // it goes on
///             steps += 1;
///         })
///         .await;
///         yield_now().await; // here the cancellation arrives
///         steps += 1;
///     })
///     .await;
/// assert_eq!(outcome.unwrap_err().reason().as_str(), "enough");
/// assert_eq!(steps, 1);
/// # });
/// ```
pub fn shield<F: Future>(future: F) -> Shield<F> {
    Shield { active: None, future }
}

pin_project! {
    /// See [`shield`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Shield<F> {
        // While it is in force.
        active: Option<Active>,
        #[pin]
        future: F,
    }
}

struct Active {
    frame: Rc<Frame>,
    _held: Hold,
}

/// Keeps what is around from being dropped, until it is dropped itself.
struct Hold(Option<Place>);

impl Hold {
    fn here() -> Self {
        let place = Place::here();
        place.iter().for_each(Place::hold);
        Self(place)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.iter().for_each(Place::release);
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let begin = || Active { _held: Hold::here(), frame: Frame::new(None) };
        let entered = this.active.get_or_insert_with(begin).frame.enter();
        let polled = this.future.poll(cx);
        drop(entered);
        if polled.is_ready() {
            *this.active = None;
        }
        polled
    }
}

impl<F> fmt::Debug for Shield<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield").field("active", &self.active.is_some()).finish_non_exhaustive()
    }
}
