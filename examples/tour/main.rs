//! The tour: what goes wrong in cooperative code and what puts it right, run for real.
//!
//! ```text
//! cargo run --release --example tour            # every lesson
//! cargo run --release --example tour -- 15 16   # some of them
//! cargo run --release --example tour -- --list
//! ```
//!
//! Each lesson takes a passage of the source documents, which describe Python's asyncio, plays the
//! same program here and in asyncio, and compares what the running tasks said, line by line.
//!
//! # Layout
//!
//! 1. `main.rs`: the arguments, the bound on each lesson, the verdict.
//! 2. `lessons/`: one file a lesson; `mod.rs` lists them.
//! 3. `stage.rs`: what a lesson is played on: scenes, remarks, checks.
//! 4. `trace.rs`: what the running tasks said, and when.
//! 5. `twin.rs` and `twins/`: the same programs in asyncio, run as child processes.
//! 6. `http.rs`: enough HTTP/1.1 for lessons 20 and 21.
//! 7. `frame.rs`: the page, 80 columns wide.

#![forbid(unsafe_code)]

mod frame;
mod http;
mod lessons;
mod stage;
mod trace;
mod twin;

use std::env;
use std::process::{self, ExitCode};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use frame::{Ink, Page};
use lessons::{LESSONS, Lesson};
use stage::Tally;

const HELP: &str = "\
The tour of taketurns: what goes wrong in cooperative code, and what puts it
right, run here and in Python's asyncio.

Usage: tour [LESSON...]      play these lessons, or all
       tour --list           list the lessons
       tour --help           show this

With cargo: cargo run --release --example tour -- 15 16

Exit code: 0 when every claim holds, 1 when one does not, 2 for a wrong
argument. Colour only on a terminal, and never with NO_COLOR set.";

const INTRO: &str = "Each lesson plays a program and shows what its running tasks said, and after \
    how many milliseconds: here, and in the same program for Python's asyncio. Waits are \
    scaled down: mostly 0.1 s or less where the source documents have 1 s.";

/// No lesson takes a tenth of this; longer than a twin may take.
const BOUND: Duration = Duration::from_secs(150);

fn main() -> ExitCode {
    let arguments: Vec<String> =
        env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let page = Page::stdout();
    match parse(&arguments) {
        Ok(Request::Help) => {
            HELP.lines().for_each(|line| page.line(Ink::Plain, line));
            ExitCode::SUCCESS
        }
        Ok(Request::List) => {
            LESSONS.iter().for_each(|lesson| list(&page, lesson));
            ExitCode::SUCCESS
        }
        Ok(Request::Play(lessons)) => play(&page, &lessons),
        Err(problem) => {
            eprintln!("tour: {problem}");
            ExitCode::from(2)
        }
    }
}

enum Request {
    Help,
    List,
    Play(Vec<&'static Lesson>),
}

fn parse(arguments: &[String]) -> Result<Request, String> {
    let mut lessons: Vec<&Lesson> = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--list" | "-l" => return Ok(Request::List),
            option if option.starts_with('-') => {
                return Err(format!("unknown option {option:?}; `tour --help` shows them"));
            }
            number => {
                let found = LESSONS.iter().find(|lesson| lesson.number.to_string() == number);
                let Some(lesson) = found else {
                    return Err(format!("no lesson {number:?}; `tour --list` shows them"));
                };
                if lessons.iter().all(|chosen| chosen.number != lesson.number) {
                    lessons.push(lesson);
                }
            }
        }
    }
    if lessons.is_empty() {
        lessons.extend(LESSONS);
    }
    Ok(Request::Play(lessons))
}

fn list(page: &Page, lesson: &Lesson) {
    page.hanging(Ink::Strong, &format!("{:>4}  ", lesson.number), lesson.title);
}

fn play(page: &Page, lessons: &[&'static Lesson]) -> ExitCode {
    let began = Instant::now();
    page.line(Ink::Strong, "taketurns: the tour");
    page.hanging(Ink::Plain, "", INTRO);
    let python = twin::python();
    let mut sum = Tally::default();
    for lesson in lessons {
        let Tally { checks, failed } =
            bounded(lesson, || stage::play(lesson, page, python.as_deref()));
        sum.checks += checks;
        sum.failed += failed;
    }
    verdict(page, lessons.len(), sum, began.elapsed())
}

fn verdict(page: &Page, lessons: usize, sum: Tally, took: Duration) -> ExitCode {
    let Tally { checks, failed } = sum;
    let plural = if lessons == 1 { "" } else { "s" };
    let (ink, outcome, code) = match failed {
        0 => (Ink::Good, format!("{checks} checks, all hold"), ExitCode::SUCCESS),
        _ => (Ink::Bad, format!("{failed} of {checks} checks FAILED"), ExitCode::FAILURE),
    };
    page.gap();
    page.rule();
    page.line(ink, &format!("{lessons} lesson{plural}, {outcome} ({:.1} s)", took.as_secs_f64()));
    code
}

/// Ends the program when a lesson does not end, so that nothing hangs.
fn bounded<T>(lesson: &'static Lesson, play: impl FnOnce() -> T) -> T {
    let (playing, ended) = mpsc::channel::<()>();
    let guard = thread::spawn(move || {
        if ended.recv_timeout(BOUND) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("tour: lesson {} did not end within {BOUND:?}", lesson.number);
            process::exit(1);
        }
    });
    let result = play();
    drop(playing);
    let _ = guard.join();
    result
}
