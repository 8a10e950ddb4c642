//! The end of a loop's thread, which leaves an outcome, against the thread that waits for it.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use super::{UNBOUNDED, executor, model, thread};
use crate::group::cancel::CancellationToken;
use crate::loops::ending::Ending;

/// What a loop panicked with.
const PANIC: Result<(), &str> = Err("out of coffee");

/// The drop of a `Background` has waited long enough just as the loop panics. One of the two threads has the panic, to
/// print it: not both, and not none.
///
/// Unbounded: two threads.
#[test]
fn background_drop_against_panic() {
    model(UNBOUNDED, || {
        let ending = Arc::new(Ending::new());
        let fills = Arc::clone(&ending);
        let away = thread::spawn(move || fills.fill(PANIC));
        let here = ending.take_or_leave(Duration::ZERO);
        let there = away.join().unwrap();
        assert_eq!(here.xor(there), Some(PANIC));
    });
}

/// The drop stops the loop and waits, while the loop waits to be stopped. Both waits end, and the panic that follows comes to
/// the drop.
///
/// Unbounded: two threads.
#[test]
fn background_stop_against_panic() {
    model(UNBOUNDED, || {
        let ending = Arc::new(Ending::new());
        let stop = CancellationToken::new();
        let (fills, stopped) = (Arc::clone(&ending), stop.clone());
        let away = thread::spawn(move || {
            let reason = executor().block_on(stopped.cancelled());
            assert_eq!(reason.as_str(), "dropped");
            fills.fill(PANIC)
        });
        stop.cancel("dropped");
        assert_eq!(ending.take(), PANIC);
        assert_eq!(away.join().unwrap(), None);
    });
}
