//! The page: 80 columns, words wrapped, colour only on a terminal and never with `NO_COLOR`.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::process;

const WIDTH: usize = 80;

/// Standard output, as a page of text.
pub(crate) struct Page {
    colour: bool,
    ends_blank: Cell<bool>,
}

/// What a text is, told by its colour.
#[derive(Clone, Copy)]
pub(crate) enum Ink {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Plain => "0",
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Good => "32",
            Ink::Bad => "1;31",
        }
    }
}

impl Page {
    /// Colour follows <https://no-color.org>: `NO_COLOR` set and not empty means none.
    pub(crate) fn stdout() -> Page {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Page { colour: io::stdout().is_terminal() && !refused, ends_blank: Cell::new(false) }
    }

    /// A blank line, unless there is one already.
    pub(crate) fn gap(&self) {
        if !self.ends_blank.get() {
            self.put("");
        }
    }

    pub(crate) fn line(&self, ink: Ink, text: &str) {
        self.put(&self.inked(ink, text));
    }

    /// A rule across the page.
    pub(crate) fn rule(&self) {
        self.line(Ink::Faint, &"-".repeat(WIDTH));
    }

    /// `head` in its ink, then `text` in the columns to the right of it.
    pub(crate) fn hanging(&self, ink: Ink, head: &str, text: &str) {
        let indent = " ".repeat(head.len());
        let mut head = self.inked(ink, head);
        for row in wrap(text, WIDTH - indent.len()) {
            self.put(format!("{head}{row}").trim_end());
            head.clone_from(&indent);
        }
    }

    fn inked(&self, ink: Ink, text: &str) -> String {
        if self.colour && !matches!(ink, Ink::Plain) {
            format!("\x1b[{}m{text}\x1b[0m", ink.code())
        } else {
            text.to_owned()
        }
    }

    /// Nobody reads on (`tour | head`): nothing is left to do.
    fn put(&self, line: &str) {
        if writeln!(io::stdout(), "{line}").is_err() {
            process::exit(1);
        }
        self.ends_blank.set(line.is_empty());
    }
}

/// Breaks at spaces; a word longer than a row is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for mut word in text.split_whitespace() {
        let row = rows.last_mut().expect("there is always a row");
        if !row.is_empty() && row.len() + 1 + word.len() <= width {
            row.push(' ');
            row.push_str(word);
            continue;
        }
        if !row.is_empty() {
            rows.push(String::new());
        }
        while word.len() > width {
            let end = (1..=width).rev().find(|&end| word.is_char_boundary(end));
            let (cut, rest) = word.split_at(end.unwrap_or(width));
            rows.last_mut().expect("there is always a row").push_str(cut);
            rows.push(String::new());
            word = rest;
        }
        rows.last_mut().expect("there is always a row").push_str(word);
    }
    rows
}
