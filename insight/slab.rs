//! [`Slab`]: what each live task does, written down by the loop where other threads can read it.
//!
//! A loop that is stuck answers no question, so what is to be known of its tasks has to be written down before. A list behind a
//! lock would do, but then a reader could hold up the loop, and each turn would pay for the lock. So each task has a slot
//! of its own, which home writes by plain stores and any thread reads at any time. A slot is never freed or moved while
//! the slab exists: the slots are in chunks, each twice as long as the one before. After its task's end a slot serves
//! another task. So a slot counts the begins and ends of its tasks. A reader takes that number first, then the rest, then
//! the number again: if it is the same, all that was read is of one task (the technique is that of a sequence lock). The id
//! would not do in its place: each future of `block_on` has the id 0.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::executor::observe::{Cause, Observe, Seen, TurnEnd};
use crate::executor::primitives::{AtomicU64, Gauge, ordering};
use crate::executor::{Id, State};

/// As many slots has the first chunk.
const FIRST: usize = 64;
/// As many chunks as 2^32 slots need.
const CHUNKS: usize = 27;

/// For any thread.
pub(crate) struct Slab {
    chunks: [OnceLock<Box<[Slot]>>; CHUNKS],
    /// How many slots have been used.
    used: Gauge,
    /// The places in the source where tasks were spawned. A slot has the number of one.
    sites: Mutex<Vec<&'static Location<'static>>>,
}

/// What the slab says of one task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) id: Id,
    pub(crate) site: &'static Location<'static>,
    pub(crate) polls: u32,
    pub(crate) state: State,
    /// What woke it last.
    pub(crate) woken_by: Cause,
}

impl Slab {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            used: Gauge::default(),
            sites: Mutex::default(),
        })
    }

    /// What the loop has written of its tasks: of the future of `block_on`, if that runs, then of the others in no particular
    /// order. A task that comes or goes meanwhile may be missing. Each task comes once at most.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let used = usize::try_from(self.used.get()).expect("as many as places");
        let slots = (0..used).filter_map(|index| self.slot(index));
        // The sites last: those of what has been read are there by then.
        let read: Vec<Content> = slots.filter_map(Slot::read).collect();
        let sites = self.sites();
        read.iter().filter_map(|content| content.row(&sites)).collect()
    }

    fn slot(&self, index: usize) -> Option<&Slot> {
        let (chunk, place) = position(index);
        self.chunks[chunk].get()?.get(place)
    }

    /// For home alone.
    fn slot_for(&self, index: usize) -> &Slot {
        let (chunk, place) = position(index);
        let slots = self.chunks[chunk].get_or_init(|| {
            let len = FIRST << chunk;
            (0..len).map(|_| Slot::new()).collect()
        });
        self.used.set(self.used.get().max(index as u64 + 1));
        &slots[place]
    }

    /// Nothing panics under the lock, so it is never poisoned.
    fn sites(&self) -> MutexGuard<'_, Vec<&'static Location<'static>>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The chunk of a slot, and its place there. The chunks before have `FIRST * (2^chunk - 1)` slots.
fn position(index: usize) -> (usize, usize) {
    let chunk = (index / FIRST + 1).ilog2() as usize;
    (chunk, index - FIRST * ((1 << chunk) - 1))
}

/// What is known of one task, as home writes it.
pub(crate) struct Slot {
    /// How many begins and ends of tasks it has seen: odd while it has a task.
    step: AtomicU64,
    id: AtomicU64,
    /// The number of its site, and how many turns it has begun.
    story: AtomicU64,
    /// What woke it last, and how it stands.
    stands: AtomicU64,
}

/// What a reader has found in a slot, all of it of one task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Content {
    pub(crate) id: Id,
    pub(crate) story: u64,
    pub(crate) stands: u64,
}

