//! A source that is malformed, fails, comes back, is replaced, or is empty.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use super::program::{Program, append, fifo, file, fresh};

#[test]
fn a_malformed_message_is_counted_and_shown_and_the_next_one_is_read() {
    let path = file("malformed", "");
    let program = Program::start(&path, &[]);
    let mut client = program.listen();
    for (malformed, line, problem) in [
        (1, &b"nonsense"[..], "expected ident at line 1 column 2: nonsense"),
        (2, b"[1]", "invalid type: sequence, expected a map at line 1 column 0: [1]"),
        (3, br#"{"n":"#, "EOF while parsing a value at line 1 column 5: {\"n\":"),
        (4, b"{\"\xff\":1}", "invalid unicode code point at line 1 column 3: {\"\u{fffd}\":1}"),
        (5, &[b' '; 70_000], "a line of more than 65536 bytes"),
    ] {
        append(&path, line);
        append(&path, "\n");
        let state = client.state_when(|state| state["malformed"] == malformed);
        assert_eq!(state["last_malformed"], problem);
    }
    append(&path, "\n  \r\n{\"n\": 6}\r\n"); // a blank line is neither
    assert_eq!(client.n(), 6);
    let status = program.status();
    assert_eq!((&status["malformed"], &status["messages"]), (&5.into(), &1.into()));
    assert_eq!(status["last_malformed"], "a line of more than 65536 bytes");
}

#[test]
fn a_line_is_a_message_once_its_end_is_there() {
    let path = file("pieces", "{\"n\": 1}\n{\"n\"");
    let program = Program::start(&path, &[]);
    let mut client = program.listen();
    assert_eq!(client.n(), 1);
    program.has_read_all();
    append(&path, ": 2");
    program.has_read_all();
    assert_eq!(program.status()["messages"], 1);
    append(&path, "}\n");
    assert_eq!(client.n(), 2);
    assert_eq!(program.status()["malformed"], 0);
}

#[test]
fn a_file_that_is_not_there_is_waited_for() {
    let path = fresh("later");
    let program = Program::start(&path, &[]);
    let mut client = program.listen();
    let missing = |pause| format!("No such file or directory (os error 2); tried again in {pause}");
    for pause in ["200ms", "400ms"] {
        client.state_when(|state| state["source"] == missing(pause));
    }
    fs::write(&path, "{\"n\": 1}\n").unwrap();
    client.state_when(|state| state["source"] == "reading");
    assert_eq!(client.n(), 1);
    assert!(program.status()["retries"].as_u64() >= Some(3));
}

#[test]
fn a_fifo_whose_writer_leaves_is_read_on_from_the_next_one_within_a_line_too() {
    let path = fifo("writers");
    let program = Program::start(&path, &[]);
    let mut client = program.listen();
    fs::write(&path, "{\"n\": 1}\n{\"n\"").unwrap();
    assert_eq!(client.n(), 1);
    let left = "the writer has closed it; tried again in 100ms";
    client.state_when(|state| state["source"] == left);
    // While it waits before it tries again: what is written then is not lost.
    fs::write(&path, ": 2}\n").unwrap();
    fs::write(&path, "{\"n\": 3}\n").unwrap();
    assert_eq!(client.n(), 2);
    assert_eq!(client.n(), 3);
    assert_eq!(program.status()["malformed"], 0);
}

#[test]
fn a_file_that_is_truncated_or_replaced_is_read_from_its_beginning() {
    let path = file("replaced", "{\"n\": 1}\n{\"n\": 2}");
    let program = Program::start(&path, &[]);
    let mut client = program.listen();
    assert_eq!(client.n(), 1);
    program.has_read_all();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(0).unwrap();
    assert_eq!(client.n(), 2); // its end will not come any more
    append(&path, "{\"n\": 3}\n");
    assert_eq!(client.n(), 3);

    let mut old = OpenOptions::new().append(true).open(&path).unwrap();
    let new = fresh("replacing");
    fs::write(&new, "{\"n\": 5}\n").unwrap();
    old.write_all(b"{\"n\": 4}\n").unwrap(); // the last of the old file comes first
    fs::rename(&new, &path).unwrap();
    assert_eq!(client.n(), 4);
    assert_eq!(client.n(), 5);
    let status = program.status_when(|status| status["new_files"] == 2);
    assert_eq!((&status["messages"], &status["malformed"]), (&5.into(), &0.into()));
}

#[test]
fn a_file_that_is_gone_for_a_while_is_read_on_where_it_was() {
    let path = file("gone", "{\"n\": 1}\n");
    let program = Program::start(&path, &[]);
    let mut client = program.listen();
    assert_eq!(client.n(), 1);
    let away = fresh("away");
    fs::rename(&path, &away).unwrap();
    client.state_when(|state| state["source"].as_str().unwrap().starts_with("No such file"));
    append(&away, "{\"n\": 2}\n");
    fs::rename(&away, &path).unwrap();
    assert_eq!(client.n(), 2);
    let status = program.status();
    assert_eq!((&status["messages"], &status["new_files"]), (&2.into(), &0.into()));
}

#[test]
fn an_empty_source_is_asked_ten_times_a_second_at_most() {
    for path in [file("empty", ""), fifo("silent")] {
        let start = Instant::now();
        let program = Program::start(&path, &[]);
        let status = program.status_when(|status| status["reads"].as_u64() >= Some(10));
        // One may have begun without having waited yet.
        let most = start.elapsed().as_millis() / Duration::from_millis(100).as_millis() + 1;
        let reads = status["reads"].as_u64().unwrap();
        assert!(u128::from(reads) <= most, "{reads} reads where {most} are enough: {path:?}");
        assert_eq!(status["source"], "reading");
    }
}
