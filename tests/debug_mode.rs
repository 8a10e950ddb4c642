//! `TAKETURNS_DEBUG=1`: what a program prints that is run with it, and that it prints none of it without.

#![cfg(all(feature = "net", feature = "time"))]

#[path = "common/child.rs"]
mod child;

use std::future::{Future, pending};
use std::net::Ipv4Addr;
use std::task::{Context, Waker};

use child::{is_child, scene, stderr, stderr_with};
use taketurns::net::TcpListener;
use taketurns::{Builder, Handle, Runtime, block_on, spawn};

/// What the scene `name` prints in the mode, without the lines of the test harness.
fn printed(name: &str) -> Vec<String> {
    let text = stderr_with(name, &[("TAKETURNS_DEBUG", "1")]);
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn here(line: u32) -> String {
    format!("tests/debug_mode.rs:{line}")
}

#[test]
fn a_shutdown_prints_what_was_lost() {
    if is_child() {
        let runtime = Runtime::new().unwrap();
        runtime.spawn(pending::<()>()).detach();
        drop(runtime.shutdown());
        return;
    }
    let site = here(line!() - 4);
    let printed = printed("a_shutdown_prints_what_was_lost");
    let task = format!("  task #1, spawned at {site}:17, never polled, ready to run");
    assert_eq!(printed, ["1 task was lost when the runtime ended:", &task]);
    assert_eq!(stderr("a_shutdown_prints_what_was_lost"), "");
}

#[test]
fn a_hook_does_not_keep_what_was_lost_from_being_printed() {
    if is_child() {
        let runtime = Builder::new().on_lost(|_| {}).build().unwrap();
        runtime.spawn(pending::<()>()).detach();
        return;
    }
    let printed = printed("a_hook_does_not_keep_what_was_lost_from_being_printed");
    assert_eq!(printed.len(), 2, "{printed:?}");
    assert_eq!(stderr("a_hook_does_not_keep_what_was_lost_from_being_printed"), "");
}

#[test]
fn what_is_sent_too_late_is_printed() {
    if is_child() {
        let handle = block_on(async { Handle::current() });
        handle.spawn(async {}).detach();
        return;
    }
    let site = here(line!() - 3);
    let text = format!(
        "taketurns: what a `Handle` sent at {site}:16 came too late and was dropped: its runtime has ended. Keep the \
         runtime until its last task was sent, or look at the error of the `RemoteHandle`"
    );
    assert_eq!(printed("what_is_sent_too_late_is_printed"), [text]);
    assert_eq!(stderr("what_is_sent_too_late_is_printed"), "");
}

#[test]
fn a_socket_that_is_used_in_another_runtime_is_printed() {
    if is_child() {
        let home = Runtime::new().unwrap();
        let listen = async { TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap() };
        let listener = home.block_on(listen);
        block_on(async {
            let accept = std::pin::pin!(listener.accept());
            assert!(accept.poll(&mut Context::from_waker(Waker::noop())).is_ready());
        });
        return;
    }
    let printed = printed("a_socket_that_is_used_in_another_runtime_is_printed");
    let is_said = |line: &str| line.contains("was used outside the runtime it was made in");
    assert!(printed.len() == 1 && is_said(&printed[0]), "{printed:?}");
    assert_eq!(stderr("a_socket_that_is_used_in_another_runtime_is_printed"), "");
}

/// The scene blocks until the watchdog, if there is one, has seen that.
#[test]
fn a_turn_that_does_not_end_is_printed() {
    if is_child() {
        return block_on(async {
            let stalls = || Handle::current().metrics().stalls;
            let blocks = async move { while stalls().is_some_and(|stalls| stalls.count == 0) {} };
            spawn(blocks).await.unwrap();
        });
    }
    let site = here(line!() - 3);
    let printed = printed("a_turn_that_does_not_end_is_printed");
    let stands =
        format!("stands still: task #1, spawned at {site}:13, has had its turn for at least ");
    assert!(printed[0].contains(&stands), "{printed:?}");
    let goes_on = format!("goes on: task #1, spawned at {site}:13, had its turn for about ");
    assert!(printed.last().unwrap().contains(&goes_on), "{printed:?}");
    assert_eq!(stderr("a_turn_that_does_not_end_is_printed"), "");
}

/// No thread can be had, as no memory has room for its stack.
#[cfg(target_os = "linux")]
#[test]
fn a_watchdog_that_gets_no_thread_is_printed_and_the_program_goes_on() {
    if is_child() {
        assert!(Builder::new().on_stall(|_| {}).build().is_err(), "asked for");
        Runtime::new().unwrap().block_on(async { spawn(async {}).await.unwrap() });
        return;
    }
    let variables = [("TAKETURNS_DEBUG", "1"), ("RUST_MIN_STACK", "1000000000000000000")];
    let name = "a_watchdog_that_gets_no_thread_is_printed_and_the_program_goes_on";
    let text = stderr_with(name, &variables);
    let begin = "taketurns: the system gives no thread for the watchdog, so turns that do not end are not told of: ";
    assert!(text.starts_with(begin) && text.lines().count() == 1, "{text}");
}

#[test]
fn a_program_that_does_nothing_wrong_prints_nothing() {
    if is_child() {
        return block_on(async { spawn(async {}).await.unwrap() });
    }
    assert_eq!(printed("a_program_that_does_nothing_wrong_prints_nothing"), [""; 0]);
}

#[test]
fn a_value_that_is_not_understood_is_told_with_those_that_are() {
    if is_child() {
        return block_on(async {});
    }
    let name = "a_value_that_is_not_understood_is_told_with_those_that_are";
    let text = "taketurns: TAKETURNS_DEBUG is \"yes\", which is not understood: 1 turns the debug mode on, 0 or nothing leaves it off\n";
    assert_eq!(stderr_with(name, &[("TAKETURNS_DEBUG", "yes")]), text);
    assert_eq!(stderr_with(name, &[("TAKETURNS_DEBUG", "0")]), "");
    assert_eq!(stderr_with(name, &[("TAKETURNS_DEBUG", "")]), "");
}

/// Its reader has left, or its disk is full: to print there fails.
#[cfg(target_os = "linux")]
#[test]
fn a_stderr_that_takes_nothing_stops_nothing() {
    if is_child() {
        let handle = block_on(async { Handle::current() });
        return handle.spawn(async {}).detach(); // too late, which is printed
    }
    for value in ["1", "yes"] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let mut child =
            scene("a_stderr_that_takes_nothing_stops_nothing", &[("TAKETURNS_DEBUG", value)]);
        let output = child.stderr(full).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{value}: {printed}");
    }
}

#[test]
fn a_deadlock_is_printed() {
    if is_child() {
        block_on(async {
            spawn(pending::<()>()).detach();
            taketurns::time::sleep(std::time::Duration::from_millis(1)).await;
        });
        return;
    }
    let site = here(line!() - 5);
    let printed = printed("a_deadlock_is_printed");
    let task =
        format!("  task #1, spawned at {site}:13, polled once, stuck: no waker of it is left");
    let heading = "deadlock: tasks can never go on, as no waker of them is left";
    assert_eq!(printed[..2], [heading, &task], "{printed:?}");
    let without = stderr("a_deadlock_is_printed");
    assert!(!without.contains("deadlock"), "{without}");
}
