//! The text and the place of the error for each misuse.
//!
//! The tests compile `misuse/*.rs`. In these files a comment `^ text` says that the compiler must report the error `text` at
//! the place above the `^`. It must report no other error.
//!
//! `misuse/taketurns.rs` is a stand-in for taketurns, so that only two runs of rustc are needed before the tests.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Line, column, text.
type Message = (usize, usize, String);

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// Compiles a file against what is built in the folder, and returns the compiler's messages.
fn compile(folder: &Path, file: &Path, options: &[&str]) -> String {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into()));
    rustc
        .args(["--edition=2024", "--cap-lints=allow", "--error-format=short", "-L."])
        .args(options);
    let output = rustc.arg(file).current_dir(folder).output().unwrap();
    String::from_utf8(output.stderr).unwrap()
}

/// A folder with the built macros and the built stand-in, and nothing else.
fn built(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let macros =
        ["--crate-type=proc-macro", "--crate-name=taketurns_macros", "--extern=proc_macro"];
    assert_eq!(compile(&folder, &here("lib.rs"), &macros), "");
    let stand_in = ["--crate-type=lib", "--extern=taketurns_macros"];
    assert_eq!(compile(&folder, &here("tests/misuse/taketurns.rs"), &stand_in), "");
    folder
}

fn expected(source: &str) -> Vec<Message> {
    let mut above = 0;
    let mut messages = Vec::new();
    for (index, line) in source.lines().enumerate() {
        match line.strip_prefix("//").and_then(|rest| rest.split_once("^ ")) {
            Some((space, text)) if space.trim().is_empty() => {
                messages.push((above, space.len() + 3, text.to_owned()));
            }
            _ => above = index + 1,
        }
    }
    messages.sort();
    messages
}

/// For an error of rustc itself only its code, as its text may change.
fn found(stderr: &str) -> Vec<Message> {
    let message = |line: &str| {
        let (place, text) = line.split_once(": error")?;
        let mut place = place.rsplit(':').map(|number| number.parse().unwrap());
        let (column, line) = (place.next()?, place.next()?);
        let code = text.strip_prefix('[').and_then(|text| text.split_once(']'));
        let text = code.map_or(text.trim_start_matches(": "), |(code, _)| code);
        Some((line, column, text.to_owned()))
    };
    let mut messages: Vec<Message> = stderr.lines().filter_map(message).collect();
    messages.sort();
    messages
}

fn check(name: &str, kind: &str) {
    let file = here(&format!("tests/misuse/{name}.rs"));
    let options = [kind, "--emit=metadata", "--extern=taketurns"];
    let stderr = compile(&built(name), &file, &options);
    let expected = expected(&fs::read_to_string(&file).unwrap());
    assert!(!expected.is_empty());
    assert_eq!(found(&stderr), expected, "{stderr}");
}

#[test]
fn each_misuse_is_reported_where_it_is_with_the_remedy() {
    check("signatures", "--test");
}

#[test]
fn errors_of_the_body_are_reported_where_they_were_written() {
    check("bodies", "--test");
}

#[test]
fn a_wrong_main_gives_a_single_error() {
    check("program", "--crate-type=bin");
}
