//! The tour: what goes wrong in cooperative code and what puts it right, run for real.
//!
//! ```text
//! cargo run --release --example tour                   # every lesson
//! cargo run --release --example tour -- starvation 16  # some of them
//! cargo run --release --example tour -- --list
//! ```
//!
//! Each lesson plays a program here and in Python's asyncio, and compares what the running tasks said, line by
//! line. docs/lessons.md says where the lessons come from.
//!
//! # Layout
//!
//! 1. `main.rs`: the bound on each lesson, the summary; `arguments.rs`.
//! 2. `lessons/`: one file a lesson; `mod.rs` lists them.
//! 3. `stage.rs`: what a lesson is played on: its program, scenes, remarks, checks.
//! 4. `trace.rs`: what the running tasks said, and when; `lane.rs`: whose turn it was; `chart.rs`: both, drawn.
//! 5. `exercise.rs` and `breaks/`: what to break in this crate, and what turns red then.
//! 6. `twin.rs` and `twins/`: the same programs in asyncio, run as child processes.
//! 7. `http.rs`: enough HTTP/1.1 for the lessons on blocking work; `child.rs`: this program again, as a child process;
//!    `compiled.rs`: what the compiler says of a type.
//!    `report.rs`: what a watchdog tells of a task; `socket.rs`: what another program is told.
//! 8. `timeline.rs`: what the loops did, as pages of their own (`--timeline`).
//! 9. `frame.rs`: the page, 80 columns wide.

#![forbid(unsafe_code)]

mod arguments;
mod chart;
mod child;
mod compiled;
mod exercise;
mod frame;
mod http;
mod lane;
mod lessons;
mod report;
mod socket;
mod stage;
mod timeline;
mod trace;
mod twin;

use std::env;
use std::io::{self, BufRead};
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use arguments::{Plan, Request};
use frame::{Ink, Page};
use lessons::{CHAPTERS, Lesson};
use stage::Tally;
use timeline::Album;

const INTRO: &str = "Each lesson shows the lines of a program that matter, and plays it. `say!` prints a row. \
    Each task has a column, filled while the task has its turn; `spawn_named` spawns a task whose column has \
    a name. The same program for Python's asyncio runs beside it. Where times matter they are printed for \
    both, in milliseconds: by virtual clocks, so that only sleeps take time, unless the lesson says that its times are real.";

/// No lesson takes a tenth of this; longer than a twin may take.
const BOUND: Duration = Duration::from_secs(150);

fn main() -> ExitCode {
    if let Some(part) = child::part() {
        child::play(part);
        return ExitCode::SUCCESS;
    }
    let arguments = env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let page = Page::stdout();
    let code = match arguments::parse(arguments) {
        Ok(Request::Help) => {
            arguments::HELP.lines().for_each(|line| page.line(Ink::Plain, line));
            ExitCode::SUCCESS
        }
        Ok(Request::List) => {
            list(&page);
            ExitCode::SUCCESS
        }
        Ok(Request::Break(lesson)) => {
            exercise::print(lesson, &page);
            ExitCode::SUCCESS
        }
        Ok(Request::Play(plan)) => play(&page, &plan),
        Err(problem) => {
            eprintln!("tour: {problem}");
            ExitCode::from(2)
        }
    };
    match page.broken() {
        // The reader has what it wanted (`tour | head`).
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Some(error) => {
            eprintln!("tour: cannot write: {error}");
            ExitCode::FAILURE
        }
        None => code,
    }
}

fn list(page: &Page) {
    for chapter in CHAPTERS {
        page.gap();
        page.line(Ink::Strong, chapter.title);
        for Lesson { number, slug, title, .. } in chapter.lessons {
            page.line(Ink::Plain, &format!("  {number:>2}  {slug:<18}  {title}"));
        }
    }
    page.gap();
    page.line(Ink::Plain, "(The numbers to 32 are rows of docs/lessons.md.)");
}

fn play(page: &Page, plan: &Plan) -> ExitCode {
    let began = Instant::now();
    page.line(Ink::Strong, "taketurns: the tour");
    page.gap();
    page.hanging(Ink::Plain, "", INTRO);
    let g = page.glyphs();
    page.gap();
    page.line(
        Ink::Plain,
        &format!(
            "  {} has its turn   {} waits   {} had no turn yet   {} dropped",
            g.turn, g.waits, g.queued, g.dropped
        ),
    );
    page.line(Ink::Plain, "  blank: has ended, is not spawned yet, or is no part of this run");
    let python = twin::python();
    let mut album = match plan.timeline.as_deref().map(Album::begin).transpose() {
        Ok(album) => album,
        Err(error) => return cannot_write(&error),
    };
    let mut played = Vec::new();
    for (index, lesson) in plan.lessons.iter().enumerate() {
        let (tally, scenes) = bounded(lesson, || stage::play(lesson, page, python.as_deref()));
        if let Some(Err(error)) = album.as_mut().map(|album| album.add(lesson, &scenes)) {
            return cannot_write(&error);
        }
        played.push((*lesson, tally));
        let last = index + 1 == plan.lessons.len();
        if page.is_broken() || (plan.step && !last && !goes_on(page)) {
            break;
        }
    }
    let code = summary(page, &played, began.elapsed());
    match album.map(Album::finish).transpose() {
        Ok(index) => {
            let told = |index: PathBuf| format!("their timelines: {}", index.display());
            index.map(told).into_iter().for_each(|line| page.line(Ink::Plain, &line));
            code
        }
        Err(error) => cannot_write(&error),
    }
}

fn cannot_write(error: &io::Error) -> ExitCode {
    eprintln!("tour: cannot write the timelines: {error}");
    ExitCode::FAILURE
}

/// Waits for Enter; `false` after a `q`. Where the input has ended, goes on at once.
fn goes_on(page: &Page) -> bool {
    page.gap();
    page.line(Ink::Strong, "Enter: the next lesson    q and Enter: the summary");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_err() || !answer.trim().eq_ignore_ascii_case("q")
}

/// What each lesson comes to, in a line.
fn summary(page: &Page, played: &[(&Lesson, Tally)], took: Duration) -> ExitCode {
    page.gap();
    page.rule();
    for chapter in CHAPTERS {
        let of_it = |slug| chapter.lessons.iter().any(|lesson| lesson.slug == slug);
        let mut lessons = played.iter().filter(|(lesson, _)| of_it(lesson.slug)).peekable();
        if lessons.peek().is_some() {
            page.line(Ink::Faint, chapter.title);
        }
        for (lesson, tally) in lessons {
            let (ink, outcome) =
                if tally.failed == 0 { (Ink::Good, "ok  ") } else { (Ink::Bad, "FAIL") };
            let rest = format!("  {:>2}  {:<18}  {}", lesson.number, lesson.slug, lesson.moral);
            page.mixed(&[(ink, outcome), (Ink::Plain, &rest)]);
        }
    }
    page.gap();
    let checks: usize = played.iter().map(|(_, tally)| tally.checks).sum();
    let failed: usize = played.iter().map(|(_, tally)| tally.failed).sum();
    let lessons = played.len();
    let plural = if lessons == 1 { "" } else { "s" };
    let (ink, outcome, code) = match failed {
        0 => (Ink::Good, format!("{checks} checks, all hold"), ExitCode::SUCCESS),
        _ => (Ink::Bad, format!("{failed} of {checks} checks FAILED"), ExitCode::FAILURE),
    };
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
