//! [`block_in_scope`]: a blocking function that borrows from its caller.

#![forbid(unsafe_code)]

use std::io;
use std::panic::resume_unwind;
use std::thread;

/// Runs `f` on a thread of its own and *blocks this thread* until it has returned. So `f` may borrow from the caller.
///
/// A job of the pool outlives the task that spawned it, so it can own things and not borrow them. Here the call itself
/// does not return before `f` has; that is what makes the borrows sound, and it is what the call costs: no other task has a
/// turn meanwhile, as in any blocking call. So this is not for work that takes long. It is for short work that must not run
/// on the loop's own thread: a function that runs a loop of its own inside ([`block_on`](crate::block_on) would be
/// [nested](crate::Nested) here), or needs a thread without a runtime. Otherwise call the function itself, or clone
/// what it needs and use [`spawn_blocking`](crate::spawn_blocking).
///
/// `f` must not wait for the caller's loop (by a [`RemoteHandle::wait`](crate::RemoteHandle::wait) or a
/// [`Handle::call`](crate::Handle::call), for example): the loop stands still until `f` has returned, and no error tells.
///
/// A thread is started for the call, which costs some 20 to 50 microseconds. It needs no runtime.
///
/// # Panics
///
/// With the panic of `f`, if it panics. When the system gives no thread; `f` has not run then.
///
/// ```
/// use taketurns::offload::block_in_scope;
///
/// /// Of a library: runs an async function by itself.
/// fn longest<'a>(lines: &[&'a str]) -> Option<&'a str> {
///     taketurns::block_on(async { lines.iter().copied().max_by_key(|line| line.len()) })
/// }
///
/// taketurns::block_on(async {
///     let lines = ["to be", "or not", "to be"];
///     assert_eq!(block_in_scope(|| longest(&lines)), Some("or not"));
/// });
/// ```
#[track_caller]
pub fn block_in_scope<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    let name = "taketurns-scope".to_owned();
    let joined = thread::scope(|scope| {
        let thread = thread::Builder::new().name(name).spawn_scoped(scope, f)?;
        io::Result::Ok(thread.join())
    });
    match joined {
        Ok(Ok(output)) => output,
        Ok(Err(payload)) => resume_unwind(payload),
        Err(error) => panic!("`block_in_scope` found no thread to run on: {error}"),
    }
}
