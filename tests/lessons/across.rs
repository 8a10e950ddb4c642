//! What happened on several threads, in order; and what is seen of a process from outside.

#![forbid(unsafe_code)]

use std::env;
use std::fmt::Display;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Events in the order in which they happened. Clones write to the same list, on any thread.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    pub(crate) fn push(&self, event: impl Display) {
        self.0.lock().unwrap().push(event.to_string());
    }

    /// All events since the last call, with spaces between.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }
}

/// Names the test that a child process runs.
const CHILD: &str = "TAKETURNS_TEST_LESSON";

/// Runs the test `name` once more, in a process of its own, for what is seen of it from outside. Returns what that
/// [`told`]; `None` in the child itself, where the scene is to be played.
pub(crate) fn child(name: &str) -> Option<String> {
    if env::var_os(CHILD).is_some() {
        return None;
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(CHILD, name);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let told: Vec<&str> = lines.lines().filter_map(|line| line.strip_prefix("told ")).collect();
    Some(told.join(" "))
}

/// Tells the parent process.
pub(crate) fn told(event: &str) {
    println!("\ntold {event}");
}
