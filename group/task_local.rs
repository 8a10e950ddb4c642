//! [`TaskLocal`]: a value that a task has for itself.
//!
//! A thread-local would be one for all tasks of the thread, and an argument would have to go through every function on the way.
//! So a task-local has a value while a future is polled: it is put in force before each poll, and taken back after it.
//!
//! All values in force are in one list that is never changed, behind one pointer of the thread. A scope makes a new list, once,
//! with its own value in the place of an earlier one of the same task-local. So to put a list in force is to swap a pointer;
//! what a child inherits is a pointer; and no list keeps a value that is hidden by another. There are two such pointers: one
//! for the task-locals that children inherit, which `executor/inherit.rs` has and a spawn looks at, and one for the others.
//!
//! A value is behind an `Rc`. So user code runs with nothing borrowed, and may enter another scope of the same task-local.

#![forbid(unsafe_code)]

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::thread::LocalKey;

use crate::executor::drop_before;
use crate::executor::inherit::{INHERITED, Place, Values, in_force, within};

thread_local! {
    /// The values of the task-locals that children do not inherit.
    static OWN: Place = const { Place::empty() };
}

/// Declares task-locals: statics of type [`TaskLocal`].
///
/// With the word `inherited`, the tasks that are spawned inside a scope of it have its value too.
///
/// ```
/// use std::rc::Rc;
/// use taketurns::task::task_local;
///
/// task_local! {
///     /// How many attempts are left.
///     static ATTEMPTS: u32;
///     /// The request that all this work is for.
///     pub inherited static REQUEST: Rc<str>;
/// }
///
/// # taketurns::block_on(async {
/// let work = REQUEST.scope("GET /".into(), async {
///     let child = taketurns::spawn(async { REQUEST.get() });
///     child.await.unwrap()
/// });
/// assert_eq!(&*work.await, "GET /");
/// let work = ATTEMPTS.scope(3, async { taketurns::spawn(async { ATTEMPTS.try_get() }).await.unwrap() });
/// assert!(work.await.is_err());
/// # });
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $vis:vis static $name:ident: $value:ty $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $vis static $name: $crate::task::TaskLocal<$value> =
            $crate::task::TaskLocal::declared(stringify!($name), false);
        $($crate::task_local! { $($rest)* })?
    };
    ($(#[$attribute:meta])* $vis:vis inherited static $name:ident: $value:ty $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $vis static $name: $crate::task::TaskLocal<$value> =
            $crate::task::TaskLocal::declared(stringify!($name), true);
        $($crate::task_local! { $($rest)* })?
    };
}

/// A value that code has without being handed it: all the code inside of a [`scope`](Self::scope).
/// [`task_local!`](crate::task::task_local) declares one.
///
/// Where scopes of one task-local are nested, the innermost counts. Nothing but the scope changes the value; a value that has
/// to change holds a `Cell`.
///
/// # What a child has
///
/// A task that is spawned inside the scope has the value only if the task-local is declared `inherited`. Then task and child
/// share it, for as long as either lives, and the child's destructors have it too. This holds for [`spawn`](crate::spawn) and
/// for all that spawns as it does: a [`Builder`](crate::task::Builder), a group. What comes from outside inherits nothing: a
/// task of [`Runtime::spawn`](crate::Runtime::spawn) or [`Handle::spawn`](crate::Handle::spawn), a blocking job.
///
/// A program that declares none pays for none; a spawn looks at one word of the thread. A child that inherits costs an entry
/// in a table of its executor, as a task with a name does.
///
/// # On which thread
///
/// A scope stays on its thread: it is not `Send`. So a task that is sent by a [`Handle`](crate::Handle) cannot await one; but it
/// can spawn a task that does. No runtime is needed: a scope works under any executor.
///
/// ```compile_fail,E0277
/// taketurns::task_local! { static NUMBER: u32; }
///
/// fn send(handle: &taketurns::Handle) {
///     handle.spawn(NUMBER.scope(1, async {}));
/// }
/// ```
pub struct TaskLocal<T: 'static> {
    name: &'static str,
    is_inherited: bool,
    of: PhantomData<fn() -> T>,
}

/// One value of the list in force.
struct Entry {
    /// The address of the [`TaskLocal`], a static.
    of: usize,
    value: Rc<dyn Any>,
}

/// What is behind [`Values`].
type List = Vec<Entry>;