impl Slot {
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { step: zero(), id: zero(), story: zero(), stands: zero() }
    }

    /// The slot has a task from now on.
    pub(crate) fn begin(&self, id: Id, story: u64, stands: u64) {
        self.end(); // of the task before, if that was not told
        self.write(&self.id, id.0);
        self.write(&self.story, story);
        self.write(&self.stands, stands);
        let next = self.own(&self.step) + 1;
        // Ordering: gives what was written above to `slab_read_step`.
        self.step.store(next, ordering!(slab_begin: Release));
    }

    /// Its task, if it has one, has ended.
    pub(crate) fn end(&self) {
        let next = self.own(&self.step).next_multiple_of(2);
        // Ordering: each write of the next task gives this one to the readers that see it.
        self.step.store(next, ordering!(slab_end: Relaxed));
    }

    fn has_task(&self) -> bool {
        self.own(&self.step) % 2 == 1
    }

    /// For home.
    fn own(&self, field: &AtomicU64) -> u64 {
        // Ordering: home alone writes it.
        field.load(ordering!(slab_own: Relaxed))
    }

    fn write(&self, field: &AtomicU64, value: u64) {
        // Ordering: pairs with `slab_read`: a reader that sees this sees that the task before has ended.
        field.store(value, ordering!(slab_write: Release));
    }

    /// `None` if it has no task, or another by the end of the reading.
    pub(crate) fn read(&self) -> Option<Content> {
        // Ordering: pairs with `slab_begin`.
        let step = self.step.load(ordering!(slab_read_step: Acquire));
        // Ordering: pairs with `slab_write`.
        let read = |field: &AtomicU64| field.load(ordering!(slab_read: Acquire));
        let content = Content {
            id: Id(read(&self.id)),
            story: read(&self.story),
            stands: read(&self.stands),
        };
        // Ordering: the loads above are not moved behind this one, as they acquire.
        let is_same = self.step.load(ordering!(slab_read_step_again: Relaxed)) == step;
        (is_same && step % 2 == 1).then_some(content)
    }
}

const READY: u64 = 0;
const RUNNING: u64 = 1;
const WAITING: u64 = 2;
/// The bits of how a task stands; then come three that say what kind of thing woke it, then the id of the task that did.
const STATE: u64 = 3;

/// How a task that `by` woke stands, with its state left out.
fn caused(by: Cause) -> u64 {
    let task = if let Cause::Task(id) = by { id.0 } else { 0 };
    task << 5 | by.kind() << 2
}

impl Content {
    fn row(self, sites: &[&'static Location<'static>]) -> Option<Row> {
        Some(Row {
            id: self.id,
            site: sites.get(usize::try_from(self.story >> 32).ok()?)?,
            polls: self.story as u32,
            state: match self.stands & STATE {
                READY => State::Ready,
                RUNNING => State::Running,
                _ => State::Waiting,
            },
            woken_by: Cause::of_kind(self.stands >> 2 & 7, Cause::Task(Id(self.stands >> 5))),
        })
    }
}

/// Fills a slab.
pub(crate) struct Writer {
    slab: Arc<Slab>,
    /// The numbers of the sites, by their addresses.
    numbers: RefCell<BTreeMap<usize, u32>>,
}

impl Writer {
    pub(crate) fn new(slab: Arc<Slab>) -> Box<Self> {
        Box::new(Self { slab, numbers: RefCell::default() })
    }

    fn number_of(&self, site: &'static Location<'static>) -> u32 {
        *self.numbers.borrow_mut().entry(ptr::from_ref(site).addr()).or_insert_with(|| {
            let mut sites = self.slab.sites();
            sites.push(site);
            (sites.len() - 1) as u32
        })
    }

    fn begin(&self, task: &Seen, stands: u64) {
        let story = u64::from(self.number_of(task.site)) << 32;
        if let Some(index) = task.index() {
            self.slab.slot_for(index).begin(task.id, story, stands);
        }
    }

    fn slot(&self, task: &Seen) -> Option<&Slot> {
        self.slab.slot(task.index()?)
    }

    /// Changes how a task stands.
    fn stands(&self, task: &Seen, change: impl FnOnce(u64) -> u64) {
        let Some(slot) = self.slot(task) else { return };
        slot.write(&slot.stands, change(slot.own(&slot.stands)));
    }
}

impl Observe for Writer {
    fn spawned(&self, task: &Seen, by: Cause) {
        self.begin(task, caused(by) | WAITING);
    }

    fn woken(&self, task: &Seen, by: Cause) {
        let is_here = || self.slot(task).is_some_and(Slot::has_task);
        // The future of `block_on` is not spawned: its first wake is the first that is told of it.
        if task.id == Id::ROOT && !is_here() {
            return self.begin(task, caused(by) | READY);
        }
        self.stands(task, |_| caused(by) | READY);
    }

    fn begins_turn(&self, task: &Seen, polls: u32) {
        let Some(slot) = self.slot(task) else { return };
        let site = slot.own(&slot.story) >> 32;
        slot.write(&slot.story, site << 32 | u64::from(polls));
        self.stands(task, |stands| stands & !STATE | RUNNING);
    }

    fn ends_turn(&self, task: &Seen, end: TurnEnd) {
        match end {
            TurnEnd::Waits => self.stands(task, |stands| stands & !STATE | WAITING),
            TurnEnd::Yields => self.stands(task, |_| caused(Cause::Task(task.id)) | READY),
            TurnEnd::Done => {}
        }
    }

    fn ended(&self, task: &Seen) {
        if let Some(slot) = self.slot(task) {
            slot.end();
        }
    }
}
