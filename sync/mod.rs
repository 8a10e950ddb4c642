//! How tasks of one thread talk to each other.
//!
//! # Layout
#![forbid(unsafe_code)]

#[allow(dead_code, reason = "the primitives over it follow")]
mod wait_list;
#[cfg(test)]
mod wait_list_tests;
