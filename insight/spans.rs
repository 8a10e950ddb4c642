//! A span of the crate `tracing` for each task, so that what the program logs in a task says which task it was.
//!
//! A program could wrap each future that it spawns in a span. But then the tasks that a library spawns are missing, and the
//! forgotten ones. So with the feature `tracing` the executor surrounds the turns of each task with a span. Each log line, and
//! each span of the program's own, is then inside of it.
//!
//! # Where a subscriber may run
//!
//! A subscriber is the program's code: it may spawn, wake, block or panic. An observer
//! ([`Observe`](crate::executor::observe::Observe)) is told in the middle of a step, inside a borrow, where none of that may
//! happen. So this is no observer but a [`Scope`], which the executor treats as it treats the program's other code:
//!
//! * The span is made when the spawn is done: the task has its id and its name, and is in the run queue. A task that another
//!   thread has sent gets it when the loop takes it in.
//! * It is entered once the turn has begun, and left when the turn is over and no task has a turn any more. A turn that drops the
//!   future, by an abort or the end of the runtime, is surrounded like any other; so destructors log inside of it too.
//! * Each of these calls is contained. A panic of the subscriber is an [unhandled](super::Unhandled) failure, and neither the
//!   task nor the loop notices. A task that is spawned while a span is made gets none, or that would have no end.
//!
//! # Its parent
//!
//! It has none, but *follows from* the span in which the task was spawned. A child of that span would keep it open until the
//! task ends; and tasks that each spawn the next would become an ever longer chain of open spans. To log in the spawner's span,
//! as in that of a request, in place of its own, wrap the future: `future.instrument(Span::current())`.
//!
//! The future of `block_on` is no task, and has no span: it logs in the span in which `block_on` was called.
//!
//! # What it costs
//!
//! Without the feature, nothing: it is not compiled. With it, and no subscriber that wants spans: a spawn asks whether there is one, some
//! 10 instructions of 525. A turn looks at nothing; a task is no larger. With one, a spawn costs the span and an entry in the hub's notes, and a turn looks
//! that entry up. So there is no switch in the [`Builder`](crate::Builder): the subscriber is the switch, as everywhere with
//! `tracing`. A filter takes the spans out by their target, `taketurns=off`.
//!
//! There are no events for wakes. A wake is the middle of a step, so they would have to be kept until later, and then be in
//! the wrong span at the wrong time; the timeline has them.

#![forbid(unsafe_code)]

use std::panic::Location;
use std::rc::Rc;

use tracing::level_filters::LevelFilter;
use tracing::{Span, info_span};

use crate::executor::Id;
use crate::executor::frame::{OpenScope, Scope};

struct TaskSpan(Span);

pub(crate) const OPEN_SPAN: OpenScope = OpenScope { is_wanted: takes_info, open: open_span };

/// Whether a subscriber may take a span. There may be none, or a filter of the whole program.
fn takes_info() -> bool {
    LevelFilter::current() >= LevelFilter::INFO
}

/// The span of a task that was just spawned. `None`: no subscriber wants it.
fn open_span(
    id: Id,
    site: &'static Location<'static>,
    name: &dyn Fn() -> Option<Box<str>>,
) -> Option<Rc<dyn Scope>> {
    let span = info_span!(
        target: "taketurns",
        parent: None,
        "task",
        task.id = id.0,
        task.name = name().as_deref(),
        spawn.file = site.file(),
        spawn.line = site.line(),
    );
    if span.is_disabled() {
        return None;
    }
    span.follows_from(Span::current());
    Some(Rc::new(TaskSpan(span)))
}

impl Scope for TaskSpan {
    fn enter(&self) {
        self.0.with_subscriber(|(id, subscriber)| subscriber.enter(id));
    }

    fn leave(&self) {
        self.0.with_subscriber(|(id, subscriber)| subscriber.exit(id));
    }
}
