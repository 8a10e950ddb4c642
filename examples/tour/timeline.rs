//! `--timeline DIR`: a page for each scene, which shows what its loop did, and an index of them.
//!
//! A lesson runs its loops by [`block_on`] and [`Recorded`], which record if that was asked for.

#![forbid(unsafe_code)]

use std::fmt::Write;
use std::fs;
use std::future::Future;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use taketurns::insight::Trace;
use taketurns::{Builder, ExitReport, Handle, Runtime};

use crate::lessons::Lesson;

/// `None`: nothing is recorded.
static RECORDED: Mutex<Option<Vec<Trace>>> = Mutex::new(None);

/// How many events of a loop are kept.
const EVENTS: usize = 50_000;

fn recorded() -> MutexGuard<'static, Option<Vec<Trace>>> {
    RECORDED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A builder of a runtime that is recorded.
pub(crate) fn builder() -> Builder {
    let events = if recorded().is_some() { EVENTS } else { 0 };
    Builder::new().trace(events)
}

/// As [`taketurns::block_on`].
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = builder().build().expect("the system has descriptors");
    Recorded::from(runtime).block_on(future)
}

/// A runtime whose timeline is kept when it ends.
pub(crate) struct Recorded(Option<Runtime>);

impl From<Runtime> for Recorded {
    fn from(runtime: Runtime) -> Recorded {
        Recorded(Some(runtime))
    }
}

impl Recorded {
    /// As [`Runtime::shutdown`].
    pub(crate) fn shutdown(mut self) -> ExitReport {
        let runtime = self.0.take().expect("it ends when it is dropped");
        let handle = runtime.handle();
        let report = runtime.shutdown();
        keep(&handle);
        report
    }
}

impl Deref for Recorded {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("it ends when it is dropped")
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            let handle = runtime.handle();
            drop(runtime); // the tasks that it still has are lost
            keep(&handle);
        }
    }
}

/// Keeps the timeline of a loop, if it is recorded.
pub(crate) fn keep(handle: &Handle) {
    if let (Some(all), Some(trace)) = (&mut *recorded(), handle.trace()) {
        all.push(trace);
    }
}

/// The timelines since the last call.
pub(crate) fn take() -> Vec<Trace> {
    recorded().as_mut().map(std::mem::take).unwrap_or_default()
}

/// The loops of a lesson, each with the label of its scene.
pub(crate) type Scenes = Vec<(String, Trace)>;

/// The timelines of the lessons, as files of one folder.
pub(crate) struct Album<'a> {
    folder: &'a Path,
    index: String,
}

impl<'a> Album<'a> {
    /// From now on loops are recorded.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub(crate) fn begin(folder: &'a Path) -> io::Result<Album<'a>> {
        fs::create_dir_all(folder)?;
        *recorded() = Some(Vec::new());
        Ok(Album { folder, index: String::from(HEAD) })
    }

    /// Writes the pages of a lesson.
    ///
    /// # Errors
    ///
    /// When one cannot be written.
    pub(crate) fn add(&mut self, lesson: &Lesson, scenes: &Scenes) -> io::Result<()> {
        let Lesson { number, slug, title, moral, .. } = lesson;
        if let Some(chapter) = lesson.opens() {
            let _ = write!(self.index, "<h2>{}</h2>", escaped(chapter.title));
        }
        let _ =
            write!(self.index, "<h3>{number} {}</h3><p>{}</p><ul>", escaped(title), escaped(moral));
        for (place, (label, trace)) in scenes.iter().enumerate() {
            let file = match place {
                0 => format!("{slug}.html"),
                _ => format!("{slug}-{}.html", place + 1),
            };
            fs::write(self.folder.join(&file), trace.to_html())?;
            let (events, label) = (trace.events().len(), escaped(label));
            let _ = write!(self.index, "<li><a href=\"{file}\">{label}</a>, {events} events");
        }
        self.index.push_str("</ul>");
        Ok(())
    }

    /// Writes the index, and gives its path.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn finish(self) -> io::Result<PathBuf> {
        let path = self.folder.join("index.html");
        fs::write(&path, self.index)?;
        Ok(path)
    }
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><title>taketurns: timelines of the tour</title>\
    <style>:root { color-scheme: light dark } body { font: 16px/1.5 system-ui, sans-serif; max-width: 45em; \
    margin: 1em auto; padding: 0 1em } h3 { margin-bottom: 0 } p, ul { margin: 0.2em 0 }</style>\
    <h1>Timelines of the tour</h1><p>What the loops of each scene did: a lane for each task. \
    A lesson without a page here has its loops on other threads, or in other processes.</p>";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
