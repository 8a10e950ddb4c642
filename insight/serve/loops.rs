//! [`Loops`]: the loops of this process that can be asked, and what they say together.

#![forbid(unsafe_code)]

use std::panic::resume_unwind;
use std::sync::PoisonError;
use std::thread::Scope;
use std::{env, process, thread};

use super::answer::{Places, Refusal, Text};
use super::looped::{Looped, Reading};
use super::room::{self, Patience, Room, Taken};
use super::source::Asked;
use crate::executor::primitives::{Mutex, MutexGuard};
use crate::executor::shortened;
use crate::insight::Trace;
use crate::insight::json::{self, Object, Value};

/// How an answer is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    Text,
    /// For programs: one JSON value.
    Json,
}

/// What one task of a list takes while the list is made: the copy that the loop makes of it and of one thing that it waits for, and the text.
const TASK: usize = 1200;

/// What one more wait takes. A task may wait for very much at once, and so may the future of `block_on`, which is not counted as a task.
const WAIT: usize = 700;

/// The loops of this process, by number. They stay in the order in which they came.
#[derive(Default)]
pub(super) struct Loops {
    list: Mutex<List>,
    /// For the answers that may be long, to all clients.
    pub(super) room: Room,
}

#[derive(Default)]
struct List {
    last: u64,
    loops: Vec<Looped>,
    pages: Vec<String>,
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

    /// Enters a loop, or one more server of a loop that is there: then it keeps its number, and its first name. Gives the number,
    /// and what is to be dropped without a lock.
    pub(super) fn add(&self, name: Option<String>, asked: Asked) -> (u64, Option<Asked>) {
        let mut list = self.lock();
        let name = name.map(|name| shortened(&name).into_owned());
        let is_it = |it: &&mut Looped| it.asked.0.identity() == asked.0.identity();
        if let Some(found) = list.loops.iter_mut().find(is_it) {
            found.servers += 1;
            found.name = found.name.take().or(name);
            return (found.number, Some(asked));
        }
        list.last += 1;
        let number = list.last;
        list.loops.push(Looped { number, name, asked, servers: 1 });
        (number, None)
    }

    /// `url` leads to a page that shows the loops.
    pub(super) fn add_page(&self, url: String) {
        self.lock().pages.push(url);
    }

    /// A server of the loop of this number is gone, and so is its page. Gives back what is to be dropped without the lock, and whether a
    /// loop is left.
    pub(super) fn remove(&self, number: u64, page: Option<&str>) -> (Option<Looped>, bool) {
        let mut list = self.lock();
        list.pages.retain(|url| Some(&**url) != page);
        let place = list.loops.iter().position(|it| it.number == number);
        let gone = place.and_then(|place| {
            list.loops[place].servers -= 1;
            (list.loops[place].servers == 0).then(|| list.loops.remove(place))
        });
        (gone, !list.loops.is_empty())
    }

    /// The loops that a question is about, as they stand now.
    pub(super) fn asked(&self, number: Option<u64>) -> Result<Vec<Reading>, String> {
        let is_asked = |it: &&Looped| number.is_none_or(|number| number == it.number);
        let found: Vec<_> = self.lock().loops.iter().filter(is_asked).cloned().collect();
        match number {
            Some(number) if found.is_empty() => Err(format!("there is no loop {number} here")),
            _ => Ok(found.iter().map(Looped::read).collect()),
        }
    }

    /// The addresses of the pages, the oldest first.
    pub(super) fn pages(&self) -> Vec<String> {
        self.lock().pages.clone()
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

    /// Their numbers.
    pub(super) fn metrics(&self, form: Form, number: Option<u64>) -> Result<Text<'_>, Refusal> {
        let loops = self.asked(number)?;
        let told = loops.iter().map(|it| match form {
            Form::Text => it.source().metrics().to_string(),
            Form::Json => it.source().metrics().to_json(),
        });
        Ok(self.joined("metrics", form, &loops, told.collect()).into())
    }

