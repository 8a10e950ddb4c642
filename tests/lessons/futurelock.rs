//! Lesson 35: a lock that is granted to a future that its task no longer polls.

#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use taketurns::sync::RwLock;
use taketurns::time::{Clock, sleep, timeout};
use taketurns::{Builder, spawn, yield_now};

use crate::{SECOND, Said, played};

type Lock = Rc<RwLock<()>>;

async fn held(said: &Said) -> Lock {
    let lock = Lock::default();
    let (held, said) = (lock.clone(), said.clone());
    spawn(async move {
        let _held = held.write().await;
        sleep(2 * SECOND).await;
        said.say("holder-ends");
    })
    .detach();
    yield_now().await;
    lock
}

async fn write(name: char, lock: Lock, said: Said) {
    let _held = lock.write().await;
    said.say(name);
}

#[test]
fn is_a_deadlock_that_the_report_names() {
    let trace = crate::Trace::new();
    let builder = Builder::new().clock(Clock::AutoAdvance).deadlock_grace(Duration::ZERO);
    let runtime = builder.on_lost(|_| {}).build().unwrap();
    let root = lent(trace.clone());
    let panic = catch_unwind(AssertUnwindSafe(|| runtime.block_on(root))).unwrap_err();
    let text = *panic.downcast::<String>().unwrap();
    assert!(text.contains("granted to the `RwLock::write()` at "), "{text}");
    assert!(text.contains("which no task has polled since"), "{text}");
    assert_eq!(trace.take(), "1:limit 2:holder-ends");
}

async fn lent(trace: crate::Trace) {
    let said = Said { began: taketurns::time::Instant::now(), trace };
    let lock = held(&said).await;
    let mut a = pin!(write('a', lock.clone(), said.clone()));
    let _ = timeout(SECOND, a.as_mut()).await;
    said.say("limit");
    write('b', lock.clone(), said.clone()).await;
    a.await;
}

#[test]
fn does_not_come_of_a_task_which_is_polled_when_it_is_woken() {
    let said = played(|said| async move {
        let lock = held(&said).await;
        let mut a = spawn(write('a', lock.clone(), said.clone()));
        let _ = timeout(SECOND, &mut a).await;
        write('b', lock, said.clone()).await;
        a.await.unwrap();
    });
    assert_eq!(said, "2:holder-ends 2:a 2:b");
}

#[test]
fn does_not_come_of_a_future_that_is_dropped_which_hands_the_lock_on() {
    let said = played(|said| async move {
        let lock = held(&said).await;
        let _ = timeout(SECOND, write('a', lock.clone(), said.clone())).await;
        write('b', lock, said.clone()).await;
    });
    assert_eq!(said, "2:holder-ends 2:b");
}
