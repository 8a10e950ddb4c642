//! Bytes in pieces of any size, as lines.

#![forbid(unsafe_code)]

use std::mem;

/// The longest message, from the source or from a browser, in bytes. Longer ones are refused, so that a line that never
/// ends does not fill the memory.
pub(crate) const LONGEST: usize = 64 * 1024;

#[derive(Debug, PartialEq)]
pub(crate) enum Line {
    Whole(Vec<u8>),
    /// Longer than [`LONGEST`]. Its text was let go of.
    TooLong,
}

/// Keeps the beginning of a line until its end comes.
#[derive(Default)]
pub(crate) struct Lines {
    /// Empty if the line is too long already.
    begun: Vec<u8>,
    /// How long the line is by now, in bytes.
    len: usize,
}

impl Lines {
    /// The lines that end in `bytes`, which come after those of the last call.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut ended = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            self.extend(&rest[..end]);
            ended.push(self.end());
            rest = &rest[end + 1..];
        }
        self.extend(rest);
        ended
    }

    /// Ends the line that has begun, as no more of it will come. `None`: none has.
    pub(crate) fn finish(&mut self) -> Option<Line> {
        (self.unfinished() > 0).then(|| self.end())
    }

    /// How many bytes of a line came without its end.
    pub(crate) fn unfinished(&self) -> usize {
        self.len
    }

    fn extend(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if self.len > LONGEST {
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }

    fn end(&mut self) -> Line {
        let begun = mem::take(&mut self.begun);
        if mem::take(&mut self.len) > LONGEST { Line::TooLong } else { Line::Whole(begun) }
    }
}
