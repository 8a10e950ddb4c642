//! [`race`]: the first of several futures.

#![forbid(unsafe_code)]

use std::any::Any;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::children::Children;
use super::dropping::FirstPanic;
use crate::executor::poll_contained;

/// Awaits the first of several futures that is ready, drops the others, and returns its output.
///
/// It takes a tuple of two or three futures, which may be of different types with one type of output; or an array or a `Vec`
/// of futures. The futures run in the turns of this task.
///
/// # Which one wins
///
/// Up to 16 futures are polled in the order of the arguments, each time that the task is woken: if several are ready in one
/// turn, the *first argument* wins. Of more, the first turn polls them in that order, and later ones poll those that were
/// woken, in the order of their wakes: the one *woken first* wins.
///
/// So it is exact, and not fair: if the first argument is always ready, the others never win. In a loop, put first what must
/// not be missed, such as the request to stop; and what is ready all the time last.
///
/// # Cancellation
///
/// The others are dropped, in the order of the arguments, before this returns; what a future loses by that is lost. To go
/// on with one later, race `&mut` of it. Dropping the returned future drops them all, in the same order.
///
/// # Panics
///
/// When the array or `Vec` is empty: there is nothing to wait for. A panic of one future goes to the caller, after the others
/// were dropped. Of several destructors that panic, the first panic goes to the caller, and the others are reported. Polling
/// again after the output was given panics.
///
/// ```
/// use std::future::pending;
/// use taketurns::{task::race, yield_now};
///
/// taketurns::block_on(async {
///     let first = race((
///         pending(),
///         async { "ready" },
///         async { "ready too" },
///     ));
///     assert_eq!(first.await, "ready");
///
///     let slow = async |n: u32| {
///         for _ in 0..n {
///             yield_now().await;
///         }
///         n
///     };
///     assert_eq!(race([slow(3), slow(1), slow(2)]).await, 1);
/// });
/// ```
#[track_caller]
pub fn race<C: Contenders>(contenders: C) -> C::Race {
    contenders.into_race()
}

/// What [`race`] takes: tuples of two and three futures, arrays and `Vec`s. Sealed.
pub trait Contenders: sealed::Contenders {}

impl<C: sealed::Contenders> Contenders for C {}

mod sealed {
    use std::future::Future;

    pub trait Contenders {
        type Race: Future;

        #[track_caller]
        fn into_race(self) -> Self::Race;
    }
}

/// The future of [`race`] for an array or a `Vec`.
#[must_use = "futures do nothing unless awaited"]
pub struct RaceMany<F> {
    children: Children<F>,
}

// The futures are pinned by boxes of their own.
impl<F> Unpin for RaceMany<F> {}

impl<F: Future> RaceMany<F> {
    #[track_caller]
    fn new(futures: impl Iterator<Item = F>) -> Self {
        let children = Children::new(futures);
        assert!(
            children.len() > 0,
            "`race` of no futures would wait for ever: give it one, or await `std::future::pending()` to mean that"
        );
        Self { children }
    }
}

impl<F: Future> Future for RaceMany<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match ready!(self.children.turn(cx, |_, output| ControlFlow::Break(output))) {
            ControlFlow::Break(output) => Poll::Ready(output),
            ControlFlow::Continue(()) => after_the_end(),
        }
    }
}

impl<F> fmt::Debug for RaceMany<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaceMany").finish_non_exhaustive()
    }
}

impl<F: IntoFuture, const N: usize> sealed::Contenders for [F; N] {
    type Race = RaceMany<F::IntoFuture>;

    #[track_caller]
    fn into_race(self) -> Self::Race {
        RaceMany::new(self.into_iter().map(IntoFuture::into_future))
    }
}

impl<F: IntoFuture> sealed::Contenders for Vec<F> {
    type Race = RaceMany<F::IntoFuture>;

    #[track_caller]
    fn into_race(self) -> Self::Race {
        RaceMany::new(self.into_iter().map(IntoFuture::into_future))
    }
}

#[cold]
fn after_the_end() -> ! {
    panic!("`race` was polled after it was ready, or had panicked: await it once")
}

/// What one poll of a contender has brought.
enum Lap<T> {
    Goes,
    Won(T),
    Fell(Box<dyn Any + Send>),
}

/// Polls a contender, if none before it has ended the race.
fn lap<F: Future>(
    contender: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
    so_far: &mut Lap<F::Output>,
) {
    if let Lap::Goes = so_far {
        match poll_contained(contender, cx) {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(output)) => *so_far = Lap::Won(output),
            Err(panic) => *so_far = Lap::Fell(panic),
        }
    }
}

/// A race of a tuple, with a field for each contender.
macro_rules! race_of_a_tuple {
    ($race:ident, $number:literal, $(($field:ident, $type:ident)),+) => {
        pin_project! {
            #[doc = concat!("The future of [`race`] for ", $number, " futures.")]
            #[must_use = "futures do nothing unless awaited"]
            pub struct $race<$($type),+> {
                // Each is `None` once the race is over.
                $(#[pin] $field: Option<$type>,)+
            }

            // A plain drop would end the process at the second future that panics in its destructor.
            impl<$($type),+> PinnedDrop for $race<$($type),+> {
                fn drop(this: Pin<&mut Self>) {
                    let mut this = this.project();
                    let mut first_panic = FirstPanic::default();
                    $(first_panic.catch(|| this.$field.set(None));)+
                    first_panic.go_on();
                }
            }
        }

        impl<T, $($type: Future<Output = T>),+> Future for $race<$($type),+> {
            type Output = T;

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
                let mut this = self.project();
                if [$(this.$field.is_none()),+].contains(&true) {
                    after_the_end();
                }
                let mut so_far = Lap::Goes;
                $(lap(this.$field.as_mut(), cx, &mut so_far);)+
                if let Lap::Goes = so_far {
                    return Poll::Pending;
                }
                let mut first_panic = FirstPanic::default();
                $(first_panic.catch(|| this.$field.set(None));)+
                match so_far {
                    Lap::Won(output) => Poll::Ready(first_panic.or(output)),
                    Lap::Fell(panic) => first_panic.after(panic),
                    Lap::Goes => unreachable!("seen above"),
                }
            }
        }

        impl<T, $($type: IntoFuture<Output = T>),+> sealed::Contenders for ($($type,)+) {
            type Race = $race<$($type::IntoFuture),+>;

            fn into_race(self) -> Self::Race {
                let ($($field,)+) = self;
                $race { $($field: Some($field.into_future())),+ }
            }
        }

        impl<$($type),+> fmt::Debug for $race<$($type),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($race)).finish_non_exhaustive()
            }
        }
    };
}

race_of_a_tuple!(Race2, "two", (a, A), (b, B));
race_of_a_tuple!(Race3, "three", (a, A), (b, B), (c, C));
