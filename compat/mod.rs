//! Who else speaks async: the traits of other crates, for the types of this one.
//!
//! A wrapper type for each foreign trait would keep this crate free of them, and is what a program can always write
//! itself. But then each program writes it, and a wrapper hides the type below it. So where a trait is the field's own,
//! the types here implement it themselves. Nothing in the crate uses this part.
//!
//! # Layout
//!
//! 1. `fused.rs`: `FusedFuture` of futures-core, which `futures::select!` asks for.
//! 2. `hyper.rs`: the traits of `hyper::rt` (feature `hyper`).

#![forbid(unsafe_code)]

#[cfg(feature = "time")]
mod fused;
#[cfg(feature = "hyper")]
pub mod hyper;
