//! When: the clock of a runtime, its timer wheel, and [`sleep()`].
//!
//! Each runtime has a clock of its own. The [real one](Clock::Real) is the system's monotonic
//! clock. Two are virtual, so that a test of an hour's timeouts takes no time and gives the same trace on
//! every run: the [manual one](Clock::Manual) stands still until [`advance`] moves it, and the one that
//! [advances by itself](Clock::AutoAdvance) goes to the next deadline whenever no task is ready.
//!
//! The promise: never early. Late by at most one tick of the wheel (2^16 ns, 66 us, unless
//! [`Builder::timer_resolution`](crate::Builder::timer_resolution) says otherwise; none under a virtual
//! clock), plus the wait for the loop's next look, plus the turns queued ahead, plus the kernel's timer slack
//! (50 us, unless `Builder::timer_slack` does; of a long wait, Linux takes a thousandth instead). What one
//! look finds due is woken in order of (deadline, arming). docs/time.md has it measured.
//!
//! The real clock is the one std reads: it never jumps, so setting the system's time moves no timer. Whether
//! it runs while the machine is suspended is the system's choice. On Linux and macOS it stands still: a sleep
//! of an hour is an hour of a machine that is awake. On Windows it runs, and what came due meanwhile fires on
//! return. For a time of day, sleep in slices and look at the system's time after each; docs/time.md shows
//! how.
//!
//! # Layout
//!
//! 1. `wheel.rs`: the data structure, integers only; `rings.rs`: its entries' keys, and which slot each is in.
//! 2. `clock.rs`: [`Clock`], and what one runtime takes for now. `instant.rs`: [`Instant`].
//! 3. `timers.rs`: the wheel, the clock and the wakers together, as the runtime holds them; `newest.rs`: the
//!    one armed last.
//! 4. `sleep.rs`: [`sleep()`], [`sleep_until`], [`Sleep`].
//! 5. `timeout.rs`, `interval.rs`, `call.rs`: what is made of it: [`timeout()`], [`interval()`],
//!    [`call_later`].
//! 6. `virtual_time.rs`: [`pause`], [`advance`], [`resume`], [`hold`].

#![forbid(unsafe_code)]

mod advance;
mod call;
mod clock;
mod instant;
mod interval;
mod newest;
mod rings;
mod sleep;
mod timeout;
mod timers;
mod virtual_time;
mod wheel;

#[cfg(test)]
mod call_tests;
#[cfg(test)]
mod fire_tests;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod instant_tests;
#[cfg(test)]
mod interval_tests;
#[cfg(test)]
mod newest_tests;
#[cfg(test)]
mod resolution_tests;
#[cfg(test)]
mod rings_tests;
#[cfg(test)]
mod sleep_tests;
#[cfg(test)]
mod timeout_tests;
#[cfg(test)]
mod wheel_tests;

pub use call::{CallHandle, call_at, call_later};
pub use clock::Clock;
pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
pub(crate) use timers::{AutoAdvanceOff, RESOLUTION, Timers};
pub use virtual_time::{Hold, advance, hold, pause, resume};
