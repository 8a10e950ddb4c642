//! [`Insights`]: what other threads may ask a runtime, whether its loop runs or is stuck.
//!
//! A [`Handle`](crate::Handle) carries it; `insight/` has the reports that are made of it.

#![forbid(unsafe_code)]

use crate::executor::HubHandle;

/// For any thread. It may outlive the runtime.
pub(crate) struct Insights {
    #[allow(dead_code, reason = "see `executor/task/pulse.rs`")]
    pub(crate) hub: HubHandle,
}

impl Insights {
    pub(super) fn new(hub: HubHandle) -> Self {
        Self { hub }
    }
}
