//! A small writer of JSON, for the reports that programs read.
//!
//! `serde_json` would do it, but then each user of this crate would build serde for a page of numbers. What is written here
//! is plain: objects, arrays, strings, numbers, `true`, `false` and `null`, without blanks, in the order of the calls. There
//! is no reader.
//!
//! The text may stand inside of a `<script>` of a page: `<`, `>` and `&` are escaped, so no string can end it. A number is
//! written with all its digits; JavaScript keeps only those of numbers up to 2^53.

#![forbid(unsafe_code)]

use std::fmt::Write;
use std::panic::Location;
use std::time::Duration;

use crate::executor::Id;

/// The text of one object, with what `fill` puts into it.
pub(crate) fn object(fill: impl FnOnce(&mut Object<'_>)) -> String {
    let mut text = String::new();
    write_object(&mut text, fill);
    text
}

/// The text of one array, with what `fill` puts into it.
pub(crate) fn array(fill: impl FnOnce(&mut Array<'_>)) -> String {
    let mut text = String::new();
    write_array(&mut text, fill);
    text
}

/// What JSON can say.
pub(crate) trait Value {
    fn write(&self, text: &mut String);
}

/// An object that is being written.
pub(crate) struct Object<'a> {
    text: &'a mut String,
    is_empty: bool,
}

impl Object<'_> {
    fn key(&mut self, key: &str) -> &mut String {
        separate(self.text, &mut self.is_empty);
        key.write(self.text);
        self.text.push(':');
        self.text
    }

    /// Adds a member. The caller sees to it that no key comes twice.
    pub(crate) fn field(&mut self, key: &str, value: impl Value) -> &mut Self {
        value.write(self.key(key));
        self
    }

    /// Adds a member that is an object.
    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        write_object(self.key(key), fill);
        self
    }

    /// Adds a member that is an array.
    pub(crate) fn array(&mut self, key: &str, fill: impl FnOnce(&mut Array<'_>)) -> &mut Self {
        write_array(self.key(key), fill);
        self
    }
}

/// An array that is being written.
pub(crate) struct Array<'a> {
    text: &'a mut String,
    is_empty: bool,
}

impl Array<'_> {
    pub(crate) fn item(&mut self, value: impl Value) -> &mut Self {
        separate(self.text, &mut self.is_empty);
        value.write(self.text);
        self
    }

    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        separate(self.text, &mut self.is_empty);
        write_object(self.text, fill);
        self
    }

    pub(crate) fn array(&mut self, fill: impl FnOnce(&mut Array<'_>)) -> &mut Self {
        separate(self.text, &mut self.is_empty);
        write_array(self.text, fill);
        self
    }
}

fn separate(text: &mut String, is_empty: &mut bool) {
    if !std::mem::replace(is_empty, false) {
        text.push(',');
    }
}

fn write_object(text: &mut String, fill: impl FnOnce(&mut Object<'_>)) {
    text.push('{');
    fill(&mut Object { text, is_empty: true });
    text.push('}');
}

fn write_array(text: &mut String, fill: impl FnOnce(&mut Array<'_>)) {
    text.push('[');
    fill(&mut Array { text, is_empty: true });
    text.push(']');
}

impl Value for str {
    fn write(&self, text: &mut String) {
        text.push('"');
        for char in self.chars() {
            match char {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                // The two line ends of Unicode end a line of JavaScript too.
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escape(text, char),
                char if char.is_control() => escape(text, char),
                char => text.push(char),
            }
        }
        text.push('"');
    }
}

/// All that is escaped so lies below U+10000, so four digits are enough.
fn escape(text: &mut String, char: char) {
    let _ = write!(text, "\\u{:04x}", u32::from(char));
}

impl Value for String {
    fn write(&self, text: &mut String) {
        self.as_str().write(text);
    }
}

impl Value for bool {
    fn write(&self, text: &mut String) {
        text.push_str(if *self { "true" } else { "false" });
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl Value for $integer {
            fn write(&self, text: &mut String) {
                let _ = write!(text, "{self}");
            }
        }
    )*};
}
integers!(u32 u64 usize i64);

/// JSON has neither an infinite number nor one that is none: both are `null`.
impl Value for f64 {
    fn write(&self, text: &mut String) {
        let _ = match self.is_finite() {
            true => write!(text, "{self}"),
            false => write!(text, "null"),
        };
    }
}

/// `None` is `null`.
impl<T: Value> Value for Option<T> {
    fn write(&self, text: &mut String) {
        match self {
            Some(value) => value.write(text),
            None => text.push_str("null"),
        }
    }
}

impl<T: Value + ?Sized> Value for &T {
    fn write(&self, text: &mut String) {
        (**self).write(text);
    }
}

impl<T: Value> Value for [T] {
    fn write(&self, text: &mut String) {
        write_array(text, |array| {
            for value in self {
                array.item(value);
            }
        });
    }
}

/// The number alone: 0 is the future of `block_on`.
impl Value for Id {
    fn write(&self, text: &mut String) {
        self.0.write(text);
    }
}

/// Nanoseconds. The name of the member says so: `parked_ns`.
impl Value for Duration {
    fn write(&self, text: &mut String) {
        u64::try_from(self.as_nanos()).unwrap_or(u64::MAX).write(text);
    }
}

/// `src/main.rs:3:5`.
impl Value for Location<'_> {
    fn write(&self, text: &mut String) {
        self.to_string().write(text);
    }
}
