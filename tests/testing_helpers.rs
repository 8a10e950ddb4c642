//! The helpers of `testing`: `assert_yields`, `assert_ready`, `settle`, `Sequencer`; and the clock that runs at a rate.

#![cfg(feature = "time")]

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant as SystemInstant};

use taketurns::testing::{
    Explorer, Schedule, Sequencer, assert_ready, assert_yields, explore, settle,
};
use taketurns::time::{Clock, Instant, advance, hold, pause, resume, sleep};
use taketurns::{Builder, Runtime, block_on, spawn, task, yield_now};

type Trace = Rc<RefCell<Vec<&'static str>>>;

fn panic_of<T>(code: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(code)).err().expect("it panics");
    panic.downcast_ref::<String>().expect("the panic has a text").clone()
}

async fn yields(times: u32) {
    for _ in 0..times {
        yield_now().await;
    }
}

fn runtime(clock: Clock) -> Runtime {
    Builder::new().clock(clock).build().unwrap()
}

// ---- assert_yields, assert_ready

#[test]
fn what_suspends_and_what_does_not_pass_their_assertions() {
    block_on(async {
        assert_yields(yield_now()).await;
        assert_eq!(
            assert_yields(async {
                yield_now().await;
                1
            })
            .await,
            1
        );
        assert_eq!(assert_ready(ready(2)).await, 2);
        assert_eq!(assert_ready(async { 3 }).await, 3);
    });
}

#[test]
fn the_other_way_round_they_panic_with_the_callers_place() {
    let line = line!();
    let ready_text = panic_of(|| block_on(async { assert_ready(pending::<()>()).await }));
    let yields_text = panic_of(|| block_on(async { assert_yields(ready(())).await }));
    let here = |column, lines| format!("at {}:{}:{column}: ", file!(), line + lines);
    assert!(ready_text.contains(&format!("`assert_ready` {}", here(51, 1))), "{ready_text}");
    assert!(yields_text.contains(&format!("`assert_yields` {}", here(52, 2))), "{yields_text}");
}

#[test]
fn a_turn_without_budget_makes_no_difference() {
    block_on(async {
        for _ in 0..200 {
            task::consume_budget().await;
            assert_ready(task::consume_budget()).await;
        }
        while task::has_budget() {
            task::consume_budget().await;
        }
        let only_by_budget = catch_unwind(AssertUnwindSafe(|| {
            let mut future = pin!(assert_yields(task::consume_budget()));
            let _ready = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }));
        assert!(only_by_budget.is_err());
    });
}

// ---- settle

/// A task that takes `turns` turns and then waits for ever.
fn busy(turns: u32) -> Rc<Cell<u32>> {
    let taken = Rc::new(Cell::new(0));
    let count = Rc::clone(&taken);
    spawn(async move {
        for turn in 1..=turns {
            count.set(turn);
            yield_now().await;
        }
        pending::<()>().await;
    })
    .detach();
    taken
}

#[test]
fn settle_returns_when_the_others_have_taken_all_turns_they_can() {
    for clock in [Clock::Real, Clock::Manual, Clock::AutoAdvance, Clock::Scaled { rate: 2.0 }] {
        runtime(clock).block_on(async {
            let (one, other) = (busy(1000), busy(10));
            settle().await;
            assert_eq!((one.get(), other.get()), (1000, 10));
            settle().await; // nothing is left to do, and it returns again
        });
    }
}

#[test]
fn settle_comes_before_a_virtual_clock_moves() {
    runtime(Clock::AutoAdvance).block_on(async {
        let start = Instant::now();
        let sleeper = spawn(sleep(Duration::from_secs(5)));
        settle().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(!sleeper.is_finished());
        sleeper.await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    });
}

#[test]
fn settle_comes_before_each_step_of_an_advance() {
    runtime(Clock::Manual).block_on(async {
        let trace = Trace::default();
        let say = Rc::clone(&trace);
        let sleeper = spawn(async move {
            sleep(Duration::from_secs(1)).await;
            say.borrow_mut().push("a second");
            yields(3).await;
            say.borrow_mut().push("and what follows");
        });
        let (say, from) = (Rc::clone(&trace), Instant::now());
        let settler = spawn(async move {
            settle().await;
            assert_eq!(from.elapsed(), Duration::ZERO);
            say.borrow_mut().push("settled");
            sleep(Duration::from_secs(1)).await;
            settle().await;
            assert_eq!(from.elapsed(), Duration::from_secs(1));
            say.borrow_mut().push("settled again");
        });
        advance(Duration::from_secs(9)).await;
        sleeper.await.unwrap();
        settler.await.unwrap();
        assert_eq!(*trace.borrow(), ["settled", "a second", "and what follows", "settled again"]);
    });
}