    /// Their tasks.
    pub(super) fn dump(
        &self,
        form: Form,
        number: Option<u64>,
        patience: &Patience<'_>,
    ) -> Result<Text<'_>, Refusal> {
        self.of_each_task("dump", form, number, patience, |it| match form {
            Form::Text => it.source().dump().to_string(),
            Form::Json => it.source().dump().to_json(),
        })
    }

    /// The turns that took too long.
    pub(super) fn stalls(&self, form: Form, number: Option<u64>) -> Result<Text<'_>, Refusal> {
        let loops = self.asked(number)?;
        let told = loops.iter().map(|it| match form {
            Form::Text => it.stalls(),
            Form::Json => json::object(|object| it.write_stalls(object)),
        });
        Ok(self.joined("stalls", form, &loops, told.collect()).into())
    }

    /// The deadlocks that were reported, and the tasks without a waker.
    pub(super) fn deadlocks(
        &self,
        form: Form,
        number: Option<u64>,
        patience: &Patience<'_>,
    ) -> Result<Text<'_>, Refusal> {
        self.of_each_task("deadlocks", form, number, patience, |it| match form {
            Form::Text => it.deadlocks(),
            Form::Json => json::object(|object| it.write_deadlocks(object)),
        })
    }

    /// What the loops tell of each of their tasks, made when there is room for it.
    fn of_each_task(
        &self,
        key: &str,
        form: Form,
        number: Option<u64>,
        patience: &Patience<'_>,
        tell: impl Fn(&Reading) -> String + Sync,
    ) -> Result<Text<'_>, Refusal> {
        let (loops, taken) = self.with_room(number, patience, of_tasks)?;
        let told = at_once(&loops, tell);
        Ok(Text::taking(self.joined(key, form, &loops, told), taken))
    }

    /// The loops that a question is about, as they stand when there is room for an answer that takes so much.
    fn with_room(
        &self,
        number: Option<u64>,
        patience: &Patience<'_>,
        bytes: impl FnOnce(&[Reading]) -> usize,
    ) -> Result<(Vec<Reading>, Taken<'_>), Refusal> {
        let before = self.asked(number)?;
        let taken = self.room.take(bytes(&before), patience)?;
        Ok((self.asked(number)?, taken))
    }

    /// What the loops have told, as the parts of one answer.
    fn joined(&self, key: &str, form: Form, loops: &[Reading], told: Vec<String>) -> Vec<String> {
        match form {
            Form::Json => {
                let places = Places::default();
                let document = self.document(loops, |_, object| {
                    object.field(key, &places);
                });
                places.fill(document, told)
            }
            Form::Text => {
                let parts = loops.iter().zip(told).flat_map(|(it, mut told)| {
                    told.truncate(told.trim_end().len());
                    told.push('\n');
                    [format!("{}: {}\n", it.title(), it.told()), told]
                });
                parts.collect()
            }
        }
    }

    /// The timeline of a loop; without a number, of the first that keeps one. Without a form it is a page.
    ///
    /// How long it is, is not known before it is made. It fills the room, so two are never made at once.
    pub(super) fn trace(
        &self,
        form: Option<Form>,
        number: Option<u64>,
        patience: &Patience<'_>,
    ) -> Result<Text<'_>, Refusal> {
        let (loops, taken) = self.with_room(number, patience, |_| room::MOST)?;
        let text = |trace: Trace| match form {
            None => trace.to_html(),
            Some(Form::Text) => trace.to_text(),
            Some(Form::Json) => trace.to_perfetto(),
        };
        let find = || loops.iter().find_map(|it| it.source().trace()).map(text);
        let found = thread::scope(|scope| apart(scope, &find)());
        let why = || match loops.len() {
            1 => "the loop keeps no timeline: `Builder::trace`".to_owned(),
            _ => "none of the loops keeps a timeline: `Builder::trace`".to_owned(),
        };
        let text = found.ok_or_else(why)?;
        Ok(Text::taking(vec![text], taken))
    }

    /// What the page shows of each loop, but for its tasks.
    pub(super) fn state(&self) -> Result<String, String> {
        Ok(self.document(&self.asked(None)?, |it, object| {
            object
                .field("metrics", Written(it.source().metrics().to_json()))
                .object("stalls", |object| it.write_stalls(object))
                .object("deadlocks", |object| it.write_reported(object));
        }))
    }

    fn document(
        &self,
        loops: &[Reading],
        mut more: impl FnMut(&Reading, &mut Object<'_>),
    ) -> String {
        let pages = self.pages();
        json::object(|document| {
            document.field("pid", process::id()).field("program", program());
            document.array("pages", |array| {
                for page in &pages {
                    array.item(page);
                }
            });
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
}

/// What lists of all their tasks take.
pub(super) fn of_tasks(loops: &[Reading]) -> usize {
    let of = |it: &Reading| {
        let more_waits = it.waits().saturating_sub(it.live());
        it.live().saturating_mul(TASK).saturating_add(more_waits.saturating_mul(WAIT))
    };
    loops.iter().map(of).fold(0, usize::saturating_add)
}

/// Each loop may be silent for a while. So they are asked at once: that while does not add up.
pub(super) fn at_once(loops: &[Reading], tell: impl Fn(&Reading) -> String + Sync) -> Vec<String> {
    let tell = &tell;
    thread::scope(|scope| {
        let asked: Vec<_> = loops.iter().map(|it| apart(scope, move || tell(it))).collect();
        asked.into_iter().map(|wait| wait()).collect()
    })
}

/// Makes something large on a thread of its own. Gives what waits for it.
///
/// An allocator may keep memory for each thread, and more memory behind what it keeps, until the thread ends: glibc's does. The thread
/// of a connection lives on, while the next connection makes its answer.
fn apart<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    make: impl Fn() -> T + Clone + Send + 'scope,
) -> impl FnOnce() -> T {
    let thread = thread::Builder::new().name("taketurns-inspect".into());
    let thread = thread.spawn_scoped(scope, make.clone());
    move || match thread {
        Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
        Err(_) => make(), // the system gives no more threads
    }
}

/// The name of the program's file.
fn program() -> String {
    let path = env::current_exe().ok().or_else(|| env::args_os().next().map(Into::into));
    let name = path.as_ref().and_then(|path| path.file_name());
    name.map_or_else(|| "?".into(), |name| name.to_string_lossy().into_owned())
}
