//! The stage: what a lesson is played on.
//!
//! A lesson plays its scenes, remarks on them and checks its claims. The stage prints all of it,
//! holds every scene against the twin's, and counts the claims and those that do not hold.

#![forbid(unsafe_code)]

use std::io;
use std::time::{Duration, Instant};

use crate::frame::{Ink, Page};
use crate::lessons::Lesson;
use crate::trace::{self, Line};
use crate::twin::Twin;

/// Said where the twin cannot be run.
const RECORDED: &str = "as recorded: no python3 of at least 3.11 was found here";

/// Where one lesson is played.
pub(crate) struct Stage<'a> {
    page: &'a Page,
    twin: Twin,
    agrees: bool,
    tally: Tally,
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
    /// How long it took.
    pub(crate) took: Duration,
    lines: Vec<Line>,
    asides: Vec<String>,
}

impl<T> Scene<T> {
    /// Exactly these lines were said, in this order.
    pub(crate) fn is(&self, lines: &[&str]) -> bool {
        self.lines.iter().map(|line| line.text.as_str()).eq(lines.iter().copied())
    }

    /// How many lines begin so.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        self.lines.iter().filter(|line| line.text.starts_with(beginning)).count()
    }

    /// Both lines were said, `first` before `second`.
    pub(crate) fn before(&self, first: &str, second: &str) -> bool {
        let place = |text| self.lines.iter().position(|line| line.text == text);
        matches!((place(first), place(second)), (Some(first), Some(second)) if first < second)
    }

    /// Both lines were said, `second` right after `first`.
    pub(crate) fn right_after(&self, first: &str, second: &str) -> bool {
        self.lines.windows(2).any(|pair| pair[0].text == first && pair[1].text == second)
    }

    /// Exactly these are the asides of the twin: what is true of asyncio alone.
    pub(crate) fn asyncio_alone(&self, asides: &[&str]) -> bool {
        self.asides == asides
    }
}

/// Plays a lesson from its title to its last check, beside `python`, the version found here.
pub(crate) fn play(lesson: &Lesson, page: &Page, python: Option<&str>) -> Tally {
    page.gap();
    page.rule();
    page.line(Ink::Strong, &format!("Lesson {}: {}", lesson.number, lesson.title));
    page.hanging(Ink::Faint, "from     ", lesson.passage);
    page.hanging(Ink::Faint, "made by  ", &lesson.sources.join(", "));

    let (twin, source) = match python.and_then(|_| Twin::run(lesson.twin.program)).zip(python) {
        Some((running, version)) => (running, format!("asyncio (Python {version})")),
        None => (Twin::recall(lesson.twin.recorded), format!("asyncio, {RECORDED}")),
    };
    let mut stage = Stage { page, twin, agrees: true, tally: Tally::default() };
    if let Err(error) = (lesson.play)(&mut stage) {
        stage.check(&format!("the lesson can be played: {error}"), false);
    }
    while let Some(scene) = stage.twin.scene() {
        stage.differs(&format!("asyncio has another scene, `{}`", scene.label));
    }
    if let Err(how) = stage.twin.end() {
        stage.differs(&format!("asyncio said all its lines, but {how}"));
    }
    stage.check(&format!("the same lines in the same order as {source}"), stage.agrees);
    stage.tally
}

impl Stage<'_> {
    /// Plays a scene: here, while the twin plays its own.
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
        trace::take();
        let began = Instant::now();
        let value = play();
        let took = began.elapsed();
        let lines = trace::take();
        self.page.gap();
        self.page.hanging(Ink::Strong, &format!("The {label}: "), what);
        self.page.line(Ink::Faint, "  here ms   asyncio ms");
        let asides = self.show(label, began, &lines);
        self.page.gap();
        Ok(Scene { value: value?, took, lines, asides })
    }

    /// What happened, in a sentence or two.
    pub(crate) fn why(&self, text: &str) {
        self.page.hanging(Ink::Strong, "why      ", text);
    }

    /// Where Rust, or this crate, differs from Python by nature.
    pub(crate) fn by_nature(&self, text: &str) {
        self.page.hanging(Ink::Strong, "here     ", text);
    }

    /// Where the source document errs.
    pub(crate) fn slip(&self, text: &str) {
        self.page.hanging(Ink::Strong, "(!)      ", text);
    }

    /// What was measured, or how the scene departs from the document's.
    pub(crate) fn note(&self, text: &str) {
        self.page.hanging(Ink::Strong, "note     ", text);
    }

    /// What the program itself printed.
    pub(crate) fn quote(&self, text: &str) {
        self.page.hanging(Ink::Plain, "         ", text);
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

    /// Prints a scene's lines beside the twin's, and notes where they part. Returns the twin's asides.
    fn show(&mut self, label: &str, began: Instant, lines: &[Line]) -> Vec<String> {
        let Some(twin) = self.twin.scene() else {
            lines.iter().for_each(|line| self.row(&since(began, line), "-", &line.text));
            self.differs("asyncio has no such scene, or did not end in time");
            return Vec::new();
        };
        for (index, line) in lines.iter().enumerate() {
            let theirs = twin.lines.get(index).filter(|theirs| theirs.text == line.text);
            let time = match (twin.began, theirs) {
                (Some(began), Some(theirs)) => since(began, theirs),
                _ => "-".into(),
            };
            self.row(&since(began, line), &time, &line.text);
        }
        if twin.label != label {
            self.differs(&format!("asyncio plays `{}` here", twin.label));
        }
        let texts = |lines: &[Line]| lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
        if texts(lines) != texts(&twin.lines) {
            self.differs(&format!("asyncio says: {}", texts(&twin.lines).join(" / ")));
        }
        for aside in &twin.asides {
            self.page.hanging(Ink::Faint, "  asyncio alone: ", aside);
        }
        twin.asides
    }

    fn row(&self, here: &str, asyncio: &str, text: &str) {
        self.page.hanging(Ink::Faint, &format!("  {here:>7}   {asyncio:>10}   "), text);
    }

    fn differs(&mut self, how: &str) {
        self.agrees = false;
        self.page.hanging(Ink::Bad, "differs  ", how);
    }
}

/// Milliseconds from `began` until `line` was said.
fn since(began: Instant, line: &Line) -> String {
    match line.at {
        Some(at) => at.saturating_duration_since(began).as_millis().to_string(),
        None => "-".into(),
    }
}
