//! [`borrowing`]: a group whose children borrow the caller's locals.
//!
//! A task owns what it uses: the executor keeps it, and may keep it longer than the code that spawned it runs. So a child
//! that borrows a local of its spawner cannot be a task. Waiting for it in the spawner would not help, as the spawner's
//! future may be forgotten in the middle, and the executor would go on polling a future with dangling borrows.
//!
//! So these children are not given to the executor. The future of [`borrowing`] owns them and polls them itself, in the turns
//! of the task that awaits it: no owner, no poll. No line of this is `unsafe`: the compiler sees one future that contains
//! others, and checks each borrow as in any struct.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use super::borrowing_handle::BorrowingHandle;
use super::dropping::FirstPanic;
use super::ready_set::{ReadySet, Step};

/// Runs a group of futures that may borrow what lives longer than this call, and returns what `body` returns, once `body`
/// and all children are done.
///
/// `body` is given the [`BorrowingGroup`], whose [`spawn`](BorrowingGroup::spawn) adds a child; children may add children. A
/// child's output comes from its [`BorrowingHandle`]. [`finish`](BorrowingGroup::finish) ends the group early.
///
/// # One task
///
/// The children are not tasks. They, and `body`, are polled in the turns of the task that awaits this future: one task, one
/// turn, one [budget](crate::task#the-budget-of-a-turn). A child that blocks, or computes for long, keeps its siblings
/// waiting with the task. [`task::current`](crate::task::current) is that task for all of them.
///
/// In one turn of the task, the children that were woken before it are polled, each once, in the order of their wakes (what
/// other threads woke comes last); `body` counts as the first child. A child that is spawned or woken during the turn has its
/// poll in the next turn, after the other tasks that are ready. The cost of a turn goes by the children that were woken,
/// not by how many there are.
///
/// # Cancellation
///
/// Dropping the future drops `body`, and then the children that have not ended, in the order in which they were spawned.
///
/// # Panics
///
/// A panic of `body` or of a child goes to the caller, after all of them were dropped in that order.
///
/// ```
/// use std::cell::Cell;
/// use taketurns::task::borrowing;
///
/// taketurns::block_on(async {
///     let words = ["one", "three", "eleven"].map(String::from);
///     let longest = Cell::new("");
///     borrowing(async |group| {
///         for word in &words {
///             // Each child borrows `word` and `longest`.
///             group.spawn(async {
///                 if word.len() > longest.get().len() {
///                     longest.set(word);
///                 }
///             });
///         }
///     })
///     .await;
///     assert_eq!(longest.get(), "eleven");
/// });
/// ```
///
/// # Why it is sound
///
/// A child must outlive `'scope`, a lifetime that ends with the group and that `body` cannot choose. So it can borrow only
/// what was there before the call. A local of `body` itself does not live long enough:
///
/// ```compile_fail,E0373
/// # use taketurns::task::borrowing;
/// # taketurns::block_on(async {
/// borrowing(async |group| {
///     let inside = String::from("dropped with `body`");
///     group.spawn(async { println!("{inside}") });
/// })
/// .await;
/// # });
/// ```
///
/// What is borrowed stays borrowed until the group is done:
///
/// ```compile_fail,E0505
/// # use taketurns::task::borrowing;
/// # taketurns::block_on(async {
/// let text = String::from("borrowed");
/// let group = borrowing(async |group| {
///     group.spawn(async { println!("{text}") });
/// });
/// drop(text);
/// group.await;
/// # });
/// ```
///
/// And neither the group nor a handle can leave it, to be used when the children are gone:
///
/// ```compile_fail
/// # use taketurns::task::borrowing;
/// # taketurns::block_on(async {
/// let mut escaped = None;
/// borrowing(async |group| {
///     escaped = Some(group);
/// })
/// .await;
/// # });
/// ```
///
/// ```compile_fail
/// # use taketurns::task::borrowing;
/// # taketurns::block_on(async {
/// let handle = borrowing(async |group| group.spawn(async { 1 })).await;
/// # });
/// ```
pub async fn borrowing<'env, T, F>(body: F) -> T
where
    F: for<'scope> AsyncFnOnce(&'scope BorrowingGroup<'scope, 'env, T>) -> T,
{
    let group = BorrowingGroup {
        spawned: RefCell::default(),
        finished: Cell::new(None),
        is_over: Cell::new(false),
        lifetimes: PhantomData,
    };
    let body = pin!(Some(body(&group)));
    Running {
        group: &group,
        set: ReadySet::new(),
        body,
        value: None,
        children: Vec::new(),
        left: 0,
        births: 0,
    }
    .await
}

type Boxed<'scope> = Pin<Box<dyn Future<Output = ()> + 'scope>>;

/// The group of [`borrowing`]: adds children to it, and ends it.
///
/// Children borrow what lives for `'env`; the group itself lives for `'scope`. `T` is what the group returns.
pub struct BorrowingGroup<'scope, 'env: 'scope, T> {
    /// Spawned, and not taken in by [`Running`] yet, which empties it before it goes. The children may refer to this group,
    /// so dropping the group must not drop them.
    spawned: RefCell<ManuallyDrop<Vec<Boxed<'scope>>>>,
    finished: Cell<Option<T>>,
    is_over: Cell<bool>,
    /// As in std's `Scope`: neither lifetime can be made longer or shorter.
    lifetimes: PhantomData<(&'scope mut &'scope (), &'env mut &'env ())>,
}

