//! The command line.

#![forbid(unsafe_code)]

use crate::lessons::{CHAPTERS, Lesson};

pub(crate) const HELP: &str = "\
The tour of taketurns: what goes wrong in cooperative code, and what puts it
right, run here and in Python's asyncio.

Usage: tour [--step] [LESSON...]   play these lessons, or all
       tour --list                 list the lessons
       tour --break LESSON         show a change to this crate that turns a
                                   check of the lesson red
       tour --help                 show this

LESSON is a number or a name, as in the list; docs/lessons.md says what the
numbers are. --step waits for Enter between lessons.

With cargo: cargo run --release --example tour -- starvation 16

Exit code: 0 when every claim holds, 1 when one does not, 2 for a wrong
argument. Colour only on a terminal, and never with NO_COLOR set or with
TERM=dumb; without a UTF-8 locale, ASCII alone.";

pub(crate) enum Request {
    Help,
    List,
    Break(&'static Lesson),
    Play(Plan),
}

/// What is to be played.
pub(crate) struct Plan {
    pub(crate) lessons: Vec<&'static Lesson>,
    /// Whether to wait for Enter between lessons.
    pub(crate) step: bool,
}

/// # Errors
///
/// What is wrong with them, in one line.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut plan = Plan { lessons: Vec::new(), step: false };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--list" | "-l" => return Ok(Request::List),
            "--break" | "-b" => {
                let name = arguments.next().ok_or("--break needs a lesson")?;
                return find(&name).map(Request::Break);
            }
            "--step" | "-s" => plan.step = true,
            option if option.starts_with('-') => {
                return Err(format!("unknown option {option:?}; `tour --help` shows them"));
            }
            name => {
                let lesson = find(name)?;
                if plan.lessons.iter().all(|chosen| chosen.number != lesson.number) {
                    plan.lessons.push(lesson);
                }
            }
        }
    }
    if plan.lessons.is_empty() {
        plan.lessons = all().collect();
    }
    Ok(Request::Play(plan))
}

fn all() -> impl Iterator<Item = &'static Lesson> {
    CHAPTERS.iter().flat_map(|chapter| chapter.lessons)
}

/// The lesson of this number or name.
fn find(name: &str) -> Result<&'static Lesson, String> {
    let found = all().find(|lesson| lesson.slug == name || lesson.number.to_string() == name);
    found.ok_or_else(|| format!("no lesson {name:?}; `tour --list` shows them"))
}
