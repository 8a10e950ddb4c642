//! [`join_all`], [`try_join_all`] and [`gather_settled`]: every future of a list, in one task.

#![forbid(unsafe_code)]

use std::fmt;
use std::future::{Future, IntoFuture};
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::children::Children;
use crate::common::{Abort, AbortOnDrop};

/// Awaits every future of a list, all in the turns of this task, and returns their outputs in the order of the *list*.
///
/// Up to 16 futures are polled in place, in the order of the list, each time that the task is woken. Of more, only those
/// are polled that were woken, in the order of their wakes, each once in a turn. They share the task's [budget](crate::task#the-budget-of-a-turn). A
/// future that blocks keeps the others waiting.
///
/// An empty list is ready at once. To run the futures as tasks, spawn them first: `join_all(handles)`. If those tasks must
/// end with this one, use [`gather_settled`].
///
/// # Cancellation
///
/// Dropping the returned future drops the futures that have not ended, in the order of the list, and the outputs of the
/// others. Dropping the `JoinHandle` of a task does not abort the task.
///
/// # Panics
///
/// A panic of one future goes to the caller, after the others were dropped in the order of the list. Polling again after the
/// output was given panics.
///
/// ```
/// use taketurns::{task::join_all, yield_now};
///
/// taketurns::block_on(async {
///     let squares = join_all((0..4).map(async |n: u64| {
///         yield_now().await;
///         n * n
///     }));
///     assert_eq!(squares.await, [0, 1, 4, 9]);
/// });
/// ```
pub fn join_all<I>(futures: I) -> JoinAll<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator<Item: IntoFuture>,
{
    JoinAll { all: All::new(futures.into_iter().map(IntoFuture::into_future)) }
}

/// Awaits every future of a list, until one gives an error. The outputs are in the order of the *list*.
///
/// The first error ends it: the futures that have not ended are dropped at once, in the order of the list, and then the
/// error is returned. If several have an error in the same turn, it is the one that is polled first. Otherwise like
/// [`join_all`].
///
/// # Cancellation
///
/// As [`join_all`].
///
/// # Errors
///
/// The first error.
///
/// # Panics
///
/// As [`join_all`].
///
/// ```
/// use taketurns::task::try_join_all;
///
/// taketurns::block_on(async {
///     let numbers = try_join_all(["1", "2", "x"].map(async |text| text.parse::<i32>()));
///     assert!(numbers.await.is_err());
/// });
/// ```
pub fn try_join_all<I, T, E>(futures: I) -> TryJoinAll<<I::Item as IntoFuture>::IntoFuture, T>
where
    I: IntoIterator<Item: IntoFuture<Output = Result<T, E>>>,
{
    TryJoinAll { all: All::new(futures.into_iter().map(IntoFuture::into_future)) }
}

/// Awaits every handle of a list, and returns what became of each as a value, in the order of the *list*: a task that
/// fails keeps no other from its end.
///
/// The tasks belong to the returned future. What drops that aborts them: an abort of the task that gathers, a scope, a group, a
/// timeout. It does not listen to requests itself; with [`or_cancelled`](crate::cancel::OrCancelled::or_cancelled) around it,
/// [`JoinHandle::cancel`](crate::JoinHandle::cancel) of the task that gathers ends what it gathers, as in asyncio's
/// `gather(return_exceptions=True)`. To leave the tasks alone instead, use [`join_all`]. Of plain futures, `join_all` gives
/// every `Result` as a value too.
///
/// # Cancellation
///
/// Dropping the returned future aborts the tasks, or blocking jobs, that have not ended.
///
/// # Panics
///
/// Polling again after the outcomes were given panics. A panic of a task is an outcome.
///
/// ```
/// use std::future::pending;
/// use taketurns::{spawn, task::gather_settled};
///
/// taketurns::block_on(async {
///     let aborted = spawn(pending::<i32>());
///     aborted.abort();
///     let outcomes = gather_settled([spawn(async { 1 }), aborted, spawn(async { 3 })]).await;
///     assert_eq!(*outcomes[0].as_ref().unwrap(), 1);
///     assert!(outcomes[1].as_ref().unwrap_err().is_cancelled());
///     assert_eq!(*outcomes[2].as_ref().unwrap(), 3);
/// });
/// ```
pub fn gather_settled<H>(handles: impl IntoIterator<Item = H>) -> GatherSettled<H>
where
    H: Abort + Future + Unpin,
{
    GatherSettled { all: join_all(handles.into_iter().map(AbortOnDrop::new)) }
}

/// The children, and a place for the output of each.
struct All<F, T> {
    children: Children<F>,
    outputs: Vec<Option<T>>,
    is_taken: bool,
}

// The futures are pinned by boxes of their own.
impl<F, T> Unpin for All<F, T> {}

impl<F: Future, T> All<F, T> {
    fn new(futures: impl Iterator<Item = F>) -> Self {
        let children = Children::new(futures);
        let outputs = (0..children.len()).map(|_| None).collect();
        Self { children, outputs, is_taken: false }
    }

    /// `split` makes an output of what a future gives, or ends it all.
    fn poll<E>(
        &mut self,
        cx: &mut Context<'_>,
        function: &str,
        split: impl Fn(F::Output) -> Result<T, E>,
    ) -> Poll<Result<Vec<T>, E>> {
        assert!(
            !self.is_taken,
            "`{function}` was polled after it was ready, or had panicked: await it once"
        );
        self.is_taken = true; // unless it is pending
        let outputs = &mut self.outputs;
        let polled = self.children.turn(cx, |place, output| match split(output) {
            Ok(output) => {
                outputs[place] = Some(output);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        });
        if polled.is_pending() {
            self.is_taken = false;
        }
        Poll::Ready(match ready!(polled) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => {
                let outputs = mem::take(&mut self.outputs).into_iter();
                Ok(outputs.map(|output| output.expect("each has ended")).collect())
            }
        })
    }
}

impl<F, T> All<F, T> {
    fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (total, left) = (self.children.len(), self.children.left());
        f.debug_struct(name).field("futures", &total).field("left", &left).finish()
    }
}

/// The future of [`join_all`].
#[must_use = "futures do nothing unless awaited"]
pub struct JoinAll<F: Future> {
    all: All<F, F::Output>,
}

impl<F: Future> Future for JoinAll<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.all.poll(cx, "join_all", Ok::<_, std::convert::Infallible>);
        polled.map(|Ok(outputs)| outputs)
    }
}

/// The future of [`try_join_all`].
#[must_use = "futures do nothing unless awaited"]
pub struct TryJoinAll<F, T> {
    all: All<F, T>,
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for TryJoinAll<F, T> {
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.all.poll(cx, "try_join_all", |result| result)
    }
}

/// The future of [`gather_settled`].
#[must_use = "dropping it aborts the tasks"]
pub struct GatherSettled<H: Abort + Future + Unpin> {
    all: JoinAll<AbortOnDrop<H>>,
}

impl<H: Abort + Future + Unpin> Future for GatherSettled<H> {
    type Output = Vec<H::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.all).poll(cx)
    }
}

impl<F: Future> fmt::Debug for JoinAll<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.describe("JoinAll", f)
    }
}

impl<F, T> fmt::Debug for TryJoinAll<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.describe("TryJoinAll", f)
    }
}

impl<H: Abort + Future + Unpin> fmt::Debug for GatherSettled<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.all.describe("GatherSettled", f)
    }
}