impl<'scope, T> BorrowingGroup<'scope, '_, T> {
    /// Adds a child. Its first poll is in the task's next turn, behind the children that are queued now.
    ///
    /// The group waits for the child whether or not its handle is kept. After [`finish`](Self::finish), the child is dropped
    /// at once.
    ///
    /// ```
    /// # taketurns::block_on(async {
    /// let numbers = [1, 2, 3];
    /// let sum = taketurns::task::borrowing(async |group| {
    ///     let one = group.spawn(async { numbers[0] });
    ///     let rest = group.spawn(async {
    ///         let more = group.spawn(async { numbers[2] }); // a child of a child
    ///         numbers[1] + more.await
    ///     });
    ///     one.await + rest.await
    /// });
    /// assert_eq!(sum.await, 6);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn<F>(&'scope self, future: F) -> BorrowingHandle<'scope, F::Output>
    where
        F: Future + 'scope,
        F::Output: 'scope,
    {
        let (child, handle) = BorrowingHandle::of(future, Location::caller());
        if !self.is_over.get() {
            self.spawned.borrow_mut().push(Box::pin(child));
        }
        handle
    }

    /// Ends the group with `value`, which it returns: once the child that calls this returns from its poll, `body` and then
    /// the other children are dropped, in the order in which they were spawned.
    ///
    /// The first value counts; a later one is dropped.
    ///
    /// ```
    /// use std::future::pending;
    ///
    /// # taketurns::block_on(async {
    /// let first = taketurns::task::borrowing(async |group| {
    ///     group.spawn(async { group.finish("found") });
    ///     group.spawn(pending::<()>());
    ///     "not found"
    /// });
    /// assert_eq!(first.await, "found");
    /// # });
    /// ```
    pub fn finish(&'scope self, value: T) {
        if !self.is_over.replace(true) {
            self.finished.set(Some(value));
        }
    }
}

impl<T> fmt::Debug for BorrowingGroup<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BorrowingGroup")
            .field("is_over", &self.is_over.get())
            .finish_non_exhaustive()
    }
}

/// The group at work: owns the children, and is polled by the task.
struct Running<'body, 'scope, 'env, T, B> {
    group: &'scope BorrowingGroup<'scope, 'env, T>,
    set: ReadySet,
    /// In the first slot of the set, which is never used again.
    body: Pin<&'body mut Option<B>>,
    /// What `body` has returned.
    value: Option<T>,
    /// In the other slots.
    children: Vec<Member<'scope>>,
    /// How many children have not ended.
    left: usize,
    /// How many children were spawned.
    births: u64,
}

struct Member<'scope> {
    /// Its place in the order of the spawns.
    birth: u64,
    future: Option<Boxed<'scope>>,
}

// What is pinned has a pin of its own.
impl<T, B> Unpin for Running<'_, '_, '_, T, B> {}

impl<T, B: Future<Output = T>> Future for Running<'_, '_, '_, T, B> {
    type Output = T;

    /// A panic goes up through the future of `borrowing`, which drops this, and so all that is left.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let value = ready!(self.turn(cx));
        Poll::Ready(self.drop_all().or(value))
    }
}

impl<T, B: Future<Output = T>> Running<'_, '_, '_, T, B> {
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        if self.births == 0 {
            self.births = 1;
            self.set.add(); // `body`
        }
        let Self { group, set, body, value, children, left, .. } = self;
        let finished = set.turn(cx, |slot, cx| {
            let is_child = slot > 0;
            let polled = match is_child {
                true => poll_child(&mut children[slot - 1].future, cx),
                false => poll_body(body.as_mut(), value, cx),
            };
            if group.is_over.get() {
                return Step::Finish(());
            }
            match polled {
                Poll::Ready(()) if is_child => {
                    *left -= 1;
                    Step::Ended
                }
                _ => Step::Pending,
            }
        });
        if finished.is_ready() {
            return Poll::Ready(group.finished.take().expect("given by `finish`"));
        }
        self.take_in();
        match self.left {
            0 => self.value.take().map_or(Poll::Pending, Poll::Ready),
            _ => Poll::Pending,
        }
    }

    /// Takes in what was spawned.
    fn take_in(&mut self) {
        let spawned = mem::take(&mut **self.group.spawned.borrow_mut());
        for future in spawned {
            let member = Member { birth: self.births, future: Some(future) };
            let place = self.set.add() - 1;
            match self.children.get_mut(place) {
                None => self.children.push(member),
                Some(free) => *free = member,
            }
            self.births += 1;
            self.left += 1;
        }
    }
}

impl<T, B> Running<'_, '_, '_, T, B> {
    /// Drops `body`, and then the children in the order in which they were spawned.
    fn drop_all(&mut self) -> FirstPanic {
        self.group.is_over.set(true);
        let mut first = FirstPanic::default();
        first.catch(|| self.body.set(None));
        let mut children = mem::take(&mut self.children);
        children.sort_by_key(|child| child.birth);
        let spawned = mem::take(&mut **self.group.spawned.borrow_mut());
        let taken_in = children.into_iter().filter_map(|child| child.future);
        taken_in.chain(spawned).for_each(|child| first.catch(|| drop(child)));
        first
    }
}

impl<T, B> Drop for Running<'_, '_, '_, T, B> {
    fn drop(&mut self) {
        self.drop_all().go_on();
    }
}

/// Polls `body`, unless it has ended.
fn poll_body<B: Future>(
    mut body: Pin<&mut Option<B>>,
    value: &mut Option<B::Output>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let Some(future) = body.as_mut().as_pin_mut() else { return Poll::Pending };
    *value = Some(ready!(future.poll(cx)));
    body.set(None);
    Poll::Ready(())
}

/// Polls a child, and drops it when it ends.
fn poll_child(child: &mut Option<Boxed<'_>>, cx: &mut Context<'_>) -> Poll<()> {
    ready!(child.as_mut().expect("its slot is not free").as_mut().poll(cx));
    drop(child.take()); // out of its place first: a panic of its drop drops the others
    Poll::Ready(())
}
