//! [`DropGuard`] and [`DropGuardRef`]: cancelling a token by dropping a guard.

#![forbid(unsafe_code)]

use std::mem;

use super::CancellationToken;
use crate::executor::Reason;

/// See [`CancellationToken::drop_guard`].
#[derive(Debug)]
#[must_use = "dropping the guard cancels the token"]
pub struct DropGuard {
    /// `None` once it is disarmed.
    armed: Option<(CancellationToken, Reason)>,
}

impl DropGuard {
    pub(super) fn new(token: CancellationToken, reason: Reason) -> Self {
        Self { armed: Some((token, reason)) }
    }

    /// Disarms the guard: its drop does not cancel. Gives the token back.
    #[expect(
        clippy::missing_panics_doc,
        reason = "only this takes it, and it takes the guard as well"
    )]
    pub fn disarm(mut self) -> CancellationToken {
        self.armed.take().expect("armed until now").0
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some((token, reason)) = self.armed.take() {
            token.cancel(reason);
        }
    }
}

/// See [`CancellationToken::drop_guard_ref`].
#[derive(Debug)]
#[must_use = "dropping the guard cancels the token"]
pub struct DropGuardRef<'a> {
    token: &'a CancellationToken,
    reason: Option<Reason>,
}

impl<'a> DropGuardRef<'a> {
    pub(super) fn new(token: &'a CancellationToken, reason: Reason) -> Self {
        Self { token, reason: Some(reason) }
    }

    /// Disarms the guard: its drop does not cancel.
    pub fn disarm(mut self) {
        drop(mem::take(&mut self.reason));
    }
}

impl Drop for DropGuardRef<'_> {
    fn drop(&mut self) {
        if let Some(reason) = self.reason.take() {
            self.token.cancel(reason);
        }
    }
}
