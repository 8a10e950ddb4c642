//! The panics of a thread that explores: recorded for the text of a failure, instead of printed.
//!
//! `catch_unwind` could collect them. But it sees only the panic that ends the run, not one that a task or a destructor had
//! before, and it learns no location. All of this comes to one place only, the process's panic hook. So the first
//! exploration puts a hook in front of the one it finds, and leaves it there: it records the panics of a thread that
//! explores, and passes every other panic on.

#![forbid(unsafe_code)]

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::executor::silence;

/// How the text of a panic ends with which std aborts the process. Then nothing will read the record, so it is printed.
const LAST_WORDS: [&str; 2] =
    ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];

thread_local! {
    /// `None`: this thread does not explore.
    static RECORDED: RefCell<Option<Vec<Panic>>> = const { RefCell::new(None) };
}

/// One panic: its location and text, and the backtrace if `RUST_BACKTRACE` asks for one.
pub(super) struct Panic {
    line: String,
    backtrace: Backtrace,
}

impl Panic {
    fn new(location: Option<String>, payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&'static str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("with a payload that is no text");
        let line = match location {
            Some(location) => format!("panicked at {location}: {text}"),
            None => format!("panicked: {text}"),
        };
        Self { line, backtrace: Backtrace::capture() }
    }

    /// A panic that its runtime told of, with `line` for its text.
    pub(super) fn told(line: String) -> Self {
        Self { line, backtrace: Backtrace::disabled() }
    }

    pub(super) fn backtrace(&self) -> Option<&Backtrace> {
        Some(&self.backtrace).filter(|trace| trace.status() == BacktraceStatus::Captured)
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// Runs `code`. Gives whether a panic ended it, and all panics of this thread meanwhile, in order.
pub(super) fn recorded(code: impl FnOnce()) -> (bool, Vec<Panic>) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(install);
    RECORDED.set(Some(Vec::new()));
    let outcome = catch_unwind(AssertUnwindSafe(code));
    let unseen = outcome.as_ref().err().map(|payload| Panic::new(None, payload.as_ref()));
    let unwound = outcome.is_err();
    silence(|| drop(outcome));
    let mut panics = RECORDED.take().unwrap_or_default();
    if panics.is_empty() {
        // Another hook was set since, or the unwind began without a hook: nothing was recorded.
        panics.extend(unseen);
    }
    (unwound, panics)
}

fn install() {
    let previous = take_hook();
    set_hook(Box::new(move |info| {
        if !record(info) {
            previous(info);
        }
    }));
}

/// Records the panic if this thread explores and will go on. `false`: it is for the hook before.
fn record(info: &PanicHookInfo<'_>) -> bool {
    let record = |recorded: &RefCell<Option<Vec<Panic>>>| {
        let Ok(mut recorded) = recorded.try_borrow_mut() else { return false };
        let Some(panics) = &mut *recorded else { return false };
        let panic = Panic::new(info.location().map(ToString::to_string), info.payload());
        if cfg!(panic = "abort") || LAST_WORDS.iter().any(|last| panic.line.ends_with(last)) {
            panics.iter().for_each(|panic| eprintln!("while exploring: {panic}"));
            return false;
        }
        panics.push(panic);
        true
    };
    RECORDED.try_with(record).unwrap_or(false)
}