#[test]
fn settle_does_not_wait_for_what_holds_the_clock() {
    runtime(Clock::AutoAdvance).block_on(async {
        let _hold = hold();
        let taken = busy(10);
        settle().await;
        assert_eq!(taken.get(), 10);
    });
}

#[test]
fn under_the_real_clock_a_sleeping_task_is_not_waited_for() {
    block_on(async {
        let sleeper = spawn(sleep(Duration::from_secs(3600)));
        let taken = busy(100);
        settle().await;
        assert_eq!(taken.get(), 100);
        assert!(!sleeper.is_finished());
    });
}

#[test]
fn tasks_that_settle_at_once_go_on_together_first_come_first_served() {
    block_on(async {
        let trace = Trace::default();
        let settlers = ["a", "b", "c"].map(|name| {
            let trace = Rc::clone(&trace);
            spawn(async move {
                settle().await;
                trace.borrow_mut().push(name);
                yields(5).await;
                settle().await;
                trace.borrow_mut().push(name);
            })
        });
        let taken = busy(50);
        yield_now().await; // they begin first
        settle().await;
        assert_eq!(taken.get(), 50);
        assert_eq!(*trace.borrow(), ["a", "b", "c"]);
        for settler in settlers {
            settler.await.unwrap();
        }
        assert_eq!(*trace.borrow(), ["a", "b", "c", "a", "b", "c"]);
    });
}

#[test]
fn what_a_thread_has_woken_takes_its_turn_first() {
    block_on(async {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let receiver = spawn(receiver);
        yield_now().await;
        thread::spawn(move || sender.send(1).unwrap()).join().unwrap();
        settle().await;
        assert!(receiver.is_finished());
    });
}

