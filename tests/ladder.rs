//! The files of `executor/task/` are a ladder: each uses only those before it. So they can be read in that order.

use std::fs;
use std::path::Path;

const LADDER: [&str; 28] = [
    "leaf_cell",
    "count",
    "state",
    "recycle",
    "header",
    "queue",
    "inbox",
    "live",
    "pulse",
    "hub",
    "entry",
    "waker",
    "contain",
    "asked",
    "waiters",
    "cell",
    "scope",
    "ready",
    "turns",
    "observed",
    "snapshot",
    "close",
    "join",
    "control",
    "spawn",
    "root",
    "owner",
    "remote",
];

/// The header names two types of later files: a task holds its hub, and what waits for it.
const EXCEPTIONS: [(&str, &str); 2] = [("header", "hub"), ("header", "waiters")];

/// What only tests and models compile.
const BESIDE: [&str; 5] = ["mod", "watch", "count_tests", "recycle_tests", "state_tests"];

/// The sibling files that a line of code names, by `super::` or by their whole path.
fn siblings(line: &str) -> Vec<&str> {
    let name = |text: &'static str| {
        line.match_indices(text).map(move |(at, _)| {
            let rest = &line[at + text.len()..];
            rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap()
        })
    };
    name("super::").chain(name("executor::task::")).filter(|name| LADDER.contains(name)).collect()
}

/// The lines of a `use` statement may be many: each sibling inside `use super::{..}` counts, too.
fn uses_braces(code: &str) -> bool {
    code.contains("use super::{")
        && code.split("use super::{").skip(1).any(|rest| {
            let inner = rest.split('}').next().unwrap();
            inner.split(',').any(|name| LADDER.contains(&name.trim().trim_start_matches("self::")))
        })
}

#[test]
fn each_file_of_the_task_uses_only_those_before_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("executor/task");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if BESIDE.contains(&file.as_str()) {
            continue;
        }
        let step = LADDER.iter().position(|&name| name == file);
        let step = step.unwrap_or_else(|| panic!("{file} has no place in the ladder"));
        seen += 1;
        let text = fs::read_to_string(&path).unwrap();
        let code: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect();
        assert!(!uses_braces(&code.join("\n")), "{file}: name each file in a `use` of its own");
        for line in code {
            for used in siblings(line) {
                let before = LADDER.iter().position(|&name| name == used).unwrap() < step;
                let excepted = EXCEPTIONS.contains(&(file.as_str(), used));
                assert!(
                    before || excepted,
                    "{file} comes before {used}, and may not use it: {line}"
                );
            }
        }
    }
    assert_eq!(seen, LADDER.len(), "a file of the ladder is gone");
}
