//! The command line.

#![forbid(unsafe_code)]

use std::path::PathBuf;

use crate::lessons::{CHAPTERS, Lesson};

pub(crate) const HELP: &str = "\
The tour of taketurns: what goes wrong in cooperative code, and what puts it
right, run here and in Python's asyncio.

Usage: tour [--step] [--timeline DIR] [LESSON...]
                                   play these lessons, or all
       tour --list                 list the lessons
       tour --break LESSON         show a change to this crate that turns
                                   checks of the lesson red
       tour --help                 show this

LESSON is a number or a name, as in the list; docs/lessons.md says what the
numbers are. --step waits for Enter between lessons. --timeline writes into the
folder DIR a page for each loop that the lessons ran, to be opened in a browser,
and index.html.

With cargo: cargo run --release --example tour -- starvation 16

Exit code: 0 when every claim holds, 1 when one does not, 2 for a wrong
argument. The page is 80 columns wide. Colour only on a terminal, and never
with NO_COLOR set or with TERM=dumb. ASCII alone without a UTF-8 locale or with
TERM=dumb.";

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
    /// Where the timelines go, if anywhere.
    pub(crate) timeline: Option<PathBuf>,
}

/// # Errors
///
/// What is wrong with them, in one line.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut arguments: Vec<String> = arguments.collect();
    let place =
        |names: [&str; 2]| arguments.iter().position(|given| names.contains(&given.as_str()));
    if place(["--help", "-h"]).is_some() {
        Ok(Request::Help)
    } else if let Some(place) = place(["--list", "-l"]) {
        arguments.remove(place);
        without("--list is used alone", &arguments)?;
        Ok(Request::List)
    } else if let Some(place) = place(["--break", "-b"]) {
        arguments.remove(place);
        if place == arguments.len() {
            return Err("--break needs a lesson after it".into());
        }
        let lesson = find(&arguments.remove(place))?;
        without("--break is used with one lesson", &arguments)?;
        Ok(Request::Break(lesson))
    } else {
        plan(&arguments).map(Request::Play)
    }
}

/// Fails if there are `others`, which would be ignored.
fn without(used: &str, others: &[String]) -> Result<(), String> {
    if others.is_empty() {
        return Ok(());
    }
    let others: Vec<String> = others.iter().map(|other| format!("{other:?}")).collect();
    Err(format!("{used}, without {}", others.join(" ")))
}

fn plan(arguments: &[String]) -> Result<Plan, String> {
    let mut plan = Plan { lessons: Vec::new(), step: false, timeline: None };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--step" | "-s" => plan.step = true,
            "--timeline" | "-t" => {
                let folder = arguments.next().ok_or("--timeline needs a folder after it")?;
                plan.timeline = Some(folder.into());
            }
            option if option.starts_with('-') => {
                return Err(format!("unknown option {option:?}; --help shows them"));
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
    Ok(plan)
}

fn all() -> impl Iterator<Item = &'static Lesson> {
    CHAPTERS.iter().flat_map(|chapter| chapter.lessons)
}

/// The lesson of this number or name.
fn find(name: &str) -> Result<&'static Lesson, String> {
    let found = all().find(|lesson| lesson.slug == name || lesson.number.to_string() == name);
    found.ok_or_else(|| format!("no lesson {name:?}; --list shows them"))
}
