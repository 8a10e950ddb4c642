//! When a suspicion becomes a verdict.

#![forbid(unsafe_code)]

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::Duration;

use super::{Suspicion, Verdict};
use crate::executor::{EVENT_INTERVAL, Executor, ParkThread, spawn};

/// `f` is called in the first turn of a run, behind which `ready` waits for its turn.
fn in_a_run<R>(ready: bool, f: impl FnOnce() -> R) -> R {
    let mut f = Some(f);
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    executor.block_on(poll_fn(move |_| {
        let other = ready.then(|| spawn(pending::<()>()));
        let result = f.take().map(|f| f());
        other.iter().for_each(crate::executor::JoinHandle::abort);
        Poll::Ready(result.expect("polled once"))
    }))
}

/// Whether a suspicion with that grace becomes a verdict, while another task is ready or not.
fn is_confirmed(grace: Duration, ready: bool) -> bool {
    in_a_run(ready, || {
        let verdict = Verdict::default();
        let suspicion = verdict.confirm(Suspicion::new(grace, false));
        let is_found = verdict.take().is_some();
        assert_ne!(is_found, suspicion.is_some(), "it is one of the two");
        is_found
    })
}

#[test]
fn a_suspicion_is_confirmed_when_the_grace_is_over_and_no_wake_is_on_its_way() {
    let hour = Duration::from_secs(3600);
    let cases = [(hour, true), (hour, false), (Duration::ZERO, true), (Duration::ZERO, false)];
    let confirmed = cases.map(|(grace, ready)| is_confirmed(grace, ready));
    assert_eq!(confirmed, [false, false, false, true]);
}
