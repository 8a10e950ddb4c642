//! A lock that was granted to a future which its task does not poll any more ("futurelock"): the report names both futures.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, select};
use taketurns::spawn;
use taketurns::sync::{Mutex, RwLock, Semaphore};
use taketurns::time::{Clock, sleep};

use crate::{HEAD, at_once, panic_of};

pub(crate) const FILE: &str = file!();

const SECOND: Duration = Duration::from_secs(1);

/// The text of the deadlock in which a task keeps a future that is in line, does not poll it any more, and waits for
/// another one behind it. A task of its own has what both want for the first two seconds.
macro_rules! text_of {
    ($shared:ident = $new:expr, $take:expr) => {
        panic_of(|| {
            at_once(Clock::AutoAdvance).block_on(async {
                let $shared = Rc::new($new);
                let lent = Rc::clone(&$shared);
                spawn(async move {
                    let $shared = lent;
                    let _held = $take.await;
                    sleep(2 * SECOND).await;
                })
                .detach();
                sleep(SECOND / 2).await;
                let (mut in_line, patience) = (pin!($take), pin!(sleep(SECOND)));
                let first = select(in_line.as_mut(), patience).await;
                assert!(matches!(first, Either::Right(_)), "the task still has it");
                let _ = $take.await;
            });
        })
    };
}

fn expected(operation: &str) -> String {
    format!(
        "{HEAD}suspected, as no waker of it was used:\n  \
         the future of `block_on`, called at here, polled 4 times, waiting\n    \
         waits for the `{operation}` at here; \
         granted to the `{operation}` at here, which no task has polled since\n\
         a thread of your own that is to wake a task has to hold the clock: \
         `taketurns::time::hold()`\n"
    )
}

#[test]
fn a_read_write_lock_granted_to_a_future_that_no_task_polls_is_told() {
    let text = text_of!(lock = RwLock::new(()), lock.write());
    assert_eq!(text, expected("RwLock::write()"));
}

#[test]
fn a_mutex_granted_to_a_future_that_no_task_polls_is_told() {
    let text = text_of!(mutex = Mutex::new(()), mutex.lock());
    assert_eq!(text, expected("Mutex::lock()"));
}

#[test]
fn a_permit_granted_to_a_future_that_no_task_polls_is_told() {
    let text = text_of!(semaphore = Semaphore::new(1), semaphore.acquire());
    let operation = "Semaphore::acquire()";
    let waits = format!("waits for the `{operation}` at here");
    let there = format!("{waits}, needs 1 permit, 0 are free");
    assert_eq!(text, expected(operation).replace(&waits, &there));
}
