//! [`Stall`]: a turn that does not end, as the watchdog tells of it.

#![forbid(unsafe_code)]

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::json;
use crate::common::round::round_down;
use crate::executor::Id;

/// A turn, or a look, that stands still: until it returns, no other task has a turn.
///
/// [`Builder::on_stall`](crate::Builder::on_stall) is given one *during* the stall, when the loop has stood still for
/// [`Builder::stall_threshold`](crate::Builder::stall_threshold); again each time that this has doubled; and once when the
/// loop goes on. The `Display` is one line. The first of a stall ends with its [remedy](Self::remedy), and so does a later one if that
/// is something else by then.
#[derive(Clone, Debug)]
pub struct Stall {
    pub(super) thread: Arc<str>,
    pub(super) obstacle: Obstacle,
    pub(super) lasted: Duration,
    pub(super) ready: u64,
    pub(super) doing: Doing,
    /// Whether its text ends with the remedy: that of the stall as it was told before is another.
    pub(super) tells_remedy: bool,
    pub(super) is_over: bool,
}

/// What keeps the loop from going on: the turn of a task, or a look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Obstacle {
    Turn {
        id: Id,
        name: Option<String>,
        site: Option<&'static Location<'static>>,
        part: Option<&'static Location<'static>>,
    },
    Look,
}

impl Obstacle {
    /// What to do about a turn, or a look, in which the thread does that for long.
    pub(super) fn remedy(&self, doing: &Doing) -> &'static str {
        match (self, doing) {
            (Self::Look, Doing::NotScheduled { .. }) => {
                "give the machine less to do, or if the look is long all the same, move long work of wakers, destructors and \
                 hooks to `spawn_blocking`"
            }
            (Self::Look, _) => {
                "move long work of wakers, destructors and hooks to `spawn_blocking`"
            }
            (Self::Turn { .. }, Doing::Blocked(_)) => {
                "move the call to `spawn_blocking`, or await an async counterpart"
            }
            (Self::Turn { .. }, Doing::NotScheduled { .. }) => {
                "give the machine less to do, or if the turn is long all the same, add `yield_now().await`, or move the work to \
                 `spawn_blocking`"
            }
            (Self::Turn { .. }, Doing::Computing | Doing::Unknown) => {
                "add `yield_now().await`, or move the work to `spawn_blocking`"
            }
        }
    }
}

/// What the thread of a loop that stands still does. Only Linux says: elsewhere it is `Unknown`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Doing {
    /// It computes. An endless loop looks like this.
    Computing,
    /// It waits in the kernel. The text says in which system call, and if it is about a descriptor, on what: `read on
    /// "pipe:[4026]"`. `None`: the system does not say.
    Blocked(Option<String>),
    /// It could go on, but for at least a quarter of the time the system's scheduler gave the core to others, or the host of a virtual
    /// machine kept it. So it has run for less than the threshold: the machine has too much to do, or the process too small a share
    /// of it. That the turn ends soon when it gets a core is not said by that. An endless loop looks like this too, until it has run
    /// for the threshold.
    NotScheduled {
        /// How long it ran.
        ran: Duration,
        /// In so much time: that of the stall, from the watchdog's second look at it on.
        of: Duration,
    },
    /// The system does not say.
    Unknown,
}

/// The stalls of a loop, in its [`Metrics`](super::Metrics).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct StallCounts {
    /// How many there were, with the one that goes on. Those count too that were not told, as [`Builder::on_stall`](crate::Builder::on_stall)
    /// has it.
    pub count: u64,
    /// How long the longest of them was, or has lasted so far.
    pub longest: Duration,
}

impl Stall {
    /// The task that has its turn. `None`: it is the future of `block_on`, or a look.
    #[must_use]
    pub fn task(&self) -> Option<Id> {
        match &self.obstacle {
            Obstacle::Turn { id, .. } if *id != Id::ROOT => Some(*id),
            _ => None,
        }
    }

    /// The name that [`task::Builder`](crate::task::Builder) gave the task.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.obstacle {
            Obstacle::Turn { name, .. } => name.as_deref(),
            Obstacle::Look => None,
        }
    }

    /// Where the task was spawned, or `block_on` was called. `None` in a look.
    #[must_use]
    pub fn site(&self) -> Option<&'static Location<'static>> {
        match &self.obstacle {
            Obstacle::Turn { site, .. } => *site,
            Obstacle::Look => None,
        }
    }

    /// Where the future was [named](super::Named) that the turn is in, the innermost if there are more.
    #[must_use]
    pub fn named_at(&self) -> Option<&'static Location<'static>> {
        match &self.obstacle {
            Obstacle::Turn { part, .. } => *part,
            Obstacle::Look => None,
        }
    }

    /// Whether it is a look that takes so long: the loop took in what other threads, timers and sockets have for it, and
    /// there it calls wakers, destructors, and the hooks of the [`Builder`](crate::Builder), such as `on_deadlock`.
    #[must_use]
    pub fn is_look(&self) -> bool {
        self.obstacle == Obstacle::Look
    }

    /// How long the loop has stood still: at least so long, while it does. When the stall [is over](Self::is_over), so long
    /// in all, give or take a quarter of the threshold; and if the watchdog had no core when the loop went on, half the
    /// time for which it had none. Time in which the process may have been stopped is not in it: only Linux tells that from
    /// time in which the machine was busy, so elsewhere neither is. A stop shorter than a quarter of the threshold is in it
    /// if a system call blocks the thread, and elsewhere than on Linux always.
    #[must_use]
    pub fn lasted(&self) -> Duration {
        self.lasted
    }

    /// How many tasks were known to be ready, and waited for their turns, when this was told. What timers, sockets and other threads
    /// have had for tasks since the loop looked last is not among them.
    #[must_use]
    pub fn ready(&self) -> u64 {
        self.ready
    }

    /// What the loop's thread did when this was told; if the stall is over, when it was told last.
    #[must_use]
    pub fn doing(&self) -> &Doing {
        &self.doing
    }

    /// What the program can do about it: "move the call to `spawn_blocking`, or await an async counterpart".
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.obstacle.remedy(&self.doing)
    }

    /// The name of the loop's thread; "unnamed" if it has none.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// Whether the loop goes on.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

