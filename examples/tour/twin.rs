//! The twin: a lesson's program in Python's asyncio, run as a child process beside it.
//!
//! A twin is a plain program that prints what its tasks say; a line `== label` opens a scene. A line
//! `-- fact` is an aside: what is true of asyncio alone, which is compared with no line of ours, and which
//! the lesson checks where it says so. A line `@0.25 text` says when it was said, by the virtual clock of the
//! twin's loop; that loop stands before every twin, in `twins/clock.py`. Where no `python3` of at least 3.11 is
//! found, the twin's place is taken by the list recorded from it. To record one anew, in this folder:
//!
//! ```text
//! cat twins/clock.py twins/07.py | python3 -I - > twins/07.txt
//! ```

#![forbid(unsafe_code)]

use std::env;
use std::io::{BufRead, BufReader};
use std::iter::Peekable;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::trace::Line;

/// A twin that has not ended after so many seconds is killed; none takes a hundredth of it on a machine that has
/// nothing else to do. A test has another number in the environment variable of this name.
const BOUND: (&str, u64) = ("TAKETURNS_TWIN_BOUND", 120);

/// Between two looks at a twin that has said its last line and is about to exit.
const MOMENT: Duration = Duration::from_millis(2);

/// By itself, unbuffered, in UTF-8. No warnings, which a reader of the tour cannot mend: some versions
/// warn of threads that a virtual clock did not wait for.
const FLAGS: [&str; 6] = ["-I", "-u", "-X", "utf8", "-W", "ignore"];

const VERSION: &str = "
import sys
if sys.version_info >= (3, 11):
    print('.'.join(map(str, sys.version_info[:3])))
";

/// The program of a twin, and the lines recorded from it.
pub(crate) struct Script {
    pub(crate) program: &'static str,
    pub(crate) recorded: &'static str,
}

/// The [`Script`] with this number, from `twins/`.
macro_rules! script {
    ($number:literal) => {
        $crate::twin::Script {
            program: concat!(
                include_str!("../twins/clock.py"),
                include_str!(concat!("../twins/", $number, ".py"))
            ),
            recorded: include_str!(concat!("../twins/", $number, ".txt")),
        }
    };
}
pub(crate) use script;

/// A twin at work, or the recorded one.
pub(crate) struct Twin {
    lines: Peekable<Lines>,
    child: Option<Child>,
    deadline: Instant,
}

/// What the twin said in one scene.
pub(crate) struct Scene {
    pub(crate) label: String,
    pub(crate) began: Option<Instant>,
    pub(crate) lines: Vec<Line>,
    /// Without the `-- `.
    pub(crate) asides: Vec<String>,
}

/// The version of the `python3` on this machine, if it is recent enough to run the twins.
pub(crate) fn python() -> Option<String> {
    let mut asked = Twin::run(VERSION)?;
    asked.lines.next().map(|line| line.text)
}

impl Twin {
    /// Starts `program`; `None` where there is no `python3`.
    pub(crate) fn run(program: &str) -> Option<Twin> {
        let mut child = Command::new("python3")
            .args(FLAGS)
            .args(["-c", program])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let output = BufReader::new(child.stdout.take()?);
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for text in output.lines().map_while(Result::ok) {
                if sender.send(Line::of(text, Some(Instant::now()))).is_err() {
                    break;
                }
            }
        });
        Some(Twin::reading(receiver, Some(child)))
    }

    /// Says what was `recorded`, without times.
    pub(crate) fn recall(recorded: &str) -> Twin {
        let (sender, receiver) = mpsc::channel();
        for text in recorded.lines() {
            let _ = sender.send(Line::of(text.to_owned(), None));
        }
        Twin::reading(receiver, None)
    }

    fn reading(receiver: Receiver<Line>, child: Option<Child>) -> Twin {
        let (name, seconds) = BOUND;
        let given = env::var(name).ok().and_then(|given| given.parse().ok());
        let deadline = Instant::now() + Duration::from_secs(given.unwrap_or(seconds));
        Twin { lines: Lines { receiver, deadline }.peekable(), child, deadline }
    }

    /// The next scene, once the twin has played it; `None` after the last.
    pub(crate) fn scene(&mut self) -> Option<Scene> {
        let Line { at: began, text, .. } = self.lines.next()?;
        let label = text.strip_prefix("== ").unwrap_or(&text).to_owned();
        let mut scene = Scene { label, began, lines: Vec::new(), asides: Vec::new() };
        while let Some(line) = self.lines.next_if(|line| !line.text.starts_with("== ")) {
            match line.text.strip_prefix("-- ") {
                Some(aside) => scene.asides.push(aside.to_owned()),
                None => scene.lines.push(line),
            }
        }
        Some(scene)
    }

    /// How the twin ended, after its last scene.
    ///
    /// # Errors
    ///
    /// How it ended in another way than by itself, without an error and in time.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        let Some(child) = &mut self.child else { return Ok(()) };
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("it ended with {status}")),
                Ok(None) if Instant::now() < self.deadline => thread::sleep(MOMENT),
                Ok(None) => return Err("it did not end in time".into()),
                Err(error) => return Err(format!("it cannot be waited for: {error}")),
            }
        }
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The lines of a twin as they come; ends with the twin, or at the deadline.
struct Lines {
    receiver: Receiver<Line>,
    deadline: Instant,
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.receiver.recv_timeout(left).ok()
    }
}
