//! Cancellation: scopes, tokens, and futures that listen.

use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use taketurns::cancel::{CancellationToken, OrCancelled, Scope, cancelled, checkpoint, shield};
use taketurns::sync::Semaphore;
use taketurns::time::{sleep, timeout};
use taketurns::{spawn, yield_now};

use crate::Row;
use crate::scene::{Plan, Stage};

pub(crate) const ROWS: &[Row] = &[
    ("group/cancel/listen.rs cancelled", || {
        scope().tested(async |stage| {
            let content = async {
                let reason = cancelled().await;
                yield_now().await; // it cleans up
                reason.to_string()
            };
            // An error, if the scope was cancelled before it began.
            let outcome = stage.scope.run(content).await;
            assert!(outcome.is_err() || outcome == Ok("enough".to_owned()));
        })
    }),
    ("group/cancel/listen.rs checkpoint", || {
        scope().tested(async |stage| {
            let content = async {
                while checkpoint().await.is_ok() {}
                takes(&stage).await;
            };
            let _ = stage.scope.run(content).await;
        })
    }),
    ("group/cancel/listen.rs or_cancelled", || {
        scope().tested(async |stage| {
            let content = async {
                let _permits = stage.permits.acquire_many(2).or_cancelled().await;
                yield_now().await;
            };
            let _ = stage.scope.run(content).await;
        })
    }),
    ("group/cancel/scope.rs run", || {
        scope().tested(async |stage| {
            let error = stage.scope.run(stage.permits.acquire_many(2)).await.unwrap_err();
            assert_eq!(error.to_string(), "cancelled: enough");
        })
    }),
    ("group/cancel/shield.rs shield", || {
        scope().tested(async |stage| {
            let content = shield(async {
                takes(&stage).await;
                takes(&stage).await;
            });
            // Cancelled or not: what is shielded ends.
            let _ = stage.scope.run(content).await;
        })
    }),
    ("group/cancel/shield.rs shield", || {
        scope().tested(async |stage| {
            let content = async {
                shield(takes(&stage)).await;
                pending::<()>().await; // not shielded any more
            };
            stage.scope.run(content).await.unwrap_err();
        })
    }),
    ("group/cancel/timed.rs cancel_within", || {
        scope().tested(async |stage| {
            let child = Rc::clone(&stage);
            let mut task = spawn(async move {
                let _permit = child.permits.acquire().await;
                // It does not end in time, but in the end.
                let _ = timeout(Duration::from_secs(5), cancelled()).await;
                sleep(Duration::from_secs(5)).await;
            });
            yield_now().await;
            let ended = task.cancel_within(Duration::from_secs(1), "enough").await;
            assert!(ended.unwrap_err().is_cancelled());
        })
    }),
    ("group/token/mod.rs cancelled", || {
        scope().tested(async |stage| {
            assert_eq!(stage.token.cancelled().await.to_string(), "enough");
        })
    }),
    ("group/token/mod.rs cancelled_owned", || {
        scope().tested(async |stage| {
            stage.token.child_token().cancelled_owned().await;
        })
    }),
    ("group/token/mod.rs run_until_cancelled", || {
        scope().tested(async |stage| {
            let token = stage.token.child_token();
            token.run_until_cancelled(stage.permits.acquire_many(2)).await.unwrap_err();
        })
    }),
];

#[derive(Debug)]
struct Cancels {
    permits: Semaphore,
    scope: Scope,
    token: CancellationToken,
}

async fn takes(stage: &Stage<Cancels>) {
    let _permit = stage.permits.acquire().await.unwrap();
    yield_now().await;
}

/// One permit that two tasks take, and a third task, which cancels scope and token.
fn scope() -> Plan<Cancels> {
    let cancels = || Cancels {
        permits: Semaphore::new(1),
        scope: Scope::new(),
        token: CancellationToken::new(),
    };
    let cancel = |cancels: &Cancels| {
        cancels.scope.cancel("enough");
        cancels.token.cancel("enough");
    };
    let (start, end) = (cancels(), cancels());
    cancel(&end);
    let (before, after) = (format!("{start:?}"), format!("{end:?}"));
    let cancels = async move |stage: &Stage<Cancels>| {
        yield_now().await;
        yield_now().await;
        cancel(stage);
    };
    Plan::new(start).ends_with(&before, &after).beside(takes).beside(takes).beside(cancels)
}
