//! The example `foreign_loop`, run as a user runs it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The example's binary, up to date: `cargo test --test stepping` alone would not build it.
fn binary() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let folder = test.parent().and_then(Path::parent).expect("target/<folder>/deps/<test>");
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        None | Some("debug") => "dev",
        Some(other) => other,
    };
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--example",
            "foreign_loop",
            "--profile",
            profile,
            "--target-dir",
        ])
        .arg(folder.parent().expect("target/<folder>"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.expect("cargo runs").success(), "`cargo build --example foreign_loop` failed");
    folder.join("examples").join(format!("foreign_loop{}", env::consts::EXE_SUFFIX))
}

#[test]
fn the_example_plays_through() {
    let output = Command::new(binary()).output().expect("the example runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = "\
loop: read `hello`
loop: read `world`
task: the server echoed `hello`
task: the server echoed `world`
task: slept
a task that the other thread sent
task: the other thread answered 42
loop: the task has ended
";
    assert_eq!(said, expected);
}
