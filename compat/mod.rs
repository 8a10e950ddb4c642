//! Which other crates speak async: their traits, for the types of this crate.
//!
//! A program could write a wrapper type for each foreign trait. But then each program writes the same wrapper, and it hides
//! the methods of the type inside. So where a trait is in common use, the types here implement it themselves. No other part
//! uses this one.
//!
//! # Layout
//!
//! 1. `fused.rs`: `FusedFuture` of futures-core, which `futures::select!` asks for.
//! 2. `streams.rs`: `Stream` and `Sink` for the channels of `sync/` (feature `streams`).
//! 3. `hyper.rs`: the traits of `hyper::rt` (feature `hyper`).

#![forbid(unsafe_code)]

#[cfg(feature = "time")]
mod fused;
#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(feature = "streams")]
mod streams;
