//! Which public functions of `sync` and `group` return a future, read from their sources.

use std::fs;
use std::path::{Path, PathBuf};

struct File {
    /// As `sync/mutex.rs`.
    name: String,
    text: String,
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = vec![root.join("sync"), root.join("group")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.contains("tests") {
                files.push(File { name, text: fs::read_to_string(path).unwrap() });
            }
        }
    }
    files
}

/// The names behind `before` at the start of lines.
fn names<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let is_end = |c: char| !c.is_alphanumeric() && c != '_';
    let behind = text.lines().filter_map(|line| line.split_once(before));
    behind
        .filter_map(|(_, rest)| rest.split(is_end).next())
        .filter(|name| !name.is_empty())
        .collect()
}

/// The types that a file makes futures.
fn futures(file: &File) -> Vec<&str> {
    names(&file.text, " Future for ")
}

/// The name of each public function, and what it returns.
fn signatures(text: &str) -> Vec<(&str, bool, &str)> {
    let mut found = Vec::new();
    let mut in_public_trait = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim_start();
        let begins = line.starts_with("pub trait") && !line.ends_with("{}\n");
        in_public_trait = begins || in_public_trait && line != "}\n";
        let is_public = code.starts_with("pub ") || in_public_trait && code.starts_with("fn ");
        if let Some((before, rest)) = code.split_once("fn ").filter(|_| is_public) {
            let begin = at + line.len() - rest.len();
            let end = text[begin..].find('{').map_or(text.len(), |end| begin + end);
            let signature = &text[begin..end];
            let name = signature.split(['(', '<']).next().unwrap();
            // Behind the last arrow: those of closures stand before it.
            let head = signature.split("where").next().unwrap();
            let returned = head.rsplit_once("-> ").map_or("", |(_, returned)| returned);
            if !before.contains("//") {
                found.push((name, before.contains("async "), returned));
            }
        }
        at += line.len();
    }
    found
}

/// Each as `file function`, sorted.
pub(crate) fn functions() -> Vec<String> {
    let files = files();
    // These are names of other types and traits, too.
    let is_shared = |name: &str| ["Receiver", "Send"].contains(&name);
    let is_future = |name: &str, here: &File| {
        let declares = |file: &File| names(&file.text, "pub struct ").contains(&name);
        let elsewhere = || files.iter().any(|file| futures(file).contains(&name));
        futures(here).contains(&name) || !declares(here) && !is_shared(name) && elsewhere()
    };
    let mut found = Vec::new();
    for file in &files {
        for (name, is_async, returned) in signatures(&file.text) {
            let mut words = returned.split(|c: char| !c.is_alphanumeric());
            let returns_one = words.any(|word| {
                let ends = ["Future", "Race", "Stream", "Sink"];
                ends.iter().any(|end| word.ends_with(end)) || is_future(word, file)
            });
            if is_async || returns_one {
                found.push(format!("{} {name}", file.name));
            }
        }
    }
    found.sort_unstable();
    found
}
