//! The command line.

#![forbid(unsafe_code)]

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

pub(crate) const HELP: &str = "\
Usage: live_feed PATH [--port PORT] [--queue MESSAGES]

  PATH              a file that grows, read from its beginning, or a FIFO: one JSON object a line
  --port PORT       where to listen on 127.0.0.1 (8080); 0: the system chooses
  --queue MESSAGES  how many messages may wait for one client, before its oldest are dropped (256)
  --help            print this

/ is a page that shows the feed, /events the feed as server-sent events, /status the counts as JSON. A POST of a JSON
object to /messages goes to every client. Ctrl-C delivers what was read, and ends; a second one ends at once.
";

/// A queue of so many messages of the greatest size would fill 4 GiB.
const LONGEST_QUEUE: usize = 65_536;

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) path: PathBuf,
    pub(crate) port: u16,
    pub(crate) queue: usize,
}

/// `None`: help is asked for.
///
/// # Errors
///
/// What is wrong with the arguments, and what to write instead.
pub(crate) fn parse(
    mut arguments: impl Iterator<Item = String>,
) -> Result<Option<Options>, String> {
    let (mut path, mut port, mut queue) = (None, 8080, 256);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" => return Ok(None),
            "--port" => port = value(&argument, "a number up to 65535", arguments.next())?,
            "--queue" => queue = value(&argument, "a number", arguments.next())?,
            option if option.starts_with("--") => return Err(format!("unknown option `{option}`")),
            _ if path.is_none() => path = Some(PathBuf::from(argument)),
            _ => return Err(format!("one PATH is enough, and `{argument}` is a second one")),
        }
    }
    let path = path.ok_or("name the file or FIFO to read: live_feed PATH")?;
    if !(1..=LONGEST_QUEUE).contains(&queue) {
        return Err(format!("`--queue` takes 1 to {LONGEST_QUEUE}, not {queue}"));
    }
    if fs::metadata(&path).is_ok_and(|data| data.is_dir()) {
        return Err(format!("`{}` is a folder: name a file or a FIFO", path.display()));
    }
    Ok(Some(Options { path, port, queue }))
}

fn value<T: FromStr>(option: &str, wanted: &str, text: Option<String>) -> Result<T, String> {
    let text = text.ok_or_else(|| format!("`{option}` needs {wanted}"))?;
    text.parse().map_err(|_| format!("`{option}` needs {wanted}, and `{text}` is not one"))
}
