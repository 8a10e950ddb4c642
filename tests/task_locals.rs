//! Task-locals: which code has which value, through awaits, drops, panics and spawns.

mod common;

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use common::{OnDrop, Trace, reports};
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use taketurns::task::{Builder, JoinSet, TaskGroup, TaskLocal};
use taketurns::{Runtime, block_on, spawn, task_local, yield_now};

task_local! {
    /// One that children do not have.
    static OWN: u32;
    /// One that they have.
    pub(crate) inherited static SHARED: Rc<str>;
    inherited static NUMBER: u32;
    static GUARD: OnDrop;
    inherited static SHARED_GUARD: OnDrop
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// What `local` is here, for a trace.
fn seen(local: &'static TaskLocal<u32>) -> String {
    local.try_get().map_or_else(|_| "none".into(), |number| number.to_string())
}

/// Pushes what `local` is when it is dropped.
struct Sees(Trace, &'static TaskLocal<u32>);

impl Drop for Sees {
    fn drop(&mut self) {
        self.0.push(seen(self.1));
    }
}

/// Stays pending `times` times, and traces what `local` is in each poll.
fn steps(trace: &Trace, local: &'static TaskLocal<u32>, times: u32) -> impl Future<Output = ()> {
    let sees = Sees(trace.clone(), local);
    let mut left = times;
    poll_fn(move |_| {
        let _also_at_the_drop = &sees;
        sees.0.push(seen(local));
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        Poll::Pending
    })
}

#[test]
fn the_innermost_scope_counts_and_the_value_of_before_returns() {
    block_on(async {
        assert!(OWN.try_get().is_err());
        let outer = OWN.scope(1, async {
            yield_now().await;
            assert_eq!(OWN.get(), 1);
            assert_eq!(OWN.scope(2, async { OWN.get() }).await, 2);
            assert_eq!(OWN.sync_scope(3, || OWN.with(|value| *value)), 3);
            assert_eq!(NUMBER.scope(4, async { (OWN.get(), NUMBER.get()) }).await, (1, 4));
            OWN.get()
        });
        assert_eq!(outer.await, 1);
        assert!(OWN.try_get().is_err());
    });
}

#[test]
fn each_task_has_its_own_value_while_they_take_turns() {
    let trace = Trace::new();
    block_on(async {
        let task = |number| {
            let trace = trace.clone();
            spawn(OWN.scope(number, async move {
                for _ in 0..3 {
                    trace.push(seen(&OWN));
                    yield_now().await;
                }
            }))
        };
        let tasks = [task(1), task(2)];
        yield_now().await;
        trace.push(seen(&OWN));
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(trace.take(), "1 2 none 1 2 1 2");
}

#[test]
fn a_child_has_what_is_inherited_and_nothing_else() {
    block_on(async {
        let both = OWN.scope(
            1,
            NUMBER.scope(2, async {
                let child = spawn(async {
                    yield_now().await;
                    let grandchild = spawn(async { (OWN.try_get().ok(), NUMBER.try_get().ok()) });
                    (OWN.try_get().ok(), NUMBER.try_get().ok(), grandchild.await.unwrap())
                });
                let named = Builder::new().name("child").spawn(async { NUMBER.get() });
                let mut set = JoinSet::new();
                set.spawn(async { NUMBER.get() });
                assert_eq!(set.join_next().await.unwrap().unwrap(), 2);
                let in_group = TaskGroup::scope(async |group| {
                    Ok::<_, String>(group.spawn(async { Ok::<_, String>(NUMBER.get()) }).await)
                });
                assert_eq!(in_group.await.unwrap().unwrap(), 2);
                (child.await.unwrap(), named.await.unwrap())
            }),
        );
        assert_eq!(both.await, ((None, Some(2), (None, Some(2))), 2));
        assert!(spawn(async { NUMBER.try_get() }).await.unwrap().is_err());
    });
}

#[test]
fn a_child_has_all_that_is_inherited_and_each_scope_of_its_own() {
    let values = || (SHARED.try_get().ok(), NUMBER.try_get().ok());
    block_on(SHARED.scope("a".into(), async {
        let child = NUMBER.sync_scope(1, || spawn(NUMBER.scope(2, async move { values() })));
        let sibling = spawn(async move { values() });
        let shadows = SHARED.sync_scope("b".into(), || spawn(async move { values() }));
        assert_eq!(child.await.unwrap(), (Some("a".into()), Some(2)));
        assert_eq!(sibling.await.unwrap(), (Some("a".into()), None));
        assert_eq!(shadows.await.unwrap(), (Some("b".into()), None));
        assert_eq!(values(), (Some("a".into()), None));
    }));
}

#[test]
fn what_comes_from_outside_inherits_nothing() {
    let runtime = Rc::new(Runtime::new().unwrap());
    let inside = Rc::clone(&runtime);
    let (handle, number) = (runtime.handle(), || NUMBER.try_get().ok());
    runtime.block_on(NUMBER.scope(1, async move {
        assert_eq!(inside.spawn(async move { number() }).await.unwrap(), None);
        assert_eq!(handle.spawn(async move { number() }).await.unwrap(), None);
        #[cfg(feature = "offload")]
        assert_eq!(taketurns::spawn_blocking(number).await.unwrap(), None);
        assert_eq!(number(), Some(1));
    }));
}

#[test]
fn a_value_is_dropped_with_its_future_or_with_the_last_child_that_has_it() {
    let trace = Trace::new();
    block_on(async {
        let own = GUARD.scope(trace.on_drop("own-gone"), async {
            spawn(yield_now()).await.unwrap();
            trace.push("own-done");
        });
        own.await;
        let shared =
            SHARED_GUARD.scope(trace.on_drop("shared-gone"), async { [spawn(yield_now())] });
        let [child] = shared.await;
        trace.push("parent-done");
        child.await.unwrap();
        trace.push("child-done");
    });
    assert_eq!(trace.take(), "own-done own-gone parent-done shared-gone child-done");
}

/// A value that looks for the task-local as it goes.
struct LooksBack(Trace);

impl Drop for LooksBack {
    fn drop(&mut self) {
        self.0.push(LOOKS_BACK.try_with(|_| ()).is_ok());
    }
}

task_local! { static LOOKS_BACK: LooksBack }

#[test]
fn a_value_goes_outside_of_its_scope() {
    let trace = Trace::new();
    LOOKS_BACK.sync_scope(LooksBack(trace.clone()), || trace.push("inside"));
    block_on(LOOKS_BACK.scope(LooksBack(trace.clone()), async { trace.push("inside") }));
    let outer = LOOKS_BACK.scope(LooksBack(trace.clone()), async {
        LOOKS_BACK.scope(LooksBack(trace.clone()), async {}).await;
        trace.push("outer");
    });
    block_on(outer);
    assert_eq!(trace.take(), "inside false inside false true outer false");
}

#[test]
fn a_future_is_dropped_in_its_scope_at_whichever_await_it_stands() {
    for local in [&OWN, &NUMBER] {
        for polls in 0..=3 {
            let trace = Trace::new();
            local.sync_scope(9, || {
                let mut scope = Box::pin(local.scope(1, steps(&trace, local, 2)));
                for _ in 0..polls {
                    let _ = poll(scope.as_mut());
                }
                trace.push("dropped");
                drop(scope);
                trace.push(seen(local));
            });
            let expected = match polls {
                3 => "1 1 1 1 dropped 9".to_owned(), // it goes as it ends
                polls => "1 ".repeat(polls) + "dropped 1 9",
            };
            assert_eq!(trace.take(), expected);
        }
    }
}

#[test]
fn a_child_is_dropped_with_what_it_inherits() {
    let trace = Trace::new();
    let child = || {
        let sees = Sees(trace.clone(), &NUMBER);
        async move {
            let _sees = sees;
            pending::<()>().await;
        }
    };
    block_on(async {
        let before_its_first_turn = NUMBER.sync_scope(1, || spawn(child()));
        before_its_first_turn.abort();
        assert!(before_its_first_turn.await.unwrap_err().is_cancelled());
        let waiting = NUMBER.sync_scope(2, || spawn(child()));
        yield_now().await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        NUMBER.sync_scope(3, || spawn(child()).detach()); // lost at the end
        let sees = Sees(trace.clone(), &NUMBER);
        let panics = NUMBER.sync_scope(4, || {
            spawn(async move {
                let _sees = sees;
                yield_now().await;
                panic!("the child")
            })
        });
        assert!(panics.await.unwrap_err().is_panic());
        trace.push(seen(&NUMBER));
    });
    assert_eq!(trace.take(), "1 2 4 none 3");
}

#[test]
fn a_panic_leaves_the_value_of_before() {
    for local in [&OWN, &NUMBER] {
        local.sync_scope(1, || {
            let panics = || local.sync_scope(2, || panic!("inside {}", local.get()));
            assert!(catch_unwind(panics).is_err());
            assert_eq!(local.get(), 1);
            let mut scope = Box::pin(local.scope(3, poll_fn(|_| -> Poll<()> { panic!("a poll") })));
            assert!(catch_unwind(AssertUnwindSafe(|| poll(scope.as_mut()))).is_err());
            assert_eq!(local.get(), 1);
            struct PanicsAtDrop;
            impl Drop for PanicsAtDrop {
                fn drop(&mut self) {
                    panic!("a drop");
                }
            }
            let guard = PanicsAtDrop;
            let dropped = local.scope(4, async move {
                let _guard = guard;
            });
            assert!(catch_unwind(AssertUnwindSafe(|| drop(dropped))).is_err());
            assert_eq!(local.get(), 1);
            let guard = PanicsAtDrop;
            let mut ends = pin!(local.scope(
                5,
                poll_fn(move |_| {
                    let _guard = &guard;
                    Poll::Ready(())
                })
            ));
            assert!(catch_unwind(AssertUnwindSafe(|| poll(ends.as_mut()))).is_err());
            assert_eq!(local.get(), 1);
        });
    }
}

#[test]
fn a_scope_is_entered_while_the_value_is_looked_at() {
    OWN.sync_scope(1, || {
        OWN.with(|outer| {
            let inner = OWN.sync_scope(2, || OWN.with(|inner| *inner));
            assert_eq!((*outer, inner, OWN.get()), (1, 2, 1));
        });
    });
}

#[test]
fn a_scope_that_is_polled_elsewhere_has_what_is_around_it_there() {
    let both = || (NUMBER.try_get().ok(), SHARED.try_get().ok());
    let mut scope = Box::pin(SHARED.scope("a".into(), async move {
        let mut seen = vec![both()];
        for _ in 0..2 {
            let mut polled = false;
            poll_fn(|_| {
                if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            seen.push(both());
        }
        seen
    }));
    NUMBER.sync_scope(1, || assert!(poll(scope.as_mut()).is_pending()));
    NUMBER.sync_scope(2, || assert!(poll(scope.as_mut()).is_pending()));
    let Poll::Ready(seen) = poll(scope.as_mut()) else { panic!("it is at its end") };
    assert_eq!(seen, [Some(1), Some(2), None].map(|number| (number, Some("a".into()))));
}

/// Each generation has a value of its own and spawns the next one in its scope.
fn generation(
    left: u32,
    alive: &Rc<Cell<u32>>,
    most: &Rc<Cell<u32>>,
) -> Pin<Box<dyn Future<Output = ()>>> {
    let (alive, most) = (Rc::clone(alive), Rc::clone(most));
    Box::pin(async move {
        if left == 0 {
            return;
        }
        alive.set(alive.get() + 1);
        most.set(most.get().max(alive.get()));
        let value = Counted(Rc::clone(&alive));
        COUNTED.scope(value, async { spawn(generation(left - 1, &alive, &most)).detach() }).await;
        for _ in 0..2 {
            yield_now().await; // the next has its turn
        }
    })
}

struct Counted(Rc<Cell<u32>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

task_local! { inherited static COUNTED: Counted }

#[test]
fn a_value_that_another_hides_is_not_kept_for_the_children() {
    let runtime = Runtime::new().unwrap();
    let (alive, most) = (Rc::default(), Rc::default());
    runtime.spawn(generation(1000, &alive, &most)).detach();
    runtime.run_until_stalled();
    assert_eq!(alive.get(), 0);
    assert!(most.get() <= 4, "{} values were alive at once", most.get());
}

#[test]
fn a_scope_works_under_another_executor() {
    let trace = Trace::new();
    let mut pool = LocalPool::new();
    for number in [1, 2] {
        let trace = trace.clone();
        let task = OWN.scope(number, async move {
            trace.push(seen(&OWN));
            let mut polled = false;
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            trace.push(seen(&OWN));
        });
        pool.spawner().spawn_local(task).unwrap();
    }
    pool.run();
    trace.push(seen(&OWN));
    let mut traced: Vec<_> = trace.take().split(' ').map(str::to_owned).collect();
    assert_eq!(traced.pop().as_deref(), Some("none"));
    traced.sort();
    assert_eq!(traced, ["1", "1", "2", "2"]);
}

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).into()))
        .unwrap()
}

#[test]
fn misuse_names_the_remedy() {
    let own = "the task-local `OWN` has no value here: use it inside `OWN.scope(value, future)`, or, if this is a child of a \
               task that has one, declare it `inherited`";
    assert_eq!(panic_text(|| assert_eq!(OWN.get(), 0)), own);
    let number =
        "the task-local `NUMBER` has no value here: use it inside `NUMBER.scope(value, future)`";
    assert_eq!(panic_text(|| NUMBER.with(|_| ())), number);
    let mut scope = pin!(OWN.scope(1, async {}));
    assert!(poll(scope.as_mut()).is_ready());
    let again = panic_text(|| assert!(poll(scope.as_mut()).is_pending()));
    assert_eq!(again, "a `TaskLocalFuture` was polled after it was ready");
    assert_eq!(format!("{OWN:?}"), r#"TaskLocal { name: "OWN", is_inherited: false }"#);
}

/// The task may be freed by then, so none has its turn.
#[test]
fn the_destructor_of_an_inherited_value_finds_no_task_and_its_panic_ends_nothing() {
    task_local! { inherited static VALUE: Told; }
    struct Told(Trace);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.push(format!("{:?}", taketurns::task::current().map(|task| task.polls())));
            panic!("in the destructor of a value");
        }
    }
    let trace = Trace::new();
    let (reports, policy) = reports();
    taketurns::Builder::new().unhandled_panic(policy).build().unwrap().block_on(async {
        VALUE.sync_scope(Told(trace.clone()), || spawn(async {}).detach());
        yield_now().await;
        trace.push("goes on");
    });
    assert_eq!(trace.take(), "None goes on");
    assert_eq!(reports.lock().unwrap().len(), 1);
}
