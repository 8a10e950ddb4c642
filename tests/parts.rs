//! The parts together, under one loop: timers, sockets, the pool and other threads.
#![cfg(all(feature = "net", feature = "time", feature = "offload"))]

mod common;

use std::cell::Cell;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::Trace;
use futures::{AsyncReadExt, AsyncWriteExt};
use taketurns::net::{TcpListener, TcpStream};
use taketurns::time::{Clock, Instant, advance, sleep};
use taketurns::{Builder, Runtime, block_on, spawn, spawn_blocking, task, yield_now};

const MS: Duration = Duration::from_millis(1);

/// A runtime whose clock stands still until it is advanced.
fn manual() -> Runtime {
    Builder::new().clock(Clock::Manual).build().unwrap()
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines_each_at_its_time() {
    let trace = Trace::new();
    manual().block_on(async {
        let start = Instant::now();
        for (name, ms) in [("c", 30), ("a", 10), ("b1", 20), ("b2", 20)] {
            let trace = trace.clone();
            spawn(async move {
                sleep(ms * MS).await;
                trace.push(format!("{name}@{}", (Instant::now() - start).as_millis()));
            })
            .detach();
        }
        advance(25 * MS).await;
        trace.push(format!("advanced@{}", (Instant::now() - start).as_millis()));
        advance(5 * MS).await;
    });
    assert_eq!(trace.take(), "a@10 b1@20 b2@20 advanced@25 c@30");
}

#[test]
fn what_a_woken_sleeper_arms_fires_inside_the_same_advance() {
    let trace = Trace::new();
    manual().block_on(async {
        let inner = trace.clone();
        spawn(async move {
            for beat in 1..=3 {
                sleep(10 * MS).await;
                inner.push(beat);
            }
        })
        .detach();
        yield_now().await;
        advance(35 * MS).await;
        trace.push("advanced");
    });
    assert_eq!(trace.take(), "1 2 3 advanced");
}

#[test]
fn the_manual_clock_stands_while_a_socket_has_something_to_say() {
    let trace = Trace::new();
    manual().block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let inner = trace.clone();
        let accepting = spawn(async move {
            listener.accept().await.unwrap();
            inner.push("accepted");
        });
        let inner = trace.clone();
        let sleeper = spawn(async move {
            sleep(MS).await;
            inner.push("slept");
        });
        yield_now().await;
        let _client = std::net::TcpStream::connect(address).unwrap();
        advance(MS).await;
        accepting.await.unwrap();
        sleeper.await.unwrap();
    });
    assert_eq!(trace.take(), "accepted slept");
}

#[test]
fn a_look_takes_the_inbox_before_the_timers() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (say, said) = mpsc::channel();
    runtime.block_on(async {
        let from_timer = say.clone();
        let sleeper = spawn(async move {
            sleep(Duration::from_nanos(1)).await;
            from_timer.send("timer").unwrap();
        });
        yield_now().await;
        let remote =
            thread::spawn(move || handle.spawn(async move { say.send("remote").unwrap() }));
        let remote = remote.join().unwrap();
        let start = std::time::Instant::now();
        while start.elapsed() < MS {} // both are due at the next look
        sleeper.await.unwrap();
        remote.await.unwrap();
    });
    assert_eq!(said.try_iter().collect::<Vec<_>>(), ["remote", "timer"]);
}

#[test]
fn a_real_sleep_is_never_early() {
    block_on(async {
        for micros in [1, 70, 300, 1100] {
            let (asked, before) = (Duration::from_micros(micros), std::time::Instant::now());
            sleep(asked).await;
            assert!(before.elapsed() >= asked);
        }
    });
}

#[test]
fn an_echo_over_loopback_in_tasks_of_one_thread() {
    let trace = Trace::new();
    block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let inner = trace.clone();
        let server = spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 5];
            stream.read_exact(&mut bytes).await.unwrap();
            inner.push("server read");
            stream.write_all(&bytes).await.unwrap();
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        trace.push("connected");
        stream.write_all(b"hello").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        trace.push(answer);
        server.await.unwrap();
    });
    assert_eq!(trace.take(), "connected server read hello");
}

#[test]
fn a_socket_that_is_always_ready_gives_way_after_its_budget() {
    let trace = Trace::new();
    block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = (TcpStream::connect(address).await, listener.accept().await);
        let (mut client, (mut server, _)) = (client.unwrap(), accepted.unwrap());
        client.write_all(&[1; 300]).await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        let inner = trace.clone();
        let other = spawn(async move {
            for turn in 0..9 {
                inner.push(format!("other{turn}"));
                yield_now().await;
            }
        });
        yield_now().await; // a fresh turn, with a fresh budget
        for byte in 1..=260 {
            server.read_exact(&mut [0]).await.unwrap();
            if [128, 129, 256, 257].contains(&byte) {
                trace.push(byte);
            }
        }
        drop(other);
    });
    let trace = trace.take();
    assert!(trace.starts_with("other0 128 other1 129 256 other2 257"), "{trace}");
}

