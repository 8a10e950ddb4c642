//! Who runs next.
#![allow(dead_code)]
pub(crate) mod budget;
mod driver;
mod error;
mod id;
pub(crate) mod scoped;
mod yield_now;
pub use budget::{Unconstrained, unconstrained};
pub use driver::{Driver, ParkThread, Pending, Unpark};
pub use error::JoinError;
pub(crate) use error::Who;
pub use id::Id;
pub use yield_now::{YieldNow, yield_now};
