//! The pool for blocking work, as a program uses it: through a runtime.

#![cfg(feature = "offload")]
#![forbid(unsafe_code)]

#[path = "common/child.rs"]
mod child;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use taketurns::offload::{block_in_scope, check_cancelled};
use taketurns::{Builder, Handle, block_on, spawn_blocking};

#[test]
fn the_threads_are_as_the_builder_says() {
    let builder = Builder::new().blocking_thread_name("files").blocking_stack_size(16 << 20);
    let name = builder.build().unwrap().block_on(async {
        let job = spawn_blocking(|| {
            let large = std::hint::black_box([1_u8; 4 << 20]); // would not fit into std's 2 MiB
            assert_eq!(large.iter().map(|&byte| usize::from(byte)).sum::<usize>(), 4 << 20);
            thread::current().name().map(str::to_owned)
        });
        job.await.unwrap()
    });
    assert_eq!(name.as_deref(), Some("files-0"));
}

#[test]
#[should_panic(expected = "`blocking_stack_size` must be at least 1 byte")]
fn a_stack_of_no_size_is_refused() {
    let _ = Builder::new().blocking_stack_size(0);
}

#[test]
#[should_panic(expected = "`blocking_thread_name` must not contain a NUL byte")]
fn a_name_that_no_thread_can_have_is_refused() {
    let _ = Builder::new().blocking_thread_name("files\0");
}

/// A payload that panics when it is dropped, with another of its kind.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 && !thread::panicking() {
            panic_any(Bomb(self.0 - 1));
        }
    }
}

/// Drops it, then what its drop panics with, and so on.
fn drop_all(bomb: Box<dyn Any + Send>) {
    let mut next = Some(bomb);
    while let Some(bomb) = next {
        next = catch_unwind(AssertUnwindSafe(|| drop(bomb))).err();
    }
}

#[test]
fn a_pool_of_one_answers_after_1000_panics_whose_payloads_panic_when_dropped() {
    let runtime = Builder::new().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let name = || thread::current().id();
        let first = spawn_blocking(name).await.unwrap();
        for round in 0..1000 {
            let job = spawn_blocking(|| panic_any(Bomb(2)));
            match round % 3 {
                0 => drop_all(job.await.unwrap_err().into_panic().unwrap()),
                1 => job.detach(),
                _ => drop_all(Box::new(job.await.unwrap_err())),
            }
            assert_eq!(spawn_blocking(|| 42).await.unwrap(), 42);
        }
        assert_eq!(spawn_blocking(name).await.unwrap(), first, "the thread served on");
    });
}

#[test]
fn the_deadline_holds_while_the_thread_unwinds_and_the_job_is_asked() {
    let (done, told) = mpsc::channel();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let runtime = Builder::new().blocking_deadline(Duration::from_secs(20)).build().unwrap();
        runtime.block_on(async {
            let (begin, begun) = mpsc::channel();
            spawn_blocking(move || {
                begin.send(()).unwrap();
                while check_cancelled().is_ok() {
                    thread::yield_now();
                }
                done.send("it heard of the end").unwrap();
            })
            .detach();
            begun.recv().unwrap();
            panic!("the program is wrong");
        });
    }));
    assert!(unwound.is_err());
    assert_eq!(told.try_recv(), Ok("it heard of the end"), "the unwind waited for the job");
}

#[test]
fn a_job_submits_another_through_its_handle() {
    block_on(async {
        let job = spawn_blocking(|| Handle::current().spawn(async { spawn_blocking(|| 42).await }));
        assert_eq!(job.await.unwrap().await.unwrap().unwrap(), 42);
    });
}

/// Each destructor spawns a job that owns the next, as the runtime ends: 50,000 of them, which one inside the other would
/// overflow the stack. The pool's thread is busy, so none of the jobs runs.
#[test]
fn destructors_that_spawn_the_next_as_the_runtime_ends_come_to_an_end() {
    struct Next(u32, Arc<()>);
    impl Drop for Next {
        fn drop(&mut self) {
            if let Some(left) = self.0.checked_sub(1) {
                let next = Next(left, Arc::clone(&self.1));
                spawn_blocking(move || drop(next)).detach();
            }
        }
    }
    let builder = Builder::new().max_blocking_threads(1).blocking_deadline(Duration::ZERO);
    let runtime = builder.build().unwrap();
    let (gate, opened) = mpsc::channel::<()>();
    let (begins, begun) = mpsc::channel();
    let busy = move || {
        begins.send(()).unwrap();
        let _ = opened.recv();
    };
    runtime.block_on(async { spawn_blocking(busy).detach() });
    begun.recv().unwrap();
    let alive = Arc::new(());
    let first = Next(50_000, Arc::clone(&alive));
    runtime.block_on(async move { spawn_blocking(move || drop(first)).detach() });
    assert_eq!(runtime.shutdown().still_running().len(), 1);
    assert_eq!(Arc::strong_count(&alive), 1);
    drop(gate);
}

/// A job that is stuck is named, although a program reads no report.
#[test]
fn a_runtime_that_is_dropped_names_the_jobs_that_it_leaves_in_a_debug_build() {
    if child::is_child() {
        let runtime = Builder::new().blocking_deadline(Duration::ZERO).build().unwrap();
        let (begins, begun) = mpsc::channel();
        let stuck = move || {
            begins.send(()).unwrap();
            thread::park_timeout(Duration::from_secs(3600));
        };
        runtime.block_on(async { spawn_blocking(stuck).detach() });
        begun.recv().unwrap();
        drop(runtime);
        return;
    }
    let name = "a_runtime_that_is_dropped_names_the_jobs_that_it_leaves_in_a_debug_build";
    let stderr = child::stderr(name);
    let says = |text: &str| stderr.contains(text);
    assert_eq!(says("left to their threads when the runtime was dropped:"), cfg!(debug_assertions));
    let job = "still running: a blocking job spawned at tests/offload.rs";
    assert_eq!(says(job), cfg!(debug_assertions), "{stderr}");
}

#[test]
fn a_scoped_function_borrows_and_its_panic_arrives() {
    let (mut count, text) = (0, String::from("borrowed"));
    let here = thread::current().id();
    block_on(async {
        let length = block_in_scope(|| {
            count += 1;
            assert_ne!(thread::current().id(), here);
            // A loop of its own, which here would be nested.
            block_on(async { text.len() })
        });
        assert_eq!((length, count), (8, 1));
        let caught = catch_unwind(AssertUnwindSafe(|| block_in_scope(|| panic_any(7_u32))));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&7_u32));
    });
}

#[test]
fn both_sides_may_wait_adaptively() {
    let limit = Duration::from_micros(50);
    let builder = Builder::new().adaptive_wait(limit).blocking_adaptive_wait(limit);
    builder.build().unwrap().block_on(async {
        for number in 0..1000 {
            assert_eq!(spawn_blocking(move || number).await.unwrap(), number);
        }
    });
}