impl Stall {
    /// The stall as JSON: an object with `text`, `thread`, `is_over`, `is_look`, `task` (0 is the future of `block_on`, `null` a
    /// look), `name`, `site`, `named_at`, `lasted_ns`, `ready`, `doing` (`"computing"`, `"blocked"`, `"not scheduled"` or
    /// `"unknown"`), `blocked_in`, `ran_ns` and `ran_of_ns` (the times of [`Doing::NotScheduled`]), and `remedy`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (mut blocked_in, mut times) = (None, None);
        let doing = match &self.doing {
            Doing::Computing => "computing",
            Doing::Blocked(place) => {
                blocked_in = place.as_deref();
                "blocked"
            }
            Doing::NotScheduled { ran, of } => {
                times = Some((*ran, *of));
                "not scheduled"
            }
            Doing::Unknown => "unknown",
        };
        let task = match &self.obstacle {
            Obstacle::Turn { id, .. } => Some(*id),
            Obstacle::Look => None,
        };
        json::object(|stall| {
            stall.field("text", self.to_string()).field("thread", self.thread());
            stall.field("is_over", self.is_over).field("is_look", self.is_look());
            stall.field("task", task).field("name", self.name()).field("site", self.site());
            stall.field("named_at", self.named_at()).field("lasted_ns", self.lasted);
            stall.field("ready", self.ready).field("doing", doing);
            stall.field("blocked_in", blocked_in);
            stall.field("ran_ns", times.map(|(ran, _)| ran));
            stall.field("ran_of_ns", times.map(|(_, of)| of)).field("remedy", self.remedy());
        })
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_over { "goes on" } else { "stands still" };
        let thread = self.thread.escape_debug();
        write!(f, "the loop on thread {thread} {verb}: {}", Brief(self))?;
        if self.tells_remedy { write!(f, "; {}", self.remedy()) } else { Ok(()) }
    }
}

/// A stall without its loop and the remedy: "task #3, spawned at src/main.rs:3:5, has had its turn for at least 104ms; ..".
pub(super) struct Brief<'a>(pub(super) &'a Stall);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stall { obstacle, doing, is_over, ready, .. } = self.0;
        let lasted = round_down(self.0.lasted);
        write!(f, "{obstacle}")?;
        match (obstacle, is_over) {
            (Obstacle::Turn { .. }, false) => {
                write!(f, " has had its turn for at least {lasted:?}")
            }
            (Obstacle::Look, false) => write!(f, " has taken at least {lasted:?}"),
            (Obstacle::Turn { .. }, true) => {
                return write!(f, " had its turn for about {lasted:?}");
            }
            (Obstacle::Look, true) => return write!(f, " took about {lasted:?}"),
        }?;
        if let Some(named_at) = self.0.named_at() {
            write!(f, ", in what is named at {named_at}")?;
        }
        match ready {
            0 => f.write_str("; no other task is known to be ready"),
            1 => f.write_str("; 1 other task is known to be ready"),
            many => write!(f, "; {many} other tasks are known to be ready"),
        }?;
        match doing {
            Doing::Unknown => Ok(()),
            known => write!(f, "; the thread {known}"),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turn { id, name, site, .. } => {
                let end = if site.is_some() { "," } else { "" };
                write!(f, "{}{end}", title_at(*id, name.as_deref(), *site))
            }
            Self::Look => f.write_str("a look, in which it calls wakers, destructors and hooks,"),
        }
    }
}

/// `task #3 "name", spawned at src/main.rs:3:5`.
pub(super) fn title_at(id: Id, name: Option<&str>, site: Option<&Location<'_>>) -> String {
    let verb = if id == Id::ROOT { "called" } else { "spawned" };
    let at = site.map(|site| format!(", {verb} at {site}"));
    id.title(name) + &at.unwrap_or_default()
}

/// What "the thread" of the report does.
impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Computing => f.write_str("computes"),
            Self::Blocked(Some(place)) => write!(f, "is blocked in {place}"),
            Self::Blocked(None) => f.write_str("is blocked in the kernel"),
            Self::NotScheduled { ran, of } => {
                let (ran, of) = (round_down(*ran), round_down(*of));
                write!(f, "ran for {ran:?} of {of:?}, as the system gave its core to others")
            }
            Self::Unknown => f.write_str("does what the system does not say"),
        }
    }
}

#[cfg(all(test, not(loom)))]
#[path = "stall_tests.rs"]
mod tests;
