//! The protocol of the Unix socket: a line asks, and what answers begins with a line. [`serve`](super::serve()) has its rules.

#![forbid(unsafe_code)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::answer::{Refusal, Text};
use super::loops::{Form, Loops};
use super::place::uid;
use super::room::Patience;
use super::stream::{Stream, Timed};

/// How long a line may be.
const LONGEST: u64 = 256;

/// How long a client may take for a line, and how long for reading the answer.
const LIMIT: Duration = Duration::from_secs(10);

/// How long it waits in line for a long answer to be begun.
const PATIENCE: Duration = Duration::from_secs(30);

const HELP: &str = "\
A line asks: COMMAND [json | text] [LOOP]. The answer: `ok LENGTH` and so many bytes, or `error WHY`.
  loops      which loops there are, and what each does
  metrics    their numbers
  dump       their tasks, as a tree
  stalls     the turns that took too long
  deadlocks  the deadlocks that were reported, and the tasks without a waker
  trace      the timeline of one loop: a page; with `json` for Perfetto, with `text` a chart
  page       the address of the live page, or of each, on a line
  help       this text
Without `json` all but `trace` give text; `page` and `help` have no JSON. LOOP is a number from `loops`; without one
all of them answer, and of `trace` the first that keeps a timeline.
";

/// The commands.
const ALL: [&str; 8] = ["help", "page", "loops", "metrics", "dump", "stalls", "deadlocks", "trace"];

/// The user on the other side.
#[cfg(target_os = "linux")]
pub(super) fn peer(stream: &UnixStream) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(stream)?.uid.as_raw())
}

/// Where the system does not say, the socket's mode has to do.
#[cfg(not(target_os = "linux"))]
fn peer(_: &UnixStream) -> io::Result<u32> {
    uid()
}

/// Answers until the client leaves, or breaks the rules.
pub(super) fn serve(loops: &Loops, stream: UnixStream, has_asked: &dyn Fn()) {
    let (ours, theirs) = (uid(), peer(&stream));
    serve_to(loops, stream, has_asked, ours, theirs);
}

/// Answers to the program's own user alone. `theirs`: the user on the other side.
pub(super) fn serve_to(
    loops: &Loops,
    stream: UnixStream,
    has_asked: &dyn Fn(),
    ours: io::Result<u32>,
    theirs: io::Result<u32>,
) {
    if matches!((ours, theirs), (Ok(ours), Ok(theirs)) if ours == theirs) {
        let _ = answer_all(loops, stream, has_asked); // the client is gone, or too slow
    }
}

fn answer_all(loops: &Loops, stream: UnixStream, has_asked: &dyn Fn()) -> io::Result<()> {
    let mut stream = BufReader::new(Timed::new(stream, LIMIT));
    loop {
        stream.get_mut().set_limit(LIMIT);
        let mut line = Vec::new();
        (&mut stream).take(LONGEST).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(()); // the client has left
        }
        let is_whole = line.ends_with(b"\n");
        let asker = &stream.get_ref().stream;
        let patience = Patience { limit: PATIENCE, is_gone: &|| asker.is_gone() };
        let answer = match std::str::from_utf8(&line) {
            Ok(line) if is_whole => answer(loops, line, has_asked, &patience),
            _ if is_whole => Err("a question is a line of text, in UTF-8".to_owned().into()),
            _ if (line.len() as u64) < LONGEST => {
                Err("a question ends with a line break".to_owned().into())
            }
            _ => Err(format!(
                "a question is a line of at most {LONGEST} bytes, its line break included"
            )
            .into()),
        };
        let (head, body) = match answer {
            Ok(text) => (format!("ok {}\n", text.len()), text),
            Err(why) => (format!("error {}\n", why.to_string().replace('\n', " ")), "".into()),
        };
        let to = stream.get_mut();
        to.set_limit(LIMIT);
        to.write_all(head.as_bytes())?;
        body.write_to(to)?;
        if !is_whole {
            return Ok(());
        }
    }
}

/// `has_asked` is called before the loops are asked, which may take a moment.
fn answer<'a>(
    loops: &'a Loops,
    line: &str,
    has_asked: &dyn Fn(),
    patience: &Patience<'_>,
) -> Result<Text<'a>, Refusal> {
    let mut words = line.split_whitespace();
    let command = words.next().unwrap_or("help");
    let (mut asked_form, mut number) = (None, None);
    for word in words {
        match (word, word.parse()) {
            ("json", _) => asked_form = Some(Form::Json),
            ("text", _) => asked_form = Some(Form::Text),
            (_, Ok(asked)) => number = Some(asked),
            _ => {
                let why = "after the command may come `json` or `text`, and the number of a loop";
                return Err(why.to_owned().into());
            }
        }
    }
    if ALL.contains(&command) {
        has_asked();
    }
    let form = asked_form.unwrap_or(Form::Text);
    match command {
        "help" | "page" if form == Form::Json => Err(format!("`{command}` has no JSON").into()),
        "help" => Ok(HELP.into()),
        "page" => match loops.pages() {
            none if none.is_empty() => Err("there is no page: `Serve::http`".to_owned().into()),
            pages => Ok(pages.iter().map(|page| format!("{page}\n")).collect::<String>().into()),
        },
        "loops" => Ok(loops.overview(form, number)?.into()),
        "metrics" => loops.metrics(form, number),
        "dump" => loops.dump(form, number, patience),
        "stalls" => loops.stalls(form, number),
        "deadlocks" => loops.deadlocks(form, number, patience),
        "trace" => loops.trace(asked_form, number, patience),
        _ => Err("there is no such command; `help` lists them".to_owned().into()),
    }
}
