//! What a message is: one JSON object.

#![forbid(unsafe_code)]

use serde_json::{Map, Value};

use super::lines::{LONGEST, Line};

/// Of a malformed message, so many characters are shown.
const EXCERPT: usize = 60;

pub(crate) type Message = Map<String, Value>;

/// # Errors
///
/// Why this is no message, for a reader.
pub(crate) fn decode(text: &[u8]) -> Result<Message, String> {
    serde_json::from_slice(text).map_err(|error| {
        let text = String::from_utf8_lossy(text);
        let excerpt: String = text.chars().take(EXCERPT).collect();
        let dots = if excerpt.len() < text.len() { ".." } else { "" };
        format!("{error}: {excerpt}{dots}")
    })
}

/// The messages in some lines; how many lines were malformed, and what is wrong with the last of those. Blank lines count as
/// neither.
pub(crate) fn decode_lines(lines: Vec<Line>) -> (Vec<Message>, u64, Option<String>) {
    let (mut messages, mut malformed, mut last) = (Vec::new(), 0, None);
    for line in lines {
        let decoded = match line {
            Line::Whole(text) if text.trim_ascii().is_empty() => continue,
            Line::Whole(text) => decode(&text),
            Line::TooLong => Err(format!("a line of more than {LONGEST} bytes")),
        };
        match decoded {
            Ok(message) => messages.push(message),
            Err(problem) => {
                malformed += 1;
                last = Some(problem);
            }
        }
    }
    (messages, malformed, last)
}
