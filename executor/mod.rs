//! Who runs next.
pub(crate) mod budget;
mod driver;
mod error;
mod handle;
#[cfg(all(test, not(loom)))]
mod home_tests;
mod id;
mod lost;
#[cfg(test)]
mod models;
mod primitives;
mod run;
pub(crate) mod scoped;
mod spawn;
mod task;
mod yield_now;

pub use budget::{Unconstrained, unconstrained};
pub use driver::{Driver, ParkThread, Pending, Unpark};
pub use error::JoinError;
pub(crate) use error::Who;
pub use handle::{Handle, RemoteHandle};
pub use id::Id;
pub use lost::LostTask;
pub use run::{EVENT_INTERVAL, Executor};
pub use spawn::{Builder, spawn};
pub use task::{JoinHandle, Nested};
pub use yield_now::{YieldNow, yield_now};
