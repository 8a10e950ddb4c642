//! What must hold: everything made is dropped once and where it belongs, and every program ends.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::env;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::program::{self, Step};

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Future,
    Output,
    Waker,
    Payload,
    Closure,
    /// The driver's unparker lives as long as anything can reach the executor's hub.
    Hub,
}

const KINDS: [Kind; 6] =
    [Kind::Future, Kind::Output, Kind::Waker, Kind::Payload, Kind::Closure, Kind::Hub];

static MADE: [AtomicUsize; KINDS.len()] = [const { AtomicUsize::new(0) }; KINDS.len()];
static DROPPED: [AtomicUsize; KINDS.len()] = [const { AtomicUsize::new(0) }; KINDS.len()];

/// Acts that the program may still do, on all threads.
static FUEL: AtomicU32 = AtomicU32::new(0);
const MOST_ACTS: u32 = 400;
/// Acts within acts.
const DEEPEST: u32 = 7;

static NAME: Mutex<String> = Mutex::new(String::new());
/// Changes with each act; stands still when the program hangs.
static PROGRESS: AtomicU64 = AtomicU64::new(0);
/// Of this process, when the program began.
static THREADS: AtomicUsize = AtomicUsize::new(0);
static RUNNING: AtomicBool = AtomicBool::new(false);
/// No program takes as long by itself, on a slow machine under a sanitizer.
const HANGS_AFTER: Duration = Duration::from_secs(20);

thread_local! {
    static IS_HOME: Cell<bool> = const { Cell::new(false) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

pub(crate) fn is_home() -> bool {
    IS_HOME.get()
}

/// Something that must not be. Ends the process: whoever is told by a panic might contain it.
pub(crate) fn finding(what: &str) -> ! {
    let name = NAME.lock().unwrap_or_else(PoisonError::into_inner);
    let trace = Backtrace::force_capture();
    // Not `eprintln`, which the test harness keeps to itself until the test ends.
    let _ = writeln!(io::stderr(), "\nFOUND by {name}: {what}\n{trace}");
    process::abort()
}

/// Whether each act is written to stderr as it begins (TAKETURNS_RANDOM_TRACE).
fn is_traced() -> bool {
    static ASKED: Once = Once::new();
    static TRACED: AtomicBool = AtomicBool::new(false);
    ASKED.call_once(|| TRACED.store(env::var_os("TAKETURNS_RANDOM_TRACE").is_some(), Relaxed));
    TRACED.load(Relaxed)
}

pub(crate) fn trace(what: impl Display) {
    if is_traced() {
        let place = if is_home() { "" } else { "                                        away " };
        let indent = 2 * DEPTH.get() as usize;
        let _ = writeln!(io::stderr(), "{place}{:indent$}{what}", "");
    }
}

/// Takes one from the program's acts; false when there is none left, or too deep within others.
pub(crate) fn may_act() -> bool {
    let left = FUEL.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
    PROGRESS.fetch_add(1, Relaxed);
    left.is_ok() && DEPTH.get() < DEEPEST
}

/// No act is left: what is dropped from here on does nothing else.
pub(crate) fn run_dry() {
    FUEL.store(0, Relaxed);
}

pub(crate) fn is_dry() -> bool {
    FUEL.load(Relaxed) == 0
}

/// One step of a script, wherever it is. May panic, but for while this thread unwinds.
pub(crate) fn act(step: Step) {
    struct Depth;
    impl Drop for Depth {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
    if !may_act() {
        return;
    }
    trace(format_args!("{step:?}"));
    DEPTH.set(DEPTH.get() + 1);
    let _depth = Depth;
    let act = || if is_home() { super::home::act(step) } else { super::away::act(step) };
    if thread::panicking() { contain(act) } else { act() }
}

/// All steps of a script.
pub(crate) fn run_script(number: u8) {
    for at in 0.. {
        let Some(step) = program::step(number, at) else { return };
        if step.wait().is_none() {
            act(step);
        }
    }
}

/// Runs `f`; a panic of it ends here, and those of its payload's drop.
pub(crate) fn contain(f: impl FnOnce()) {
    let mut outcome = panic::catch_unwind(AssertUnwindSafe(f));
    while let Err(payload) = outcome {
        outcome = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)));
    }
}

const LIVE: u32 = 0x7a4e_51de;

/// One of the things that are counted.
pub(crate) struct Token {
    kind: Kind,
    /// To be dropped by the thread that runs the executors.
    stays: bool,
    live: u32,
}

