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

/// Waits for a question, and answers it.
fn answer(listener: &UnixListener, tell: impl FnOnce(&str) -> String) {
    loop {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let mut question = String::new();
        if stream.read_line(&mut question).unwrap() == 0 {
            continue; // a look whether the process lives
        }
        let _ = stream.get_mut().write_all(tell(question.trim_end()).as_bytes()); // the client may have left
        return;
    }
}

fn ok(text: &str) -> String {
    format!("ok {}\n{text}", text.len())
}

/// Waits until the others have been asked, too.
fn one_loop(program: &str, others: &Barrier) -> String {
    others.wait();
    let told = r#"{"number":1,"name":null,"told":"waits outside"}"#;
    ok(&format!(r#"{{"program":"{program}","pages":[],"loops":[{told}]}}"#))
}

#[test]
fn ps_asks_all_at_once_and_says_which_are_silent() {
    let runtime = Folder::new("silent-ps");
    let _stopped = listener(&runtime, 1); // it answers nothing
    let both = Arc::new(Barrier::new(2));
    let answering = [(2, "one"), (3, "other")].map(|(pid, name)| {
        let (listener, both) = (listener(&runtime, pid), Arc::clone(&both));
        thread::spawn(move || answer(&listener, |_| one_loop(name, &both)))
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

/// A terminal that gets them would obey: ESC begins a command, U+202E turns the rest of a line round.
const HOSTILE: &str = "a\n\u{1b}[31m\r\u{9b}2J\u{202e}\u{200b}\0";

/// As everything of a program is shown that is told on one line.
const SHOWN: &str = r"a\n\u{1b}[31m\r\u{9b}2J\u{202e}\u{200b}\0";

#[test]
fn nothing_of_a_program_reaches_the_terminal_as_a_command_or_as_another_line() {
    let runtime = Folder::new("escaped");
    let listener = listener(&runtime, 1);
    let asks = thread::spawn(move || {
        answer(&listener, |question| {
            assert_eq!(question, "loops json");
            let it = serde_json::json!({"number": 1, "name": HOSTILE, "told": HOSTILE});
            let told = serde_json::json!({"program": HOSTILE, "pages": [HOSTILE, "other"], "loops": [it, it]});
            ok(&told.to_string())
        });
        answer(&listener, |_| ok(&format!("\"b\" \\ é\n{HOSTILE}\n")));
        answer(&listener, |_| format!("error {}\n", HOSTILE.replace('\n', " ")));
    });
    let (is_ok, text) = said(&runtime, &["ps"]);
    assert!(is_ok, "{text}");
    let rows = [
        format!("  1  {SHOWN}  1 {SHOWN}  {SHOWN}"),
        format!("{:width$}  1 {SHOWN}  {SHOWN}", "", width = 5 + SHOWN.len()),
        format!("{:width$}  {:2$}  {SHOWN}", "", "page", 2 + SHOWN.len(), width = 5 + SHOWN.len()),
        format!("{:width$}  {:2$}  other", "", "page", 2 + SHOWN.len(), width = 5 + SHOWN.len()),
    ];
    assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), rows, "{text}");
    let (is_ok, text) = said(&runtime, &["tree"]);
    assert!(is_ok && text == format!("\"b\" \\ é\n{}\n", SHOWN.replace(r"\n", "\n")), "{text:?}");
    let (is_ok, text) = said(&runtime, &["tree"]);
    let shown = SHOWN.replace(r"\n", " ");
    assert!(!is_ok && text == format!("inspect: process 1: {shown}\n"), "{text:?}");
    asks.join().unwrap();
}

#[test]
fn a_name_that_two_loops_have_is_no_name_of_a_loop() {
    let runtime = Folder::new("two-named");
    let listener = listener(&runtime, 1);
    let asks = thread::spawn(move || {
        answer(&listener, |_| {
            let loops = [1, 3].map(|number| serde_json::json!({"number": number, "name": "web"}));
            ok(&serde_json::json!({"loops": loops}).to_string())
        });
    });
    let (is_ok, text) = said(&runtime, &["deadlocks", "1", "web"]);
    let why = "the loops [1, 3] of process 1 are called \"web\": give a number\n";
    assert!(!is_ok && text == format!("inspect: {why}"), "{text}");
    asks.join().unwrap();
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
