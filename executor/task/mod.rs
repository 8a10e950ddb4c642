//! The task.
mod bits;
mod cell;
mod count;
mod entry;
mod header;
mod hub;
mod inbox;
mod join;
mod live;
mod queue;
mod recycle;
mod remote;
mod waker;
#[cfg(all(loom, test))]
pub(crate) mod watch;

pub use entry::Nested;
pub(crate) use entry::{enter, with_current};
pub(crate) use hub::HubOwner;
pub use join::JoinHandle;
pub(crate) use remote::HubHandle;
