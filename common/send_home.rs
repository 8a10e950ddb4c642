//! How a panic that no handle receives comes to the thread it belongs to.
//!
//! A handle may be dropped on any thread, with a panic in it that no awaiter saw. It could be printed there. But the
//! runtime says what becomes of such a panic, and what it calls for that may be neither `Send` nor expect other threads.
//! So the panic is sent home, as a call that the executor's thread makes. Once the executor has ended, the panic is kept
//! for the end of the runtime, or printed.

#![forbid(unsafe_code)]

use std::sync::Arc;

use crate::executor::{HubHandle, JoinError, print, report};

/// Tells the runtime of a panic that no handle receives, from any thread. The task that panicked belongs to the executor
/// behind the `HubHandle`.
pub(crate) type Tell = Arc<dyn Fn(&HubHandle, JoinError) + Send + Sync>;

/// Has the executor's thread report `error`, in a turn of its own. If the executor ends first, `late` is called with the
/// error: on this thread if it has ended already, else on its own.
pub(crate) fn send_home(
    home: &HubHandle,
    error: JoinError,
    late: impl FnOnce(JoinError) + Send + 'static,
) {
    let mut unseen = Unseen(Some((error, late)));
    home.call(move || {
        if let Some((error, _)) = unseen.0.take() {
            report(error.task().cloned(), error.into());
        }
    });
}

/// An error on its way. It is never lost: if the call is dropped instead of made, the error comes late.
struct Unseen<F: FnOnce(JoinError)>(Option<(JoinError, F)>);

impl<F: FnOnce(JoinError)> Drop for Unseen<F> {
    fn drop(&mut self) {
        if let Some((error, late)) = self.0.take() {
            late(error);
        }
    }
}

/// Prints the error, where neither an executor nor a runtime is left to be told. A panic of the printing ends here.
pub(crate) fn print_late(error: JoinError) {
    let task = error.task().cloned();
    print(task.as_ref(), error.into());
}
