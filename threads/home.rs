//! [`Home`]: what handles on other threads know of the executor they belong to.

#![forbid(unsafe_code)]

use std::any::Any;
use std::sync::{Arc, OnceLock};

use super::stop::Stop;
use crate::common::send_home::{Tell, print_late, send_home};
use crate::executor::primitives::{self, ThreadId, current_thread};
use crate::executor::{HubHandle, JoinError};

/// The executor, its thread, and how it is told of a panic that no awaiter saw.
pub(super) struct Home {
    pub(super) hub: HubHandle,
    tell: Tell,
    /// An executor never leaves the thread that made it.
    thread: ThreadId,
    /// A bare executor never sets it.
    pub(super) stop: Stop,
    /// Of a part above this one.
    pub(super) attached: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// The last holder drops the `HubHandle`, so loom has to see the count.
pub(super) type SharedHome = primitives::Arc<Home>;

impl Home {
    /// Called on the executor's thread.
    pub(super) fn new(hub: HubHandle, tell: Tell) -> SharedHome {
        let (thread, stop, attached) = (current_thread().id(), Stop::new(), OnceLock::new());
        SharedHome::new(Self { hub, tell, thread, stop, attached })
    }

    /// Of an executor without a runtime: a panic that comes when it has ended is printed.
    pub(super) fn bare(hub: HubHandle) -> SharedHome {
        Self::new(hub, Arc::new(|hub, error| send_home(hub, error, print_late)))
    }

    pub(super) fn tell(&self, error: JoinError) {
        (self.tell)(&self.hub, error);
    }

    /// Whether this thread is the executor's own. While it waits, nothing else can run the executor.
    pub(super) fn is_here(&self) -> bool {
        self.thread == current_thread().id()
    }
}
