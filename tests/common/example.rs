//! An example of this crate as a program, to be run as a user runs it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Its binary, up to date: `cargo test --test name` alone would not build it. Where this cargo lacks what that
/// one was told (`--config`, for a package that is not published yet), it is the one that `cargo test` built.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let folder = test.parent().and_then(Path::parent).expect("target/<folder>/deps/<test>");
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        None | Some("debug") => "dev",
        Some(other) => other,
    };
    // As this test was built.
    let hyper = if cfg!(feature = "hyper") { "hyper," } else { "" };
    let features = format!("{hyper}{}", if cfg!(feature = "inspect") { "inspect" } else { "" });
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", name, "--features", &features])
        .args(["--profile", profile, "--target-dir"])
        .arg(folder.parent().expect("target/<folder>"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    let binary = folder.join("examples").join(format!("{name}{}", env::consts::EXE_SUFFIX));
    let is_built = built.expect("cargo runs").success();
    let how = format!("`cargo build --example {name} --features {features}`");
    assert!(is_built || binary.is_file(), "there is no {}: {how} failed", binary.display());
    binary
}