#[test]
fn the_loop_goes_on_while_a_job_blocks() {
    let trace = Trace::new();
    block_on(async {
        let (done, wait) = mpsc::channel::<()>();
        let job = spawn_blocking(move || wait.recv().unwrap());
        let mut job = pin!(job);
        assert!(futures::poll!(&mut job).is_pending());
        for turn in 0..3 {
            trace.push(turn);
            yield_now().await;
        }
        done.send(()).unwrap();
        job.await.unwrap();
        trace.push("done");
    });
    assert_eq!(trace.take(), "0 1 2 done");
}

#[test]
fn shutdown_names_the_job_that_is_stuck_and_does_not_wait_for_it() {
    let runtime = Builder::new().blocking_deadline(Duration::ZERO).build().unwrap();
    let (done, wait) = mpsc::channel::<()>();
    let (started, is_started) = mpsc::channel();
    let line = line!() + 2;
    runtime.block_on(async {
        drop(spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = wait.recv();
        }));
    });
    is_started.recv().unwrap();
    let report = runtime.shutdown();
    let [job] = report.still_running() else { panic!("one job still runs: {report}") };
    assert_eq!((job.site().file(), job.site().line()), (file!(), line));
    let named = format!("a blocking job spawned at {}:{line}:14, on thread ", file!());
    assert!(report.to_string().contains(&named), "{report}");
    drop(done);
}

#[test]
fn destructors_find_the_runtimes_context() {
    struct Last(Trace);
    impl Drop for Last {
        fn drop(&mut self) {
            drop(sleep(MS));
            drop(spawn_blocking(|| ()));
            drop(task::Builder::new().name("late").spawn(async {}));
            self.0.push("dropped in context");
        }
    }
    let trace = Trace::new();
    let runtime = manual();
    let last = Last(trace.clone());
    runtime
        .spawn(async move {
            let _last = last;
            std::future::pending::<()>().await;
        })
        .detach();
    assert_eq!(runtime.shutdown().lost().len(), 2);
    assert_eq!(trace.take(), "dropped in context");
}

/// So a nested call that is refused changes nothing, not even while it drops its future.
#[test]
fn a_future_that_a_nested_call_refuses_is_dropped_in_the_outer_context() {
    struct ReadsClock<'a>(&'a Cell<Option<Instant>>);
    impl Drop for ReadsClock<'_> {
        fn drop(&mut self) {
            self.0.set(Some(Instant::now()));
        }
    }
    let (outer, inner) = (manual(), Runtime::new().unwrap());
    outer.block_on(async {
        let seen = Cell::new(None);
        let reads_clock = ReadsClock(&seen);
        let refused = inner.try_block_on(async move {
            let _reads_clock = reads_clock;
        });
        assert!(refused.is_err());
        assert_eq!(seen.get(), Some(Instant::now()), "the outer clock stands still");
    });
}

/// The text of the panic that `run` ends with.
fn text_of(run: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    payload
        .downcast::<String>()
        .map_or_else(|text| text.downcast_ref::<&str>().unwrap().to_string(), |text| *text)
}

#[test]
fn a_sleep_of_another_runtime_panics_and_says_what_to_do() {
    let (one, two) = (manual(), manual());
    let mut slept = one.block_on(async { Some(Box::pin(sleep(MS))) }).unwrap();
    one.block_on(async { assert!(futures::poll!(&mut slept).is_pending()) });
    let text = text_of(|| two.block_on(&mut slept));
    assert!(
        text.starts_with(&format!(
            "the timer (`Sleep`, `Timeout` or `Interval`) made at {}:",
            file!()
        )),
        "{text}"
    );
    assert!(text.ends_with("await it in a task there, or make one here"), "{text}");
    // It is as it was, for its own.
    one.block_on(async {
        advance(MS).await;
        slept.await;
    });
}

#[test]
fn a_socket_of_another_runtime_is_an_error_and_says_what_to_do() {
    let (one, two) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = one.block_on(async { TcpListener::bind(address).unwrap() });
    let error = two.block_on(listener.accept()).map(drop).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("the socket made at {}:", file!())), "{text}");
    assert!(text.ends_with("or take it to another with `into_std` and `from_std`"), "{text}");
    let address = listener.local_addr().unwrap();
    one.block_on(async {
        let _client = TcpStream::connect(address).await.unwrap();
        listener.accept().await.unwrap();
    });
}

#[test]
fn each_part_outside_of_a_runtime_says_what_it_needs() {
    let remedy = "needs a runtime: call it inside `taketurns::block_on` or a task";
    let parts: [(&str, &dyn Fn()); 2] =
        [("sleep", &|| drop(sleep(MS))), ("spawn_blocking", &|| drop(spawn_blocking(|| ())))];
    for (name, part) in parts {
        let text = text_of(part);
        assert!(text.contains(name) && text.contains(remedy), "{text}");
        assert!(text.contains("write `block_on(async { .. })` around it"), "{text}");
    }
}
