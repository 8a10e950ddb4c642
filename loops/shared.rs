//! [`SharedBackground`]: one loop for all users in a process, which lives as long as one of them.

#![forbid(unsafe_code)]

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::background::Background;
use crate::group::cancel::CancellationToken;
use crate::runtime::Builder;
use crate::threads::Handle;

/// The users, and the loop while there are some. Both change under one lock: so a first user that comes while the last one
/// leaves either still finds the loop, or starts another.
struct Shared {
    users: usize,
    background: Option<Background<()>>,
}

static SHARED: Mutex<Shared> = Mutex::new(Shared { users: 0, background: None });

/// Nothing of the user's runs under the lock, so nothing panics under it.
fn lock() -> MutexGuard<'static, Shared> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Background<()> {
    /// One user of the loop that all users in this process share. The first user starts it, the drop of the last one ends it.
    ///
    /// It is for a library whose face is synchronous: each of its values holds a user, and need not know of the others. But
    /// all share one thread: code that blocks it stops the tasks of all, and code that runs on it cannot wait for it (an error
    /// that [is_own_thread](crate::JoinError::is_own_thread)). The loop has the settings of [`Builder::new`], and its thread the
    /// name "taketurns-shared".
    ///
    /// A user in a `static` is never dropped: then the end of the process cuts the loop off, and the destructors of its tasks do
    /// not run.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), when it is the first user.
    ///
    /// ```
    /// use taketurns::{Background, SharedBackground};
    ///
    /// /// A client with a synchronous face.
    /// struct Client(SharedBackground);
    ///
    /// impl Client {
    ///     fn new() -> std::io::Result<Self> {
    ///         Background::shared().map(Client)
    ///     }
    ///
    ///     fn ask(&self, question: &str) -> usize {
    ///         let question = question.to_owned();
    ///         let answer = self.0.handle().spawn_with(|| async move {
    ///             taketurns::yield_now().await; // here: the network
    ///             question.len()
    ///         });
    ///         answer.wait().unwrap()
    ///     }
    /// }
    ///
    /// let clients = [Client::new()?, Client::new()?]; // one thread for both
    /// assert_eq!(clients[0].ask("why?") + clients[1].ask("how?"), 8);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn shared() -> io::Result<SharedBackground> {
        let mut shared = lock();
        let mut ended = None; // a loop whose run has panicked; dropped when the lock is free
        if shared.background.as_ref().is_some_and(Background::is_finished) {
            ended = shared.background.take();
        }
        if shared.background.is_none() {
            let builder = Builder::new().thread_name("taketurns-shared");
            let main = async move |stop: CancellationToken| drop(stop.cancelled().await);
            shared.background = Some(Background::start(builder, main)?);
        }
        shared.users += 1;
        let handle = shared.background.as_ref().expect("started above").handle();
        drop(shared);
        drop(ended);
        Ok(SharedBackground { handle })
    }
}

/// A user of the loop that all users in this process share: see [`Background::shared`]. A clone is one more user.
///
/// The drop of the last user stops the loop and waits for its thread, as the drop of a [`Background`] does: tasks that are left are
/// dropped. A user that comes meanwhile starts another loop.
///
/// A task on the loop must not keep a user: the loop would live for as long as the task, and if that user is the last, its
/// drop is on the loop's own thread, which cannot wait for itself (a line on stderr says so).
#[derive(Debug)]
#[must_use = "the loop may end when it is dropped: keep it for as long as the loop is needed"]
pub struct SharedBackground {
    handle: Handle,
}

impl SharedBackground {
    /// A way in. Once the last user is gone, the loop is gone, and the handle refuses what is sent.
    ///
    /// For a blocking call, send a task and wait for it: `user.handle().spawn_with(|| async { .. }).wait()`.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

/// One more user.
impl Clone for SharedBackground {
    fn clone(&self) -> Self {
        lock().users += 1;
        Self { handle: self.handle.clone() }
    }
}

impl Drop for SharedBackground {
    fn drop(&mut self) {
        let mut shared = lock();
        shared.users -= 1;
        let ends = if shared.users == 0 { shared.background.take() } else { None };
        drop(shared);
        drop(ends); // its tasks' destructors may come back here
    }
}
