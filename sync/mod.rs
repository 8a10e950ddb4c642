//! How tasks of one thread talk to each other.
//!
//! # Layout
#![forbid(unsafe_code)]