#[test]
fn a_settle_that_is_dropped_holds_nothing_up_and_one_that_is_asked_anew_settles() {
    runtime(Clock::AutoAdvance).block_on(async {
        let start = Instant::now();
        let dropped = spawn(settle());
        yield_now().await;
        dropped.abort();
        assert!(dropped.await.is_err());
        let mut forgotten = Box::pin(settle());
        let (waker, count) = counting_waker();
        for waker in [&waker, Waker::noop()] {
            assert!(forgotten.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
        }
        drop(waker);
        assert_eq!(Arc::strong_count(&count), 1, "a noop waker asks to forget the other");
        sleep(Duration::from_secs(1)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(1), "the clock was not held up");
        forgotten.await;
    });
}

#[test]
fn settle_gives_up_on_a_task_that_wakes_itself_without_end() {
    let line = line!() + 10;
    let text = panic_of(|| {
        let runtime = Builder::new().event_interval(1).build().unwrap();
        runtime.block_on(async {
            let spin = async {
                loop {
                    yield_now().await;
                }
            };
            task::Builder::new().name("spin").spawn(spin).detach();
            settle().await;
        });
    });
    let told = format!("`settle` at {}:{line}:13 waited for 1000000 looks of the loop", file!());
    assert!(text.contains(&told), "{text}");
    assert!(text.contains("such as task #1 \"spin\", spawned at "), "{text}");
}

#[test]
fn settle_outside_of_a_runtime_says_where_it_belongs() {
    assert!(panic_of(settle).starts_with("`testing::settle` needs a runtime: "));
}

#[test]
fn settle_lets_a_host_loop_tick_on() {
    let runtime = Runtime::new().unwrap();
    let settled = runtime.spawn(async { settle().await });
    let mut ticks = 0;
    while !settled.is_finished() {
        assert!(runtime.try_tick().unwrap(), "a task is ready until it has settled");
        ticks += 1;
    }
    assert_eq!(ticks, 2);
    runtime.spawn(async { settle().await }).detach();
    runtime.run_until_stalled();
    assert!(runtime.shutdown().lost().is_empty());
}

#[test]
fn settle_holds_in_every_order_of_turns() {
    let body = || async {
        let (one, other) = (busy(7), busy(3));
        let both = spawn(settle());
        settle().await;
        assert_eq!((one.get(), other.get()), (7, 3));
        both.await.unwrap();
    };
    explore(0..300, body);
    Explorer::new().schedule(Schedule::Pct { depth: 3 }).run(0..300, body);
    let small = || async {
        let taken = busy(2);
        settle().await;
        assert_eq!(taken.get(), 2);
    };
    assert!(Explorer::new().exhaust(1000, small).complete);
}

// ---- Sequencer

#[test]
fn blocks_run_in_the_order_of_their_numbers_in_every_order_of_turns() {
    explore(0..300, || async {
        let sequencer = Sequencer::new();
        let trace = Rc::new(RefCell::new(Vec::new()));
        let tasks = [[4, 5], [0, 3], [1, 2]].map(|blocks| {
            let (sequencer, trace) = (sequencer.clone(), Rc::clone(&trace));
            spawn(async move {
                for number in blocks {
                    let _block = sequencer.at(number).await;
                    trace.borrow_mut().push(number);
                    yields(2).await;
                    trace.borrow_mut().push(number);
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*trace.borrow(), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    });
}

#[test]
fn a_number_that_was_used_before_is_refused_with_both_places() {
    let sequencer = Sequencer::new();
    let line = line!() + 1;
    let _first = sequencer.at(3);
    let text = panic_of(|| drop(sequencer.at(3)));
    let before = format!("`Sequencer::at(3)` was called before, at {}:{line}:28", file!());
    assert!(text.starts_with(&before), "{text}");
    assert!(panic_of(|| drop(sequencer.at(3))).starts_with(&before), "the first place stays");
}

#[test]
fn a_block_that_is_dropped_before_it_began_breaks_those_after_it() {
    block_on(async {
        let sequencer = Sequencer::new();
        let first = sequencer.at(0).await;
        let line = line!() + 1;
        let dropped = sequencer.at(1);
        let waits = |number| {
            let block = sequencer.at(number);
            spawn(async move { drop(block.await) })
        };
        let (second, third) = (waits(2), waits(3));
        yield_now().await;
        drop(dropped);
        for (number, task) in [(2, second), (3, third)] {
            let text = task.await.unwrap_err().to_string();
            let told = format!(
                "`Sequencer::at({number})` can never begin: `at(1)` at {}:{line}:33 was dropped",
                file!()
            );
            assert!(text.contains(&told), "{text}");
        }
        drop(first);
        let text = spawn({
            let late = sequencer.at(4);
            async move { drop(late.await) }
        });
        assert!(text.await.unwrap_err().to_string().contains("can never begin"));
    });
}

#[test]
fn of_several_blocks_that_are_dropped_the_lowest_breaks_those_after_it() {
    block_on(async {
        let sequencer = Sequencer::new();
        let first = sequencer.at(0).await;
        let waits = sequencer.at(4);
        let waits = spawn(async move { drop(waits.await) });
        drop(sequencer.at(5));
        drop(sequencer.at(3));
        drop(sequencer.at(7));
        yield_now().await;
        assert!(waits.is_finished(), "`at(4)` waits for ever");
        let text = waits.await.unwrap_err().to_string();
        assert!(text.contains("`Sequencer::at(4)` can never begin: `at(3)` at "), "{text}");
        drop(first);
        drop(sequencer.at(1).await);
        drop(sequencer.at(2).await);
    });
}

#[test]
fn a_block_that_panics_ends_and_the_next_begins() {
    block_on(async {
        let sequencer = Sequencer::new();
        let (fails, next) = (sequencer.at(0), sequencer.at(1));
        let failed = spawn(async move {
            let _block = fails.await;
            panic!("in the block");
        });
        drop(next.await);
        assert!(failed.await.is_err());
        assert_eq!(format!("{sequencer:?}"), "Sequencer { next: 2, waiting: [], broken: None }");
    });
}

#[test]
fn a_block_of_two_polls_wakes_only_the_latest_waker() {
    let sequencer = Sequencer::new();
    let (mut first, mut second) = (pin!(sequencer.at(0)), pin!(sequencer.at(1)));
    let (old, old_count) = counting_waker();
    let (new, new_count) = counting_waker();
    assert!(second.as_mut().poll(&mut Context::from_waker(&old)).is_pending());
    assert!(second.as_mut().poll(&mut Context::from_waker(&new)).is_pending());
    let Poll::Ready(block) = first.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the first block begins at once");
    };
    drop(block);
    assert_eq!((old_count.load(SeqCst), new_count.load(SeqCst)), (0, 1));
    assert!(second.as_mut().poll(&mut Context::from_waker(&new)).is_ready());
}

/// A waker, and how often it was woken.
fn counting_waker() -> (Waker, Arc<AtomicUsize>) {
    struct Counts(Arc<AtomicUsize>);
    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    (Waker::from(Arc::new(Counts(Arc::clone(&count)))), count)
}

// ---- the clock that runs at a rate

/// Sleeps for so long by a clock of this rate. However late that is, it was not early by either clock, and the one has shown
/// `rate` seconds for each of the other.
async fn sleep_at_a_rate(rate: f64, span: Duration) {
    let start = Instant::now();
    let began = SystemInstant::now(); // within the span of the other clock, so that a slow machine makes no difference
    sleep(span).await;
    let real = began.elapsed();
    let shown = start.elapsed();
    assert!(shown >= span, "never early");
    assert!(shown.as_secs_f64() >= real.as_secs_f64() * rate * 0.999, "{shown:?}, {real:?}");
    assert!(real.as_secs_f64() * rate >= span.as_secs_f64() * 0.999, "{span:?}, {real:?}");
}

#[test]
fn a_clock_at_a_rate_shows_so_many_seconds_for_each_real_one() {
    for (rate, span) in [(10_000.0, 200_000), (1.0, 20), (0.1, 2)] {
        let span = Duration::from_millis(span);
        runtime(Clock::Scaled { rate }).block_on(sleep_at_a_rate(rate, span));
    }
}

#[test]
fn timers_of_a_scaled_clock_fire_in_the_order_of_their_deadlines() {
    runtime(Clock::Scaled { rate: 1000.0 }).block_on(async {
        let trace = Rc::new(RefCell::new(Vec::new()));
        let tasks = [3, 1, 2].map(|seconds| {
            let trace = Rc::clone(&trace);
            spawn(async move {
                sleep(Duration::from_secs(seconds)).await;
                trace.borrow_mut().push(seconds);
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*trace.borrow(), [1, 2, 3]);
    });
}

#[test]
fn a_scaled_clock_is_paused_advanced_and_resumed_at_its_rate() {
    runtime(Clock::Scaled { rate: 1000.0 }).block_on(async {
        pause();
        let start = Instant::now();
        advance(Duration::from_secs(3600)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(3600));
        resume();
        assert!(start.elapsed() < Duration::from_secs(3_000_000), "from where it stood");
        sleep_at_a_rate(1000.0, Duration::from_secs(20)).await;
        assert!(start.elapsed() >= Duration::from_secs(3620));
        resume(); // it runs: nothing changes
    });
}

#[test]
fn a_scaled_clock_ends_no_run_for_a_deadlock() {
    runtime(Clock::Scaled { rate: 1e6 }).block_on(async {
        let (sender, receiver) = futures::channel::oneshot::channel();
        thread::spawn(move || {
            thread::yield_now();
            sender.send(5).unwrap();
        });
        assert_eq!(receiver.await, Ok(5));
    });
}

#[test]
fn extreme_rates_end_no_wait_early_and_none_that_is_none_is_taken() {
    runtime(Clock::Scaled { rate: 1e9 }).block_on(async {
        sleep(Duration::from_secs(3600 * 24 * 365)).await; // at once
    });
    runtime(Clock::Scaled { rate: f64::MIN_POSITIVE }).block_on(async {
        let sleeper = spawn(sleep(Duration::from_nanos(1_000_000)));
        settle().await;
        assert!(!sleeper.is_finished());
    });
    for rate in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let text = panic_of(|| Builder::new().clock(Clock::Scaled { rate }));
        assert!(text.starts_with(&format!(
            "the rate of `Clock::Scaled` is {rate}: it must be more than 0"
        )));
    }
}
