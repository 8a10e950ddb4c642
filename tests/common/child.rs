//! What a scene writes to stderr: it is run again in a process of its own.

use std::env;
use std::fs;
use std::process::Command;
use std::thread;

pub(crate) const SCENE: &str = "TAKETURNS_TEST_SCENE";

/// Runs the test `name` of this binary in a child, where [`is_child`] is true. Returns its stderr.
pub(crate) fn stderr(name: &str) -> String {
    stderr_with(name, &[])
}

/// As [`stderr`], with these variables in the environment.
pub(crate) fn stderr_with(name: &str, variables: &[(&str, &str)]) -> String {
    let output = scene(name, variables).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    stderr
}

/// The child that runs the scene.
pub(crate) fn scene(name: &str, variables: &[(&str, &str)]) -> Command {
    let mut child = Command::new(env::current_exe().unwrap());
    child.env_remove("TAKETURNS_DEBUG").envs(variables.iter().copied());
    child.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    child.env(SCENE, name).env("RUST_BACKTRACE", "0");
    child
}

/// As [`stderr`], but only the lines that speak of a task: not those of the panic hook.
#[allow(dead_code, reason = "not every test file looks at tasks")]
pub(crate) fn said(name: &str) -> Vec<String> {
    let stderr = stderr(name);
    let of_a_task = |line: &&str| {
        let begins = |start| line.starts_with(start);
        line.contains("no awaiter sees it")
            || line.contains("lost when")
            || begins("  task #")
            || begins("  and ")
    };
    stderr.lines().filter(of_a_task).map(str::to_owned).collect()
}

/// How many threads this process has; 0 where the system does not say.
#[allow(dead_code, reason = "not every test file counts threads")]
pub(crate) fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Waits until the process has no more threads than these. The system lists one for a moment after it was joined.
#[allow(dead_code, reason = "not every test file counts threads")]
pub(crate) fn wait_for_threads(most: usize) {
    while threads() > most {
        thread::yield_now();
    }
}

/// Whether this process is the child that runs the scene.
pub(crate) fn is_child() -> bool {
    env::var_os(SCENE).is_some()
}