impl Token {
    /// Of something that is not `Send`, or has to be treated so.
    pub(crate) fn at_home(kind: Kind) -> Self {
        Self::new(kind, true)
    }

    pub(crate) fn anywhere(kind: Kind) -> Self {
        Self::new(kind, false)
    }

    fn new(kind: Kind, stays: bool) -> Self {
        MADE[kind as usize].fetch_add(1, Relaxed);
        Self { kind, stays, live: LIVE }
    }

    /// From here on it has to be dropped at home.
    pub(crate) fn stay(&mut self) {
        self.check();
        self.stays = true;
    }

    /// One that was forgotten ends, of those whose memory somebody else counts.
    pub(crate) fn end_of(kind: Kind) {
        drop(Self { kind, stays: false, live: LIVE });
    }

    pub(crate) fn check(&self) {
        if self.live != LIVE {
            finding(&format!("a {:?} is used after its drop", self.kind));
        }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.check();
        self.live = 0;
        if self.stays && !is_home() {
            finding(&format!("a {:?} that is not `Send` is dropped on another thread", self.kind));
        }
        DROPPED[self.kind as usize].fetch_add(1, Relaxed);
    }
}

/// What a scripted panic carries: counted, and with a destructor that acts.
struct Payload(u8, #[expect(dead_code, reason = "it counts")] Token);

impl Drop for Payload {
    /// A panic of this has a payload without memory, as the crate may forget that one.
    fn drop(&mut self) {
        let mut has_panicked = true;
        contain(|| {
            run_script(self.0);
            has_panicked = false;
        });
        if has_panicked && !thread::panicking() {
            panic::panic_any(());
        }
    }
}

/// Panics, unless that would abort the process.
pub(crate) fn scripted_panic(dropped: u8) {
    if !thread::panicking() {
        panic::panic_any(Payload(dropped, Token::anywhere(Kind::Payload)));
    }
}

/// Panics that no public function announces: something inside is not as its author thought.
const INTERNAL: [&str; 10] = [
    "borrowed",
    "unreachable",
    "unwrap()",
    "assertion",
    "index out of",
    "overflow",
    "out of range",
    "the output is there",
    "not polled after",
    "not initialized",
];

fn on_panic(info: &PanicHookInfo<'_>) {
    let payload: &dyn Any = info.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or(payload.downcast_ref::<&str>().copied());
    trace(format_args!("panics: {}", text.unwrap_or("as scripted")));
    if text.is_some_and(|text| INTERNAL.iter().any(|internal| text.contains(internal))) {
        finding(&format!("an internal panic: {info}"));
    }
}

fn watch() {
    let mut seen = 0;
    let mut since = Instant::now();
    loop {
        thread::sleep(Duration::from_millis(500));
        let now = PROGRESS.load(Relaxed);
        if now != seen || !RUNNING.load(Relaxed) {
            (seen, since) = (now, Instant::now());
        } else if since.elapsed() > HANGS_AFTER {
            finding("it hangs");
        }
    }
}

pub(crate) fn begin(name: String) {
    static SETUP: Once = Once::new();
    SETUP.call_once(|| {
        panic::set_hook(Box::new(on_panic));
        thread::spawn(watch);
    });
    IS_HOME.set(true);
    *NAME.lock().unwrap_or_else(PoisonError::into_inner) = name;
    FUEL.store(MOST_ACTS, Relaxed);
    THREADS.store(threads(), Relaxed);
    PROGRESS.fetch_add(1, Relaxed);
    RUNNING.store(true, Relaxed);
}

/// Threads of this process; none where the system does not say.
fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Waits until `is_so`: threads of a pool may take a moment to let go of what they ran, and to end.
fn soon(is_so: impl Fn() -> bool, otherwise: impl FnOnce() -> String) {
    let begin = Instant::now();
    while !is_so() {
        if begin.elapsed() > Duration::from_secs(2) {
            finding(&otherwise());
        }
        thread::sleep(Duration::from_micros(50));
    }
}

/// All that was made is gone, and so are the threads; LeakSanitizer would count what one has in hand as it ends.
pub(crate) fn end() {
    for kind in KINDS {
        let count = |counts: &[AtomicUsize]| counts[kind as usize].load(Relaxed);
        let text =
            || format!("{kind:?}: {} made so far, {} dropped", count(&MADE), count(&DROPPED));
        soon(|| count(&DROPPED) == count(&MADE), text);
    }
    soon(|| threads() <= THREADS.load(Relaxed), || "a thread is left".to_owned());
    RUNNING.store(false, Relaxed);
}
