//! Without the feature `time` no scope has a deadline.

#![forbid(unsafe_code)]

use std::task::{Context, Poll};

use crate::executor::Reason;

#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {}

#[derive(Debug)]
pub(super) struct Deadline;

impl Deadline {
    pub(super) fn new(_: Option<Limit>) -> Self {
        Self
    }

    pub(super) fn poll(&mut self, _: &mut Context<'_>) -> Poll<Reason> {
        Poll::Pending
    }
}
