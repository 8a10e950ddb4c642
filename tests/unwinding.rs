//! A panic unwinds through a future as through a function: what it holds is dropped meanwhile, and a second panic ends
//! where it is made.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};

fn executor() -> Executor<'static, ParkThread> {
    Executor::new(ParkThread::new(), EVENT_INTERVAL)
}

/// Calls this when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Holds a guard in one future, and panics in the other, behind it.
struct Both {
    guard: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Future for Both {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let holds = self.guard.as_mut().unwrap();
        assert!(holds.as_mut().poll(cx).is_pending());
        panic!("beside it");
    }
}

#[expect(clippy::await_holding_lock, reason = "what becomes of the guard is the test")]
async fn holds(guarded: Arc<Mutex<()>>) {
    let _guard = guarded.lock().unwrap();
    pending::<()>().await;
}

fn both(guarded: &Arc<Mutex<()>>) -> Both {
    let guarded = Arc::clone(guarded);
    Both { guard: Some(Box::pin(holds(guarded))) }
}

#[test]
fn a_std_mutex_is_poisoned_by_the_panic_of_a_task_that_holds_its_guard() {
    let executor = executor();
    let guarded = Arc::new(Mutex::new(()));
    let task = executor.spawn(both(&guarded));
    executor.block_on(async { assert!(task.await.unwrap_err().is_panic()) });
    assert!(guarded.is_poisoned());
}

#[test]
fn a_std_mutex_is_poisoned_by_the_panic_of_block_ons_future() {
    let guarded = Arc::new(Mutex::new(()));
    let executor = executor();
    let panicked = catch_unwind(AssertUnwindSafe(|| executor.block_on(both(&guarded))));
    assert!(panicked.is_err());
    assert!(guarded.is_poisoned());
    assert_eq!(executor.block_on(async { 5 }), 5, "and it goes on");
}

#[test]
fn a_destructor_that_panics_while_its_task_unwinds_is_reported_and_ends_nothing() {
    let executor = executor();
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = Rc::clone(&told);
    executor.on_unhandled(move |task, error| {
        tell.borrow_mut().push(format!("{} {error}", task.unwrap().id()));
    });
    let task = executor.spawn(Beside(OnDrop(|| panic!("second"))));
    executor.block_on(async {
        assert_eq!(task.await.unwrap_err().to_string(), "task #1 panicked: first");
    });
    assert_eq!(*told.borrow(), ["#1 a destructor, waker or callback of task #1 panicked: second"]);
}

/// Panics in its poll, then again in its drop, which is not part of that poll.
struct Beside<F: FnMut()>(#[allow(dead_code, reason = "it is there to be dropped")] OnDrop<F>);

impl<F: FnMut()> Future for Beside<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        panic!("first")
    }
}

/// Ready at once; its own drop panics.
struct ReadyBomb(Option<Rc<()>>);

impl Future for ReadyBomb {
    type Output = Rc<()>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Rc<()>> {
        Poll::Ready(self.0.take().unwrap())
    }
}

impl Drop for ReadyBomb {
    fn drop(&mut self) {
        panic!("in its drop");
    }
}

#[test]
fn block_on_drops_the_output_when_its_futures_drop_panics() {
    let output = Rc::new(());
    let executor = executor();
    let given = ReadyBomb(Some(Rc::clone(&output)));
    assert!(catch_unwind(AssertUnwindSafe(|| executor.block_on(given))).is_err());
    assert_eq!(Rc::strong_count(&output), 1);
}

#[test]
fn block_on_is_left_by_one_panic_when_future_and_output_both_panic_in_their_drops() {
    struct Twice;
    impl Future for Twice {
        type Output = OnDrop<fn()>;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            Poll::Ready(OnDrop(|| panic!("the output's")))
        }
    }
    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("the future's");
        }
    }
    let executor = executor();
    let told = Rc::new(Cell::new(0));
    let tell = Rc::clone(&told);
    executor.on_unhandled(move |_, _| tell.set(tell.get() + 1));
    let panicked = catch_unwind(AssertUnwindSafe(|| drop(executor.block_on(Twice)))).unwrap_err();
    assert_eq!(panicked.downcast_ref(), Some(&"the future's"));
    assert_eq!(told.get(), 1, "the other is told of");
}
