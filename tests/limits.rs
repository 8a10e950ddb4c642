//! What has a bound keeps it: a leaf that is always ready gives way, a limit ends what yields only by its budget, and a
//! second panic ends where it is made.

#![cfg(feature = "time")]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use taketurns::time::{Clock, Elapsed, sleep, timeout};
use taketurns::{
    Builder, Handle, OnExit, Runtime, UnhandledPanic, block_on, cancel, spawn, task, yield_now,
};

const MS: Duration = Duration::from_millis(1);

/// How many turns another task has while `leaf` is awaited 1000 times.
async fn turns_beside<F: Future>(mut leaf: impl FnMut() -> F) -> u32 {
    let turns = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = std::rc::Rc::clone(&turns);
    let other = spawn(async move {
        loop {
            count.set(count.get() + 1);
            yield_now().await;
        }
    });
    for _ in 0..1000 {
        leaf().await;
    }
    other.abort();
    turns.get()
}

#[test]
fn leaves_that_are_always_ready_give_way() {
    let grace = Duration::from_secs(10);
    let runtime = Builder::new().on_exit(OnExit::Cancel { grace }).build().unwrap();
    let ended = Runtime::new().unwrap().handle(); // so what is sent is refused, and its handle ready at once
    let asked = std::rc::Rc::new(std::cell::Cell::new(0));
    runtime.block_on(async {
        assert!(turns_beside(|| ended.spawn(async {})).await >= 7, "a RemoteHandle");
        let tell = std::rc::Rc::clone(&asked);
        spawn(async move {
            cancel::cancelled().await;
            tell.set(turns_beside(cancel::cancelled).await);
        })
        .detach();
        yield_now().await;
    });
    assert!(runtime.shutdown().lost().is_empty());
    assert!(asked.get() >= 7, "`cancelled`, once it is asked");
}

#[cfg(feature = "net")]
#[test]
fn operations_that_fail_at_once_give_way() {
    use taketurns::net::{TcpListener, TcpStream};
    let elsewhere = Runtime::new().unwrap();
    let foreign = elsewhere.block_on(async { TcpListener::bind("127.0.0.1:0").unwrap() });
    Runtime::new().unwrap().block_on(async {
        assert!(turns_beside(|| foreign.accept()).await >= 7, "a foreign socket");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut waits = pin!(listener.accept());
        assert!(futures::poll!(waits.as_mut()).is_pending());
        assert!(turns_beside(|| listener.accept()).await >= 7, "a socket that is busy");
        // No route: refused without a wait.
        let nowhere = std::net::SocketAddr::from(([255, 255, 255, 255], 1));
        assert!(turns_beside(|| TcpStream::connect(nowhere)).await >= 7, "a connect that fails");
    });
}

#[test]
fn a_limit_ends_a_reference_to_what_yields_only_by_its_budget() {
    let ended: Result<(), Elapsed> = block_on(async {
        let work = pin!(async {
            loop {
                task::consume_budget().await;
            }
        });
        timeout(Duration::ZERO, work).await
    });
    assert!(ended.is_err());
}

#[test]
fn a_reference_to_a_sleep_whose_limit_passed_leaves_no_timer() {
    let runtime = Builder::new().clock(Clock::AutoAdvance).build().unwrap();
    let mut long = Box::pin(
        runtime.block_on(std::future::poll_fn(|_| Poll::Ready(sleep(Duration::from_secs(100))))),
    );
    runtime.block_on(async { timeout(MS, long.as_mut()).await.unwrap_err() });
    runtime.run_until_stalled();
    assert_eq!(runtime.next_deadline(), None);
}

struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// Ready at once; future and output both panic in their drops.
struct Twice(#[allow(dead_code, reason = "it is there to be dropped")] Bomb);

impl Future for Twice {
    type Output = Bomb;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Bomb> {
        Poll::Ready(Bomb("the output's"))
    }
}

#[test]
fn a_timeout_over_two_drops_that_panic_panics_once() {
    let runtime = Runtime::new().unwrap();
    let once = runtime.block_on(async {
        spawn(async { timeout(MS, Twice(Bomb("the future's"))).await.map(drop) }).await
    });
    assert!(once.unwrap_err().to_string().ends_with("panicked: the future's"));
}

#[test]
fn a_run_that_is_stopped_drops_an_output_that_panics_and_goes_on_unwinding() {
    for event_interval in [1, 61] {
        let policy = UnhandledPanic::Stop;
        let runtime =
            Builder::new().unhandled_panic(policy).event_interval(event_interval).build().unwrap();
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                spawn(async { panic!("stops it") }).detach();
                spawn(yield_now()).detach();
                Bomb("the output's") // the failure comes in the last turns of the others
            })
        }));
        let text = stopped.map(drop).unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("panicked: stops it"), "{text}");
        // What the output's destructor panicked with is a failure too, so it may stop one more run.
        let _ = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async {})));
        assert_eq!(runtime.block_on(async { 5 }), 5);
    }
}

#[test]
fn a_handle_of_another_runtime_is_refused_while_callbacks_are_owed_too() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let handle = one.spawn(async { 5 });
    one.run_until_stalled();
    handle.on_done(|_| ()).unwrap();
    let refused = catch_unwind(AssertUnwindSafe(|| other.block_on(handle)));
    let text = refused.unwrap_err().downcast::<String>().unwrap();
    assert!(text.starts_with("task #1 is awaited inside another runtime"), "{text}");
}

#[test]
fn an_unparker_that_panics_leaves_the_waker_used_up() {
    use std::sync::Arc;
    use taketurns::executor::{Driver, EVENT_INTERVAL, Executor, Pending, Unpark};
    struct Panics(Arc<()>);
    struct Unparks(#[allow(dead_code, reason = "it is there to be counted")] Arc<()>);
    impl Driver for Panics {
        fn wait(&mut self, _: Option<Duration>) {}
        fn wake(&mut self, _: bool) {}
        fn pending(&self) -> Pending {
            Pending::default()
        }
        fn unparker(&self) -> Box<dyn Unpark> {
            Box::new(Unparks(Arc::clone(&self.0)))
        }
    }
    impl Unpark for Unparks {
        fn unpark(&self) {
            panic!("as it unparks");
        }
    }
    let alive = Arc::new(());
    let executor = Executor::new(Panics(Arc::clone(&alive)), EVENT_INTERVAL);
    let (give, given) = std::sync::mpsc::channel::<Waker>();
    let waits = std::future::poll_fn(move |cx| {
        give.send(cx.waker().clone()).unwrap();
        Poll::<()>::Pending
    });
    drop(executor.spawn(waits));
    while executor.try_tick().unwrap() {}
    Handle::new(&executor).stop();
    let waker = given.recv().unwrap();
    waker.wake_by_ref(); // parked, so this unparks
    drop(executor);
    drop((waker, given));
    assert_eq!(Arc::strong_count(&alive), 1, "the hub is gone");
}
