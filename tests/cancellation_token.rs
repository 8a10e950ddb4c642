//! Cancellation tokens: who hears what, in which order, on which thread, and what is given back.

#[path = "common/clone.rs"]
mod clone;
mod common;
#[path = "common/scripted.rs"]
mod scripted;

use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use clone::waker_that_clones_by;
use common::Trace;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use scripted::Script;
use taketurns::cancel::{
    CancellationToken, Cancelled, DropGuard, Reason, RunUntilCancelled, TokenCancelled,
    TokenCancelledOwned,
};
use taketurns::task::has_budget;
use taketurns::{block_on, spawn, yield_now};

const _: () = {
    const fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<CancellationToken>();
    crosses_threads::<TokenCancelled<'_>>();
    crosses_threads::<TokenCancelledOwned>();
    crosses_threads::<RunUntilCancelled<'_, std::future::Ready<()>>>();
    crosses_threads::<DropGuard>();
    crosses_threads::<Cancelled>();
};

/// Wakers that note the order of their wakes.
#[derive(Clone, Default)]
struct Woken(Arc<Mutex<Vec<&'static str>>>);

struct Notes(&'static str, Woken);

impl Wake for Notes {
    fn wake(self: Arc<Self>) {
        self.1.0.lock().unwrap().push(self.0);
    }
}

impl Woken {
    fn waker(&self, name: &'static str) -> Waker {
        Arc::new(Notes(name, self.clone())).into()
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// A wait that has been polled once.
fn waiting(token: &CancellationToken, waker: &Waker) -> Pin<Box<TokenCancelledOwned>> {
    let mut waits = Box::pin(token.clone().cancelled_owned());
    assert!(poll(waits.as_mut(), waker).is_pending());
    waits
}

fn is(reason: Option<Reason>, text: &str) -> bool {
    reason.is_some_and(|reason| reason.as_str() == text)
}

#[test]
fn the_first_reason_stays_and_a_clone_is_the_same_token() {
    let token = CancellationToken::new();
    let clone = token.clone();
    assert!(!token.is_cancelled() && token.reason().is_none());
    clone.cancel("first");
    token.cancel(String::from("second"));
    assert!(token.is_cancelled() && is(token.reason(), "first") && is(clone.reason(), "first"));
}

#[test]
fn a_cancel_goes_down_the_tree_and_not_up() {
    let root = CancellationToken::default();
    let (left, right) = (root.child_token(), root.child_token());
    let below = left.child_token();
    left.cancel("left");
    assert!(is(below.reason(), "left") && !root.is_cancelled() && !right.is_cancelled());
    assert!(is(left.child_token().reason(), "left"), "a child of a cancelled token");
    root.cancel("root");
    assert!(is(left.reason(), "left") && is(right.reason(), "root") && is(below.reason(), "left"));
}

#[test]
fn children_of_a_dropped_token_hear_of_its_parent() {
    let root = CancellationToken::new();
    let middle = root.child_token();
    let children = [middle.child_token(), middle.child_token()];
    drop(middle);
    assert_eq!(format!("{root:?}"), "CancellationToken { reason: None, waiters: 0, children: 2 }");
    root.cancel("root");
    assert!(children.iter().all(|child| is(child.reason(), "root")));

    let root = CancellationToken::new();
    let child = root.child_token();
    let below = child.child_token();
    drop(root);
    assert!(!child.is_cancelled());
    child.cancel("child");
    assert!(is(below.reason(), "child"));
}

#[test]
fn waiters_are_woken_level_by_level_each_in_the_order_of_their_coming() {
    let (root, woken) = (CancellationToken::new(), Woken::default());
    let (first, second) = (root.child_token(), root.child_token());
    let below = first.child_token();
    let waits = [
        (&below, "below-1"),
        (&second, "second-1"),
        (&root, "root-1"),
        (&first, "first-1"),
        (&root, "root-2"),
        (&first, "first-2"),
        (&root, "root-3"),
    ];
    let mut waits = waits.map(|(token, name)| waiting(token, &woken.waker(name)));
    // The waker changes, and the place stays. Another goes and comes back behind the rest.
    assert!(poll(waits[2].as_mut(), &woken.waker("root-1-anew")).is_pending());
    waits[4] = waiting(&root, &woken.waker("root-4"));
    assert_eq!(format!("{root:?}"), "CancellationToken { reason: None, waiters: 3, children: 2 }");
    root.cancel("enough");
    let order = "root-1-anew root-3 root-4 first-1 first-2 second-1 below-1";
    assert_eq!(woken.take(), order);
    root.cancel("again");
    assert_eq!(woken.take(), "");
    let noop = Waker::noop();
    for mut waits in waits {
        for _ in 0..2 {
            assert!(
                matches!(poll(waits.as_mut(), noop), Poll::Ready(reason) if reason.as_str() == "enough")
            );
        }
    }
}

#[test]
fn a_wait_gives_its_waker_back_when_it_is_dropped_and_when_a_noop_waker_polls_it() {
    let token = CancellationToken::new();
    let counted = Arc::new(Notes("woken", Woken::default()));
    let waker = Waker::from(Arc::clone(&counted));
    let wakers = || Arc::strong_count(&counted) - 2;
    for polls in 0..3 {
        let mut borrows = Box::pin(token.cancelled());
        let mut owns = Box::pin(token.clone().cancelled_owned());
        let mut runs = Box::pin(token.run_until_cancelled(pending::<()>()));
        for _ in 0..polls {
            assert!(poll(borrows.as_mut(), &waker).is_pending());
            assert!(poll(owns.as_mut(), &waker).is_pending());
            assert!(poll(runs.as_mut(), &waker).is_pending());
        }
        assert_eq!(wakers(), if polls == 0 { 0 } else { 3 });
        drop((borrows, owns, runs));
        assert_eq!(wakers(), 0);
    }
    let mut waits = waiting(&token, &waker);
    assert_eq!(wakers(), 1);
    assert!(poll(waits.as_mut(), Waker::noop()).is_pending());
    assert_eq!(wakers(), 0);
    assert!(poll(waits.as_mut(), &waker).is_pending());
    let another = Woken::default().waker("another");
    assert!(poll(waits.as_mut(), &another).is_pending());
    assert_eq!(wakers(), 0, "the waker of an earlier poll");
    drop(waits);
    let waits = waiting(&token, &waker);
    token.cancel("enough");
    assert_eq!((wakers(), counted.1.take()), (0, "woken".into()));
    drop(waits);
}

#[test]
fn a_wait_that_is_forgotten_keeps_no_waker_longer_than_its_token() {
    let token = CancellationToken::new();
    let counted = Arc::new(Notes("woken", Woken::default()));
    let waker = Waker::from(Arc::clone(&counted));
    let mut waits = Box::pin(token.cancelled());
    assert!(poll(waits.as_mut(), &waker).is_pending());
    std::mem::forget(waits);
    let other = token.child_token();
    drop(token);
    assert_eq!(Arc::strong_count(&counted), 2);
    drop(other);
}

#[test]
fn a_waker_that_panics_keeps_none_from_its_wake() {
    let (token, woken) = (CancellationToken::new(), Woken::default());
    let scripts = [(); 2].map(|()| Rc::<Script>::default());
    let panics = |script: &Rc<Script>| {
        script.on_wake.set(Some(Box::new(|| panic!("in its wake"))));
        script.waker()
    };
    let waits = [
        waiting(&token, &woken.waker("first")),
        waiting(&token, &panics(&scripts[0])),
        waiting(&token, &woken.waker("second")),
        waiting(&token, &panics(&scripts[1])),
        waiting(&token.child_token(), &woken.waker("third")),
    ];
    token.cancel("enough");
    assert_eq!(woken.take(), "first second third");
    drop(waits);
}

#[test]
fn a_waker_that_panics_at_its_clone_or_drop_leaves_the_token_as_it_was() {
    let (token, woken) = (CancellationToken::new(), Woken::default());
    let script = Rc::<Script>::default();
    script.on_clone.set(Some(Box::new(|| panic!("in its clone"))));
    let mut waits = Box::pin(token.cancelled());
    let waker = script.waker();
    assert!(catch_unwind(AssertUnwindSafe(|| poll(waits.as_mut(), &waker))).is_err());
    assert_eq!(format!("{token:?}"), "CancellationToken { reason: None, waiters: 0, children: 0 }");
    assert!(poll(waits.as_mut(), &waker).is_pending());
    script.on_drop.set(Some(Box::new(|| panic!("in its drop"))));
    assert!(poll(waits.as_mut(), &woken.waker("another")).is_pending());
    assert!(poll(waits.as_mut(), &waker).is_pending());
    script.on_drop.set(Some(Box::new(|| panic!("in its drop"))));
    drop(waits);
    assert!(script.on_drop.take().is_none(), "it was dropped");
    let waits = waiting(&token, &woken.waker("last"));
    token.cancel("enough");
    assert_eq!(woken.take(), "last");
    drop(waits);
}

/// Does all that a token can do, as user code in the middle of one of its functions might.
fn everything(token: &CancellationToken) {
    let child = token.child_token();
    let mut waits = Box::pin(child.cancelled());
    let _ = poll(waits.as_mut(), &Woken::default().waker("inside"));
    let _ = format!("{token:?} {:?} {}", token.reason(), token.is_cancelled());
    drop(token.clone().drop_guard("inside").disarm());
    drop(token.clone());
}

#[test]
fn a_waker_calls_the_token_from_its_clone_its_wake_and_its_drop() {
    let (token, trace) = (CancellationToken::new(), Trace::new());
    let script = Rc::<Script>::default();
    let act = |name: &'static str| -> Option<Box<dyn FnOnce()>> {
        let (token, trace) = (token.clone(), trace.clone());
        Some(Box::new(move || {
            everything(&token);
            trace.push(name);
        }))
    };
    let waker = script.waker();
    script.on_clone.set(act("clone"));
    let mut waits = waiting(&token, &waker);
    script.on_drop.set(act("drop"));
    assert!(poll(waits.as_mut(), &Woken::default().waker("another")).is_pending());
    assert!(poll(waits.as_mut(), &waker).is_pending());
    script.on_drop.set(act("drop"));
    assert!(poll(waits.as_mut(), Waker::noop()).is_pending());
    assert!(poll(waits.as_mut(), &waker).is_pending());
    script.on_drop.set(act("drop"));
    drop(waits);
    let waits = waiting(&token, &waker);
    script.on_wake.set(act("wake"));
    token.cancel("enough");
    assert_eq!(trace.take(), "clone drop drop drop wake");
    drop(waits);
}

#[test]
fn a_cancel_during_the_clone_of_a_waker_is_seen() {
    let token = CancellationToken::new();
    let cancels = token.clone();
    let waker = waker_that_clones_by(move || cancels.cancel("during the clone"));
    let mut waits = pin!(token.cancelled());
    assert!(poll(waits.as_mut(), &waker).is_ready());
}

#[test]
fn a_waker_that_drops_the_other_waits_in_its_wake() {
    let (token, woken) = (CancellationToken::new(), Woken::default());
    let script = Rc::<Script>::default();
    let first = waiting(&token, &script.waker());
    let others =
        [waiting(&token, &woken.waker("a")), waiting(&token.child_token(), &woken.waker("b"))];
    let cancels = token.clone();
    script.on_wake.set(Some(Box::new(move || {
        drop(others);
        cancels.cancel("again");
    })));
    token.cancel("enough");
    assert!(is(token.reason(), "enough"));
    drop(first);
}

#[test]
fn what_is_run_until_cancelled_is_polled_first_and_dropped_at_the_end() {
    let trace = Trace::new();
    block_on(async {
        let token = CancellationToken::new();
        let guard = trace.on_drop("dropped");
        let work = token.run_until_cancelled(async {
            let _guard = guard;
            pending::<()>().await;
        });
        let cancels = token.clone();
        let traced = trace.clone();
        spawn(async move {
            traced.push("cancelled");
            cancels.cancel("enough");
        })
        .detach();
        let error = work.await.unwrap_err();
        assert_eq!(
            (error.reason().as_str(), error.to_string().as_str()),
            ("enough", "cancelled: enough")
        );
        trace.push("returned");
        let guard = trace.on_drop("dropped-at-once");
        let mut kept = pin!(token.run_until_cancelled(async {
            let _guard = guard;
            pending::<()>().await;
        }));
        assert!(futures::poll!(kept.as_mut()).is_ready());
        trace.push("kept");
        assert_eq!(token.run_until_cancelled(ready(7)).await, Ok(7));
        let mut polls = 0;
        let under_a_cancelled_token = token.run_until_cancelled(poll_fn(|_| {
            polls += 1;
            Poll::<()>::Pending
        }));
        assert!(under_a_cancelled_token.await.is_err());
        assert_eq!(polls, 1);
    });
    assert_eq!(trace.take(), "cancelled dropped returned dropped-at-once kept");
}

#[test]
fn a_run_that_has_ended_names_itself_when_it_is_polled_again() {
    let token = CancellationToken::new();
    let mut runs = pin!(token.run_until_cancelled(ready(())));
    assert!(poll(runs.as_mut(), Waker::noop()).is_ready());
    let again = catch_unwind(AssertUnwindSafe(|| poll(runs.as_mut(), Waker::noop())));
    let text = again.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(*text, "a `RunUntilCancelled` was polled after it was ready");
}

#[test]
fn a_guard_cancels_when_it_goes_unless_it_is_disarmed() {
    let token = CancellationToken::new();
    drop(token.child_token().drop_guard("gone").disarm());
    token.drop_guard_ref("gone").disarm();
    assert!(!token.is_cancelled());
    let child = token.child_token();
    let guarded = child.clone();
    let panicked = catch_unwind(move || {
        let _guard = guarded.drop_guard("it panicked");
        panic!("the work")
    });
    assert!(panicked.is_err() && is(child.reason(), "it panicked"));
    drop(token.drop_guard_ref("gone"));
    assert!(is(token.reason(), "gone"));
}

#[test]
fn waits_that_are_ready_spend_the_budget_of_the_turn() {
    block_on(async {
        let token = CancellationToken::new();
        token.cancel("enough");
        for _ in 0..64 {
            token.cancelled().await;
            assert!(token.run_until_cancelled(pending::<()>()).await.is_err());
        }
        assert!(!has_budget());
        let mut turned = spawn(async {});
        token.cancelled().await; // in a turn of its own
        assert!(has_budget() && futures::poll!(&mut turned).is_ready());
    });
}

#[test]
fn a_future_that_spends_the_budget_in_each_turn_does_not_outlast_its_token() {
    block_on(async {
        let token = CancellationToken::new();
        let greedy = token.run_until_cancelled(async {
            loop {
                taketurns::task::consume_budget().await;
            }
        });
        let cancels = token.clone();
        spawn(async move { cancels.cancel("enough") }).detach();
        assert!(greedy.await.is_err());
    });
}

#[test]
fn tasks_of_two_loops_and_a_thread_without_one_hear_one_cancel() {
    let token = CancellationToken::new();
    let (ready_to_hear, begun) = mpsc::channel();
    let hears = |run: fn(CancellationToken, mpsc::Sender<()>) -> Reason| {
        let (child, begun) = (token.child_token(), ready_to_hear.clone());
        thread::spawn(move || run(child, begun))
    };
    let threads = [
        hears(|token, begun| {
            block_on(async {
                let waits = spawn(token.clone().cancelled_owned());
                yield_now().await;
                begun.send(()).unwrap();
                waits.await.unwrap()
            })
        }),
        hears(|token, begun| {
            let mut pool = LocalPool::new();
            let waits = pool.spawner().spawn_local_with_handle(token.clone().cancelled_owned());
            pool.run_until_stalled();
            begun.send(()).unwrap();
            pool.run_until(waits.unwrap())
        }),
        hears(|token, begun| {
            let (wakes, woken) = mpsc::sync_channel(1);
            struct Tells(mpsc::SyncSender<()>);
            impl Wake for Tells {
                fn wake(self: Arc<Self>) {
                    self.0.send(()).unwrap();
                }
            }
            let waker = Waker::from(Arc::new(Tells(wakes)));
            let mut waits = pin!(token.cancelled());
            assert!(poll(waits.as_mut(), &waker).is_pending());
            begun.send(()).unwrap();
            woken.recv().unwrap();
            token.reason().unwrap()
        }),
    ];
    for _ in &threads {
        begun.recv().unwrap();
    }
    let canceller = token.clone();
    thread::spawn(move || canceller.cancel("for all")).join().unwrap();
    for thread in threads {
        assert_eq!(thread.join().unwrap().as_str(), "for all");
    }
}

#[test]
fn a_cancel_against_an_end_decides_once() {
    // Case 37: a remote cancel against completion. Either is right, and what is told is what happened.
    for _ in 0..300 {
        let token = CancellationToken::new();
        let canceller = token.clone();
        let (begin, begun) = mpsc::channel();
        let thread = thread::spawn(move || {
            begun.recv().unwrap();
            canceller.cancel("enough");
        });
        let mut completed = false;
        let outcome = block_on(async {
            let work = async {
                begin.send(()).unwrap();
                for _ in 0..5 {
                    yield_now().await;
                }
                completed = true;
                7
            };
            token.run_until_cancelled(work).await
        });
        assert_eq!(outcome.is_ok(), completed);
        assert!(outcome.is_ok_and(|output| output == 7) || token.is_cancelled());
        thread.join().unwrap();
    }
}

#[test]
fn a_chain_and_a_crowd_of_tokens_end_without_a_deep_stack() {
    let root = CancellationToken::new();
    let mut chain = vec![root.child_token()];
    for _ in 0..100_000 {
        chain.push(chain.last().unwrap().child_token());
    }
    let deepest = chain.pop().unwrap();
    chain.truncate(50_000); // from the end on: each hands its child on
    root.cancel("enough");
    assert!(is(deepest.reason(), "enough"));
    drop(chain);
    let mut next = CancellationToken::new();
    for _ in 0..100_000 {
        next = next.child_token();
    }
    let waits = waiting(&next, Waker::noop());
    drop(next);
    drop(waits);
}
