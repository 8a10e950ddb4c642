//! Stub.
pub mod net {}
