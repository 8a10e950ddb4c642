//! [`Loops`]: the loops of this process that can be asked, and what they say together.

#![forbid(unsafe_code)]

use std::fmt::Write;
use std::io;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::{env, process};

use super::looped::{EVERY, Looped};
use super::source::{Form, Source, Topic};
use crate::executor::primitives::{Condvar, Mutex, MutexGuard, wait_timeout};
use crate::insight::json::{self, Object, Value};

/// The loops of this process, by number. They stay in the order in which they came.
#[derive(Default)]
pub(super) struct Loops {
    list: Mutex<List>,
    ended: Condvar,
}

#[derive(Default)]
struct List {
    last: u64,
    loops: Vec<Looped>,
    page: Vec<(u64, String)>,
    is_ended: bool,
}

/// JSON that was written elsewhere.
struct Written(String);

impl Value for Written {
    fn write(&self, text: &mut String) {
        text.push_str(&self.0);
    }
}

impl Loops {
    /// Nothing panics under the lock.
    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a loop. Gives its number.
    pub(super) fn add(&self, name: Option<String>, source: Arc<dyn Source>) -> u64 {
        let mut list = self.lock();
        list.last += 1;
        let number = list.last;
        list.loops.push(Looped::new(number, name, source));
        number
    }

    /// `url` leads to a page that shows the loops. It goes with the loop of this number.
    pub(super) fn add_page(&self, number: u64, url: String) {
        self.lock().page.push((number, url));
    }

    /// Gives back what is to be dropped without the lock, and whether a loop is left.
    pub(super) fn remove(&self, number: u64) -> (Vec<Arc<dyn Source>>, bool) {
        let mut list = self.lock();
        list.page.retain(|(of, _)| *of != number);
        let loops = std::mem::take(&mut list.loops);
        let (gone, left): (Vec<_>, _) = loops.into_iter().partition(|it| it.number == number);
        list.loops = left;
        (gone.into_iter().map(|it| it.source).collect(), !list.loops.is_empty())
    }

    /// The loops that a question is about, as they stand now.
    fn asked(&self, number: Option<u64>) -> Result<Vec<Looped>, String> {
        let mut list = self.lock();
        list.loops.iter_mut().for_each(Looped::read);
        let is_asked = |it: &&Looped| number.is_none_or(|number| number == it.number);
        let found: Vec<_> = list.loops.iter().filter(is_asked).cloned().collect();
        match number {
            Some(number) if found.is_empty() => Err(format!("there is no loop {number} here")),
            _ => Ok(found),
        }
    }

    /// The address of a page, if there is one.
    pub(super) fn page(&self) -> Option<String> {
        self.lock().page.first().map(|(_, url)| url.clone())
    }

    /// Which loops there are, and what each does.
    pub(super) fn overview(&self, form: Form, number: Option<u64>) -> Result<String, String> {
        let loops = self.asked(number)?;
        let lines = || loops.iter().map(|it| format!("{}: {}\n", it.title(), it.told()));
        Ok(match form {
            Form::Text => lines().collect(),
            Form::Json => self.document(&loops, |_, _| {}),
        })
    }

    /// What the loops say to a question.
    pub(super) fn tell(
        &self,
        topic: Topic,
        form: Form,
        number: Option<u64>,
    ) -> Result<String, String> {
        let key = match topic {
            Topic::Metrics => "metrics",
            Topic::Dump => "dump",
        };
        self.collect(key, form, number, |it| it.source.tell(topic, form))
    }

    /// The turns that took too long.
    pub(super) fn stalls(&self, form: Form, number: Option<u64>) -> Result<String, String> {
        self.collect("stalls", form, number, |it| Ok(it.stalls(form)))
    }

    /// The tasks that can never go on.
    pub(super) fn deadlocks(&self, form: Form, number: Option<u64>) -> Result<String, String> {
        self.collect("deadlocks", form, number, |it| {
            let lines = it.source.stuck()?;
            Ok(match form {
                Form::Json => json::array(|array| {
                    for line in &lines {
                        array.item(line);
                    }
                }),
                Form::Text if lines.is_empty() => "none".to_owned(),
                Form::Text => lines.join("\n"),
            })
        })
    }

    fn collect(
        &self,
        key: &str,
        form: Form,
        number: Option<u64>,
        tell: impl Fn(&Looped) -> Result<String, String>,
    ) -> Result<String, String> {
        let loops = self.asked(number)?;
        if form == Form::Json {
            return Ok(self.document(&loops, |it, object| {
                match tell(it) {
                    Ok(told) => object.field(key, Written(told)),
                    Err(why) => object.field(key, None::<&str>).field("why_not", why),
                };
            }));
        }
        let mut text = String::new();
        for it in &loops {
            let told = tell(it).unwrap_or_else(|why| why);
            let _ = write!(text, "{}: {}\n{}\n", it.title(), it.told(), told.trim_end());
        }
        Ok(text)
    }

    /// The timeline of a loop; without a number, of the first that keeps one.
    pub(super) fn trace(&self, number: Option<u64>) -> Result<String, String> {
        let loops = self.asked(number)?;
        let mut told = loops.iter().map(|it| it.source.trace());
        let first = told.next().unwrap_or_else(|| Err("there is no loop here".into()));
        first.or_else(|why| told.find_map(Result::ok).ok_or(why))
    }

    /// What the page shows of each loop, but for its tasks.
    pub(super) fn state(&self) -> Result<String, String> {
        Ok(self.document(&self.asked(None)?, |it, object| {
            let metrics = it.source.tell(Topic::Metrics, Form::Json).ok().map(Written);
            object.field("metrics", metrics).field("stalls", Written(it.stalls(Form::Json)));
        }))
    }

    fn document(&self, loops: &[Looped], more: impl Fn(&Looped, &mut Object<'_>)) -> String {
        let page = self.page();
        json::object(|document| {
            document.field("pid", process::id()).field("program", program()).field("page", page);
            document.array("loops", |array| {
                for it in loops {
                    array.object(|object| {
                        it.write(object);
                        more(it, object);
                    });
                }
            });
        })
    }

    /// Reads each loop again and again.
    fn watch(&self) {
        let mut list = self.lock();
        while !list.is_ended {
            list.loops.iter_mut().for_each(Looped::read);
            list = wait_timeout(&self.ended, &self.list, list, Some(EVERY)).0;
        }
    }
}

/// The name of the program's file.
fn program() -> String {
    let path = env::current_exe().ok().or_else(|| env::args_os().next().map(Into::into));
    let name = path.as_ref().and_then(|path| path.file_name());
    name.map_or_else(|| "?".into(), |name| name.to_string_lossy().into_owned())
}

/// The thread that reads the loops, until this is dropped.
pub(super) struct Watching {
    loops: Arc<Loops>,
    thread: Option<JoinHandle<()>>,
}

impl Watching {
    pub(super) fn start(loops: &Arc<Loops>) -> io::Result<Self> {
        let (loops, reads) = (Arc::clone(loops), Arc::clone(loops));
        let thread = thread::Builder::new().name("taketurns-inspect".into());
        Ok(Self { loops, thread: Some(thread.spawn(move || reads.watch())?) })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.loops.lock().is_ended = true;
        self.loops.ended.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
