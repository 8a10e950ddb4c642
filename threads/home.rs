//! [`Home`]: what a handle on another thread knows of the executor it belongs to.

#![forbid(unsafe_code)]

use std::sync::Arc;

use crate::common::send_home::{Tell, print_late, send_home};
use crate::executor::{HubHandle, JoinError};

/// The executor, and how it is told of a panic that no awaiter saw.
#[derive(Clone)]
pub(super) struct Home {
    pub(super) hub: HubHandle,
    tell: Tell,
}

impl Home {
    pub(super) fn new(hub: HubHandle, tell: Tell) -> Self {
        Self { hub, tell }
    }

    /// Of an executor without a runtime: a panic that comes when it has ended is printed.
    pub(super) fn bare(hub: HubHandle) -> Self {
        Self::new(hub, Arc::new(|hub, error| send_home(hub, error, print_late)))
    }

    pub(super) fn tell(&self, error: JoinError) {
        (self.tell)(&self.hub, error);
    }
}