impl<T: 'static> TaskLocal<T> {
    /// For [`task_local!`](crate::task_local) alone.
    #[doc(hidden)]
    #[must_use]
    pub const fn declared(name: &'static str, is_inherited: bool) -> Self {
        Self { name, is_inherited, of: PhantomData }
    }

    /// Runs `future` with this value: all its polls, and its drop.
    ///
    /// The value is dropped with the returned future or, if the task-local is inherited, with the last child that has it.
    ///
    /// # Cancellation
    ///
    /// Dropping the returned future drops `future`, with the value still in force.
    ///
    /// # Panics
    ///
    /// When it is polled after it was ready.
    ///
    /// ```
    /// taketurns::task_local! { static NUMBER: u32; }
    ///
    /// # taketurns::block_on(async {
    /// let sum = NUMBER.scope(1, async {
    ///     taketurns::yield_now().await;
    ///     NUMBER.get() + NUMBER.scope(2, async { NUMBER.get() }).await
    /// });
    /// assert_eq!(sum.await, 3);
    /// # });
    /// ```
    pub fn scope<F: IntoFuture>(
        &'static self,
        value: T,
        future: F,
    ) -> TaskLocalFuture<T, F::IntoFuture> {
        let (value, future) = (Rc::new(value), Some(future.into_future()));
        TaskLocalFuture { local: self, value, latest: None, future }
    }

    /// Calls `f` with this value.
    ///
    /// A whole run inside `f`, as by `block_on`, has the value in each turn of each task.
    ///
    /// ```
    /// taketurns::task_local! { static NUMBER: u32; }
    ///
    /// assert_eq!(NUMBER.sync_scope(1, || NUMBER.get()), 1);
    /// ```
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let values = self.joined_with(in_force(self.place()).as_ref(), Rc::new(value));
        within(self.place(), &values, f)
    }

    /// A clone of the value.
    ///
    /// # Panics
    ///
    /// Outside of a scope.
    #[must_use]
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// As [`get`](Self::get), with an error outside of a scope.
    ///
    /// # Errors
    ///
    /// [`AccessError`] outside of a scope.
    pub fn try_get(&'static self) -> Result<T, AccessError>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }

    /// Calls `f` with a reference to the value.
    ///
    /// # Panics
    ///
    /// Outside of a scope.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`with`](Self::with), with an error outside of a scope.
    ///
    /// # Errors
    ///
    /// [`AccessError`] outside of a scope.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let values = in_force(self.place());
        let entry = list(values.as_ref()).iter().find(|entry| entry.of == self.address());
        match entry.and_then(|entry| entry.value.downcast_ref()) {
            Some(value) => Ok(f(value)),
            None => Err(AccessError { name: self.name, is_inherited: self.is_inherited }),
        }
    }

    fn place(&self) -> &'static LocalKey<Place> {
        if self.is_inherited { &INHERITED } else { &OWN }
    }

    fn address(&'static self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// These values, with one of this task-local in the place of an earlier one.
    fn joined_with(&'static self, values: Option<&Values>, value: Rc<T>) -> Values {
        let others = list(values).iter().filter(|entry| entry.of != self.address());
        let mut list: List = others.map(Entry::share).collect();
        list.push(Entry { of: self.address(), value });
        Rc::new(list)
    }
}

impl Entry {
    fn share(&self) -> Self {
        Self { of: self.of, value: Rc::clone(&self.value) }
    }
}

fn list(values: Option<&Values>) -> &[Entry] {
    let list = values.and_then(|values| values.downcast_ref::<List>());
    list.map_or(&[], Vec::as_slice)
}

impl<T> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocal")
            .field("name", &self.name)
            .field("is_inherited", &self.is_inherited)
            .finish()
    }
}

pin_project_lite::pin_project! {
    /// See [`TaskLocal::scope`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct TaskLocalFuture<T: 'static, F> {
        local: &'static TaskLocal<T>,
        value: Rc<T>,
        latest: Option<Latest>,
        // `None` once this was ready.
        #[pin]
        future: Option<F>,
    }

    /// The future goes while its value is in force.
    impl<T, F> PinnedDrop for TaskLocalFuture<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let values = values(this.local, this.value, this.latest);
                within(this.local.place(), &values, || this.future.set(None));
            }
        }
    }
}

/// What was in force around the latest poll, and what was during it. Around the next poll it is mostly the same.
struct Latest {
    around: Option<Values>,
    during: Values,
}

/// What is in force now, with the scope's value.
fn values<T>(local: &'static TaskLocal<T>, value: &Rc<T>, latest: &mut Option<Latest>) -> Values {
    let around = in_force(local.place());
    let address = |values: &Option<Values>| values.as_ref().map(|values| Rc::as_ptr(values).addr());
    match latest {
        Some(latest) if address(&latest.around) == address(&around) => Rc::clone(&latest.during),
        _ => {
            let during = local.joined_with(around.as_ref(), Rc::clone(value));
            *latest = Some(Latest { around, during: Rc::clone(&during) });
            during
        }
    }
}

impl<T, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let values = values(this.local, this.value, this.latest);
        within(this.local.place(), &values, || {
            let future = this.future.as_mut().as_pin_mut();
            let polled =
                future.expect("a `TaskLocalFuture` was polled after it was ready").poll(cx);
            polled.map(|output| drop_before(this.future, output))
        })
    }
}

impl<T, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocalFuture").field("local", self.local).finish_non_exhaustive()
    }
}

/// The error of a [`TaskLocal`] that was used outside of all its scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError {
    name: &'static str,
    is_inherited: bool,
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, is_inherited } = self;
        write!(
            f,
            "the task-local `{name}` has no value here: use it inside `{name}.scope(value, future)`"
        )?;
        if !is_inherited {
            f.write_str(", or, if this is a child of a task that has one, declare it `inherited`")?;
        }
        Ok(())
    }
}

impl Error for AccessError {}
