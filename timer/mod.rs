//! When: the clock of a runtime, its timers, and [`sleep()`].
//!
//! A timer wakes a task at a deadline. The loop could keep its timers in a sorted list, but most timers are timeouts: a
//! server arms one per request and drops it long before it is due, and each time the list would have to be searched. A
//! binary heap is faster to insert into, but a dropped timer would still have to be found in it, or would stay there until it
//! is due. So the timers are in a *wheel*, where arming, dropping and firing a timer takes constant time, however many
//! there are.
//!
//! # Clocks
//!
//! Each runtime has a clock of its own. The [real one](Clock::Real) is the system's monotonic clock. Two clocks are
//! virtual, so that a test of an hour's timeouts takes no time and gives the same trace on every run. The
//! [manual one](Clock::Manual) stands still until [`advance`] moves it. The [auto-advancing one](Clock::AutoAdvance) jumps to
//! the next deadline by itself whenever no task is ready.
//!
//! # When a timer fires
//!
//! Never early. Late by at most the sum of:
//!
//! * one tick of the wheel: 2^16 ns (66 us), unless [`Builder::timer_resolution`](crate::Builder::timer_resolution) sets
//!   another.
//! * the wait for the loop's next look, and the turns of the tasks queued ahead.
//! * the kernel's timer slack: 50 us, unless `Builder::timer_slack` sets another. In a long wait Linux takes a thousandth of
//!   the wait instead.
//!
//! Under a virtual clock a timer is not late at all, as that clock stands still while tasks take their turns.
//!
//! Timers that one look finds due fire in order of (deadline, arming). docs/time.md has the lateness measured.
//!
//! The real clock is the one that std reads. It never jumps, so setting the system's time moves no timer. Whether it runs
//! while the machine is suspended is the system's choice. On Linux and macOS it stands still: a sleep of an hour is an hour
//! of a machine that is awake. On Windows it runs, and timers that came due meanwhile fire on return. To wait for a time of
//! day, sleep in slices and look at the system's time after each; docs/time.md shows how.
//!
//! # Layout
//!
//! 1. `wheel.rs`: values by deadline, as integers only. `rings.rs`: which entry is in which slot of the wheel.
//! 2. `clock.rs`: [`Clock`], and how a runtime reads its clock. `instant.rs`: [`Instant`].
//! 3. `newest.rs`: keeps the timer that was armed last out of the wheel.
//! 4. `progress.rs`: how far an [`advance`] moves the clock.
//! 5. `settlers.rs`: the tasks that wait until no task is ready. `timers.rs`: these five together, as the runtime holds them.
//! 6. `sleep.rs`: [`sleep()`], [`sleep_until`], [`Sleep`].
//! 7. `timeout.rs`, `interval.rs`, `call.rs`: built on `Sleep`: [`timeout()`], [`interval()`], [`call_later`].
//! 8. `virtual_time.rs`: [`pause`], [`advance`], [`resume`], [`hold`]. `settle.rs`: [`settle()`], of `testing`.

#![forbid(unsafe_code)]

mod call;
mod clock;
mod instant;
mod interval;
mod newest;
mod progress;
mod rings;
mod settle;
mod settlers;
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
mod virtual_time_tests;
#[cfg(test)]
mod waker_tests;
#[cfg(test)]
mod wheel_tests;

pub use call::{CallHandle, call_at, call_later};
pub use clock::Clock;
pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use settle::{Settle, settle};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
pub(crate) use timers::{AutoAdvanceOff, RESOLUTION, Timers};
pub use virtual_time::{Hold, advance, hold, pause, resume};
