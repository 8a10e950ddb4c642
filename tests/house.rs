//! The house keeps its shape: which part may use which, where `unsafe` and atomics may be, how long it is to read.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source file below `folder`, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join(folder), &mut found);
    assert!(!found.is_empty(), "no sources in {folder}/");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(root).unwrap().to_owned(), text)
    };
    found.into_iter().map(read).collect()
}

const PARTS: [&str; 13] = [
    "executor", "common", "offload", "timer", "reactor", "threads", "insight", "sync", "group",
    "runtime", "loops", "compat", "testing",
];

/// Lines that are neither blank nor comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

/// Leaves out what only a test or a model compiles: the item, field or statement behind its `cfg`.
fn of_the_product<'a>(mut code: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let tests = ["#[cfg(all(loom, test))]", "#[cfg(test)]", "#[cfg(all(test, not(loom)))]"];
    std::iter::from_fn(move || {
        let mut line = code.next()?;
        while tests.contains(&line) {
            skip_one(&mut code);
            line = code.next()?;
        }
        Some(line)
    })
}

/// Skips one item, field or statement: up to a comma, a semicolon or a brace outside of all brackets.
fn skip_one<'a>(code: &mut impl Iterator<Item = &'a str>) {
    let mut depth = 0;
    for line in code {
        depth += line.matches(['(', '[', '{']).count();
        depth -= line.matches([')', ']', '}']).count();
        if depth == 0 && line.ends_with([',', ';', '}']) {
            return;
        }
    }
}

fn is_test(path: &Path) -> bool {
    let test = |name: &str| name.contains("tests");
    let support = ["executor/task/watch.rs", "reactor/harness.rs"];
    path.iter().any(|part| test(part.to_str().unwrap()))
        || support.iter().any(|&file| path == Path::new(file))
}

#[test]
fn parts_use_only_the_parts_below_them() {
    let below = |part| match part {
        "executor" => &["executor"][..],
        "common" => &["executor", "common"],
        "offload" => &["executor", "common", "offload"],
        "timer" => &["executor", "common", "timer"],
        // Names are resolved on the pool, which knows of no socket.
        "reactor" => &["executor", "common", "offload", "reactor"],
        "threads" => &["executor", "common", "threads"],
        "insight" => &["executor", "common", "insight"],
        "sync" => &["executor", "common", "sync"],
        "group" => &["executor", "common", "timer", "sync", "group"],
        "runtime" => &PARTS[..10],
        "loops" => &PARTS[..11],
        "compat" => &PARTS[..12],
        _ => &PARTS[..],
    };
    for part in PARTS {
        for (path, text) in sources(part) {
            for line in code(&text) {
                for other in PARTS {
                    let used = line.contains(&format!("crate::{other}"));
                    let allowed = below(part).contains(&other);
                    assert!(
                        !used || allowed,
                        "{}: {part} may not use {other}: {line}",
                        path.display()
                    );
                }
                let root = |rest: &str| rest.starts_with(|c: char| c == '{' || c.is_uppercase());
                let shortcut = !is_test(&path) && line.split("crate::").skip(1).any(root);
                assert!(!shortcut, "{}: name the part, not the root: {line}", path.display());
            }
        }
    }
}

/// The parts in which files use each other in one direction only.
const WITHOUT_CIRCLES: [&str; 12] = [
    "common", "offload", "timer", "reactor", "threads", "insight", "sync", "group", "runtime",
    "loops", "compat", "testing",
];

/// Whether the code of `user` names the module of the file `used`, by its full path or from the same folder.
fn uses(user: &(PathBuf, String), used: &Path) -> bool {
    let module = used.with_extension("");
    let names: Vec<_> = module.iter().map(|name| name.to_str().unwrap()).collect();
    let full = format!("crate::{}::", names.join("::"));
    let near = format!("super::{}::", names.last().unwrap());
    let is_beside = user.0.parent() == used.parent();
    let names_it = |line: &str| line.contains(&full) || is_beside && line.contains(&near);
    user.0 != used && code(&user.1).any(names_it)
}

#[test]
fn files_use_each_other_in_one_direction() {
    for part in WITHOUT_CIRCLES {
        let is_file = |path: &Path| !is_test(path) && !path.ends_with("mod.rs");
        let mut left: Vec<_> =
            sources(part).into_iter().filter(|(path, _)| is_file(path)).collect();
        // Takes away, again and again, the files that use no other. What is left is in a circle, or uses one.
        loop {
            let paths: Vec<_> = left.iter().map(|(path, _)| path.clone()).collect();
            left.retain(|file| paths.iter().any(|other| uses(file, other)));
            if left.len() == paths.len() {
                assert!(paths.is_empty(), "files of {part}/ use each other in a circle: {paths:?}");
                break;
            }
        }
    }
}

#[test]
fn unsafe_stays_with_the_task_and_everything_else_forbids_it() {
    for part in PARTS.into_iter().chain(["models"]) {
        for (path, text) in sources(part) {
            let home = path.starts_with("executor/task");
            let forbids = text.lines().any(|line| line == "#![forbid(unsafe_code)]");
            // `forbid` reaches down: into tests from the module they test, but from here also into task/.
            let parent = path == Path::new("executor/mod.rs");
            let exempt = home || parent || is_test(&path);
            assert!(forbids || exempt, "{} does not forbid unsafe code", path.display());
        }
    }
}

#[test]
fn atomics_are_named_in_one_file() {
    for part in PARTS {
        for (path, text) in sources(part) {
            let named = code(&text).any(|line| line.contains("sync::atomic"));
            let here = path == Path::new("executor/primitives.rs") || is_test(&path);
            assert!(!named || here, "{} names std's atomics", path.display());
        }
    }
}

/// How long `executor/` may be, in lines that are neither blank nor comments, without tests and what only they compile.
const LINES: usize = 4500;

#[test]
fn the_executor_is_read_in_an_afternoon() {
    let files = sources("executor").into_iter().filter(|(path, _)| !is_test(path));
    let lines: usize = files.map(|(_, text)| of_the_product(code(&text)).count()).sum();
    println!("executor/: {lines} lines of code");
    assert!(
        lines <= LINES,
        "executor/ has {lines} lines of code; its readers were promised {LINES}"
    );
}
