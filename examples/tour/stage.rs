//! The stage: what a lesson is played on.
//!
//! A lesson plays its scenes, remarks on them and checks its claims. The stage prints all of it,
//! compares every scene with the twin's, and counts the claims and those that do not hold.

#![forbid(unsafe_code)]

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::chart;
use crate::frame::{Ink, Page, WIDTH};
use crate::lane::panic_text;
use crate::lessons::Lesson;
use crate::timeline::{self, Scenes};
use crate::trace::{self, Line};
use crate::twin::{self, Twin};

/// Said where the twin cannot be run.
const RECORDED: &str = "as recorded: no python3 of at least 3.11 was found here";

/// Where one lesson is played.
pub(crate) struct Stage<'a> {
    page: &'a Page,
    twin: Twin,
    agrees: bool,
    tally: Tally,
    scenes: Scenes,
}

/// How many claims were checked, and how many of them failed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) checks: usize,
    pub(crate) failed: usize,
}

/// What happened in a scene.
pub(crate) struct Scene<T> {
    /// What the scene returned.
    pub(crate) value: T,
    /// How long it took, by its virtual clock if it had one.
    pub(crate) took: Duration,
    lines: Vec<String>,
    twin: Vec<Line>,
    asides: Vec<String>,
}

impl<T> Scene<T> {
    /// Exactly these lines were said, in this order.
    pub(crate) fn is(&self, lines: &[&str]) -> bool {
        self.lines == lines
    }

    /// How many lines begin so.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        self.lines.iter().filter(|line| line.starts_with(beginning)).count()
    }

    /// Both lines were said, `first` before `second`.
    pub(crate) fn before(&self, first: &str, second: &str) -> bool {
        let place = |text| self.lines.iter().position(|line| line == text);
        matches!((place(first), place(second)), (Some(first), Some(second)) if first < second)
    }

    /// Both lines were said, `second` right after `first`.
    pub(crate) fn right_after(&self, first: &str, second: &str) -> bool {
        self.lines.windows(2).any(|pair| pair[0] == first && pair[1] == second)
    }

    /// When the twin said the line, by its virtual clock.
    pub(crate) fn asyncio_at(&self, text: &str) -> Option<Duration> {
        self.twin.iter().find(|line| line.text == text)?.virtually
    }

    /// Exactly these are the asides of the twin: what is true of asyncio alone.
    pub(crate) fn asyncio_alone(&self, asides: &[&str]) -> bool {
        self.asides == asides
    }
}

/// Plays a lesson from its title to its last check, beside `python`, the version found here. Whatever the lesson
/// does, the tour goes on. Gives the timelines too, if they are recorded.
pub(crate) fn play(lesson: &Lesson, page: &Page, python: Option<&str>) -> (Tally, Scenes) {
    head(lesson, page);
    let (twin, source) = match python.and_then(|_| Twin::run(lesson.twin.program)).zip(python) {
        Some((running, version)) => (running, format!("asyncio (Python {version})")),
        None => (Twin::recall(lesson.twin.recorded), format!("asyncio, {RECORDED}")),
    };
    let mut stage = Stage { page, twin, agrees: true, tally: Tally::default(), scenes: Vec::new() };
    let played = catch_unwind(AssertUnwindSafe(|| (lesson.play)(&mut stage)));
    let failure = match played {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(payload) => Some(format!("it panicked, {}", panic_text(&*payload))),
    };
    match failure {
        None => {
            while let Some(scene) = stage.twin.scene() {
                stage.differs(&format!("asyncio has another scene, `{}`", scene.label));
            }
            if let Err(how) = stage.twin.end() {
                stage.differs(&format!("asyncio said all its lines, but {how}"));
            }
            stage.check(&format!("the same lines in the same order as {source}"), stage.agrees);
        }
        Some(cause) => stage.check(&format!("the lesson can be played: {cause}"), false),
    }
    page.gap();
    let next = &lesson.next;
    page.hanging(
        Ink::Strong,
        "read on  ",
        &format!("{}, `{}`: {}", next.file, next.item, next.why),
    );
    let change = lesson.exercise.change();
    page.hanging(Ink::Strong, "break it ", change);
    page.hanging(Ink::Plain, "         ", "What turns red? At the root of the repository:");
    let answer = format!("cargo run --release --example tour -- --break {}", lesson.slug);
    page.hanging(Ink::Plain, "         ", &answer);
    stage.record("outside of the scenes");
    (stage.tally, stage.scenes)
}

