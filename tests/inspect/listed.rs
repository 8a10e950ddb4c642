//! What `ps` says of processes that do not answer.

use std::fs::DirBuilder;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;

use super::program::{Folder, said};

/// The socket of a process of this pid that accepts nothing yet.
fn listener(runtime: &Path, pid: u32) -> UnixListener {
    let folder = runtime.join("taketurns");
    DirBuilder::new().mode(0o700).recursive(true).create(&folder).unwrap();
    UnixListener::bind(folder.join(format!("{pid}.sock"))).unwrap()
}

/// Answers one question, once the others have been asked too.
fn answer(listener: &UnixListener, name: &str, others: &Barrier) {
    loop {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        if stream.read_line(&mut String::new()).unwrap() == 0 {
            continue; // a look whether the process lives
        }
        others.wait();
        let told = r#"{"number":1,"name":null,"told":"waits outside"}"#;
        let told = format!(r#"{{"program":"{name}","page":null,"loops":[{told}]}}"#);
        let _ = write!(stream.get_mut(), "ok {}\n{told}", told.len()); // the client may have left
        return;
    }
}

#[test]
fn ps_asks_all_at_once_and_says_which_are_silent() {
    let runtime = Folder::new("silent-ps");
    let _stopped = listener(&runtime, 1); // it answers nothing
    let both = Arc::new(Barrier::new(2));
    let answering = [(2, "one"), (3, "other")].map(|(pid, name)| {
        let (listener, both) = (listener(&runtime, pid), Arc::clone(&both));
        thread::spawn(move || answer(&listener, name, &both))
    });
    // Where that fails, nothing asks these threads, and they end with this process: no scope, which would wait for them.
    let (is_ok, text) = said(&runtime, &["ps"]);
    assert!(is_ok, "{text}");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let rows: Vec<_> = text.lines().skip(1).map(words).collect();
    let stopped = "1 no answer within 3s: it may be stopped";
    assert_eq!(rows, [stopped, "2 one 1 waits outside", "3 other 1 waits outside"], "{text}");
    answering.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn the_sockets_of_dead_processes_are_not_taken_for_none_or_for_live_ones() {
    let runtime = Folder::new("dead-ps");
    let ours = std::process::id(); // a pid that was given again
    drop(listener(&runtime, ours)); // the name stays
    let (is_ok, text) = said(&runtime, &["ps"]);
    let folder = runtime.join("taketurns");
    let begin = format!("no process can be asked: in {} and ", folder.display());
    assert!(is_ok && text.starts_with(&begin), "{text}");
    let what = format!(" are only sockets of processes that have ended: {ours}. A program can ");
    assert!(text.contains(&what), "{text}");
    let (is_ok, text) = said(&runtime, &["tree", &ours.to_string()]);
    let why = "the socket of this pid is of a process that has ended\n";
    assert!(!is_ok, "{text}");
    assert_eq!(text, format!("inspect: process {ours} cannot be asked: {why}"));
}
