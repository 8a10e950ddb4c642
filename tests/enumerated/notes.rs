//! What is observed of a case, and the things that note what happens to them.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::thread::{self, ThreadId};

use taketurns::JoinError;
use taketurns::task::Info;

use super::{Drops, Given, Seen};

/// What a case comes down to.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Observed {
    pub(super) polls: u32,
    pub(super) future_drops: u32,
    pub(super) seen: Vec<Seen>,
    /// Polls of the awaiting task.
    pub(super) awaiting: u32,
    /// Dropping the handle panicked.
    pub(super) hand_panicked: bool,
    /// What the reported panics have in them.
    pub(super) reports: Vec<&'static str>,
    /// Outputs and payloads that were never dropped.
    pub(super) loads_leaked: usize,
    pub(super) loads_dropped_twice: usize,
    /// Futures and loads dropped on another thread.
    pub(super) strays: u32,
    pub(super) bystanders: String,
    /// Polls of the lost tasks.
    pub(super) lost: Vec<u64>,
    /// What still holds the executor's unparker, or these notes, when all is gone.
    pub(super) holders: usize,
}

/// Observed so far; loads may have to note their drop after the scene is gone.
pub(super) struct Notes {
    home: ThreadId,
    events: Mutex<Events>,
}

#[derive(Default)]
pub(super) struct Events {
    pub(super) polls: u32,
    pub(super) future_drops: u32,
    pub(super) seen: Vec<Seen>,
    pub(super) awaiting: u32,
    pub(super) hand_panicked: bool,
    reports: Vec<&'static str>,
    /// How often each load was dropped.
    loads: Vec<u32>,
    strays: u32,
    pub(super) bystanders: Vec<&'static str>,
}

impl Events {
    /// Whether the handle gave the outcome.
    pub(super) fn gave(&self) -> bool {
        self.seen.iter().any(|seen| matches!(seen, Seen::Gave(_)))
    }
}

impl Notes {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { home: thread::current().id(), events: Mutex::default() })
    }

    pub(super) fn note<R>(&self, event: impl FnOnce(&mut Events) -> R) -> R {
        event(&mut self.events.lock().unwrap())
    }

    pub(super) fn note_drop(&self, event: impl FnOnce(&mut Events)) {
        let stray = thread::current().id() != self.home;
        self.note(|events| {
            event(events);
            events.strays += u32::from(stray);
        });
    }

    /// What the executor is told to do with failures that nobody awaits: notes them, and drops them with
    /// whatever that leads to.
    pub(super) fn report(&self, task: &Info, error: Box<dyn Error>) {
        let payload = error.downcast::<JoinError>().ok().and_then(|error| error.into_panic().ok());
        let load = payload.and_then(|payload| payload.downcast::<Load>().ok());
        let what = match &load {
            // The subject is the second that is spawned.
            Some(load) if task.id().to_string() == "#2" => load.name,
            _ => "strange",
        };
        self.note(|events| events.reports.push(what));
    }

    pub(super) fn observed(self: Arc<Self>, lost: Vec<u64>, alive: &Arc<()>) -> Observed {
        let holders = Arc::strong_count(&self) + Arc::strong_count(alive) - 2;
        self.note(|events| Observed {
            polls: events.polls,
            future_drops: events.future_drops,
            seen: std::mem::take(&mut events.seen),
            awaiting: events.awaiting,
            hand_panicked: events.hand_panicked,
            reports: std::mem::take(&mut events.reports),
            loads_leaked: events.loads.iter().filter(|&&drops| drops == 0).count(),
            loads_dropped_twice: events.loads.iter().filter(|&&drops| drops > 1).count(),
            strays: events.strays,
            bystanders: events.bystanders.join(" "),
            lost,
            holders,
        })
    }
}

/// An output or a payload, counted.
pub(super) struct Load {
    notes: Arc<Notes>,
    number: usize,
    name: &'static str,
    drops: Drops,
}

impl Load {
    pub(super) fn new(notes: &Arc<Notes>, name: &'static str, drops: Drops) -> Self {
        let number = notes.note(|events| {
            events.loads.push(0);
            events.loads.len() - 1
        });
        Self { notes: Arc::clone(notes), number, name, drops }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.notes.note_drop(|events| events.loads[self.number] += 1);
        self.drops.act(&self.notes, "load");
    }
}

impl Drops {
    pub(super) fn act(self, notes: &Arc<Notes>, name: &'static str) {
        match self {
            Drops::Quietly => {}
            Drops::Panicking => panic_any(Load::new(notes, name, Drops::Quietly)),
            Drops::PanickingTwice => panic_any(Load::new(notes, name, Drops::Panicking)),
        }
    }
}

/// Every panic here is with a [`Load`]; others are printed as ever.
pub(super) fn silence_known_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<Load>() {
            print(info);
        }
    }));
}

/// Drops `value`, and what its drop panics with, to the last payload; whether it panicked.
pub(super) fn drop_in_hand<T>(value: T) -> bool {
    let mut dropped = catch_unwind(AssertUnwindSafe(|| drop(value)));
    let panicked = dropped.is_err();
    while let Err(payload) = dropped {
        dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    }
    panicked
}

/// The waker of whoever polls a handle by hand: wakes nobody, and counts it.
pub(super) struct Foreign {
    notes: Arc<Notes>,
    panics: bool,
}

impl Foreign {
    pub(super) fn new(notes: &Arc<Notes>, panics: bool) -> Arc<Self> {
        Arc::new(Self { notes: Arc::clone(notes), panics })
    }
}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        self.notes.note(|events| events.seen.push(Seen::Woken));
        if self.panics {
            panic_any(Load::new(&self.notes, "waker", Drops::Quietly));
        }
    }
}

impl Given {
    pub(super) fn of(result: Result<Load, JoinError>) -> Self {
        let (given, load) = match result {
            Ok(load) => (Given::Output, Some(load)),
            Err(error) if error.is_cancelled() => (Given::Cancelled, None),
            Err(error) if error.is_shutdown() => (Given::Shutdown, None),
            Err(error) => {
                let load = *error.into_panic().unwrap().downcast::<Load>().unwrap();
                (Given::Panicked(load.name), Some(load))
            }
        };
        drop_in_hand(load);
        given
    }

    /// As much as a reference tells.
    pub(super) fn shown(result: &Result<Load, JoinError>) -> Self {
        match result {
            Ok(_) => Given::Output,
            Err(error) if error.is_cancelled() => Given::Cancelled,
            Err(error) if error.is_shutdown() => Given::Shutdown,
            Err(_) => Given::Panicked("unread"),
        }
    }
}
