//! [`Text`]: an answer, in the parts in which it was made.
//!
//! What a loop tells stands inside of a document that all loops share. To copy it there would take its memory twice. So the
//! parts are written to the client one after the other.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};

use super::room::{Busy, Taken};
use crate::insight::json::Value;

/// An answer. What it takes of the room is given back when it is dropped: behind the text.
pub(super) struct Text<'a> {
    parts: Vec<Cow<'static, str>>,
    _taken: Option<Taken<'a>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Too many long answers are asked for.
    Busy,
    Other(String),
}

/// Where parts are to be put into JSON.
#[derive(Default)]
pub(super) struct Places(RefCell<Vec<usize>>);

/// One of them: nothing is written yet.
impl Value for &Places {
    fn write(&self, text: &mut String) {
        self.0.borrow_mut().push(text.len());
    }
}

impl<'a> Text<'a> {
    /// With what was taken to make it. From now on it takes as much as it is long.
    pub(super) fn taking(parts: Vec<String>, mut taken: Taken<'a>) -> Self {
        taken.set(parts.iter().map(String::len).sum());
        Self { _taken: Some(taken), ..parts.into() }
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    pub(super) fn write_to(self, stream: &mut impl Write) -> io::Result<()> {
        self.parts.iter().try_for_each(|part| stream.write_all(part.as_bytes()))
    }
}

impl From<Vec<String>> for Text<'_> {
    fn from(parts: Vec<String>) -> Self {
        Self { parts: parts.into_iter().map(Cow::Owned).collect(), _taken: None }
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        vec![text].into()
    }
}

impl From<&'static str> for Text<'_> {
    fn from(text: &'static str) -> Self {
        Self { parts: vec![Cow::Borrowed(text)], _taken: None }
    }
}

impl Places {
    /// Puts these into the JSON, each at the next place.
    pub(super) fn fill(self, mut json: String, with: Vec<String>) -> Vec<String> {
        let mut parts = Vec::new();
        for (place, part) in self.0.into_inner().into_iter().zip(with).rev() {
            parts.extend([json.split_off(place), part]);
        }
        parts.push(json);
        parts.reverse();
        parts
    }
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self::Other(why)
    }
}

impl From<Busy> for Refusal {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("busy: others wait for long answers; ask again in a moment"),
            Self::Other(why) => f.write_str(why),
        }
    }
}