fn head(lesson: &Lesson, page: &Page) {
    let title = format!("Lesson {}: {}", lesson.number, lesson.title);
    let room = WIDTH.saturating_sub(title.len() + lesson.slug.len()).max(1);
    page.gap();
    page.rule();
    if let Some(chapter) = lesson.opens() {
        page.line(Ink::Faint, chapter.title);
        page.gap();
    }
    page.mixed(&[
        (Ink::Strong, &title),
        (Ink::Plain, &" ".repeat(room)),
        (Ink::Faint, lesson.slug),
    ]);
    page.gap();
    let margin = format!("  {} ", page.glyphs().margin);
    for line in lesson.program() {
        page.mixed(&[(Ink::Faint, &margin), (Ink::Plain, line)]);
    }
}

impl Stage<'_> {
    /// Plays a scene in which only the order of the turns says something.
    ///
    /// # Errors
    ///
    /// Those of `play`.
    pub(crate) fn scene<T>(
        &mut self,
        label: &str,
        what: &str,
        play: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<Scene<T>> {
        self.played(label, what, false, play)
    }

    /// Plays a scene in which the times say something too.
    ///
    /// # Errors
    ///
    /// Those of `play`.
    pub(crate) fn timed_scene<T>(
        &mut self,
        label: &str,
        what: &str,
        play: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<Scene<T>> {
        self.played(label, what, true, play)
    }

    /// Plays a scene here, while the twin plays its own. What `play` said is printed though it fails.
    fn played<T>(
        &mut self,
        label: &str,
        what: &str,
        timed: bool,
        play: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<Scene<T>> {
        self.page.gap();
        self.page.hanging(Ink::Strong, &format!("The {label}: "), what);
        self.page.gap();
        trace::take();
        self.record("outside of the scenes");
        let began = Instant::now();
        let value = play();
        let took = began.elapsed();
        let trace = trace::take();
        self.record(&format!("the {label}"));
        // Of a scene that failed the twin may have no end either.
        let twin = if value.is_ok() { self.twin.scene() } else { None };
        chart::print(self.page, &trace, timed.then_some((began, twin.as_ref())));
        let lines: Vec<String> = trace.said().map(|said| said.text.clone()).collect();
        let value = value?;
        let (twin, asides) = self.compare(label, &lines, twin);
        self.page.gap();
        Ok(Scene { value, took: trace.took.unwrap_or(took), lines, twin, asides })
    }

    /// Keeps the timelines of the loops that have run since the last call.
    fn record(&mut self, label: &str) {
        self.scenes.extend(timeline::take().into_iter().map(|trace| (label.to_owned(), trace)));
    }

    /// What happened, in a sentence or two.
    pub(crate) fn why(&self, text: &str) {
        self.page.hanging(Ink::Strong, "why      ", text);
    }

    /// Where Rust, or this crate, differs from Python by nature.
    pub(crate) fn by_nature(&self, text: &str) {
        self.page.hanging(Ink::Strong, "here     ", text);
    }

    /// What is often believed and is not so.
    pub(crate) fn slip(&self, text: &str) {
        self.page.hanging(Ink::Strong, "beware   ", text);
    }

    /// What was measured, or what the scene leaves out.
    pub(crate) fn note(&self, text: &str) {
        self.page.hanging(Ink::Strong, "note     ", text);
    }

    /// What the program itself printed, as it is.
    pub(crate) fn quote(&self, text: &str) {
        self.page.gap();
        let margin = format!("  {} ", self.page.glyphs().quote);
        for line in text.lines() {
            self.page.mixed(&[(Ink::Faint, &margin), (Ink::Plain, line)]);
        }
        self.page.gap();
    }

    /// A claim of the lesson, which holds or fails the tour.
    pub(crate) fn check(&mut self, claim: &str, holds: bool) {
        self.tally.checks += 1;
        if holds {
            self.page.hanging(Ink::Good, "ok       ", claim);
        } else {
            self.tally.failed += 1;
            self.page.hanging(Ink::Bad, "FAIL     ", claim);
        }
    }

    /// Notes where the lines of a scene and those of the twin part. Returns the twin's lines and asides.
    fn compare(
        &mut self,
        label: &str,
        lines: &[String],
        twin: Option<twin::Scene>,
    ) -> (Vec<Line>, Vec<String>) {
        let Some(twin) = twin else {
            self.differs("asyncio has no such scene, or did not end in time");
            return Default::default();
        };
        if twin.label != label {
            self.differs(&format!("asyncio plays `{}` here", twin.label));
        }
        let theirs: Vec<&str> = twin.lines.iter().map(|line| line.text.as_str()).collect();
        if lines != theirs {
            self.differs(&format!("asyncio says: {}", theirs.join(" / ")));
        }
        for aside in &twin.asides {
            self.page.hanging(Ink::Faint, "   asyncio alone: ", aside);
        }
        (twin.lines, twin.asides)
    }

    fn differs(&mut self, how: &str) {
        self.agrees = false;
        self.page.hanging(Ink::Bad, "differs  ", how);
    }
}
