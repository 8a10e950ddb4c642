//! Which tasks belong together, and how they are asked to end.
//!
//! # Layout
#![forbid(unsafe_code)]
