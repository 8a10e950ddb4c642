//! taketurns.

pub mod executor;
#[cfg(feature = "offload")]
mod offload;
#[cfg(feature = "net")]
mod reactor;
mod runtime;
#[cfg(feature = "time")]
mod timer;

/// When: the runtime's clock, and sleeping by it.
#[cfg(feature = "time")]
pub mod time {
    pub use crate::timer::{Clock, Instant, Sleep, advance, pause, resume, sleep, sleep_until};
}

/// Tasks: naming them, telling them apart, and letting one off its budget.
pub mod task {
    pub use crate::executor::{Builder, Id, Unconstrained, YieldNow, unconstrained};
}

/// TCP, with the traits of futures-io.
#[cfg(feature = "net")]
pub use reactor::net;

pub use executor::{
    Handle, JoinError, JoinHandle, LostTask, Nested, RemoteHandle, spawn, yield_now,
};
#[cfg(feature = "offload")]
pub use offload::{BlockingHandle, spawn_blocking};
#[cfg(feature = "hyper")]
pub use runtime::hyper;
pub use runtime::{Builder, ExitReport, Runtime, StuckJob, block_on};
