//! [`Frame`]: what is in force in each turn of a task, be it values of task-locals or a scope.
//!
//! It is user code that makes, enters and leaves it, so the executor surrounds a turn with it and looks at nothing inside.
//! Most tasks have no frame. They pay nothing for it: it is in the hub's notes, and a bit of the state says that it is there.

#![forbid(unsafe_code)]

#[cfg(feature = "tracing")]
use std::panic::Location;
#[cfg(feature = "tracing")]
use std::rc::Rc;

#[cfg(feature = "tracing")]
use super::contain;
use super::inherit::{INHERITED, Values, within};
#[cfg(feature = "tracing")]
use super::{Id, budget};

#[derive(Clone, Default)]
pub(crate) struct Frame {
    /// What it has inherited.
    pub(crate) values: Option<Values>,
    #[cfg(feature = "tracing")]
    pub(crate) scope: Option<Rc<dyn Scope>>,
}

/// What is entered before each turn of a task, and left after it. The drop of the last `Rc` ends it.
#[cfg(feature = "tracing")]
pub(crate) trait Scope {
    fn enter(&self);
    fn leave(&self);
}

/// How a task that was just spawned gets its scope.
#[cfg(feature = "tracing")]
#[derive(Clone, Copy)]
pub(crate) struct OpenScope {
    /// Whether any task is to have one at present. Each spawn asks, so this is cheap, and no user code.
    pub(crate) is_wanted: fn() -> bool,
    /// Makes it, if this task is to have one. (The name is behind a lock, so it is asked for.)
    pub(crate) open: Open,
}

#[cfg(feature = "tracing")]
type Open = fn(
    Id,
    &'static Location<'static>,
    name: &dyn Fn() -> Option<Box<str>>,
) -> Option<Rc<dyn Scope>>;

impl Frame {
    /// Calls `turn` with the values in force.
    pub(super) fn within<R>(&self, turn: impl FnOnce() -> R) -> R {
        match &self.values {
            Some(values) => within(&INHERITED, values, turn),
            None => turn(),
        }
    }

    /// A turn begins.
    pub(super) fn enter(&self) {
        #[cfg(feature = "tracing")]
        if let Some(scope) = &self.scope {
            budget::lift(); // what the turn before has spent does not bind it
            contain(|| scope.enter());
        }
    }

    /// A turn is over. The scope is left though `enter` may have panicked: of several layers, some had entered by then.
    pub(super) fn leave(&self) {
        #[cfg(feature = "tracing")]
        if let Some(scope) = &self.scope {
            contain(|| scope.leave());
        }
    }
}
