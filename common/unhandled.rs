//! How a panic that no handle receives comes to the thread it belongs to.
//!
//! A handle may be dropped on any thread, with a panic in it that no awaiter saw. Printing it there would be simple. But
//! what becomes of such a panic is for the runtime to say, by a function that may be neither `Send` nor prepared to be
//! called on another thread. So the panic is sent home, as a call that the executor's thread makes; and where that is no
//! longer possible it is kept or printed.

#![forbid(unsafe_code)]

use std::sync::Arc;

use crate::executor::{HubHandle, JoinError, print, report, silence};

/// Tells of a panic that no handle receives, on any thread. It belongs to the executor behind the `HubHandle`.
pub(crate) type Tell = Arc<dyn Fn(&HubHandle, JoinError) + Send + Sync>;

/// Has the executor's thread told of `error`. If the executor has ended or ends before that, `late` gets the error, on
/// the thread that finds out.
pub(crate) fn send_home(
    home: &HubHandle,
    error: JoinError,
    late: impl FnOnce(JoinError) + Send + 'static,
) {
    let mut unseen = Unseen(Some((error, late)));
    drop(home.call(move || {
        if let Some((error, _)) = unseen.0.take() {
            report(error.task().cloned(), error.into());
        }
    }));
}

/// Never lost: where the call is dropped instead of called, the error comes late.
struct Unseen<F: FnOnce(JoinError)>(Option<(JoinError, F)>);

impl<F: FnOnce(JoinError)> Drop for Unseen<F> {
    fn drop(&mut self) {
        if let Some((error, late)) = self.0.take() {
            late(error);
        }
    }
}

/// Prints the error, as no executor and no runtime is left to be told. A panic on the way ends here.
pub(crate) fn print_late(error: JoinError) {
    silence(|| print(error.task(), &error));
    silence(|| drop(error));
}
