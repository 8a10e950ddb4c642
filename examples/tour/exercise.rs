//! Break it: a change to this crate that turns a check of a lesson red, as a patch in `breaks/`.

#![forbid(unsafe_code)]

use crate::frame::{Ink, Page};
use crate::lessons::Lesson;

/// A patch; its first lines say what it is, as `Change: ..`, and each check that fails, as `Red: ..`. Of a text that
/// differs from machine to machine it has the beginning, which ends in ` ..`.
pub(crate) struct Exercise(pub(crate) &'static str);

/// The [`Exercise`] of the lesson of this name.
macro_rules! exercise {
    ($slug:literal) => {
        $crate::exercise::Exercise(include_str!(concat!("../breaks/", $slug, ".patch")))
    };
}
pub(crate) use exercise;

impl Exercise {
    /// What the patch changes.
    pub(crate) fn change(&self) -> &'static str {
        self.field("Change: ")
    }

    fn field(&self, name: &str) -> &'static str {
        self.fields(name).next().expect("each patch begins with its fields")
    }

    fn fields(&self, name: &str) -> impl Iterator<Item = &'static str> {
        self.0.lines().filter_map(move |line| line.strip_prefix(name))
    }

    /// The patch itself.
    fn diff(&self) -> &'static str {
        self.0.find("--- a/").map_or("", |begin| &self.0[begin..])
    }
}

/// Prints the change, the patch, and how to apply it, see it and undo it.
pub(crate) fn print(lesson: &Lesson, page: &Page) {
    let exercise = &lesson.exercise;
    page.line(Ink::Strong, &format!("Break lesson {}, {}", lesson.number, lesson.title));
    page.gap();
    page.hanging(Ink::Plain, "", exercise.change());
    page.gap();
    let margin = format!("  {} ", page.glyphs().quote);
    for line in exercise.diff().lines() {
        let ink = match line.as_bytes().first() {
            Some(b'+') => Ink::Good,
            Some(b'-') => Ink::Bad,
            _ => Ink::Faint,
        };
        page.mixed(&[(Ink::Faint, &margin), (ink, line)]);
    }
    page.gap();
    page.line(Ink::Plain, "At the root of the repository:");
    page.gap();
    let patch = format!("examples/tour/breaks/{}.patch", lesson.slug);
    page.hanging(Ink::Strong, "apply    ", &format!("git apply {patch}"));
    page.hanging(Ink::Strong, "play     ", exercise.field("Play: "));
    for red in exercise.fields("Red: ") {
        page.hanging(Ink::Strong, "expect   ", &format!("FAIL {red}"));
    }
    page.hanging(Ink::Strong, "undo     ", &format!("git apply -R {patch}"));
}
