//! Lesson 4: an async function that is given to a thread.

#![forbid(unsafe_code)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use taketurns::{Background, Builder, yield_now};

use crate::across::Events;

/// Compiles a program with this statement in its `main`, denying futures that are left as statements. Returns what the
/// compiler says; nothing if it takes the program without a word.
fn compiler_says_of(statement: &str) -> String {
    let program = format!(
        "async fn background() {{}}
        fn block_on<F: Future>(_: F) {{}}
        fn main() {{ block_on(background()); {statement} }}"
    );
    let mut rustc = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"));
    rustc.args(["--edition", "2024", "--crate-name", "lesson_4", "--emit", "metadata"]);
    rustc.args(["-D", "unused_must_use", "--out-dir", env!("CARGO_TARGET_TMPDIR"), "-"]);
    rustc.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut rustc = rustc.spawn().expect("rustc is beside cargo");
    rustc.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let output = rustc.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

async fn background(events: Events) {
    events.push("runs");
    yield_now().await;
    events.push("is-done");
}

#[test]
fn compiles_without_a_word_and_makes_a_future_that_nothing_runs() {
    assert_eq!(compiler_says_of("std::thread::spawn(background);"), "");
    assert_eq!(compiler_says_of("let _ = std::thread::spawn(background).join();"), "");

    let events = Events::default();
    let said = events.clone();
    let never_polled = thread::spawn(|| background(said)).join();
    assert_eq!(events.take(), "");
    drop(never_polled);
}

#[test]
fn does_not_compile_as_a_statement_where_futures_must_be_used() {
    let unused = "error: unused implementer of `Future` that must be used";
    for statement in [
        "std::thread::spawn(|| { background(); });",
        "std::thread::spawn(background).join().unwrap();",
    ] {
        assert!(compiler_says_of(statement).contains(unused), "{statement}");
    }
}

#[test]
fn does_not_compile_as_a_future() {
    let said = compiler_says_of("block_on(background)");
    assert!(said.contains("error[E0277]") && said.contains("is not a future"), "{said}");
}

#[test]
fn runs_on_a_loop_of_the_thread() {
    let events = Events::default();
    let said = events.clone();
    Background::start(Builder::new(), |_stop| background(said)).unwrap().join().unwrap();
    assert_eq!(events.take(), "runs is-done");
}
