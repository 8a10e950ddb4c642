//! The pool for blocking work, as a program uses it: through a runtime.

#![cfg(feature = "offload")]
#![forbid(unsafe_code)]

use std::thread;

use taketurns::{Builder, spawn_blocking};

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
