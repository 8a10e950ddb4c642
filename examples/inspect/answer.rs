//! One answer, as it comes: how long that may take, and how long it may be.
//!
//! A limit for the whole answer would be simple. But the timeline of a million events has hundreds of megabytes for Perfetto, and
//! a debug build makes it for half a minute before it sends the first byte. A limit that is long enough for that is too long for a
//! process that is stopped. So what has a limit is silence; and before the first byte a process that is silent is asked something
//! else on a second connection, which it answers at once if it is not stopped.
//!
//! A process that sends a byte now and then is not silent, and one that sends without end is neither. So time and bytes of the whole
//! have limits too, far beyond what an answer needs.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long an answer may take, and how long it may be.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// For so long nothing may come.
    pub(crate) silence: Duration,
    /// So long it may take in all.
    pub(crate) time: Duration,
    pub(crate) bytes: u64,
}

/// The first line is `ok LENGTH` or `error WHY`.
const LONGEST_LINE: u64 = 64 * 1024;

/// The answer to a question that was sent. The inner error is the answer, too.
///
/// `lives` is asked whether the process answers anything within that time.
pub(crate) fn read(
    stream: UnixStream,
    limits: Limits,
    lives: impl FnMut(Duration) -> bool,
) -> io::Result<Result<String, String>> {
    let end = Instant::now() + limits.time;
    let mut answer = BufReader::new(Limited { stream, limits, end, lives, has_begun: false });
    let mut line = Vec::new();
    (&mut answer).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let foreign = || Err("this is not an answer of taketurns".to_owned());
    let line = std::str::from_utf8(&line).ok().and_then(|line| line.strip_suffix('\n'));
    let Some(line) = line else { return Ok(foreign()) };
    if let Some(why) = line.strip_prefix("error ") {
        return Ok(Err(why.to_owned()));
    }
    let length = line.strip_prefix("ok ").and_then(|length| length.parse::<u64>().ok());
    let Some(length) = length else { return Ok(foreign()) };
    if length > limits.bytes {
        let most = limits.bytes;
        return Ok(Err(format!("its answer has {length} bytes, and {most} at most are read")));
    }
    // As it comes: the length is only what the process says.
    let mut body = Vec::new();
    answer.take(length).read_to_end(&mut body)?;
    if body.len() as u64 != length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    String::from_utf8(body).map(Ok).map_err(io::Error::other)
}

/// Whether the process at the other end of a new connection answers at all within that time. It also does so if it closes the
/// connection, as it has too many.
pub(crate) fn lives(mut stream: UnixStream, limit: Duration) -> bool {
    let ask = |stream: &mut UnixStream| {
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(b"help\n")?;
        stream.read(&mut [0])
    };
    !ask(&mut stream).is_err_and(|error| is_silence(&error))
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A connection that keeps to the limits.
struct Limited<L> {
    stream: UnixStream,
    limits: Limits,
    /// Of all.
    end: Instant,
    lives: L,
    has_begun: bool,
}

impl<L: FnMut(Duration) -> bool> Read for Limited<L> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Limits { silence, time, .. } = self.limits;
        loop {
            let left = self.end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::other(format!(
                    "its answer was not complete after {time:?}"
                )));
            }
            // Before the first byte the other half of the time is for the second question.
            let limit = if self.has_begun { silence } else { silence / 2 };
            self.stream.set_read_timeout(Some(limit.min(left)))?;
            match self.stream.read(buffer) {
                Err(error) if is_silence(&error) && left <= limit => {}
                Err(error) if is_silence(&error) && self.has_begun => {
                    let why = format!("its answer broke off: nothing came for {silence:?}");
                    return Err(io::Error::other(why));
                }
                Err(error) if is_silence(&error) => {
                    if !(self.lives)(limit) {
                        return Err(error);
                    }
                }
                read => {
                    self.has_begun = true;
                    return read;
                }
            }
        }
    }
}
