//! A test process that hangs fails: `cargo test` runs each by `.ci/bounded`.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A file of the repository; `None` in the package, which is published without those.
fn of_the_repository(file: &str) -> Option<PathBuf> {
    Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file)).filter(|path| path.exists())
}

/// Runs `script` in place of a test process, in the folder `name` of its own, with a bound of one second.
fn bounded(name: &str, script: &str) -> Option<Output> {
    let runner = of_the_repository(".ci/bounded")?;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bounded").join(name).join("deps");
    let process = folder.join("some-test");
    fs::create_dir_all(folder).unwrap();
    let _ = fs::remove_file(&process);
    symlink("/bin/sh", &process).unwrap();
    let mut runner = Command::new(runner);
    runner.arg(process).args(["-c", script]).env("TAKETURNS_TEST_BOUND", "1");
    Some(runner.output().unwrap())
}

#[test]
fn one_that_hangs_is_ended_with_its_children_and_named() {
    // That the output has an end says that no child is left which could write to it.
    let Some(output) = bounded("hangs", "sleep 1000 & sleep 1000; exit") else { return };
    assert_eq!(output.status.signal(), Some(9));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("some-test did not end within 1 s"), "{stderr}");
}

#[test]
fn one_that_ends_keeps_its_exit_code_and_its_output() {
    let Some(output) = bounded("ends", "echo said; exit 101") else { return };
    assert_eq!(output.status.code(), Some(101));
    assert_eq!((output.stdout, output.stderr), (b"said\n".to_vec(), vec![]));
}

#[test]
fn one_that_takes_all_memory_gets_no_more() {
    let Some(output) = bounded("memory", "ulimit -v") else { return };
    let limit = String::from_utf8(output.stdout).unwrap();
    assert!(limit.trim().parse::<u64>().unwrap() <= 16_777_216, "in KiB: {limit}");
}

#[test]
fn cargo_runs_tests_by_it() {
    let Some(config) = of_the_repository(".cargo/config.toml") else { return };
    assert!(fs::read_to_string(config).unwrap().contains("\nrunner = \".ci/bounded\""));
}
