//! The example's own files, step by step: bytes as lines, and a source that is replaced between two reads.

#[path = "../../examples/live_feed/lines.rs"]
pub(crate) mod lines;
#[path = "../../examples/live_feed/source.rs"]
mod source;

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};

use super::program::{fifo, file, fresh};
use lines::{LONGEST, Line, Lines};
use source::Source;

fn whole(text: &str) -> Line {
    Line::Whole(text.into())
}

#[test]
fn it_does_not_matter_where_the_pieces_end() {
    let text = b"one\n\ntwo\r\nthr";
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let mut lines = Lines::default();
            let pieces = [&text[..first], &text[first..second], &text[second..]];
            let ended: Vec<_> = pieces.into_iter().flat_map(|piece| lines.push(piece)).collect();
            assert_eq!(ended, [whole("one"), whole(""), whole("two\r")]);
            assert_eq!(lines.unfinished(), 3);
            assert_eq!(lines.finish(), Some(whole("thr")));
            assert_eq!((lines.unfinished(), lines.finish()), (0, None));
        }
    }
}

#[test]
fn a_line_that_is_too_long_is_let_go_of_and_the_next_one_is_read() {
    let longest = "x".repeat(LONGEST);
    let mut lines = Lines::default();
    assert_eq!(lines.push(longest.as_bytes()), []);
    assert_eq!(lines.push(b"\n"), [whole(&longest)]);
    for _ in 0..3 {
        assert_eq!(lines.push(longest.as_bytes()), []);
    }
    assert_eq!(lines.unfinished(), 3 * LONGEST);
    assert_eq!(lines.push(b"\nnext\n"), [Line::TooLong, whole("next")]);
}

#[test]
fn what_is_written_to_a_file_after_it_was_replaced_comes_before_the_new_one() {
    let path = file("renamed", "1\n");
    let mut old = OpenOptions::new().append(true).open(&path).unwrap();
    let mut source = Source::new(path.clone());
    assert_eq!(source.read().unwrap().lines, [whole("1")]);
    let new = fresh("renaming");
    fs::write(&new, "4\n").unwrap();
    fs::rename(&new, &path).unwrap();
    let noticed = source.read().unwrap();
    assert!(noticed.lines.is_empty() && !noticed.is_new_file);
    old.write_all(b"2\n3").unwrap();
    assert_eq!(source.read().unwrap().lines, [whole("2")]);
    let replaced = source.read().unwrap();
    assert!(replaced.is_new_file);
    assert_eq!(replaced.lines, [whole("3")]);
    assert_eq!(source.read().unwrap().lines, [whole("4")]);
    assert_eq!(source.unfinished(), 0);
}

#[test]
fn what_is_in_a_fifo_stays_there_while_no_writer_and_no_read_is() {
    let path = fifo("between");
    let mut source = Source::new(path.clone());
    assert!(source.read().unwrap().lines.is_empty()); // from now on it is open
    fs::write(&path, "1\n").unwrap();
    assert_eq!(source.read().unwrap().lines, [whole("1")]);
    assert_eq!(source.read().err().map(|error| error.kind()), Some(ErrorKind::UnexpectedEof));
    fs::write(&path, "2\n").unwrap();
    fs::write(&path, "3\n").unwrap();
    assert_eq!(source.read().unwrap().lines, [whole("2"), whole("3")]);
}
