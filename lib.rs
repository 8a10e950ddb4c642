//! taketurns.
pub mod executor;
#[cfg(feature = "offload")]
mod offload;
#[cfg(feature = "net")]
mod reactor;
#[cfg(feature = "time")]
mod timer;
pub use executor::{JoinError, yield_now};
