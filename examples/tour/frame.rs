//! The page: 80 columns, words wrapped, quotations as they are; colour and blocks where the terminal has them.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::env;
use std::io::{self, IsTerminal, Write};

pub(crate) const WIDTH: usize = 80;

/// Standard output, as a page of text.
pub(crate) struct Page {
    colour: bool,
    glyphs: &'static Glyphs,
    ends_blank: Cell<bool>,
    broken: RefCell<Option<io::Error>>,
}

/// The signs that are not words.
pub(crate) struct Glyphs {
    pub(crate) rule: &'static str,
    /// To the left of a program; of what is quoted as it is.
    pub(crate) margin: &'static str,
    pub(crate) quote: &'static str,
    /// A task that was spawned and has had no turn yet; one that has its turn; one that waits; one that is dropped.
    pub(crate) queued: &'static str,
    pub(crate) turn: &'static str,
    pub(crate) waits: &'static str,
    pub(crate) dropped: &'static str,
}

const BLOCKS: Glyphs =
    Glyphs {
        rule: "─", margin: "│", quote: ">", queued: "·", turn: "█", waits: "│", dropped: "×"
    };

const ASCII: Glyphs =
    Glyphs { rule: "-", margin: "|", quote: ">", queued: ".", turn: "#", waits: "|", dropped: "x" };

/// What a text is, told by its colour.
#[derive(Clone, Copy)]
pub(crate) enum Ink {
    Plain,
    Strong,
    Faint,
    Turn,
    Good,
    Bad,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Plain => "0",
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Turn => "36",
            Ink::Good => "32",
            Ink::Bad => "1;31",
        }
    }
}

impl Page {
    /// Colour is for a terminal that is not dumb, and follows <https://no-color.org>: none if `NO_COLOR` is not
    /// empty. Blocks need a locale with UTF-8.
    pub(crate) fn stdout() -> Page {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        Page {
            colour: io::stdout().is_terminal() && !dumb && set("NO_COLOR").is_none(),
            glyphs: if utf8 && !dumb { &BLOCKS } else { &ASCII },
            ends_blank: Cell::new(true),
            broken: RefCell::new(None),
        }
    }

    pub(crate) fn glyphs(&self) -> &'static Glyphs {
        self.glyphs
    }

    /// Why the page can take no more: its reader has gone (`tour | head`), or the disk is full.
    pub(crate) fn broken(&self) -> Option<io::Error> {
        self.broken.take()
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.borrow().is_some()
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

    /// One line of several inks.
    pub(crate) fn mixed(&self, parts: &[(Ink, &str)]) {
        let line: String = parts.iter().map(|&(ink, text)| self.inked(ink, text)).collect();
        self.put(line.trim_end());
    }

    /// A rule across the page.
    pub(crate) fn rule(&self) {
        self.line(Ink::Faint, &self.glyphs.rule.repeat(WIDTH));
    }

    /// `head` in its ink, then `text` in the columns to the right of it.
    pub(crate) fn hanging(&self, ink: Ink, head: &str, text: &str) {
        let indent = " ".repeat(head.chars().count());
        let mut head = self.inked(ink, head);
        for row in wrap(text, WIDTH - indent.len()) {
            self.put(format!("{head}{row}").trim_end());
            head.clone_from(&indent);
        }
    }

    fn inked(&self, ink: Ink, text: &str) -> String {
        if self.colour && !matches!(ink, Ink::Plain) && !text.trim().is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", ink.code())
        } else {
            text.to_owned()
        }
    }

    /// Once a line could not be written, none is.
    fn put(&self, line: &str) {
        let mut broken = self.broken.borrow_mut();
        if broken.is_none() {
            *broken = writeln!(io::stdout(), "{line}").err();
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
