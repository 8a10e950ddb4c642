//! The deadline of a scope: what cancels it when its time is over.

#![forbid(unsafe_code)]

use std::panic::Location;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::executor::Reason;
use crate::timer::{Instant, Sleep, Timers};

#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    After(Duration),
    At(Instant),
}

/// Waits for the deadline, if the scope has one.
#[derive(Debug)]
pub(super) struct Deadline(Option<(Limit, Sleep)>);

impl Deadline {
    #[track_caller]
    pub(super) fn new(limit: Option<Limit>) -> Self {
        let site = Location::caller();
        Self(limit.map(|limit| {
            let sleep = Timers::with_needed_by("cancel::Scope::run", |timers| match limit {
                Limit::After(limit) => Sleep::new(timers, Instant::now() + limit, site),
                Limit::At(deadline) => Sleep::until(timers, deadline, site),
            });
            (limit, sleep)
        }))
    }

    /// `Ready` at the deadline, with what to say of it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Reason> {
        let Some((limit, sleep)) = &mut self.0 else { return Poll::Pending };
        sleep.poll_elapsed(cx).map(|()| match limit {
            Limit::After(limit) => format!("the limit of {limit:?} passed").into(),
            Limit::At(_) => "the deadline passed".into(),
        })
    }
}
